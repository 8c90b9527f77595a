//! Managed policies of the account's own, and the boundary that one may be of what a role can be allowed
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>).

use std::time::SystemTime;

use super::{
    check_document, check_name, conflict, grants, no_such_entity, policies, role, unique_id,
};
use crate::account::{Account, ApiError};

/// How the ARNs of AWS's own begin.
pub(super) const OF_AWS: &str = "arn:aws:iam::aws:policy/";

/// A managed policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// `ANPA...`
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// "/" mostly.
    pub path: String,
    /// What it says.
    pub document: String,
    /// When it was made.
    pub created_at: SystemTime,
}

/// Makes a managed policy; answers with its ARN.
pub fn create_policy(
    account: &mut Account,
    name: &str,
    path: &str,
    document: String,
) -> Result<String, ApiError> {
    check_name(name, 128)?;
    check_document(&document)?;
    let mut held = account.iam.policies.values();
    if held.any(|policy| policy.name == name) {
        return Err(conflict(
            "EntityAlreadyExists",
            &format!("A policy called {name} already exists. Duplicate names are not allowed."),
        ));
    }
    let arn = format!("arn:aws:iam::{}:policy{path}{name}", account.id);
    let policy = Policy {
        name: name.to_owned(),
        id: unique_id(account, "ANPA"),
        arn: arn.clone(),
        path: path.to_owned(),
        document,
        created_at: account.utc(),
    };
    account.iam.policies.insert(arn.clone(), policy);
    Ok(arn)
}

/// A managed policy of the account's own, which must exist.
pub fn managed<'a>(account: &'a Account, arn: &str) -> Result<&'a Policy, ApiError> {
    let held = account.iam.policies.get(arn);
    held.ok_or_else(|| no_such_entity(&format!("Policy {arn} was not found.")))
}

/// Whether roles have it, and whether it is the boundary of some.
pub(crate) fn uses(account: &Account, arn: &str) -> (usize, usize) {
    let roles = || account.iam.roles.values();
    let attached = roles().filter(|role| role.attached.contains(arn));
    let limited = roles().filter(|role| role.boundary.as_deref() == Some(arn));
    (attached.count(), limited.count())
}

/// Deletes a managed policy that nothing has.
pub fn delete_policy(account: &mut Account, arn: &str) -> Result<(), ApiError> {
    managed(account, arn)?;
    if uses(account, arn) != (0, 0) {
        return Err(conflict(
            "DeleteConflict",
            "Cannot delete a policy attached to entities.",
        ));
    }
    account.iam.policies.remove(arn);
    Ok(())
}

/// What a managed policy says, be it AWS's or the account's.
pub(super) fn text_of<'a>(account: &'a Account, arn: &str) -> Option<&'a str> {
    let own = account.iam.policies.get(arn);
    own.map(|policy| policy.document.as_str())
        .or_else(|| policies::of_aws(arn))
}

/// Refuses a boundary that is no policy.
pub(super) fn check_boundary(account: &Account, arn: Option<&str>) -> Result<(), ApiError> {
    let Some(arn) = arn else {
        return Ok(());
    };
    if !arn.starts_with("arn:aws:iam::") || !arn.contains(":policy/") {
        return Err(ApiError::refused(
            "InvalidInput",
            &format!("ARN {arn} is not valid."),
        ));
    }
    match text_of(account, arn) {
        Some(_) => Ok(()),
        None => Err(no_such_entity(&format!(
            "Scope ARN: {arn} does not exist or is not attachable."
        ))),
    }
}

/// Gives a role a boundary, or another one.
pub fn put_boundary(account: &mut Account, name: &str, arn: String) -> Result<(), ApiError> {
    role(account, name)?;
    check_boundary(account, Some(&arn))?;
    grants::change(account, name, |role| {
        role.boundary = Some(arn);
        Ok(())
    })
}

/// Takes a role's boundary away.
pub fn remove_boundary(account: &mut Account, name: &str) -> Result<(), ApiError> {
    grants::change(account, name, |role| {
        role.boundary = None;
        Ok(())
    })
}
