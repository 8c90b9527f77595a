//! Doing what is left of a release that stands: its new live group gets its policies back, the previous one is retained.

use anyhow::Result;

use super::ownership::Ownership;
use super::{Ending, leave, settled, undone};
use crate::ending::unfinished;
use crate::guard::Guard;
use crate::names::Weights;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::progress::Progress;
use crate::run::runner::{Runner, Stop};
use crate::run::step_id::StepId;
use crate::steps::arm_guard::noted;
use crate::steps::disarm_guard::DisarmGuard;
use crate::steps::drain_previous::{DrainPrevious, QUIET};
use crate::steps::prune_images::PruneImages;
use crate::steps::retain_previous::{HandOver, RetainPrevious};
use crate::steps::watch::Watch;

/// Does what is left of a release that stands.
pub(super) async fn complete(
    cx: &Context,
    plan: &Plan,
    progress: &Progress,
    ownership: &Ownership,
) -> Result<Ending> {
    let why = ownership.leaves_traffic().or_else(|| {
        let live = ownership.weights.and_then(Weights::live);
        (live != Some(plan.idle)).then(|| format!("{} does not have all the traffic", plan.idle))
    });
    if let Some(why) = why {
        let leftovers = match progress.steps.last() {
            Some(last) => vec![leave(cx, plan, last, &why)],
            None => Vec::new(),
        };
        return Ok(settled(undone(plan, progress, leftovers), true));
    }
    let run = Runner::new(cx);
    let leftovers = match finish_zone(cx, &run, plan, progress, ownership).await {
        Ok(()) => Vec::new(),
        Err(stop) => unfinished(cx, plan, &stop, &HandOver::of(plan)).await,
    };
    let is_complete = leftovers.is_empty();
    let outcome = Outcome::Unproven {
        release: plan.release.clone(),
        previous: plan.previous.release.clone(),
        live: plan.idle,
        reasons: vec![
            "the run was stopped before its end, and what its probe had seen is lost".to_owned(),
        ],
        leftovers,
    };
    Ok(settled(outcome, is_complete))
}

/// The steps of the finish zone that are not done; first of all, nothing may take the traffic back any more.
async fn finish_zone<'a>(
    cx: &Context,
    run: &Runner<'a>,
    plan: &Plan,
    progress: &Progress,
    ownership: &Ownership,
) -> Result<(), Stop> {
    if !progress.has_done(StepId::DisarmGuard) {
        let guard = Guard::of(plan);
        run.check(DisarmGuard::of(&guard).noted(noted(progress)))
            .await?;
    }
    let watch = &Watch::of(plan, None);
    if !progress.has_done(StepId::DrainPrevious) {
        if plan.retain.previous_for.is_zero() && watch.start(cx).is_ok() {
            // Capacity goes next: only after a minute in which nobody was seen to be answered by it.
            cx.clock.sleep(QUIET).await;
        }
        run.forward(DrainPrevious::of(plan, watch)).await?;
    }
    if !progress.has_done(StepId::RetainPrevious) {
        run.forward(RetainPrevious::of(plan)).await?;
    }
    // Only what was baked goes with its time; and what this run released is known by its template version.
    if progress.of(StepId::BakeImage).is_some()
        && !progress.has_done(StepId::PruneImages)
        && let Some(image) = &ownership.image
    {
        run.forward(PruneImages::of(plan, image)).await?;
    }
    Ok(())
}
