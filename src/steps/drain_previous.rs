//! Waits until the previous colour has been silent on the data plane for a while: only then may capacity go away.
//!
//! A load balancer's last node may learn of the weights long after the first, and a request in flight may take its
//! time; both are bounded by the quiescence period.
//!
//! Changes: the preview route is closed. Waits for: nobody being answered by the previous release.

use std::time::Duration;

use anyhow::Result;

use super::data_plane::{ROUND, look};
use super::open_preview::PreviewRoute;
use super::soak::Standing;
use super::watch::Watch;
use crate::aws::elbv2::{TargetGroups, TrafficRules};
use crate::names::{Colour, Release, Weights};
use crate::plan::{Plan, Visitor};
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Forward, Settled};
use crate::run::step_id::StepId;
use crate::run::wait::{Limits, Look};

/// How long the previous release must not have answered anybody: the reported tail of a load balancer's propagation.
pub const QUIET: Duration = Duration::from_secs(60);
/// The longest it may take.
const DRAINED: Limits = Limits::new(Duration::from_secs(900), Duration::from_secs(1));

/// The step.
#[derive(Debug)]
pub struct DrainPrevious {
    preview: PreviewRoute,
    previous: Option<Release>,
    rules: TrafficRules,
    target_groups: TargetGroups,
    candidate: Colour,
    url: String,
    visitor: Visitor,
    watch: Watch,
}

impl DrainPrevious {
    /// Waits for the previous colour of `plan` to be silent.
    pub fn of(plan: &Plan, watch: &Watch) -> Self {
        Self {
            preview: PreviewRoute::of(plan),
            previous: plan.previous.release.clone(),
            rules: plan.traffic_rules.clone(),
            target_groups: plan.target_groups.clone(),
            candidate: plan.idle,
            url: plan.url.clone(),
            visitor: plan.visitor.clone(),
            watch: watch.clone(),
        }
    }
}

impl Forward for DrainPrevious {
    type Begun = ();

    const ABOUT: About = About {
        id: StepId::DrainPrevious,
        name: "drain previous",
        zone: Zone::Finish,
        does: "closes the preview route, and waits until the previous release has answered nobody for a minute",
        undo: "",
        calls: &["ModifyRule"],
        undo_calls: &[],
    };

    async fn start(&self, cx: &Context) -> Result<()> {
        self.preview.close(cx).await
    }

    async fn settle(&self, cx: &Context, (): &()) -> Result<Settled<()>> {
        let Some(previous) = &self.previous else {
            return Ok(Settled::skipped((), "nothing was live before"));
        };
        let quiet = QUIET.div_f64(cx.clock.speed());
        let standing = Standing {
            rules: &self.rules,
            target_groups: &self.target_groups,
            weights: Weights::split(self.candidate, 100),
        };
        cx.wait(
            Self::ABOUT.name,
            "the previous release being silent",
            DRAINED,
            || async {
                standing.check(cx).await?;
                let since = cx.clock.wall().saturating_sub(quiet);
                let answered = self
                    .watch
                    .tally_since(since)
                    .by_version
                    .get(&previous.0)
                    .copied();
                let mut answered = answered.unwrap_or_default();
                // Fresh connections have the last word, but need not ask what the probe knows already.
                if answered == 0 {
                    let round = look(cx, &self.url, &self.visitor, &[], ROUND).await?;
                    answered += round.of(&previous.0) as u64;
                }
                Ok(match answered {
                    0 => Look::Ready(()),
                    _ => Look::NotYet(format!(
                        "{previous} answered somebody within the last {} s",
                        QUIET.as_secs()
                    )),
                })
            },
        )
        .await?;
        let summary = format!("{previous} has answered nobody for {} s", QUIET.as_secs());
        Ok(Settled::done((), summary))
    }
}
