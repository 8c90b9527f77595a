//! Disarms the guard: the release is proved, and nothing may take the traffic from it any more.
//!
//! Changes: nothing but the guard. It is the end of the commit zone: what can't be disarmed would bring the traffic back
//! later, so then the run itself does it now.
//! Waits for: the guard's end.

use anyhow::{Result, bail};

use crate::guard::{Disarmed, Guard};
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Check, Settled};
use crate::run::step_id::StepId;

/// The step.
#[derive(Debug)]
pub struct DisarmGuard {
    guard: Guard,
    noted: Vec<String>,
}

impl DisarmGuard {
    /// Disarms `guard`.
    pub fn of(guard: &Guard) -> Self {
        Self {
            guard: guard.clone(),
            noted: Vec::new(),
        }
    }

    /// Disarms as well what the journal of a run names whose process is gone.
    pub fn noted(mut self, automations: Vec<String>) -> Self {
        self.noted = automations;
        self
    }
}

impl Check for DisarmGuard {
    type Output = ();

    const ABOUT: About = About {
        id: StepId::DisarmGuard,
        name: "disarm guard",
        zone: Zone::Commit,
        does: "stops the automation that would restore the weights: the release stands",
        undo: "",
        calls: &["StopAutomationExecution"],
        undo_calls: &[],
    };

    async fn check(&self, cx: &Context) -> Result<Settled<()>> {
        match self.guard.disarm(cx.for_undo(), &self.noted).await? {
            Disarmed::Nothing => Ok(Settled::skipped((), "none was armed")),
            Disarmed::InTime => Ok(Settled::done((), "the release stands")),
            Disarmed::Fired => bail!("the guard inside AWS had restored the weights"),
        }
    }
}
