//! IAM in the pretend account: roles, their policies, instance profiles.
//!
//! What an automation calls in a role, a session of a role, or a user is judged by their policies ([`super::authority`]), and the
//! agent on an instance comes only with a role that allows it. Keys that are nobody's are an administrator's.

mod grants;
mod managed;
mod policies;
mod principals;
pub mod service_linked;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

pub use grants::{Grants, attach, delete_policy, detach, policy, put_policy};
pub(crate) use managed::uses;
pub use managed::{
    Policy, create_policy, delete_policy as delete_managed, managed, put_boundary, remove_boundary,
};
pub(super) use policies::read as read_policy;
pub use policies::{Given, given_to, lets_agent_in};
pub use users::{User, put_user, user_of};

use super::lag::Eye;
use super::{Account, ApiError, Tags, policy};

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// `AROA...`
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// "/" mostly.
    pub path: String,
    /// When it was made.
    pub created_at: SystemTime,
    /// Who may assume it.
    pub trust: String,
    /// In words.
    pub description: Option<String>,
    /// How long a session of it lasts at most, in seconds.
    pub max_session: i64,
    /// Its own policies, by name.
    pub inline: BTreeMap<String, String>,
    /// Managed policies, by ARN.
    pub attached: BTreeSet<String>,
    /// The managed policy, by ARN, that limits what all of these can allow.
    pub boundary: Option<String>,
    /// What it had before its last changes, and until when that counts: see [`Grants`].
    pub earlier: Vec<(Duration, Grants)>,
    /// Its tags.
    pub tags: Tags,
}

/// An instance profile.
#[derive(Clone, Debug)]
pub struct InstanceProfile {
    /// Its name.
    pub name: String,
    /// `AIPA...`
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// "/" mostly.
    pub path: String,
    /// When it was made.
    pub created_at: SystemTime,
    /// The role that instances get.
    pub role: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// Everything IAM holds.
#[derive(Debug, Default)]
pub struct State {
    /// The roles that services have of their own, by name.
    pub service_linked: BTreeMap<String, Role>,
    /// Roles by name.
    pub roles: BTreeMap<String, Role>,
    /// Instance profiles by name.
    pub profiles: BTreeMap<String, InstanceProfile>,
    /// Managed policies of the account's own, by ARN.
    pub policies: BTreeMap<String, Policy>,
    /// Users by name.
    pub users: BTreeMap<String, User>,
}

/// The instance profile of this name or ARN.
pub fn instance_profile<'a>(state: &'a State, profile: &str) -> Option<&'a InstanceProfile> {
    if profile.starts_with("arn:") {
        state.profiles.values().find(|held| held.arn == profile)
    } else {
        state.profiles.get(profile)
    }
}

/// The role that an instance with this profile has.
pub fn role_of_profile<'a>(state: &'a State, profile: &str) -> Option<&'a Role> {
    let held = instance_profile(state, profile)?;
    state.roles.get(held.role.as_deref()?)
}

/// What the role in a profile goes by, which is seen later than the profile.
fn role_in(profile: &str) -> String {
    format!("{profile}/role")
}

/// Whether a launch sees the role that is in a profile.
pub fn is_role_seen(account: &Account, profile: &InstanceProfile) -> bool {
    profile.role.is_some() && account.sees(Eye::Launch, &role_in(&profile.arn))
}

/// Whether a role of this ARN or name is there for others already, and trusts this service, which acts for the resource `source`.
pub fn trusts(account: &Account, role: &str, service: &str, source: &str) -> bool {
    let mut roles = account.iam.roles.values();
    let Some(role) = roles.find(|held| held.arn == role || held.name == role) else {
        return false;
    };
    account.sees(Eye::Assume, &role.arn)
        && policy::trusts(&role.trust, service, (&account.id, source))
}

fn no_such_entity(message: &str) -> ApiError {
    ApiError::new("NoSuchEntity", 404, message)
}

fn conflict(code: &str, message: &str) -> ApiError {
    ApiError::new(code, 409, message)
}

/// A role that must exist, to be looked at.
pub fn visible_role<'a>(account: &'a Account, name: &str) -> Result<&'a Role, ApiError> {
    let State {
        roles,
        service_linked,
        ..
    } = &account.iam;
    let held = roles.get(name).or_else(|| service_linked.get(name));
    held.ok_or_else(|| no_such_entity(&format!("The role with name {name} cannot be found.")))
}

/// A role that must exist, to be changed.
pub fn role<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Role, ApiError> {
    visible_role(account, name)?;
    account.iam.roles.get_mut(name).ok_or_else(|| {
        ApiError::refused(
            "UnmodifiableEntity",
            &format!(
                "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            ),
        )
    })
}

/// An instance profile that must exist.
pub fn profile<'a>(
    account: &'a mut Account,
    name: &str,
) -> Result<&'a mut InstanceProfile, ApiError> {
    account
        .iam
        .profiles
        .get_mut(name)
        .ok_or_else(|| no_such_entity(&format!("Instance Profile {name} cannot be found.")))
}

