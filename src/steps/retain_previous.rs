//! Hands the new live group back to its scaling policies, and keeps the previous colour for a rollback: at its size,
//! scaled in later by a scheduled action inside AWS, so that no runner needs to live until then.
//!
//! Changes: the new live group's floor and processes; the previous group's floor, a scheduled action on it; or, with
//! nothing to retain, its capacity. Forward only.
//! Waits for: the previous group being empty, if nothing is retained.

use std::time::Duration;

use anyhow::Result;

use super::group::{EMPTYING, look_for_empty, thaw};
use crate::aws::autoscaling::{self, Capacity};
use crate::names::human;
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Forward, Settled};
use crate::run::step_id::StepId;

/// The step.
#[derive(Debug)]
pub struct RetainPrevious {
    plan: Plan,
}

impl RetainPrevious {
    /// Retains as `plan` says.
    pub fn of(plan: &Plan) -> Self {
        Self { plan: plan.clone() }
    }
}

/// Hands the new live group to its policies: its own floor and ceiling, nothing frozen that was not before.
///
/// Nobody else would thaw it, so a failure of one half does not keep the other from being done.
pub async fn hand_over(cx: &Context, plan: &Plan) -> Result<()> {
    let group = plan.idle_group();
    let floor = i32::try_from(plan.config.fleet.min).unwrap_or(i32::MAX);
    let capacity = Capacity {
        min: floor,
        ..plan.capacity
    };
    let updated = autoscaling::update_group(&cx.aws, &group, capacity, None).await;
    let thawed = thaw(&cx.aws, &group, &plan.idle_before.suspended).await;
    updated?;
    thawed
}

impl Forward for RetainPrevious {
    type Begun = ();

    const ABOUT: About = About {
        id: StepId::RetainPrevious,
        name: "retain previous",
        zone: Zone::Finish,
        does: "hands the new live group back to its scaling policies; keeps the previous colour at its size, \
               to be scaled in by a scheduled action inside AWS",
        undo: "",
        calls: &[
            "UpdateAutoScalingGroup",
            "ResumeProcesses",
            "PutScheduledUpdateGroupAction",
        ],
    };

    async fn start(&self, cx: &Context) -> Result<()> {
        let plan = &self.plan;
        hand_over(cx, plan).await?;
        let previous = plan.names().group(plan.live);
        if plan.previous.release.is_none() {
            return Ok(());
        }
        if plan.previous.frozen {
            // An interrupted run left it so, and what is scheduled would never happen.
            thaw(&cx.aws, &previous, &[]).await?;
        }
        let retain = plan.config.retain.previous_for;
        if retain.is_zero() {
            autoscaling::update_group(&cx.aws, &previous, Capacity::NONE, None).await?;
            return Ok(());
        }
        // Its policies see no traffic and would scale it in: the floor keeps it able to take all traffic back.
        let pinned = Capacity {
            min: plan.previous.capacity.desired,
            ..plan.previous.capacity
        };
        autoscaling::update_group(&cx.aws, &previous, pinned, None).await?;
        // AWS refuses a time that is not in the future.
        let at = cx.clock.utc() + retain.max(Duration::from_secs(60));
        let action = plan.names().retain_action();
        autoscaling::schedule_capacity(&cx.aws, &previous, &action, at, Capacity::NONE).await?;
        Ok(())
    }

    async fn settle(&self, cx: &Context, (): &()) -> Result<Settled<()>> {
        let plan = &self.plan;
        let previous = plan.names().group(plan.live);
        let retain = plan.config.retain.previous_for;
        if plan.previous.release.is_none() {
            return Ok(Settled::skipped((), "nothing was live before"));
        }
        if !retain.is_zero() {
            cx.events.note(format!(
                "to go back to it within {}: bg-deploy rollback --environment {}",
                human(retain),
                plan.environment
            ));
            let summary = format!("{previous} stays at its size for {}", human(retain));
            return Ok(Settled::done((), summary));
        }
        cx.wait(
            Self::ABOUT.name,
            &format!("{previous} being empty"),
            EMPTYING,
            || async {
                let group = autoscaling::describe_group(&cx.aws, &previous).await?;
                Ok(look_for_empty(&group))
            },
        )
        .await?;
        Ok(Settled::done((), format!("{previous} is scaled in")))
    }
}
