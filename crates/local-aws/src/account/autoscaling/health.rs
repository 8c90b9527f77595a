//! Which instances of a group are unhealthy, and what follows from it.

use std::time::Duration;

use super::activity::moment;
use super::group::{AttachmentState, Group, HealthCheckType, Lifecycle};
use super::members;
use crate::account::ec2::instances::Lifecycle as Ec2;
use crate::account::{Account, ApiError, elbv2};

const BY_EC2: &str = "an EC2 health check indicating it has been terminated or stopped";
const BY_ELB: &str = "an ELB system health check failure";
const BY_USER: &str = "a user health-check";

/// Follows the target groups: from `Adding` to `Added`, to `InService` once any instance passed a check.
pub(super) fn follow_attachments(account: &Account, group: &mut Group) {
    let in_service: Vec<_> = group
        .members
        .iter()
        .filter(|(_, member)| member.lifecycle == Lifecycle::InService)
        .map(|(id, _)| id.clone())
        .collect();
    let everyone: Vec<_> = group.members.keys().cloned().collect();
    for attachment in &mut group.attachments {
        let arn = &attachment.target_group;
        let health = |id: &String| elbv2::health(account, arn, id);
        if attachment.state == AttachmentState::Adding
            && in_service.iter().all(|id| health(id).is_some())
        {
            attachment.state = AttachmentState::Added;
        }
        if attachment.state == AttachmentState::Added
            && in_service.iter().any(|id| health(id) == Some("healthy"))
        {
            attachment.state = AttachmentState::InService;
        }
    }
    group.attachments.retain(|attachment| {
        attachment.state != AttachmentState::Removing
            || !everyone
                .iter()
                .all(|id| elbv2::is_deregistered(account, &attachment.target_group, id))
    });
}

/// Marks the instances that EC2 or, when it has a say, the load balancer says are unhealthy.
pub(super) fn check(account: &Account, group: &mut Group) {
    if group.is_suspended("HealthCheck") {
        return;
    }
    let verdicts: Vec<_> = group
        .members
        .keys()
        .filter_map(|id| verdict(account, group, id).map(|why| (id.clone(), why)))
        .collect();
    for (id, why) in verdicts {
        if let Some(member) = group.members.get_mut(&id) {
            member.unhealthy.get_or_insert(why);
        }
    }
}

fn verdict(account: &Account, group: &Group, id: &str) -> Option<&'static str> {
    let member = &group.members[id];
    if member.lifecycle != Lifecycle::InService {
        return None;
    }
    let state = account.ec2.instances.get(id).map(|instance| instance.state);
    if !matches!(state, Some(Ec2::Running | Ec2::Pending)) {
        return Some(BY_EC2);
    }
    if group.health_check_type != HealthCheckType::Elb || is_in_grace(account, group, id) {
        return None;
    }
    // A target group in which nothing was ever healthy has no say: else a fleet could never start.
    let fails = group
        .attachments
        .iter()
        .filter(|attachment| attachment.state == AttachmentState::InService)
        .any(|attachment| {
            elbv2::health(account, &attachment.target_group, id) == Some("unhealthy")
        });
    fails.then_some(BY_ELB)
}

fn is_in_grace(account: &Account, group: &Group, id: &str) -> bool {
    let grace = Duration::from_secs(u64::from(group.grace));
    group.members[id]
        .in_service_at
        .is_some_and(|since| account.now() < since + grace)
}

/// Takes unhealthy instances out of service, so that new ones come.
pub(super) fn replace(account: &mut Account, group: &mut Group) {
    if group.is_suspended("ReplaceUnhealthy") || group.is_suspended("Terminate") {
        return;
    }
    let unhealthy: Vec<_> = group
        .members
        .iter()
        .filter(|(_, member)| member.lifecycle == Lifecycle::InService)
        .filter_map(|(id, member)| member.unhealthy.map(|why| (id.clone(), why)))
        .collect();
    for (id, why) in unhealthy {
        let cause = format!(
            "At {} an instance was taken out of service in response to {why}.",
            moment(account)
        );
        members::begin_termination(account, group, &id, cause);
        group.replacing += 1;
    }
}

/// Takes a caller's word for an instance's health.
pub fn set(
    account: &mut Account,
    instance: &str,
    is_healthy: bool,
    respects_grace: bool,
) -> Result<(), ApiError> {
    let name = super::group_of(account, instance)?.name.clone();
    let in_grace = is_in_grace(account, &account.autoscaling.groups[&name], instance);
    let held = super::group(account, &name)?;
    if let Some(member) = held.members.get_mut(instance) {
        if is_healthy {
            member.unhealthy = None;
        } else if !(in_grace && respects_grace) {
            member.unhealthy = Some(BY_USER);
        }
    }
    Ok(())
}