/// Refuses a policy that is not a JSON document with statements.
fn check_document(document: &str) -> Result<(), ApiError> {
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(document);
    match parsed {
        Ok(policy) if policy.get("Statement").is_some() => Ok(()),
        Ok(_) => Err(ApiError::refused(
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
        )),
        Err(_) => Err(ApiError::refused(
            "MalformedPolicyDocument",
            "This policy contains invalid Json",
        )),
    }
}

fn check_name(name: &str, limit: usize) -> Result<(), ApiError> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "+=,.@_-".contains(letter);
    if (1..=limit).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(ApiError::validation(&format!(
        "The specified value for name is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and be at most {limit} long: {name}"
    )))
}

/// An id as IAM gives them out.
fn unique_id(account: &mut Account, prefix: &str) -> String {
    format!("{prefix}{}", account.hex16().to_uppercase())
}

/// What CreateRole is asked for.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Who may assume it.
    pub trust: String,
    /// In words.
    pub description: Option<String>,
    /// In seconds.
    pub max_session: i64,
    /// The managed policy, by ARN, that limits what it can be allowed.
    pub boundary: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// Makes a role.
pub fn create_role(account: &mut Account, new: NewRole) -> Result<(), ApiError> {
    check_name(&new.name, 64)?;
    check_document(&new.trust)?;
    principals::check(account, &new.trust)?;
    if visible_role(account, &new.name).is_ok() {
        return Err(conflict(
            "EntityAlreadyExists",
            &format!("Role with name {} already exists.", new.name),
        ));
    }
    managed::check_boundary(account, new.boundary.as_deref())?;
    let role = Role {
        id: unique_id(account, "AROA"),
        arn: format!("arn:aws:iam::{}:role{}{}", account.id, new.path, new.name),
        path: new.path,
        created_at: account.utc(),
        trust: new.trust,
        description: new.description,
        max_session: new.max_session,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        boundary: new.boundary,
        earlier: Vec::new(),
        tags: new.tags,
        name: new.name.clone(),
    };
    let eyes = [Eye::Assume, Eye::Principal];
    account.hide(&role.arn, &eyes, account.pace.iam_visibility);
    account.iam.roles.insert(new.name, role);
    Ok(())
}

/// Changes who may assume a role.
pub fn update_trust(account: &mut Account, name: &str, document: String) -> Result<(), ApiError> {
    check_document(&document)?;
    principals::check(account, &document)?;
    role(account, name)?.trust = document;
    Ok(())
}

/// Deletes a role that has nothing any more.
pub fn delete_role(account: &mut Account, name: &str) -> Result<(), ApiError> {
    let held = role(account, name)?;
    let (inline, attached) = (!held.inline.is_empty(), !held.attached.is_empty());
    let in_profile = account
        .iam
        .profiles
        .values()
        .any(|profile| profile.role.as_deref() == Some(name));
    let first = if in_profile {
        "must remove roles from instance profile first."
    } else if attached {
        "must detach all policies first."
    } else if inline {
        "must delete policies first."
    } else {
        account.iam.roles.remove(name);
        return Ok(());
    };
    Err(conflict(
        "DeleteConflict",
        &format!("Cannot delete entity, {first}"),
    ))
}

/// Makes an instance profile.
pub fn create_profile(
    account: &mut Account,
    name: &str,
    path: &str,
    tags: Tags,
) -> Result<(), ApiError> {
    check_name(name, 128)?;
    if account.iam.profiles.contains_key(name) {
        return Err(conflict(
            "EntityAlreadyExists",
            &format!("Instance Profile {name} already exists."),
        ));
    }
    let profile = InstanceProfile {
        name: name.to_owned(),
        id: unique_id(account, "AIPA"),
        arn: format!("arn:aws:iam::{}:instance-profile{path}{name}", account.id),
        path: path.to_owned(),
        created_at: account.utc(),
        role: None,
        tags,
    };
    account.hide(&profile.arn, &[Eye::Launch], account.pace.iam_visibility);
    account.iam.profiles.insert(name.to_owned(), profile);
    Ok(())
}

/// Puts a role into an instance profile, which holds one.
pub fn add_role(
    account: &mut Account,
    profile_name: &str,
    role_name: &str,
) -> Result<(), ApiError> {
    role(account, role_name)?;
    let held = profile(account, profile_name)?;
    if held.role.is_some() {
        return Err(conflict(
            "LimitExceeded",
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
        ));
    }
    held.role = Some(role_name.to_owned());
    let link = role_in(&held.arn);
    account.hide(&link, &[Eye::Launch], account.pace.iam_visibility);
    Ok(())
}

/// Takes a role out of an instance profile.
pub fn remove_role(
    account: &mut Account,
    profile_name: &str,
    role_name: &str,
) -> Result<(), ApiError> {
    role(account, role_name)?;
    let held = profile(account, profile_name)?;
    if held.role.as_deref() != Some(role_name) {
        return Err(no_such_entity(&format!(
            "The role with name {role_name} cannot be found in instance profile {profile_name}."
        )));
    }
    held.role = None;
    Ok(())
}

/// Deletes an instance profile without a role.
pub fn delete_profile(account: &mut Account, name: &str) -> Result<(), ApiError> {
    if profile(account, name)?.role.is_some() {
        return Err(conflict(
            "DeleteConflict",
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    account.iam.profiles.remove(name);
    Ok(())
}
