//! What is scheduled in a group.

use std::time::SystemTime;

use aws_sdk_autoscaling::primitives::DateTime;

use super::Capacity;
use crate::aws::Aws;
use crate::aws::error::{About as _, Failure};
use crate::aws::witness::{Held, NoWeight};

/// When a group's scheduled action of this name is to happen, if there is one.
pub async fn find_scheduled_action(
    aws: &Aws,
    group: &str,
    action: &str,
) -> Result<Option<SystemTime>, Failure> {
    let answer = aws
        .autoscaling
        .describe_scheduled_actions()
        .auto_scaling_group_name(group)
        .scheduled_action_names(action)
        .send()
        .await
        .about("DescribeScheduledActions", format!("{action} of {group}"))?;
    let found = answer.scheduled_update_group_actions.unwrap_or_default();
    Ok(found.into_iter().next().map(|action| {
        let at = action.start_time.or(action.time);
        at.and_then(|time| SystemTime::try_from(time).ok())
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }))
}

/// Has AWS set the capacity of a group without visitors at a time: no process of ours need live until then.
pub async fn schedule_capacity(
    aws: &Aws,
    held: Held,
    idle: NoWeight,
    action: &str,
    at: SystemTime,
    capacity: Capacity,
) -> anyhow::Result<()> {
    let group = &idle.spend()?;
    held.spend()?;
    aws.autoscaling
        .put_scheduled_update_group_action()
        .auto_scaling_group_name(group)
        .scheduled_action_name(action)
        .start_time(DateTime::from(at))
        .min_size(capacity.min)
        .max_size(capacity.max)
        .desired_capacity(capacity.desired)
        .send()
        .await
        .about(
            "PutScheduledUpdateGroupAction",
            format!("{action} of {group}"),
        )?;
    Ok(())
}

/// Takes a scheduled action back; it may be gone already.
pub async fn delete_scheduled_action(
    aws: &Aws,
    held: Held,
    group: &str,
    action: &str,
) -> anyhow::Result<()> {
    let is_there = async || -> Result<bool, Failure> {
        Ok(find_scheduled_action(aws, group, action).await?.is_some())
    };
    if !is_there().await? {
        return Ok(());
    }
    held.spend()?;
    let answer = aws
        .autoscaling
        .delete_scheduled_action()
        .auto_scaling_group_name(group)
        .scheduled_action_name(action)
        .send()
        .await
        .about("DeleteScheduledAction", format!("{action} of {group}"));
    match answer {
        Ok(_) => Ok(()),
        // AWS has no code of its own for "not found" here, and an answer that was lost makes a second try meet that.
        Err(_) if !is_there().await? => Ok(()),
        Err(error) => Err(error.into()),
    }
}
