//! Arms the guard: before the first weight moves, an automation inside AWS waits to bring the traffic back.
//!
//! Changes: takes back a scale-in of live, which somebody made live again before its time came; starts the automation,
//! with the weights of the first stage. Undo: disarms whatever guard of the run is armed;
//! as it is undone after the shift, the weights were restored by then.
//! Waits for: the automation sleeping. If that can't be had, nothing moves; nor if the previous colour could not be given
//! its scale-in at the end.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::scale_in::ScaleIn;
use crate::guard::{Disarmed, FIRES_AFTER, Guard};
use crate::names::{Weights, human};
use crate::plan::Plan;
use crate::run::context::{Context, Undoing};
use crate::run::event::Zone;
use crate::run::progress::Progress;
use crate::run::step::{About, Settled, Step, handle_of};
use crate::run::step_id::StepId;

/// The step.
#[derive(Debug)]
pub struct ArmGuard {
    first: Option<Weights>,
    guard: Guard,
    scale_in: ScaleIn,
    /// Nothing waits for it to sleep: the traffic moves meanwhile.
    hurries: bool,
}

/// What has begun, and what took its place since.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handle {
    /// The automations that may be armed.
    pub automations: Vec<String>,
}

impl ArmGuard {
    /// Arms `guard` for the first stage of `plan`.
    pub fn of(plan: &Plan, guard: &Guard) -> Self {
        Self {
            first: plan.shift.stages(plan.idle).first().copied(),
            guard: guard.clone(),
            scale_in: ScaleIn::of(plan, plan.live),
            hurries: plan.is_at_hand(),
        }
    }
}

impl Step for ArmGuard {
    type Handle = Handle;
    type Output = ();

    const ABOUT: About = About {
        id: StepId::ArmGuard,
        name: "arm guard",
        zone: Zone::Prepare,
        does: "starts an SSM Automation that restores the weights if this run vanishes: it acts when nobody has renewed it \
               for a quarter of an hour, if the weights are as the run left them and the previous release is healthy",
        undo: "disarms it, after the weights were restored",
        calls: &["StartAutomationExecution"],
        undo_calls: &["StopAutomationExecution"],
    };

    async fn start(&self, cx: &Context) -> Result<Handle> {
        if let (Some(first), true) = (self.first, self.guard.is_needed()) {
            // Each to its end: what was started and not answered would be known to nobody.
            let (stands, taken_back, begun) = tokio::join!(
                Box::pin(self.scale_in.check(cx)),
                // Once live has no weight it would find what it waits for, and take the way back away.
                Box::pin(self.scale_in.take_back(cx)),
                Box::pin(self.guard.begin(cx, first)),
            );
            stands?;
            taken_back?;
            begun?;
        }
        Ok(handle(&self.guard))
    }

    async fn settle(&self, cx: &Context, _: &Handle) -> Result<Settled<()>> {
        if !self.hurries {
            self.guard.await_sleep(cx).await?;
        }
        Ok(if self.guard.is_needed() {
            let time = human(FIRES_AFTER);
            Settled::done(
                (),
                format!("restores the weights if this run says nothing for {time}"),
            )
        } else {
            Settled::skipped((), "nothing is live yet")
        })
    }

    async fn undo(&self, cx: Undoing<'_>, handle: Option<&Handle>) -> Result<Option<String>> {
        let noted = handle.map_or(&[][..], |handle| &handle.automations);
        Ok(match self.guard.disarm(cx, noted).await? {
            Disarmed::Nothing => None,
            Disarmed::InTime => Some("disarmed the guard".to_owned()),
            Disarmed::Fired => Some("the guard inside AWS had restored the weights".to_owned()),
        })
    }
}

fn handle(guard: &Guard) -> Handle {
    Handle {
        automations: guard.automations(),
    }
}

/// The automations that may guard a run, by its journal.
pub fn noted(progress: &Progress) -> Vec<String> {
    let handle = progress
        .of(StepId::ArmGuard)
        .and_then(|entry| handle_of::<ArmGuard>(entry).ok().flatten());
    handle.map_or_else(Vec::new, |handle| handle.automations)
}

/// Notes in the journal which automations guard the run now.
pub(super) fn note(cx: &Context, guard: &Guard) -> Result<()> {
    if guard.is_needed() {
        let handle = serde_json::to_value(handle(guard))?;
        cx.note_if(cx.journal.renewed(StepId::ArmGuard, handle));
    }
    Ok(())
}

/// Arms the guard for the next weights, before they are written.
pub(super) async fn arm_for(cx: &Context, guard: &Guard, weights: Weights) -> Result<()> {
    guard.arm(cx, weights).await?;
    note(cx, guard)
}

/// Stops the guards of earlier weights, once the next ones are written.
pub(super) async fn leave_former(cx: &Context, guard: &Guard) -> Result<()> {
    guard.stop_former(cx).await?;
    note(cx, guard)
}

/// Renews the guard in time, while the run holds.
pub(super) async fn keep(cx: &Context, guard: &Guard) -> Result<()> {
    if guard.keep(cx).await? {
        note(cx, guard)?;
    }
    Ok(())
}
