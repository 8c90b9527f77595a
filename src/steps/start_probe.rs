//! Starts the probe, so that it sees live traffic before anything moves.
//!
//! Before a first release nothing answers, so there the shift starts the probe, once it is done. A way back is in a
//! hurry and starts it first of all, so the steps before the shift are the time that live is seen in.
//!
//! Changes: nothing.

use anyhow::Result;

use super::watch::Watch;
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Check, Settled};
use crate::run::step_id::StepId;

/// The step.
#[derive(Debug)]
pub struct StartProbe {
    /// A release is live, so that there is something to ask.
    is_live: bool,
    watch: Watch,
}

impl StartProbe {
    /// Starts `watch` on the service of `plan`.
    pub fn of(plan: &Plan, watch: &Watch) -> Self {
        Self {
            is_live: plan.previous.release.is_some(),
            watch: watch.clone(),
        }
    }
}

impl Check for StartProbe {
    type Output = ();

    const ABOUT: About = About {
        id: StepId::StartProbe,
        name: "start probe",
        zone: Zone::Prepare,
        does: "starts asking live for its version, at a constant rate and by every kind of connection; \
               it stops after the drain",
        undo: "",
        calls: &[],
        undo_calls: &[],
    };

    async fn check(&self, cx: &Context) -> Result<Settled<()>> {
        if self.is_live {
            self.watch.start(cx)?;
        }
        if !self.watch.is_running() {
            return Ok(Settled::skipped((), "nothing is live yet"));
        }
        Ok(Settled::done((), "live is watched from now on"))
    }
}
