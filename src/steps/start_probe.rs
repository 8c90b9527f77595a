//! Starts the probe, and lets it see live traffic for a while before anything moves.
//!
//! Before a first release nothing answers, so there the shift starts the probe, once it is done. A way back is in a
//! hurry and starts it first of all, so the steps before the shift are the time that live is seen in.
//!
//! Changes: nothing. Waits for: the first answers.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::watch::Watch;
use crate::plan::Plan;
use crate::run::context::{Context, Undoing};
use crate::run::event::Zone;
use crate::run::step::{About, Settled, Step};

/// How long live is watched before the shift, on the wall: a baseline.
pub const BASELINE: Duration = Duration::from_secs(3);

/// The step.
#[derive(Debug)]
pub struct StartProbe {
    plan: Plan,
    watch: Watch,
}

/// Nothing has begun in AWS.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Handle;

impl StartProbe {
    /// Starts `watch` on the service of `plan`.
    pub fn of(plan: &Plan, watch: &Watch) -> Self {
        Self {
            plan: plan.clone(),
            watch: watch.clone(),
        }
    }
}

impl Step for StartProbe {
    type Handle = Handle;
    type Output = ();

    const ABOUT: About = About {
        name: "start probe",
        zone: Zone::Prepare,
        does: "starts asking live for its version, at a constant rate and by every kind of connection; \
               it stops after the drain",
        undo: "",
        calls: &[],
    };

    async fn start(&self, cx: &Context) -> Result<Handle> {
        if self.plan.previous.release.is_some() {
            self.watch.start(cx, &self.plan)?;
        }
        Ok(Handle)
    }

    async fn settle(&self, cx: &Context, _: &Handle) -> Result<Settled<()>> {
        if !self.watch.is_running() {
            return Ok(Settled::skipped((), "nothing is live yet"));
        }
        if self.plan.goes_back() {
            return Ok(Settled::done((), "live is watched from now on"));
        }
        cx.pause_wall(BASELINE).await?;
        let tally = self.watch.tally_since(Duration::ZERO);
        if tally.failed > 0 {
            cx.events.note(format!(
                "live traffic fails already, before anything moves: {} of {} requests",
                tally.failed, tally.sent
            ));
        }
        let summary = format!("{} requests, {} failed", tally.sent, tally.failed);
        Ok(Settled::done((), summary))
    }

    async fn undo(&self, _: Undoing<'_>, _: Option<&Handle>) -> Result<Option<String>> {
        Ok(None)
    }
}
