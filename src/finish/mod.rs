//! Finishes a run whose process is gone, from the state that it left: nothing else is known of it.
//!
//! | it came to | what is done |
//! |---|---|
//! | prepare, or the commit zone | the weights are restored first and seen to be, then what the run made is removed |
//! | the end of the commit zone | the release stands: the new live group gets its policies back, the previous one is retained |
//!
//! Guarantees: idempotent, each thing that is done is noted in the same file, so it can be stopped at any time and be
//! done again; what belongs to a newer run, or what a person changed, is left as it is and named (`ground`); nothing is
//! launched, baked or shifted forward.

mod ground;

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::de::DeserializeOwned;

use crate::ending::{Finished, restore_by_hand, unfinished};
use crate::names::Release;
use crate::outcome::{Leftover, Outcome};
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::event::{Event, Zone};
use crate::run::progress::{Entry, Progress, Stage, Stopped};
use crate::run::runner::{Runner, STRAGGLERS, Stop};
use crate::run::state::State;
use crate::run::step::{About, Step};
use crate::steps::bake_image::BakeImage;
use crate::steps::clear_idle::ClearIdle;
use crate::steps::drain_previous::{DrainPrevious, QUIET};
use crate::steps::hold_previous::HoldPrevious;
use crate::steps::looks::{Answer, ROUND, look};
use crate::steps::open_preview::OpenPreview;
use crate::steps::prune_images::PruneImages;
use crate::steps::publish_template::PublishTemplate;
use crate::steps::retain_previous::RetainPrevious;
use crate::steps::scale_up_idle::ScaleUpIdle;
use crate::steps::shift_traffic::ShiftTraffic;
use crate::steps::soak::Soak;
use crate::steps::watch::Watch;
use ground::Ground;

/// How finishing a run ended.
#[derive(Debug)]
pub struct Ending {
    /// How the run ended, by this.
    pub finished: Finished,
    /// Nothing of it is left to do; otherwise finishing it again may help.
    pub is_complete: bool,
}

/// The steps that can be undone from the plan alone: all that have something to undo.
pub const UNDOABLE: [About; 7] = [
    BakeImage::ABOUT,
    PublishTemplate::ABOUT,
    ClearIdle::ABOUT,
    ScaleUpIdle::ABOUT,
    HoldPrevious::ABOUT,
    OpenPreview::ABOUT,
    ShiftTraffic::ABOUT,
];

/// Finishes the run whose `state` was read from the file at `path`.
pub async fn finish(cx: &Context, path: &Path, state: State) -> Result<Ending> {
    let plan = state.plan.clone();
    let forward = goes_forward(&state.beginning.command, &state.progress);
    cx.journal.go_on(path, state);
    let progress = cx.journal.progress();
    let (last, _) = ended_at(&progress);
    if progress.steps.is_empty() {
        return Ok(settled(undone(&plan, &progress, Vec::new()), true));
    }
    let direction = if forward {
        "the release stands, and the rest of it is done now"
    } else {
        "it is undone now"
    };
    cx.events
        .note(format!("the run ended during \"{last}\": {direction}"));
    let ground = Ground::look(cx, &plan, &progress).await?;
    if forward {
        complete(cx, plan, &progress, &ground).await
    } else {
        undo(cx, &plan, &progress, &ground).await
    }
}

/// Whether the commit zone was completed, so that the release stands: what failed or was cancelled before that is undone.
fn goes_forward(command: &str, progress: &Progress) -> bool {
    if let Some(stopped) = &progress.stopped {
        return stopped.zone == Zone::Finish;
    }
    let committed = match command {
        // Nobody waits for what is presumed bad: a rollback does not soak.
        "rollback" => ShiftTraffic::ABOUT.name,
        _ => Soak::ABOUT.name,
    };
    let is_finishing = |entry: &Entry| entry.zone == Zone::Finish;
    progress.has_done(committed) || progress.steps.iter().any(is_finishing)
}

/// During which step the run ended, and why, if it said so.
fn ended_at(progress: &Progress) -> (String, Option<&Stopped>) {
    let last = progress.steps.last().map(|entry| entry.step.clone());
    let stopped = progress.stopped.as_ref();
    let step = stopped.map(|stopped| stopped.step.clone()).or(last);
    (step.unwrap_or_else(|| "the beginning".to_owned()), stopped)
}

