//! Scheduled actions on the wire.

use super::{natural, page, paged, required, time};
use crate::account::autoscaling::schedule::{self, ScheduledAction};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

pub(super) fn put(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let group = required(&mut params, "AutoScalingGroupName")?;
    let older_start = time(&mut params, "Time")?;
    let action = ScheduledAction {
        name: required(&mut params, "ScheduledActionName")?,
        arn: String::new(),
        start: time(&mut params, "StartTime")?.or(older_start),
        end: time(&mut params, "EndTime")?,
        recurrence: params.text("Recurrence"),
        time_zone: params.text("TimeZone"),
        min: natural(&mut params, "MinSize")?,
        max: natural(&mut params, "MaxSize")?,
        desired: natural(&mut params, "DesiredCapacity")?,
    };
    params.finish()?;
    schedule::put(account, &group, action)?;
    Ok(Node::map())
}

fn show(group: &str, action: &ScheduledAction) -> Node {
    Node::map()
        .put("AutoScalingGroupName", group)
        .put("ScheduledActionName", &action.name)
        .put("ScheduledActionARN", &action.arn)
        .put_some("Time", action.start)
        .put_some("StartTime", action.start)
        .put_some("EndTime", action.end)
        .put_some("Recurrence", action.recurrence.as_ref())
        .put_some("MinSize", action.min)
        .put_some("MaxSize", action.max)
        .put_some("DesiredCapacity", action.desired)
        .put_some("TimeZone", action.time_zone.as_ref())
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let group = params.text("AutoScalingGroupName");
    let names = params.texts(&["ScheduledActionNames"]);
    let from = time(&mut params, "StartTime")?;
    let until = time(&mut params, "EndTime")?;
    let page = page(&mut params)?;
    params.boolean("IncludeManagedResources")?;
    params.finish()?;
    let mut found = Vec::new();
    for held in account.autoscaling.groups.values() {
        for action in held.schedule.values() {
            if group.as_ref().is_none_or(|name| *name == held.name)
                && (names.is_empty() || names.contains(&action.name))
                && from.is_none_or(|from| action.start.is_some_and(|start| start >= from))
                && until.is_none_or(|until| action.start.is_some_and(|start| start <= until))
            {
                found.push(show(&held.name, action));
            }
        }
    }
    Ok(paged("ScheduledUpdateGroupActions", found, &page))
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let group = required(&mut params, "AutoScalingGroupName")?;
    let name = required(&mut params, "ScheduledActionName")?;
    params.finish()?;
    schedule::delete(account, &group, &name)?;
    Ok(Node::map())
}
