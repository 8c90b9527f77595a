//! Scales the idle group up to the capacity that live has now, with the candidate's template version.
//! A bake takes minutes, and live may have grown in it.
//!
//! Changes: the idle group's capacity, template version and suspended processes (its scaling policies must not act on
//! a colour without traffic), and how its target group checks it (that belongs to the release). Undo: asks the candidate
//! why it failed, if it did, and keeps one of its instances, if that is wanted; the group as it was, empty; waits until the candidate's instances are gone.
//! Waits for: every instance of this template version being in service.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::candidate_log::Candidate;
use super::group::{
    EMPTYING, latest_activity, look_for_empty, look_for_launch, tell_healthy, thaw,
};
use super::keep_failed::KeepFailed;
use crate::aws::autoscaling::{self, Capacity};
use crate::aws::elbv2::{self, HealthCheck};
use crate::names::Colour;
use crate::plan::{FROZEN, IdleBefore, Plan};
use crate::run::context::{Context, Undoing};
use crate::run::event::Zone;
use crate::run::step::{About, Settled, Step};
use crate::run::step_id::StepId;
use crate::run::wait::Limits;

/// The step.
#[derive(Debug)]
pub struct ScaleUpIdle {
    colour: Option<Colour>,
    group: String,
    /// The live group.
    live: String,
    target_group: String,
    check: HealthCheck,
    template: String,
    version: i64,
    capacity: Capacity,
    before: IdleBefore,
    within: Duration,
    candidate: Candidate,
    keep_failed: KeepFailed,
}

/// What has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handle {
    /// The group's latest activity before it was scaled up: failures since are ours.
    pub activities_until: SystemTime,
    /// How many instances it was scaled up to.
    pub desired: i32,
}

impl ScaleUpIdle {
    /// Scales up the idle group of `plan` with this template version.
    pub fn of(plan: &Plan, version: i64) -> Self {
        Self {
            colour: plan.candidate_colour(),
            group: plan.idle_group(),
            live: plan.names().group(plan.live),
            target_group: plan.idle_target_group().to_owned(),
            check: plan.health_check.clone(),
            template: plan.template.clone(),
            version,
            capacity: plan.capacity,
            before: plan.idle_before.clone(),
            within: plan.health.within,
            candidate: Candidate::of(plan),
            keep_failed: KeepFailed::of(plan),
        }
    }
}

impl Step for ScaleUpIdle {
    type Handle = Handle;
    type Output = Vec<String>;

    const ABOUT: About = About {
        id: StepId::ScaleUpIdle,
        name: "scale up idle group",
        zone: Zone::Prepare,
        does: "brings the idle group to the capacity that live has now, its scaling policies frozen",
        undo: "empties the group, and puts its template version and processes back",
        calls: &[
            "SuspendProcesses",
            "ModifyTargetGroup",
            "UpdateAutoScalingGroup",
        ],
        undo_calls: &["UpdateAutoScalingGroup", "ResumeProcesses"],
    };

    async fn start(&self, cx: &Context) -> Result<Handle> {
        let aws = &cx.aws;
        let activities_until = latest_activity(aws, &self.group).await?;
        let idle = autoscaling::see_no_weight(aws, &self.group).await?;
        autoscaling::freeze(aws, cx.held().await?, idle, &FROZEN).await?;
        let idle = autoscaling::see_no_weight(aws, &self.group).await?;
        elbv2::set_health_check(aws, cx.held().await?, idle, &self.target_group, &self.check)
            .await?;
        let live = autoscaling::describe_group(aws, &self.live).await?.capacity;
        let capacity = self.capacity.with_room_for(live.desired);
        let template = Some((self.template.as_str(), self.version));
        // Auto Scaling may not see the version yet, nor what it names.
        cx.once_seen(Self::ABOUT.name, || async {
            let idle = autoscaling::see_no_weight(aws, &self.group).await?;
            autoscaling::change_idle(aws, cx.held().await?, idle, capacity, template).await
        })
        .await?;
        let desired = capacity.desired;
        Ok(Handle {
            activities_until,
            desired,
        })
    }

    async fn settle(&self, cx: &Context, handle: &Handle) -> Result<Settled<Vec<String>>> {
        let desired = handle.desired;
        let what = format!("{desired} instances of {}", self.group);
        // Nothing is late when this look is: the instances boot meanwhile, and being healthy is waited for next.
        let limits =
            Limits::new(self.within, Duration::from_secs(5)).first_after(Duration::from_secs(10));
        let instances = cx
            .wait(Self::ABOUT.name, &what, limits, || async {
                let group = autoscaling::describe_group(&cx.aws, &self.group).await?;
                let activities = autoscaling::describe_activities(&cx.aws, &self.group).await?;
                look_for_launch(
                    &group,
                    &activities,
                    desired,
                    self.version,
                    handle.activities_until,
                )
            })
            .await?;
        let summary = format!("{} in service: {}", instances.len(), instances.join(", "));
        Ok(Settled::done(instances, summary))
    }

    async fn undo(&self, cx: Undoing<'_>, _: Option<&Handle>) -> Result<Option<String>> {
        let aws = cx.aws();
        if autoscaling::find_group(aws, &self.group).await?.is_none() {
            return Ok(Some(format!("{} is gone: somebody deleted it", self.group)));
        }
        // Somebody may have made it live.
        autoscaling::see_no_weight(aws, &self.group).await?;
        // What is emptied cannot be asked any more.
        Box::pin(self.candidate.tell(cx)).await;
        let kept = Box::pin(self.keep_failed.keep(cx)).await;
        let template = self
            .before
            .template_version
            .map(|version| (self.template.as_str(), version));
        let idle = autoscaling::see_no_weight(aws, &self.group).await?;
        autoscaling::change_idle(aws, cx.held().await?, idle, Capacity::NONE, template).await?;
        thaw(cx.context(), &self.group, &self.before.suspended).await?;
        let what = format!("{} being empty", self.group);
        cx.wait(&what, EMPTYING, || async {
            let group = autoscaling::describe_group(aws, &self.group).await?;
            Ok(look_for_empty(&group))
        })
        .await?;
        tell_healthy(cx.context(), self.colour, (0, 0), None);
        let emptied = format!("emptied {}", self.group);
        Ok(Some(match kept {
            Some(kept) => format!("{emptied}; {kept}"),
            None => emptied,
        }))
    }
}
