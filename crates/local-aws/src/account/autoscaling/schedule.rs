//! Scheduled actions: what a group is set to at a time, also when whoever asked for it is long gone.

use std::time::{Duration, SystemTime};

use super::Timed;
use super::activity::moment;
use super::group::living;
use crate::account::{self, Account, ApiError};

/// A scheduled action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledAction {
    /// Unique in its group.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// When it happens.
    pub start: Option<SystemTime>,
    /// When a recurring one ends.
    pub end: Option<SystemTime>,
    /// A cron line. It is kept and shown; recurring actions do not happen in the local cloud.
    pub recurrence: Option<String>,
    /// In which zone the cron line is meant.
    pub time_zone: Option<String>,
    /// The new bounds and capacity.
    pub min: Option<u32>,
    /// The new most.
    pub max: Option<u32>,
    /// The new desired capacity.
    pub desired: Option<u32>,
}

/// Makes or replaces a scheduled action.
pub fn put(
    account: &mut Account,
    group: &str,
    mut action: ScheduledAction,
) -> Result<(), ApiError> {
    let now = account.utc();
    let uuid = account.uuid();
    let arn = account.arn(
        "autoscaling",
        &format!(
            "scheduledUpdateGroupAction:{uuid}:autoScalingGroupName/{group}:scheduledActionName/{}",
            action.name
        ),
    );
    let held = living(account, group)?;
    if action.start.is_none() && action.recurrence.is_none() {
        return Err(ApiError::validation(
            "Either Recurrence or StartTime must be given",
        ));
    }
    if action.min.is_none() && action.max.is_none() && action.desired.is_none() {
        return Err(ApiError::validation(
            "At least one of MinSize, MaxSize and DesiredCapacity must be given",
        ));
    }
    if action.start.is_some_and(|start| start < now) {
        return Err(ApiError::validation("Given start time is in the past"));
    }
    let clash = held.schedule.values().any(|other| {
        other.name != action.name && other.start.is_some() && other.start == action.start
    });
    if clash {
        return Err(ApiError::refused(
            "AlreadyExists",
            "There is already a scheduled action of this group for the same time",
        ));
    }
    action.arn = held
        .schedule
        .get(&action.name)
        .map_or(arn, |replaced| replaced.arn.clone());
    let delay = action
        .start
        .filter(|_| action.recurrence.is_none())
        .map(|start| start.duration_since(now).unwrap_or(Duration::ZERO));
    let event = Timed::Due {
        group: group.to_owned(),
        action: action.name.clone(),
    };
    held.schedule.insert(action.name.clone(), action);
    if let Some(delay) = delay {
        account.after(delay, account::Timed::AutoScaling(event));
    }
    Ok(())
}

/// Deletes a scheduled action.
pub fn delete(account: &mut Account, group: &str, action: &str) -> Result<(), ApiError> {
    match living(account, group)?.schedule.remove(action) {
        Some(_) => Ok(()),
        None => Err(ApiError::validation("Scheduled action name not found")),
    }
}

/// Lets a scheduled action happen if it still stands for now; it is gone afterwards.
pub(super) fn due(account: &mut Account, group: &str, name: &str) {
    let (now, words) = (account.utc(), moment(account));
    let Some(held) = account.autoscaling.groups.get_mut(group) else {
        return;
    };
    let is_due = held.schedule.get(name).is_some_and(|action| {
        action.recurrence.is_none() && action.start.is_some_and(|start| start <= now)
    });
    if !is_due {
        return;
    }
    let action = held.schedule.remove(name).expect("it was found just above");
    if held.is_suspended("ScheduledActions") {
        return;
    }
    let min = action.min.unwrap_or(held.min);
    let max = action.max.unwrap_or(held.max);
    let desired = action
        .desired
        .unwrap_or_else(|| held.desired.max(min).min(max));
    if min > max || !(min..=max).contains(&desired) {
        return;
    }
    held.min = min;
    held.max = max;
    let reason = format!(
        "At {words} the scheduled action {name} executed. Setting desired capacity from {} to {desired}.",
        held.desired
    );
    held.want(desired, reason);
}
