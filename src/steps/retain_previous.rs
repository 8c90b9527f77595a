//! Hands the new live group back to its scaling policies, and keeps the previous colour for a rollback: at its size,
//! scaled in later by an automation inside AWS, which looks at the weights first; no runner needs to live until then.
//!
//! Changes: the new live group's floor and processes; the previous group's floor, the scale-in that waits; or, with
//! nothing to retain, its capacity. Forward only.
//! Waits for: the scale-in sleeping; or the previous group being empty, if nothing is retained.

use std::time::Duration;

use anyhow::Result;

use super::group::{EMPTYING, look_for_empty, thaw};
use super::scale_in::ScaleIn;
use crate::aws::autoscaling::{self, Capacity};
use crate::command_line::Next;
use crate::names::{Weights, human};
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Forward, Settled};
use crate::run::step_id::StepId;

/// The step.
#[derive(Debug)]
pub struct RetainPrevious {
    hand_over: HandOver,
    /// The previous colour's group, and how it was; `None` before a first release.
    previous: Option<Previous>,
    retain_for: Duration,
    scale_in: ScaleIn,
    left: Weights,
    /// What goes back to it; nothing does once a rehearsal is over.
    rollback: Option<String>,
}

#[derive(Debug)]
struct Previous {
    group: String,
    frozen: bool,
}

impl RetainPrevious {
    /// Retains as `plan` says.
    pub fn of(plan: &Plan) -> Self {
        let previous = plan.previous.release.as_ref().map(|_| Previous {
            group: plan.names().group(plan.live),
            frozen: plan.previous.frozen,
        });
        Self {
            hand_over: HandOver::of(plan),
            previous,
            retain_for: plan.retain.previous_for,
            scale_in: ScaleIn::of(plan, plan.live),
            left: Weights::split(plan.idle, 100),
            rollback: (!plan.command_line.rehearses()).then(|| plan.next(Next::Rollback)),
        }
    }
}

/// How the new live group is handed to its policies: its own floor and ceiling, nothing frozen that was not before.
#[derive(Clone, Debug)]
pub struct HandOver {
    /// The group.
    pub group: String,
    floor: i32,
    ceiling: i32,
    suspended_before: Vec<String>,
}

impl HandOver {
    /// As `plan` says.
    pub fn of(plan: &Plan) -> Self {
        Self {
            group: plan.idle_group(),
            floor: plan.floor,
            ceiling: plan.capacity.max,
            suspended_before: plan.idle_before.suspended.clone(),
        }
    }

    /// Does it, at the size that the group has now. Nobody else would thaw it, so a failure of one half does not keep the other from being done.
    pub async fn carry_out(&self, cx: &Context) -> Result<()> {
        let held = cx.held().await?;
        let updated =
            autoscaling::set_floor(&cx.aws, held, &self.group, self.floor, self.ceiling).await;
        let thawed = thaw(cx, &self.group, &self.suspended_before).await;
        updated?;
        thawed
    }
}

impl Forward for RetainPrevious {
    /// The scale-in's automation.
    type Begun = Option<String>;

    const ABOUT: About = About {
        id: StepId::RetainPrevious,
        name: "retain previous",
        zone: Zone::Finish,
        does: "hands the new live group back to its scaling policies; keeps the previous colour at its size, \
               to be scaled in by an automation inside AWS, which leaves it alone if anybody is led to it by then",
        undo: "",
        calls: &[
            "UpdateAutoScalingGroup",
            "ResumeProcesses",
            "StartAutomationExecution",
        ],
        undo_calls: &[],
    };

    async fn start(&self, cx: &Context) -> Result<Option<String>> {
        self.hand_over.carry_out(cx).await?;
        let Some(previous) = &self.previous else {
            return Ok(None);
        };
        let group = &previous.group;
        if previous.frozen {
            // An interrupted run left it so, and nobody else would thaw it.
            thaw(cx, group, &[]).await?;
        }
        if self.retain_for.is_zero() {
            let idle = autoscaling::see_no_weight(&cx.aws, group).await?;
            autoscaling::change_idle(&cx.aws, cx.held().await?, idle, Capacity::NONE, None).await?;
            return Ok(None);
        }
        // Its policies see no traffic and would scale it in: the floor keeps it able to take all traffic back.
        autoscaling::pin(&cx.aws, cx.held().await?, group).await?;
        Ok(Some(
            self.scale_in.arm(cx, self.left, self.retain_for).await?,
        ))
    }

    async fn settle(&self, cx: &Context, armed: &Option<String>) -> Result<Settled<()>> {
        let Some(Previous { group, .. }) = &self.previous else {
            return Ok(Settled::skipped((), "nothing was live before"));
        };
        if !self.retain_for.is_zero() {
            if let Some(armed) = armed {
                ScaleIn::await_sleep(cx, Self::ABOUT.name, armed).await?;
            }
            let time = human(self.retain_for);
            if let Some(rollback) = &self.rollback {
                cx.events.note(format!(
                    "to bring back what was live, within {time}: {rollback}"
                ));
            }
            let summary = format!("{group} stays at its size for {time}");
            return Ok(Settled::done((), summary));
        }
        let what = format!("{group} being empty");
        cx.wait(Self::ABOUT.name, &what, EMPTYING, || async {
            let group = autoscaling::describe_group(&cx.aws, group).await?;
            Ok(look_for_empty(&group))
        })
        .await?;
        Ok(Settled::done((), format!("{group} is scaled in")))
    }
}
