//! Holds the previous colour up, to go back to it: it would be scaled in when its time comes, and its policies see no
//! traffic.
//!
//! Changes: takes back the scale-in, freezes the group's scaling, pins its floor; more instances, if live has
//! more than it, because one colour has to be able to carry everything.
//! Undo: all of that as it was, the scale-in at its time again. The group is never emptied: it stays the way back.
//! Waits for: every instance of its template version being in service.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::group::{latest_activity, look_for_launch, thaw};
use super::scale_in::ScaleIn;
use crate::aws::autoscaling::{self, Capacity};
use crate::aws::witness::NoWeight;
use crate::names::{Weights, utc};
use crate::plan::{FROZEN, IdleBefore, Plan};
use crate::run::context::{Context, Undoing};
use crate::run::event::Zone;
use crate::run::step::{About, Settled, Step};
use crate::run::step_id::StepId;
use crate::run::wait::Limits;

/// The step.
#[derive(Debug)]
pub struct HoldPrevious {
    group: String,
    scale_in: ScaleIn,
    capacity: Capacity,
    before: IdleBefore,
    weights: Weights,
    within: Duration,
}

/// What has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handle {
    /// The group's latest activity before: failures since are ours.
    pub activities_until: SystemTime,
}

impl HoldPrevious {
    /// Holds up the idle group of `plan`.
    pub fn of(plan: &Plan) -> Self {
        Self {
            group: plan.idle_group(),
            scale_in: ScaleIn::of(plan, plan.idle),
            capacity: plan.capacity,
            before: plan.idle_before.clone(),
            weights: plan.previous.weights,
            within: plan.health.within,
        }
    }

    async fn freeze_and_raise(&self, cx: &Context, idle: NoWeight) -> Result<()> {
        let (freezing, raising) = (cx.held().await?, cx.held().await?);
        let desired = self.capacity.desired;
        let (frozen, raised) = tokio::join!(
            Box::pin(autoscaling::freeze(&cx.aws, freezing, idle, &FROZEN)),
            Box::pin(autoscaling::raise(&cx.aws, raising, &self.group, desired)),
        );
        frozen?;
        raised?;
        Ok(())
    }
}

/// Sets the capacity as it was; not of a group that visitors are led to by now.
async fn put_back(cx: Undoing<'_>, group: &str, before: Capacity) -> Result<()> {
    let idle = autoscaling::see_no_weight(cx.aws(), group).await?;
    autoscaling::change_idle(cx.aws(), cx.held().await?, idle, before, None).await
}

impl Step for HoldPrevious {
    type Handle = Handle;
    type Output = Vec<String>;

    const ABOUT: About = About {
        id: StepId::HoldPrevious,
        name: "hold previous",
        zone: Zone::Prepare,
        does: "takes back the scale-in of the previous colour and freezes its scaling; launches what it has \
               less than live",
        undo: "puts scale-in, floor and processes back as they were; never empties it",
        calls: &[
            "StopAutomationExecution",
            "SuspendProcesses",
            "UpdateAutoScalingGroup",
        ],
        undo_calls: &[
            "UpdateAutoScalingGroup",
            "ResumeProcesses",
            "StartAutomationExecution",
        ],
    };

    const LOOKS_FIRST: bool = true;

    async fn start(&self, cx: &Context) -> Result<Handle> {
        // Side by side, whoever goes back is in a hurry; and first of all what is known to be due. Each to its end: a write
        // of the lease is never left halfway.
        let known = self.before.scale_in.as_deref();
        let holding = async {
            let (activities_until, idle, cancelled) = tokio::join!(
                Box::pin(latest_activity(&cx.aws, &self.group)),
                Box::pin(autoscaling::see_no_weight(&cx.aws, &self.group)),
                Box::pin(ScaleIn::cancel(cx, known)),
            );
            let (activities_until, idle) = (activities_until?, idle?);
            cancelled?;
            self.freeze_and_raise(cx, idle).await?;
            Ok(Handle { activities_until })
        };
        let (handle, cancelled) = tokio::join!(
            Box::pin(holding),
            Box::pin(self.scale_in.cancel_but(cx, known))
        );
        cancelled?;
        handle
    }

    async fn settle(&self, cx: &Context, handle: &Handle) -> Result<Settled<Vec<String>>> {
        let desired = self.capacity.desired;
        let version = self.before.template_version.unwrap_or_default();
        let what = format!("{desired} instances of {}", self.group);
        let limits = Limits::new(self.within, Duration::from_secs(5));
        let instances = cx
            .wait(Self::ABOUT.name, &what, limits, || async {
                let (group, activities) = tokio::try_join!(
                    Box::pin(autoscaling::describe_group(&cx.aws, &self.group)),
                    Box::pin(autoscaling::describe_activities(&cx.aws, &self.group)),
                )?;
                let since = handle.activities_until;
                look_for_launch(&group, &activities, desired, version, since)
            })
            .await?;
        let launched = desired - self.before.capacity.desired;
        let launched = match launched {
            ..=0 => "nothing was launched".to_owned(),
            more => format!("{more} were launched"),
        };
        let summary = format!("{} in service, {launched}", instances.len());
        Ok(Settled::done(instances, summary))
    }

    async fn undo(&self, cx: Undoing<'_>, _: Option<&Handle>) -> Result<Option<String>> {
        let group = &self.group;
        if autoscaling::find_group(cx.aws(), group).await?.is_none() {
            return Ok(Some(format!("{group} is gone: somebody deleted it")));
        }
        // One that fails does not keep the others from being put back.
        let updated = match self.before.capacity {
            Capacity::NONE => Ok(()),
            before => put_back(cx, group, before).await,
        };
        let armed = self.scale_in.put_back(cx, &self.before, self.weights).await;
        let thawed = thaw(cx.context(), group, &self.before.suspended).await;
        updated?;
        let armed = armed?;
        thawed?;
        Ok(Some(match armed {
            Some(at) => format!("{group} is up as before, to be scaled in at {}", utc(at)),
            None => format!("{group} is up as before"),
        }))
    }
}
