//! What a role is granted, and from when on that counts: IAM answers at once, and the services judge by what it told them some seconds
//! ago (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>).
//!
//! Guarantees: changes count in the order in which they were made; what changes nothing counts at once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Role, check_document, check_name, managed, no_such_entity, role};
use crate::account::{Account, ApiError};

/// What a role is allowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Its own policies, by name.
    pub inline: BTreeMap<String, String>,
    /// Managed policies, by ARN.
    pub attached: BTreeSet<String>,
    /// The managed policy, by ARN, that limits what all of these can allow.
    pub boundary: Option<String>,
}

impl Grants {
    /// What IAM shows of a role.
    pub(super) fn shown(role: &Role) -> Self {
        Self {
            inline: role.inline.clone(),
            attached: role.attached.clone(),
            boundary: role.boundary.clone(),
        }
    }

    /// What calls in this role are judged by now.
    pub(super) fn that_count(account: &Account, role: &Role) -> Self {
        let now = account.now();
        let mut earlier = role.earlier.iter();
        let held = earlier.find(|(until, _)| *until > now);
        held.map_or_else(|| Self::shown(role), |(_, grants)| grants.clone())
    }
}

/// Changes what a role is granted; it counts after a while.
pub(super) fn change(
    account: &mut Account,
    name: &str,
    change: impl FnOnce(&mut Role) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let now = account.now();
    let held = role(account, name)?;
    let before = Grants::shown(held);
    change(held)?;
    if Grants::shown(held) == before {
        return Ok(());
    }
    held.earlier.retain(|(until, _)| *until > now);
    let last = held.earlier.last().map_or(now, |(until, _)| *until);
    let until = account.enforced_from().max(last);
    role(account, name)?.earlier.push((until, before));
    Ok(())
}

/// Gives a role a policy of its own, or replaces it.
pub fn put_policy(
    account: &mut Account,
    role_name: &str,
    policy: &str,
    document: String,
) -> Result<(), ApiError> {
    check_name(policy, 128)?;
    check_document(&document)?;
    change(account, role_name, |role| {
        role.inline.insert(policy.to_owned(), document);
        Ok(())
    })
}

/// A policy of a role's own, which must exist.
pub fn policy(account: &mut Account, role_name: &str, policy: &str) -> Result<String, ApiError> {
    role(account, role_name)?
        .inline
        .get(policy)
        .cloned()
        .ok_or_else(|| policy_not_found(policy))
}

fn policy_not_found(policy: &str) -> ApiError {
    no_such_entity(&format!(
        "The role policy with name {policy} cannot be found."
    ))
}

/// Deletes a policy of a role's own.
pub fn delete_policy(account: &mut Account, role_name: &str, policy: &str) -> Result<(), ApiError> {
    change(account, role_name, |role| {
        let removed = role.inline.remove(policy);
        removed.map(drop).ok_or_else(|| policy_not_found(policy))
    })
}

/// Attaches a managed policy: AWS's own, or one of the account's.
pub fn attach(account: &mut Account, role_name: &str, arn: &str) -> Result<(), ApiError> {
    role(account, role_name)?;
    if managed::text_of(account, arn).is_none() && !arn.starts_with(managed::OF_AWS) {
        return Err(no_such_entity(&format!(
            "Policy {arn} does not exist or is not attachable."
        )));
    }
    change(account, role_name, |role| {
        role.attached.insert(arn.to_owned());
        Ok(())
    })
}

/// Detaches a managed policy.
pub fn detach(account: &mut Account, role_name: &str, arn: &str) -> Result<(), ApiError> {
    change(account, role_name, |role| match role.attached.remove(arn) {
        true => Ok(()),
        false => Err(no_such_entity(&format!("Policy {arn} was not found."))),
    })
}
