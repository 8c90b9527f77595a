//! Scales the idle group up to the capacity that live has, with the candidate's template version.
//!
//! Changes: the idle group's capacity, template version and suspended processes (its scaling policies must not act on
//! a colour without traffic). Undo: the group as it was, empty; waits until the candidate's instances are gone.
//! Waits for: every instance of this template version being in service.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::clear_idle::{EMPTY, look_for_empty};
use crate::aws::autoscaling::{self, Activity, Capacity, Group};
use crate::names::Colour;
use crate::plan::{FROZEN, IdleBefore, Plan};
use crate::run::context::{Context, Undoing};
use crate::run::event::{Event, Zone};
use crate::run::step::{About, Settled, Step};
use crate::run::wait::{Limits, Look};

/// The step.
#[derive(Debug)]
pub struct ScaleUpIdle {
    colour: Colour,
    group: String,
    template: String,
    version: i64,
    capacity: Capacity,
    before: IdleBefore,
    within: Duration,
}

/// What has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handle {
    /// The group's latest activity before it was scaled up: failures since are ours.
    pub activities_until: SystemTime,
}

impl ScaleUpIdle {
    /// Scales up the idle group of `plan` with this template version.
    pub fn of(plan: &Plan, version: i64) -> Self {
        Self {
            colour: plan.idle,
            group: plan.idle_group(),
            template: plan.template.clone(),
            version,
            capacity: plan.capacity,
            before: plan.idle_before.clone(),
            within: plan.config.fleet.healthy_within,
        }
    }
}

impl Step for ScaleUpIdle {
    type Handle = Handle;
    type Output = Vec<String>;

    const ABOUT: About = About {
        name: "scale up idle group",
        zone: Zone::Prepare,
        does: "brings the idle group to the capacity that live has now, its scaling policies frozen",
        undo: "empties the group, and puts its template version and processes back",
        calls: &["SuspendProcesses", "UpdateAutoScalingGroup"],
    };

    async fn start(&self, cx: &Context) -> Result<Handle> {
        let latest = autoscaling::describe_activities(&cx.aws, &self.group).await?;
        let until = latest.iter().map(|activity| activity.started).max();
        autoscaling::suspend_processes(&cx.aws, &self.group, &FROZEN).await?;
        let template = Some((self.template.as_str(), self.version));
        autoscaling::update_group(&cx.aws, &self.group, self.capacity, template).await?;
        Ok(Handle {
            activities_until: until.unwrap_or(SystemTime::UNIX_EPOCH),
        })
    }

    async fn settle(&self, cx: &Context, handle: &Handle) -> Result<Settled<Vec<String>>> {
        let what = format!("{} instances of {}", self.capacity.desired, self.group);
        // Nothing is late when this look is: the instances boot meanwhile, and being healthy is waited for next.
        let limits =
            Limits::new(self.within, Duration::from_secs(5)).first_after(Duration::from_secs(10));
        let instances = cx
            .wait(Self::ABOUT.name, &what, limits, || async {
                let group = autoscaling::describe_group(&cx.aws, &self.group).await?;
                let activities = autoscaling::describe_activities(&cx.aws, &self.group).await?;
                Ok(look(
                    &group,
                    &activities,
                    self.capacity.desired,
                    self.version,
                    handle.activities_until,
                ))
            })
            .await?;
        let summary = format!("{} in service: {}", instances.len(), instances.join(", "));
        Ok(Settled::done(instances, summary))
    }

    async fn undo(&self, cx: Undoing<'_>, _: Option<&Handle>) -> Result<Option<String>> {
        let aws = cx.aws();
        let template = self
            .before
            .template_version
            .map(|version| (self.template.as_str(), version));
        autoscaling::update_group(aws, &self.group, Capacity::NONE, template).await?;
        let ours: Vec<_> = FROZEN
            .iter()
            .map(|&process| process.to_owned())
            .filter(|process| !self.before.suspended.contains(process))
            .collect();
        autoscaling::resume_processes(aws, &self.group, &ours).await?;
        cx.wait(&format!("{} being empty", self.group), EMPTY, || async {
            look_for_empty(&autoscaling::describe_group(aws, &self.group).await?)
        })
        .await?;
        cx.context().events.emit(Event::Fleet {
            colour: self.colour,
            healthy: 0,
            wanted: 0,
            release: None,
        });
        Ok(Some(format!("emptied {}", self.group)))
    }
}

/// Whether the group has its instances, all of this version; a failed launch is told at once, in AWS's words.
pub(super) fn look(
    group: &Group,
    activities: &[Activity],
    desired: i32,
    version: i64,
    since: SystemTime,
) -> Look<Vec<String>> {
    let failed = activities
        .iter()
        .find(|activity| activity.started > since && activity.status == "Failed");
    if let Some(failed) = failed {
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
    } else {
        Look::NotYet(format!("{} of {wanted} instances in service", ready.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::autoscaling::Member;

    fn group(members: &[(&str, &str, i64)]) -> Group {
        Group {
            name: "g".into(),
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
            started: SystemTime::UNIX_EPOCH + Duration::from_secs(second),
        }
    }

    #[test]
    fn only_instances_of_this_version_count() {
        let since = SystemTime::UNIX_EPOCH;
        let all = group(&[("a", "InService", 3), ("b", "InService", 3)]);
        assert_eq!(
            look(&all, &[], 2, 3, since),
            Look::Ready(vec!["a".into(), "b".into()])
        );
        for other in [
            group(&[("a", "InService", 3), ("b", "InService", 2)]),
            group(&[("a", "InService", 3), ("b", "Pending", 3)]),
            group(&[("a", "InService", 3)]),
        ] {
            assert!(matches!(look(&other, &[], 2, 3, since), Look::NotYet(_)));
        }
    }

    #[test]
    fn a_launch_that_failed_since_ends_the_wait_and_an_older_one_does_not() {
        let empty = group(&[]);
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let old = look(&empty, &[activity("Failed", 10)], 2, 3, since);
        assert!(matches!(old, Look::NotYet(_)));
        let new = look(&empty, &[activity("Failed", 11)], 2, 3, since);
        assert_eq!(
            new,
            Look::Never("Launching a new EC2 instance: no capacity".into())
        );
    }
}