/// Undoes everything that began, the last first, but not what is another's by now.
async fn undo(cx: &Context, plan: &Plan, progress: &Progress, ground: &Ground) -> Result<Ending> {
    let mut left = Vec::new();
    let mut run = Runner::new(cx);
    let mut is_known = true;
    for entry in &progress.steps {
        if entry.stage == Stage::Undone || !UNDOABLE.iter().any(|it| it.name == entry.step) {
            continue;
        }
        if let Some(why) = ground.leaves(plan, &entry.step) {
            left.push(leave(cx, plan, entry, &why));
            continue;
        }
        is_known &= !is_on_the_way(progress, entry);
        rearm(&mut run, plan, entry)?;
    }
    let traffic = ShiftTraffic::ABOUT.name;
    let restores = progress
        .of(traffic)
        .is_some_and(|entry| entry.stage != Stage::Undone)
        && ground.leaves(plan, traffic).is_none();
    if restores && ground.weights != Some(plan.previous.weights) && is_gone(plan, ground) {
        let why = format!(
            "no instance of {} is in service any more: with the weights as they were, nobody would answer",
            plan.names().group(plan.live)
        );
        return Ok(settled(stuck(plan, progress, ground, why, left), false));
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
        return Ok(settled(stuck(plan, &progress, ground, why, left), false));
    }
    let is_complete = unwound.leftovers.is_empty();
    let is_left = !left.is_empty();
    left.extend(unwound.leftovers);
    let mut outcome = undone(plan, &progress, left);
    if is_left
        && let Outcome::Cancelled { serving, .. } | Outcome::RolledBack { serving, .. } =
            &mut outcome
    {
        *serving = who_serves(cx, plan).await;
    }
    Ok(settled(outcome, is_complete))
}

/// Whether something of a step of the prepare zone may show up later: its change, if that was not answered; of a bake
/// that is being ended, what it made last. Weights are looked after by their step.
fn is_on_the_way(progress: &Progress, entry: &Entry) -> bool {
    let is_ending = entry.step == BakeImage::ABOUT.name
        && entry.stage == Stage::Started
        && progress.stopped.is_some();
    entry.zone == Zone::Prepare && (entry.stage == Stage::Began || is_ending)
}

/// Whether there is nothing to restore the traffic to.
fn is_gone(plan: &Plan, ground: &Ground) -> bool {
    plan.previous.release.is_some() && ground.previous == 0
}

/// Has the runner undo a step that the journal names.
fn rearm(run: &mut Runner<'_>, plan: &Plan, entry: &Entry) -> Result<()> {
    match entry.step.as_str() {
        name if name == BakeImage::ABOUT.name => {
            arm(run, BakeImage::of(plan, PathBuf::new()), entry)
        }
        name if name == PublishTemplate::ABOUT.name => {
            arm(run, PublishTemplate::of(plan, ""), entry)
        }
        // Undoing puts back the version that was there before.
        name if name == ScaleUpIdle::ABOUT.name => arm(run, ScaleUpIdle::of(plan, 0), entry),
        name if name == ClearIdle::ABOUT.name => arm(run, ClearIdle::of(plan), entry),
        name if name == HoldPrevious::ABOUT.name => arm(run, HoldPrevious::of(plan), entry),
        name if name == OpenPreview::ABOUT.name => arm(run, OpenPreview::of(plan), entry),
        name if name == ShiftTraffic::ABOUT.name => {
            arm(run, ShiftTraffic::of(plan, &Watch::new(None)), entry)
        }
        other => anyhow::bail!("the run's state names a step that is not known: {other}"),
    }
}

