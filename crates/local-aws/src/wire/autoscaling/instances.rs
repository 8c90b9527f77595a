//! A group's instances and activities on the wire.

use super::{absent, groups, page, paged, required};
use crate::account::autoscaling::activity::Activity;
use crate::account::autoscaling::{self, health, members};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = params.texts(&["InstanceIds"]);
    let page = page(&mut params)?;
    params.boolean("IncludeManagedResources")?;
    params.finish()?;
    let mut found = Vec::new();
    for group in account.autoscaling.groups.values() {
        for (id, member) in &group.members {
            if ids.is_empty() || ids.contains(id) {
                let health = if member.unhealthy.is_some() {
                    "UNHEALTHY"
                } else {
                    "HEALTHY"
                };
                found.push(
                    groups::show_member(account, id, member)
                        .put("AutoScalingGroupName", &group.name)
                        .put("HealthStatus", health),
                );
            }
        }
    }
    Ok(paged("AutoScalingInstances", found, &page))
}

fn show_activity(activity: &Activity) -> Node {
    Node::map()
        .put("ActivityId", &activity.id)
        .put("AutoScalingGroupName", &activity.group)
        .put("AutoScalingGroupARN", &activity.group_arn)
        .put("Description", &activity.description)
        .put("Cause", &activity.cause)
        .put("StartTime", activity.start)
        .put_some("EndTime", activity.end)
        .put("StatusCode", activity.status.code())
        .put_some("StatusMessage", activity.message.as_ref())
        .put("Progress", activity.status.progress())
        .put("Details", &activity.details)
}

pub(super) fn describe_activities(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let ids = params.texts(&["ActivityIds"]);
    let name = params.text("AutoScalingGroupName");
    let with_deleted = params.boolean("IncludeDeletedGroups")?.unwrap_or(false);
    let page = page(&mut params)?;
    params.boolean("IncludeManagedResources")?;
    params.finish()?;
    if let Some(name) = &name
        && !with_deleted
    {
        autoscaling::group(account, name)?;
    }
    let state = &account.autoscaling;
    let past = state.past.iter().filter(|_| with_deleted);
    let mut found: Vec<_> = state
        .groups
        .values()
        .flat_map(|group| &group.activities)
        .chain(past)
        .filter(|activity| name.as_ref().is_none_or(|name| activity.group == *name))
        .filter(|activity| ids.is_empty() || ids.contains(&activity.id))
        .collect();
    // The newest first; of those that began together the later one.
    found.reverse();
    found.sort_by_key(|activity| std::cmp::Reverse(activity.start));
    let found = found.into_iter().map(show_activity).collect();
    Ok(paged("Activities", found, &page))
}

pub(super) fn terminate(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = required(&mut params, "InstanceId")?;
    let lowers_desired = params
        .boolean("ShouldDecrementDesiredCapacity")?
        .ok_or_else(|| absent("ShouldDecrementDesiredCapacity"))?;
    params.finish()?;
    let activity = members::terminate_one(account, &id, lowers_desired)?;
    Ok(Node::map().put("Activity", show_activity(&activity)))
}

pub(super) fn detach(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let ids = params.texts(&["InstanceIds"]);
    let lowers_desired = params
        .boolean("ShouldDecrementDesiredCapacity")?
        .ok_or_else(|| absent("ShouldDecrementDesiredCapacity"))?;
    params.finish()?;
    let begun = members::detach(account, &name, &ids, lowers_desired)?;
    let activities = begun.iter().map(show_activity).collect();
    Ok(Node::map().put("Activities", Node::List(activities)))
}

pub(super) fn protect(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let ids = params.texts(&["InstanceIds"]);
    let is_protected = params
        .boolean("ProtectedFromScaleIn")?
        .ok_or_else(|| absent("ProtectedFromScaleIn"))?;
    params.finish()?;
    members::protect(account, &name, &ids, is_protected)?;
    Ok(Node::map())
}

pub(super) fn set_health(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = required(&mut params, "InstanceId")?;
    let status = required(&mut params, "HealthStatus")?;
    let respects_grace = params.boolean("ShouldRespectGracePeriod")?.unwrap_or(true);
    params.finish()?;
    let is_healthy = match status.as_str() {
        "Healthy" => true,
        "Unhealthy" => false,
        other => {
            return Err(ApiError::validation(&format!(
                "Valid instance health states are: [Healthy, Unhealthy], not {other}"
            )));
        }
    };
    health::set(account, &id, is_healthy, respects_grace)?;
    Ok(Node::map())
}
