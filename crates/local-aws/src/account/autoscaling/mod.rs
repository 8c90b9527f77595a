//! Auto Scaling in the pretend account: groups that look at themselves on every tick and act on what they find.
//!
//! Guarantees: a group changes its instances only in its tick, never in the call that asks for it, as AWS does;
//! suspended processes are honoured in every tick; each launch and each termination, failed ones too, leaves an
//! activity with AWS's own words.

pub mod activity;
pub mod attachments;
pub mod capacity;
pub mod changes;
pub mod contention;
pub mod group;
pub mod health;
pub mod members;
pub mod policies;
pub mod processes;
pub mod schedule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::activity::Activity;
use self::contention::Contention;
use self::group::Group;
use super::{Account, ApiError};

/// What policies call the service.
pub const SERVICE: &str = "autoscaling.amazonaws.com";

/// What happens later in Auto Scaling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timed {
    /// A group looks at itself.
    Look {
        /// Its name.
        group: String,
        /// Its ARN, which a later group of the same name does not share.
        arn: String,
    },
    /// A scheduled action is due.
    Due {
        /// The group's name.
        group: String,
        /// The action's name.
        action: String,
    },
}

/// Everything Auto Scaling holds.
#[derive(Debug)]
pub struct State {
    /// Groups by name.
    pub groups: BTreeMap<String, Group>,
    /// Activities of groups that are gone.
    pub past: Vec<Activity>,
    /// Which changes it refuses because it is about something else.
    pub contention: Contention,
}

impl State {
    /// Nothing.
    pub fn new(seed: u64) -> Self {
        Self {
            groups: BTreeMap::new(),
            past: Vec::new(),
            contention: Contention::new(seed),
        }
    }
}

/// Lets a timed event happen.
pub fn fire(account: &mut Account, event: Timed) {
    match event {
        Timed::Look { group, arn } => look(account, &group, &arn),
        Timed::Due { group, action } => schedule::due(account, &group, &action),
    }
}

/// One tick of a group: it sees how its launches and terminations went, checks health, and mends its capacity.
fn look(account: &mut Account, name: &str, arn: &str) {
    let Some(mut group) = take(account, name, arn) else {
        return;
    };
    members::finish_launches(account, &mut group);
    members::finish_terminations(account, &mut group);
    members::finish_detaching(account, &mut group);
    health::follow_attachments(account, &mut group);
    if group.is_deleting {
        members::terminate_all(account, &mut group);
        if group.members.is_empty() {
            account.autoscaling.past.append(&mut group.activities);
            return;
        }
    } else {
        health::check(account, &mut group);
        health::replace(account, &mut group);
        capacity::mend(account, &mut group);
    }
    account.autoscaling.groups.insert(name.to_owned(), group);
    schedule_look(account, name, arn);
}

/// Takes the group out while it acts on the account around it.
fn take(account: &mut Account, name: &str, arn: &str) -> Option<Group> {
    let groups = &mut account.autoscaling.groups;
    if groups.get(name)?.arn != arn {
        return None;
    }
    groups.remove(name)
}

/// Has a group look at itself a tick from now.
fn schedule_look(account: &mut Account, name: &str, arn: &str) {
    let event = Timed::Look {
        group: name.to_owned(),
        arn: arn.to_owned(),
    };
    account.after(account.pace.group_tick, super::Timed::AutoScaling(event));
}

/// A group that must exist.
pub fn group<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Group, ApiError> {
    account
        .autoscaling
        .groups
        .get_mut(name)
        .ok_or_else(|| not_found(name))
}

fn not_found(name: &str) -> ApiError {
    ApiError::validation(&format!(
        "AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"
    ))
}

/// The group that an instance is in.
pub fn group_of<'a>(account: &'a mut Account, instance: &str) -> Result<&'a mut Group, ApiError> {
    account
        .autoscaling
        .groups
        .values_mut()
        .find(|group| group.members.contains_key(instance))
        .ok_or_else(|| {
            ApiError::validation(&format!(
                "Instance Id not found - No managed instance found for instance ID: {instance}"
            ))
        })
}
