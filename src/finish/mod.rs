//! Finishes a run whose process is gone, from the state that it left: nothing else is known of it.
//!
//! | it came to | what is done |
//! |---|---|
//! | prepare, or the commit zone | the weights are restored first and seen to be, then what the run made is removed |
//! | a fired guard | the same: AWS has restored the weights already |
//! | the end of the commit zone | the release stands: the new live group gets its policies back, the previous one is retained |
//!
//! Guarantees: idempotent, each thing that is done is noted in the same file, so it can be stopped at any time and be
//! done again; what belongs to a newer run, or what a person changed, is left as it is and named (`ownership`); nothing is
//! launched, baked or shifted forward.

mod complete;
mod ownership;
mod undo;

use std::path::Path;

use anyhow::Result;

use crate::cause::Cause;
use crate::command_line::Next;
use crate::ending::{Finished, by_looking, restore_by_hand};
use crate::outcome::{Leftover, Outcome};
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::progress::{Entry, Progress, Stopped};
use crate::run::state::State;
use crate::run::step_id::StepId;
use crate::steps;
use complete::complete;
use ownership::Ownership;
use undo::undo;

/// How finishing a run ended.
#[derive(Debug)]
pub struct Ending {
    /// How the run ended, by this.
    pub finished: Finished,
    /// Nothing of it is left to do; otherwise finishing it again may help.
    pub is_complete: bool,
}

/// Finishes the run whose `state` was read from the file at `path`, or from the lease.
pub async fn finish(cx: &Context, path: Option<&Path>, state: State) -> Result<Ending> {
    cx.keep_lease(Box::pin(go_on(cx, path, state))).await
}

async fn go_on(cx: &Context, path: Option<&Path>, state: State) -> Result<Ending> {
    let plan = state.plan.clone();
    let forward = goes_forward(plan.goes_back(), &state.progress);
    cx.journal.go_on(path, state);
    let progress = cx.journal.progress();
    let (last, _) = ended_at(&progress);
    if progress.steps.is_empty() {
        return Ok(settled(undone(&plan, &progress, Vec::new()), true));
    }
    let ownership = Ownership::look(cx, &plan, &progress).await?;
    let forward = forward && !is_taken_back(&plan, &progress, &ownership);
    let direction = if forward {
        "the release stands, and the rest of it is done now"
    } else {
        "it is undone now"
    };
    cx.events
        .note(format!("the run ended during \"{last}\": {direction}"));
    let mut ending = if forward {
        complete(cx, &plan, &progress, &ownership).await
    } else {
        undo(cx, &plan, &progress, &ownership).await
    }?;
    ending.finished.outcome = by_looking(cx, &plan, ending.finished.outcome).await;
    Ok(ending)
}

/// Whether the commit zone was completed, so that the release stands: what failed or was cancelled before that is undone.
fn goes_forward(goes_back: bool, progress: &Progress) -> bool {
    if let Some(stopped) = &progress.stopped {
        return stopped.zone == Zone::Finish;
    }
    let committed = match goes_back {
        // Nobody waits for what is presumed bad: a rollback does not soak.
        true => StepId::ShiftTraffic,
        false => StepId::Soak,
    };
    let is_finishing = |entry: &Entry| entry.zone == Zone::Finish;
    progress.has_done(committed) || progress.steps.iter().any(is_finishing)
}

/// Whether the guard restored the weights of a release that stood: the process had vanished before it disarmed it.
fn is_taken_back(plan: &Plan, progress: &Progress, ownership: &Ownership) -> bool {
    let is_finishing = |entry: &Entry| entry.zone == Zone::Finish;
    let was_guarded = plan.previous.release.is_some()
        && !progress.has_done(StepId::DisarmGuard)
        && !progress.steps.iter().any(is_finishing);
    was_guarded && ownership.weights == Some(plan.previous.weights)
}

/// During which step the run ended, and why, if it said so.
fn ended_at(progress: &Progress) -> (String, Option<&Stopped>) {
    let last = progress.steps.last().map(|entry| entry.step);
    let stopped = progress.stopped.as_ref();
    let step = stopped.map(|stopped| stopped.step).or(last);
    let name = step.map_or("the beginning", |step| steps::about(step).name);
    (name.to_owned(), stopped)
}

/// Says that something of the run's stays as it is, and why.
fn leave(cx: &Context, plan: &Plan, entry: &Entry, why: &str) -> Leftover {
    let leftover = Leftover {
        what: format!(
            "\"{}\" is left as it is: {why}",
            steps::about(entry.step).name
        ),
        remedy: plan.next(Next::Status),
    };
    cx.events.left_over(leftover)
}

/// The outcome of a run that was undone.
fn undone(plan: &Plan, progress: &Progress, leftovers: Vec<Leftover>) -> Outcome {
    let (step, stopped) = ended_at(progress);
    let traffic_moved = progress.of(StepId::ShiftTraffic).is_some();
    let serving = plan.previous.release.clone();
    let latest_first = progress.steps.iter().rev();
    let undone = latest_first
        .filter_map(|entry| entry.undone.clone())
        .collect();
    match stopped {
        Some(stopped) if !stopped.cancelled => Outcome::RolledBack {
            step,
            cause: stopped.cause.clone(),
            traffic_moved,
            serving,
            undone,
            leftovers,
        },
        _ => Outcome::Cancelled {
            step,
            traffic_moved,
            serving,
            undone,
            leftovers,
        },
    }
}

fn stuck(
    plan: &Plan,
    progress: &Progress,
    ownership: &Ownership,
    undo_failure: impl Into<Cause>,
    leftovers: Vec<Leftover>,
) -> Outcome {
    let (step, stopped) = ended_at(progress);
    Outcome::Stuck {
        step,
        cause: stopped.map_or_else(
            || "the run was stopped before its end".into(),
            |stopped| stopped.cause.clone(),
        ),
        undo_failure: undo_failure.into(),
        weights: ownership.weights,
        commands: restore_by_hand(plan),
        leftovers,
    }
}

fn settled(outcome: Outcome, is_complete: bool) -> Ending {
    Ending {
        finished: Finished {
            outcome,
            evidence: None,
            verdict: None,
        },
        is_complete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::progress::Phase;

    fn progress(steps: &[(StepId, Zone, Phase)], stopped: Option<Zone>) -> Progress {
        let entry = |(step, zone, phase): &(StepId, Zone, Phase)| Entry {
            step: *step,
            zone: *zone,
            phase: *phase,
            handle: serde_json::Value::Null,
            undone: None,
        };
        Progress {
            steps: steps.iter().map(entry).collect(),
            stopped: stopped.map(|zone| Stopped {
                step: StepId::Soak,
                zone,
                cause: "cancelled".into(),
                cancelled: true,
            }),
        }
    }

    #[test]
    fn a_release_stands_once_its_commit_zone_is_done_and_it_was_not_being_undone() {
        let shifted = (StepId::ShiftTraffic, Zone::Commit, Phase::Done);
        let soaking = progress(
            &[shifted, (StepId::Soak, Zone::Commit, Phase::Started)],
            None,
        );
        assert!(!goes_forward(false, &soaking));
        let soaked = [shifted, (StepId::Soak, Zone::Commit, Phase::Done)];
        assert!(goes_forward(false, &progress(&soaked, None)));
        assert!(!goes_forward(false, &progress(&soaked, Some(Zone::Commit))));
        assert!(goes_forward(false, &progress(&soaked, Some(Zone::Finish))));
        assert!(goes_forward(true, &progress(&[shifted], None)));
    }
}
