//! The proof of a previous colour that is at hand, made while the traffic moves there already: it was proved by real
//! traffic when it was live, and whoever goes back to it is in a hurry. If the proof fails, the shift is turned around.
//!
//! Changes: nothing.

use anyhow::{Context as _, Result, bail};

use super::open_preview::{OpenPreview, Preview};
use super::probe_version::ProbeVersion;
use super::scale_in::ScaleIn;
use super::smoke_test::SmokeTest;
use crate::aws::autoscaling;
use crate::guard::Guard;
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::step::Check as _;

/// What is looked at meanwhile.
#[derive(Debug)]
pub struct Proof {
    preview: OpenPreview,
    smoke: SmokeTest,
    version: ProbeVersion,
    scale_in: ScaleIn,
    group: String,
    desired: i32,
}

impl Proof {
    /// Of the candidate of `plan`, through its preview route.
    pub fn of(plan: &Plan, preview: &Preview) -> Self {
        Self {
            preview: OpenPreview::of(plan),
            smoke: SmokeTest::of(plan, preview),
            version: ProbeVersion::of(plan, preview),
            scale_in: ScaleIn::of(plan, plan.idle),
            group: plan.idle_group(),
            desired: plan.capacity.desired,
        }
    }

    /// Makes it: what was begun before the first weight has come to its end, and the candidate answers as it did when it was
    /// live.
    pub(super) async fn make(&self, cx: &Context, guard: &Guard) -> Result<()> {
        guard.await_sleep(cx).await?;
        self.scale_in.take_back(cx).await?;
        let now = autoscaling::describe_group(&cx.aws, &self.group).await?;
        if now.capacity.desired < self.desired {
            bail!("{} was scaled in: its time had come", self.group);
        }
        self.preview.await_route(cx).await?;
        let passed = self.smoke.check(cx).await;
        let smoke = passed.context("the smoke tests, through the preview route")?;
        let told = self.version.check(cx).await;
        let version = told.context("its version, through the preview route")?;
        cx.events.note(format!(
            "proved through the preview route meanwhile: smoke tests: {}; version: {}",
            smoke.summary, version.summary
        ));
        Ok(())
    }
}
