//! What the steps share about an Auto Scaling group: being empty, having its instances, its frozen processes.

use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::aws::Aws;
use crate::aws::autoscaling::{self, Activity, Group};
use crate::names::Colour;
use crate::plan::{FROZEN, held_back};
use crate::run::context::Context;
use crate::run::event::Event;
use crate::run::wait::{Limits, Look};

/// Tells how many instances of a colour are healthy, of how many, and what they answer; of the fleet of verifications nothing.
pub(super) fn tell_healthy(
    cx: &Context,
    colour: Option<Colour>,
    (healthy, wanted): (u32, u32),
    release: Option<String>,
) {
    if let Some(colour) = colour {
        cx.events.emit(Event::Fleet {
            colour,
            healthy,
            wanted,
            release,
        });
    }
}

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

/// How often a zone may fail before it counts for nothing.
const TRIES: usize = 2;

/// What has failed of a group's launches since then, the latest first.
fn failed_launches(activities: &[Activity], since: SystemTime) -> Vec<&Activity> {
    let failed = activities
        .iter()
        .filter(|activity| activity.started > since && activity.status == "Failed");
    failed.collect()
}

/// The failure after which no instance will come: one of the whole account, or the latest where every zone has failed, again.
/// One zone without capacity, or without the type, is none: Auto Scaling goes on to the others.
fn in_vain<'a>(group: &Group, failed: &[&'a Activity]) -> Option<&'a Activity> {
    let of_account = failed.iter().find(|activity| activity.is_of_account);
    if let Some(activity) = of_account {
        return Some(activity);
    }
    let times = |zone: &String| {
        let of_it = |activity: &&&Activity| activity.zone.as_ref() == Some(zone);
        failed.iter().filter(of_it).count()
    };
    let has_failed = !group.zones.is_empty() && group.zones.iter().all(|zone| times(zone) >= TRIES);
    failed.first().filter(|_| has_failed).copied()
}

/// A failed launch in AWS's words, which it repeats in the description of some.
fn words_of(failed: &Activity) -> String {
    match failed.description.contains(&failed.message) {
        true => failed.description.clone(),
        false => format!("{}: {}", failed.description, failed.message),
    }
}

/// The same as [`look_for_instances`]; where it is known why launches failed, that reason is the error.
pub(super) fn look_for_launch(
    group: &Group,
    activities: &[Activity],
    desired: i32,
    version: i64,
    since: SystemTime,
) -> Result<Look<Vec<String>>> {
    let looked = look_for_instances(group, activities, desired, version, since);
    if let Look::Never(words) = &looked
        && let Some(failed) = in_vain(group, &failed_launches(activities, since))
        && let Some(reason) = &failed.reason
    {
        return Err(reason.clone().because(words.as_str()).into());
    }
    Ok(looked)
}

/// Whether the group has its instances, all of this version; launches that fail in vain are told at once, in AWS's words.
fn look_for_instances(
    group: &Group,
    activities: &[Activity],
    desired: i32,
    version: i64,
    since: SystemTime,
) -> Look<Vec<String>> {
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
        return Look::Ready(ready);
    }
    let failed = failed_launches(activities, since);
    if let Some(failed) = in_vain(group, &failed) {
        return Look::Never(words_of(failed));
    }
    if let Some(why) = held_back(group, &["Launch", "AddToLoadBalancer"]) {
        return Look::Never(why);
    }
    let last = failed.first().map_or_else(String::new, |failed| {
        let zone = failed.zone.as_deref().unwrap_or("one zone");
        format!("; the last launch failed in {zone}: {}", failed.message)
    });
    Look::NotYet(format!(
        "{} of {wanted} instances in service{last}",
        ready.len()
    ))
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
            zones: vec!["a".into(), "b".into()],
            subnets: Vec::new(),
            deleting: false,
        }
    }

    fn activity(status: &str, second: u64) -> Activity {
        Activity {
            status: status.into(),
            description: "Launching a new EC2 instance".into(),
            message: "no capacity".into(),
            zone: Some("a".into()),
            is_of_account: false,
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
    fn a_launch_that_failed_ends_the_wait_where_no_zone_is_left_or_none_would_help() {
        let empty = group(&[]);
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let look = |all: &[Activity]| look_for_instances(&empty, all, 2, 3, since);
        let in_zone = |zone: &str, second| Activity {
            zone: Some(zone.into()),
            ..activity("Failed", second)
        };
        let of_account = |second| Activity {
            is_of_account: true,
            ..activity("Failed", second)
        };
        // Auto Scaling goes on to the next zone, and comes back to each.
        let one = look(&[in_zone("a", 12), in_zone("a", 11)]);
        let Look::NotYet(why) = one else {
            panic!("{one:?}");
        };
        assert!(
            why.contains("the last launch failed in a: no capacity"),
            "{why}"
        );
        let each_once = look(&[in_zone("b", 12), in_zone("a", 11)]);
        assert!(matches!(each_once, Look::NotYet(_)), "{each_once:?}");
        let words = "Launching a new EC2 instance: no capacity";
        let twice =
            [("b", 14), ("a", 13), ("b", 12), ("a", 11)].map(|(zone, at)| in_zone(zone, at));
        assert_eq!(look(&twice), Look::Never(words.into()));
        assert_eq!(look(&[of_account(11)]), Look::Never(words.into()));
        // What an earlier run met says nothing.
        assert!(matches!(look(&[of_account(10)]), Look::NotYet(_)));
        // What has come all the same is there.
        let all = group(&[("a", "InService", 3), ("b", "InService", 3)]);
        let looked = look_for_instances(&all, &[of_account(11)], 2, 3, since);
        assert!(matches!(looked, Look::Ready(_)));
    }
}