fn arm<'a, S: Step + 'a>(run: &mut Runner<'a>, step: S, entry: &Entry) -> Result<()>
where
    S::Handle: DeserializeOwned,
{
    let handle = match entry.stage {
        Stage::Began => None,
        _ => Some(serde_json::from_value(entry.handle.clone())?),
    };
    run.rearm(step, handle);
    Ok(())
}

/// Does what is left of a release that stands.
async fn complete(
    cx: &Context,
    mut plan: Plan,
    progress: &Progress,
    ground: &Ground,
) -> Result<Ending> {
    let why = ground.leaves_traffic().or_else(|| {
        let live = ground.weights.and_then(crate::names::Weights::live);
        (live != Some(plan.idle)).then(|| format!("{} does not have all the traffic", plan.idle))
    });
    if let Some(why) = why {
        let leftovers = match progress.steps.last() {
            Some(last) => vec![leave(cx, &plan, last, &why)],
            None => Vec::new(),
        };
        let mut outcome = undone(&plan, progress, leftovers);
        if let Outcome::Cancelled { serving, .. } | Outcome::RolledBack { serving, .. } =
            &mut outcome
        {
            *serving = who_serves(cx, &plan).await;
        }
        return Ok(settled(outcome, true));
    }
    // If its policies rule already, they may have scaled it since.
    plan.capacity.desired = ground.group.capacity.desired;
    plan.capacity.max = ground.group.capacity.max;
    let watch = Watch::new(None);
    let mut run = Runner::new(cx);
    let leftovers = match finish_zone(cx, &mut run, &plan, &watch, progress).await {
        Ok(()) => Vec::new(),
        Err(stop) => unfinished(cx, &plan, &stop).await,
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

/// The steps of the finish zone that are not done.
async fn finish_zone<'a>(
    cx: &Context,
    run: &mut Runner<'a>,
    plan: &Plan,
    watch: &Watch,
    progress: &Progress,
) -> Result<(), Stop> {
    if !progress.has_done(DrainPrevious::ABOUT.name) {
        if plan.config.retain.previous_for.is_zero() && watch.start(cx, plan).is_ok() {
            // Capacity goes next: only after a minute in which nobody was seen to be answered by it.
            cx.clock.sleep(QUIET).await;
        }
        run.step(DrainPrevious::of(plan, watch)).await?;
    }
    if !progress.has_done(RetainPrevious::ABOUT.name) {
        run.step(RetainPrevious::of(plan)).await?;
    }
    if let Some(bake) = progress.of(BakeImage::ABOUT.name)
        && !progress.has_done(PruneImages::ABOUT.name)
    {
        let image = bake.handle.pointer("/standing/image");
        let image = image.and_then(|it| it.as_str()).unwrap_or_default();
        run.step(PruneImages::of(plan, image)).await?;
    }
    Ok(())
}

/// Says that something of the run's stays as it is, and why.
fn leave(cx: &Context, plan: &Plan, entry: &Entry, why: &str) -> Leftover {
    let leftover = Leftover {
        what: format!("\"{}\" is left as it is: {why}", entry.step),
        remedy: format!("bg-deploy status --environment {}", plan.environment),
    };
    cx.events.emit(Event::LeftOver {
        what: leftover.what.clone(),
        remedy: leftover.remedy.clone(),
    });
    leftover
}

/// The release that answers everybody now, if one does.
async fn who_serves(cx: &Context, plan: &Plan) -> Option<Release> {
    let round = look(cx, &plan.config, &plan.url, &[], ROUND).await.ok()?;
    let (answer, _) = round.answers.iter().next()?;
    match answer {
        Answer::Version(version) if round.is_all(version) => Some(Release(version.clone())),
        _ => None,
    }
}

/// The outcome of a run that was undone.
fn undone(plan: &Plan, progress: &Progress, leftovers: Vec<Leftover>) -> Outcome {
    let (step, stopped) = ended_at(progress);
    let traffic_moved = progress.of(ShiftTraffic::ABOUT.name).is_some();
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
    ground: &Ground,
    undo_failure: String,
    leftovers: Vec<Leftover>,
) -> Outcome {
    let (step, stopped) = ended_at(progress);
    Outcome::Stuck {
        step,
        cause: stopped.map_or_else(
            || "the run was stopped before its end".to_owned(),
            |stopped| stopped.cause.clone(),
        ),
        undo_failure,
        weights: ground.weights,
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
    use crate::steps::{ROLLBACK, TABLE};

    #[test]
    fn every_step_that_has_something_to_undo_can_be_undone_from_the_plan() {
        let of_rollback = ROLLBACK.iter().map(|step| step.about);
        let mut wanted = 0;
        for step in TABLE.into_iter().chain(of_rollback) {
            let is_undone = !step.undo.is_empty() && step.zone != Zone::Finish;
            wanted += usize::from(is_undone);
            assert_eq!(UNDOABLE.contains(&step), is_undone, "{}", step.name);
        }
        assert!(wanted > UNDOABLE.len(), "both tables were looked at");
    }

    fn progress(steps: &[(&str, Zone, Stage)], stopped: Option<Zone>) -> Progress {
        let entry = |(step, zone, stage): &(&str, Zone, Stage)| Entry {
            step: (*step).to_owned(),
            zone: *zone,
            stage: *stage,
            handle: serde_json::Value::Null,
            undone: None,
        };
        Progress {
            steps: steps.iter().map(entry).collect(),
            stopped: stopped.map(|zone| Stopped {
                step: "soak".to_owned(),
                zone,
                cause: "cancelled".to_owned(),
                cancelled: true,
            }),
        }
    }

    #[test]
    fn a_release_stands_once_its_commit_zone_is_done_and_it_was_not_being_undone() {
        let shifted = ("shift traffic", Zone::Commit, Stage::Done);
        let soaking = progress(&[shifted, ("soak", Zone::Commit, Stage::Started)], None);
        assert!(!goes_forward("deploy", &soaking));
        let soaked = [shifted, ("soak", Zone::Commit, Stage::Done)];
        assert!(goes_forward("deploy", &progress(&soaked, None)));
        assert!(!goes_forward(
            "deploy",
            &progress(&soaked, Some(Zone::Commit))
        ));
        assert!(goes_forward(
            "deploy",
            &progress(&soaked, Some(Zone::Finish))
        ));
        assert!(goes_forward("rollback", &progress(&[shifted], None)));
    }
}
