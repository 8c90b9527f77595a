//! Empties the idle group, which may still hold the colour that an earlier release retained: an instance of an older
//! version must never pass for the candidate.
//!
//! Changes: takes back the scale-in that would have come later; the idle group's capacity, to nothing.
//! Undo: nothing once it is emptied: what was retained for a rollback is replaced by what is live now. If it came to
//! nothing, the scale-in is armed again, or what is retained would stay for ever.
//! Waits for: nobody having been led to it for a minute, by the rules and by the load balancer's own count of requests; and the
//! group's instances being gone.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::drain_previous::QUIET;
use super::group::{EMPTYING, look_for_empty};
use super::request_count::await_silence;
use super::scale_in::ScaleIn;
use crate::aws::autoscaling::{self, Capacity};
use crate::names::{Weights, utc};
use crate::plan::{IdleBefore, Plan};
use crate::run::context::{Context, Undoing};
use crate::run::event::{Event, Zone};
use crate::run::step::{About, Settled, Step};
use crate::run::step_id::StepId;

/// The step.
#[derive(Debug)]
pub struct ClearIdle {
    group: String,
    target_group: String,
    /// Of a colour: nobody was ever led to the fleet of verifications, and nothing is kept there.
    scale_in: Option<ScaleIn>,
    before: IdleBefore,
    weights: Weights,
}

/// What has begun.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Handle {
    /// How many instances it had.
    pub instances: usize,
}

impl ClearIdle {
    /// Empties the idle group of `plan`.
    pub fn of(plan: &Plan) -> Self {
        Self {
            group: plan.idle_group(),
            target_group: plan.idle_target_group().to_owned(),
            scale_in: plan
                .candidate_colour()
                .map(|colour| ScaleIn::of(plan, colour)),
            before: plan.idle_before.clone(),
            weights: plan.previous.weights,
        }
    }
}

/// Somebody may have led the traffic away just before this run began, which saw no weight there when it was planned: the last
/// node of the load balancer knows after a minute. A bake takes longer.
async fn await_quiet(cx: &Context) -> Result<()> {
    let since = cx.clock.wall().saturating_sub(cx.events.begun());
    let left = QUIET.div_f64(cx.clock.speed()).saturating_sub(since);
    if !left.is_zero() {
        cx.events.emit(Event::Waiting {
            step: ClearIdle::ABOUT.name.to_owned(),
            reason: "the last node of the load balancer may lead somebody there for a minute"
                .to_owned(),
        });
        cx.pause_wall(left).await?;
    }
    Ok(())
}

impl Step for ClearIdle {
    type Handle = Handle;
    type Output = ();

    const ABOUT: About = About {
        id: StepId::ClearIdle,
        name: "clear idle group",
        zone: Zone::Prepare,
        does: "scales in what an earlier release retained on the idle colour, once nobody was led there, and it got no request, for \
               a minute, and waits until it is gone",
        undo: "if nothing was scaled in: arms the scale-in again",
        calls: &["StopAutomationExecution", "UpdateAutoScalingGroup"],
        undo_calls: &["StartAutomationExecution"],
    };

    async fn start(&self, cx: &Context) -> Result<Handle> {
        // Somebody may have made it live since the plan was made; then its scale-in is taken back by nobody but them.
        autoscaling::see_no_weight(&cx.aws, &self.group).await?;
        let group = autoscaling::describe_group(&cx.aws, &self.group).await?;
        if let Some(scale_in) = &self.scale_in {
            if group.capacity != Capacity::NONE {
                await_quiet(cx).await?;
                let (group, target_group) = (self.group.as_str(), self.target_group.as_str());
                await_silence(cx, Self::ABOUT.name, (group, target_group)).await?;
            }
            scale_in.take_back(cx).await?;
        }
        if group.capacity != Capacity::NONE {
            let idle = autoscaling::see_no_weight(&cx.aws, &self.group).await?;
            autoscaling::change_idle(&cx.aws, cx.held().await?, idle, Capacity::NONE, None).await?;
        }
        Ok(Handle {
            instances: group.members.len(),
        })
    }

    async fn settle(&self, cx: &Context, handle: &Handle) -> Result<Settled<()>> {
        if handle.instances == 0 {
            return Ok(Settled::skipped((), format!("{} is empty", self.group)));
        }
        cx.wait(
            Self::ABOUT.name,
            &format!("{} being empty", self.group),
            EMPTYING,
            || async {
                let group = autoscaling::describe_group(&cx.aws, &self.group).await?;
                Ok(look_for_empty(&group))
            },
        )
        .await?;
        let summary = format!(
            "{} instances of an earlier release are gone",
            handle.instances
        );
        Ok(Settled::done((), summary))
    }

    async fn undo(&self, cx: Undoing<'_>, handle: Option<&Handle>) -> Result<Option<String>> {
        match autoscaling::find_group(cx.aws(), &self.group).await? {
            Some(group) if group.capacity != Capacity::NONE => {}
            // Emptied, or deleted by somebody.
            _ => {
                if handle.is_some_and(|handle| handle.instances > 0) {
                    cx.context().events.note(format!(
                        "what {} kept up for a rollback in seconds is gone: this run had scaled it in; the next rollback takes \
                         minutes",
                        self.group
                    ));
                }
                return Ok(None);
            }
        }
        let Some(scale_in) = &self.scale_in else {
            return Ok(None);
        };
        let armed = scale_in.put_back(cx, &self.before, self.weights).await?;
        Ok(armed.map(|at| format!("{} is to be scaled in at {} again", self.group, utc(at))))
    }
}
