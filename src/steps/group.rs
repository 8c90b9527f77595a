//! What the steps share about an Auto Scaling group: being empty, having its instances, its frozen processes.

use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::aws::Aws;
use crate::aws::autoscaling::{self, Activity, Group};
use crate::plan::{FROZEN, held_back};
use crate::run::context::Context;
use crate::run::wait::{Limits, Look};

/// Deregistration delay and termination take a few minutes.
pub(super) const EMPTYING: Limits = Limits::new(Duration::from_secs(900), Duration::from_secs(2))
    .growing_to(Duration::from_secs(5));

/// Whether a group has no instances left.
pub(super) fn look_for_empty(group: &Group) -> Look<()> {
    match group.members.len() {
        0 => Look::Ready(()),
        left => match held_back(group, &["Terminate"]) {
            Some(why) => Look::Never(why),
            None => Look::NotYet(format!("{left} instances are draining or terminating")),
        },
    }
}

/// When the group's latest activity began: failures since are of whoever changes it now.
pub(super) async fn latest_activity(aws: &Aws, group: &str) -> Result<SystemTime> {
    let activities = autoscaling::describe_activities(aws, group).await?;
    let latest = activities.iter().map(|activity| activity.started).max();
    Ok(latest.unwrap_or(SystemTime::UNIX_EPOCH))
}

/// Lets the group's policies act again; what was suspended before stays so.
pub(super) async fn thaw(cx: &Context, group: &str, suspended_before: &[String]) -> Result<()> {
    let ours: Vec<_> = FROZEN
        .iter()
        .map(|&process| process.to_owned())
        .filter(|process| !suspended_before.contains(process))
        .collect();
    autoscaling::resume_processes(&cx.aws, cx.held().await?, group, &ours).await
}

/// Lets one process of the group act again.
pub(super) async fn thaw_only(cx: &Context, group: &str, process: &str) -> Result<()> {
    autoscaling::resume_processes(&cx.aws, cx.held().await?, group, &[process.to_owned()]).await
}

/// A launch that has failed since then.
fn failed_launch(activities: &[Activity], since: SystemTime) -> Option<&Activity> {
    activities
        .iter()
        .find(|activity| activity.started > since && activity.status == "Failed")
}

/// The same as [`look_for_instances`]; where it is known why a launch failed, that reason is the error.
pub(super) fn look_for_launch(
    group: &Group,
    activities: &[Activity],
    desired: i32,
    version: i64,
    since: SystemTime,
) -> Result<Look<Vec<String>>> {
    let looked = look_for_instances(group, activities, desired, version, since);
    let failed = failed_launch(activities, since);
    match (looked, failed.and_then(|failed| failed.reason.clone())) {
        (Look::Never(words), Some(reason)) => Err(reason.because(words).into()),
        (looked, _) => Ok(looked),
    }
}

/// Whether the group has its instances, all of this version; a failed launch is told at once, in AWS's words.
fn look_for_instances(
    group: &Group,
    activities: &[Activity],
    desired: i32,
    version: i64,
    since: SystemTime,
) -> Look<Vec<String>> {
    if let Some(failed) = failed_launch(activities, since) {
        // AWS repeats its words in the description of some failures.
        let words = if failed.description.contains(&failed.message) {
            failed.description.clone()
        } else {
            format!("{}: {}", failed.description, failed.message)
        };
        return Look::Never(words);
    }
    let ready: Vec<_> = group
        .members
        .iter()
        .filter(|member| {
            member.lifecycle == "InService" && member.template_version == Some(version)
        })
        .map(|member| member.id.clone())
        .collect();
    // Of the plan, not of the group: a late write of somebody's could have made that nothing.
    let wanted = usize::try_from(desired).unwrap_or_default();
    if ready.len() >= wanted && group.members.len() == ready.len() {
        Look::Ready(ready)
    } else if let Some(why) = held_back(group, &["Launch", "AddToLoadBalancer"]) {
        Look::Never(why)
    } else {
        Look::NotYet(format!("{} of {wanted} instances in service", ready.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::autoscaling::{Capacity, Member};

    fn group(members: &[(&str, &str, i64)]) -> Group {
        Group {
            name: "g".into(),
            arn: String::new(),
            tags: Default::default(),
            capacity: Capacity {
                min: 2,
                max: 4,
                desired: 2,
            },
            template_version: Some(3),
            members: members
                .iter()
                .map(|(id, lifecycle, version)| Member {
                    id: (*id).into(),
                    lifecycle: (*lifecycle).into(),
                    template_version: Some(*version),
                })
                .collect(),
            suspended: Vec::new(),
            target_groups: Vec::new(),
            deleting: false,
        }
    }

    fn activity(status: &str, second: u64) -> Activity {
        Activity {
            status: status.into(),
            description: "Launching a new EC2 instance".into(),
            message: "no capacity".into(),
            reason: None,
            started: SystemTime::UNIX_EPOCH + Duration::from_secs(second),
        }
    }

    #[test]
    fn only_instances_of_this_version_count() {
        let since = SystemTime::UNIX_EPOCH;
        let all = group(&[("a", "InService", 3), ("b", "InService", 3)]);
        assert_eq!(
            look_for_instances(&all, &[], 2, 3, since),
            Look::Ready(vec!["a".into(), "b".into()])
        );
        for other in [
            group(&[("a", "InService", 3), ("b", "InService", 2)]),
            group(&[("a", "InService", 3), ("b", "Pending", 3)]),
            group(&[("a", "InService", 3)]),
        ] {
            assert!(matches!(
                look_for_instances(&other, &[], 2, 3, since),
                Look::NotYet(_)
            ));
        }
    }

    #[test]
    fn what_a_person_has_suspended_is_not_waited_for_but_named_with_what_to_type() {
        let mut held = group(&[("a", "InService", 3)]);
        held.suspended = ["Terminate", "Launch"].map(str::to_owned).into();
        let Look::Never(why) = look_for_empty(&held) else {
            panic!("it is waited for");
        };
        let typed = "aws autoscaling resume-processes --auto-scaling-group-name g --scaling-processes Terminate";
        assert!(why.contains(typed), "{why}");
        let looked = look_for_instances(&held, &[], 2, 3, SystemTime::UNIX_EPOCH);
        assert!(matches!(looked, Look::Never(_)));
        // What has all that it needs is not held back.
        let looked = look_for_instances(&held, &[], 1, 3, SystemTime::UNIX_EPOCH);
        assert!(matches!(looked, Look::Ready(_)));
        held.members.clear();
        assert_eq!(look_for_empty(&held), Look::Ready(()));
    }

    #[test]
    fn a_launch_that_failed_since_ends_the_wait_and_an_older_one_does_not() {
        let empty = group(&[]);
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let old = look_for_instances(&empty, &[activity("Failed", 10)], 2, 3, since);
        assert!(matches!(old, Look::NotYet(_)));
        let new = look_for_instances(&empty, &[activity("Failed", 11)], 2, 3, since);
        assert_eq!(
            new,
            Look::Never("Launching a new EC2 instance: no capacity".into())
        );
    }
}
