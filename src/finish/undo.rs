//! Undoing a run whose process is gone: what it had begun is taken over from its journal, and undone as the run itself
//! would have undone it.

use anyhow::Result;

use super::ownership::Ownership;
use super::{Ending, leave, settled, stuck, undone};
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::progress::{Entry, Phase, Progress};
use crate::run::runner::{Runner, STRAGGLERS};
use crate::run::step_id::StepId;
use crate::steps;

/// Undoes everything that began, the last first, but not what is another's by now.
pub(super) async fn undo(
    cx: &Context,
    plan: &Plan,
    progress: &Progress,
    ownership: &Ownership,
) -> Result<Ending> {
    let mut left = Vec::new();
    let run = match &plan.verify_fleet {
        Some(_) => Runner::new(cx).of_verification(),
        None => Runner::new(cx),
    };
    let mut is_known = true;
    for entry in &progress.steps {
        if entry.phase == Phase::Undone || steps::about(entry.step).undo.is_empty() {
            continue;
        }
        if let Some(why) = ownership.leaves(plan, entry.step) {
            left.push(leave(cx, plan, entry, &why));
            continue;
        }
        is_known &= !is_on_the_way(progress, entry);
        steps::rearm(&run, plan, entry)?;
    }
    let traffic = StepId::ShiftTraffic;
    let restores = progress
        .of(traffic)
        .is_some_and(|entry| entry.phase != Phase::Undone)
        && ownership.leaves(plan, traffic).is_none();
    if restores && ownership.weights != Some(plan.previous.weights) && is_gone(plan, ownership) {
        let why = format!(
            "no instance of {} is in service any more: with the weights as they were, nobody would answer",
            plan.names().group(plan.live)
        );
        return Ok(settled(stuck(plan, progress, ownership, why, left), false));
    }
    if !is_known {
        cx.events.note(format!(
            "what it did last may still be on the way; {} s for it to show, so that undoing meets it",
            STRAGGLERS.as_secs()
        ));
        cx.clock.sleep(STRAGGLERS).await;
    }
    let unwound = run.unwind().await;
    let progress = cx.journal.progress();
    if let Some(why) = unwound.stuck {
        left.extend(unwound.leftovers);
        return Ok(settled(stuck(plan, &progress, ownership, why, left), false));
    }
    // What is somebody else's now is not left to do.
    let is_complete = unwound.leftovers.is_empty() || unwound.is_another_s;
    left.extend(unwound.leftovers);
    Ok(settled(undone(plan, &progress, left), is_complete))
}

/// Whether something of a step of the prepare zone may show up later: its change, if that was not answered; of a bake
/// that is being ended, what it made last. Weights are looked after by their step.
fn is_on_the_way(progress: &Progress, entry: &Entry) -> bool {
    let is_ending = entry.step == StepId::BakeImage
        && entry.phase == Phase::Started
        && progress.stopped.is_some();
    entry.zone == Zone::Prepare && (entry.phase == Phase::Began || is_ending)
}

/// Whether there is nothing to restore the traffic to.
fn is_gone(plan: &Plan, ownership: &Ownership) -> bool {
    plan.previous.release.is_some() && ownership.previous == 0
}
