//! A run whose process is gone, at any point, and `finish` from what was on disk: live answers as before and nothing is
//! left, or the release stands and the rest of it is done. What belongs to a newer run stays.

pub(crate) mod killed;
mod state;

use std::future::{Future as _, poll_fn};
use std::task::Poll;
use std::time::Duration;

use bg_deploy::aws::{Aws, autoscaling};
use bg_deploy::deploy::deploy;
use bg_deploy::finish::finish;
use bg_deploy::names::Weights;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;
use bg_deploy::rollback::rollback;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::{Event, Zone};
use bg_deploy::run::progress::Phase;
use bg_deploy::run::step::About;
use bg_deploy::run::step_id::StepId;
use bg_deploy::scale_in;
use bg_deploy::steps::{ROLLBACK, TABLE};
use killed::{assert_undone, canary, finished, kill, kill_at, kill_run, kill_with};
use local_aws::Answer;

use crate::support::rule::{clear, next};
use crate::support::standing::Standing;
use crate::support::{World, assert_deployed, by_hand, story};

/// Whether the release stands once this step has begun.
fn stands(about: &About) -> bool {
    about.zone == Zone::Finish || about.id == StepId::DisarmGuard
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_before_it_settles_any_step_is_undone_without_a_trace() {
    let world = World::with_a_release().await;
    for about in TABLE.iter().filter(|about| !stands(about)) {
        let killed = kill_at(&world, &world.config("0.0.9", None), about.id).await;
        assert_undone(&world, &killed, about.name).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_before_it_knows_that_a_call_was_carried_out_is_undone_without_a_trace() {
    let world = World::with_a_release().await;
    let mut met = 0;
    for about in TABLE.iter().filter(|about| !stands(about)) {
        for operation in about.calls {
            // Nothing is retained here that could be cleared; what comes beside the weights is made after them, or was so.
            let beside = about.id == StepId::ShiftTraffic && *operation != "ModifyRule";
            if about.id == StepId::ClearIdle || beside {
                continue;
            }
            let cloud = world.cloud.clone();
            let count = move || {
                let account = cloud.account();
                let calls = account.calls.iter();
                calls.filter(|call| call.operation == *operation).count()
            };
            let from = std::cell::Cell::new(None);
            let killed = kill(&world, &world.config("0.0.9", None), |cx| {
                if cx.journal.progress().of(about.id).is_none() {
                    return false;
                }
                if from.get().is_none() {
                    from.set(Some(count()));
                }
                from.get().is_some_and(|from| count() > from)
            })
            .await;
            let noted = killed.state().progress;
            let entry = noted.of(about.id).expect("the step");
            assert_eq!(entry.phase, Phase::Began, "{} {operation}", about.name);
            let why = format!("{} {operation}", about.name);
            assert_undone(&world, &killed, &why).await;
            met += 1;
        }
    }
    assert!(met >= 7, "{met}");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_is_killed_leaves_what_it_would_have_gone_back_to() {
    let world = World::with_a_previous().await;
    let skipped = [
        StepId::PublishTemplate,
        StepId::ClearIdle,
        StepId::ScaleUpIdle,
        StepId::SmokeTest,
        StepId::ProbeVersion,
    ];
    let steps = ROLLBACK.iter().map(|step| step.about);
    for about in steps.filter(|about| !stands(about) && !skipped.contains(&about.id)) {
        let plan = world.plan_rollback(None).await;
        let run = async |cx: &Context, plan: &Plan| rollback(cx, plan, None).await;
        let is_there = |cx: &Context| {
            let progress = cx.journal.progress();
            let entry = progress.of(about.id);
            entry.is_some_and(|entry| entry.phase != Phase::Began)
        };
        let killed = kill_run(&world, ("rollback", plan), run, |_| {}, is_there).await;
        assert_undone(&world, &killed, about.name).await;
        let group = killed.plan.idle_group();
        let aws = world.aws().await;
        let held = autoscaling::describe_group(&aws, &group)
            .await
            .expect("a group");
        assert!(!held.members.is_empty(), "{}", about.name);
        let due = due(&aws, &killed.plan).await;
        assert_eq!(due, [group], "{}", about.name);
    }
}

/// The groups that are to be scaled in.
async fn due(aws: &Aws, plan: &Plan) -> Vec<String> {
    let due = scale_in::find(aws, &plan.names().scale_in_runbook()).await;
    let due = due.expect("an answer");
    let due = due.into_iter().filter(|due| !due.is_ending);
    due.map(|due| due.group).collect()
}

/// When the data plane was seen to obey these weights.
fn has_seen(cx: &Context, weights: Weights) -> bool {
    cx.events
        .all()
        .iter()
        .any(|it| matches!(&it.event, Event::WeightsSeen { weights: seen, .. } if *seen == weights))
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_at_any_stage_of_a_canary_gets_its_weights_restored() {
    let world = World::with_a_release().await;
    for percent in [20, 60, 100] {
        let config = canary(&world, "0.0.9");
        let (_, plan) = world.plan(&config).await;
        let stage = Weights::split(plan.idle, percent);
        let killed = kill(&world, &config, |cx| has_seen(cx, stage)).await;
        assert_undone(&world, &killed, &format!("{percent} %")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn finishing_that_is_killed_in_its_middle_and_done_again_ends_the_same() {
    let world = World::with_a_release().await;
    let mut calls = 0;
    loop {
        let killed = kill_at(&world, &world.config("0.0.9", None), StepId::Soak).await;
        let cx = world.context().await;
        let from = world.cloud.account().calls.len();
        calls += 17;
        let is_finished = {
            let mut run = Box::pin(finish(&cx, Some(&killed.file), killed.state()));
            poll_fn(|task| {
                if world.cloud.account().calls.len() >= from + calls {
                    return Poll::Ready(false);
                }
                run.as_mut().poll(task).map(|_| true)
            })
            .await
        };
        assert_undone(
            &world,
            &killed,
            &format!("finish killed after {calls} calls"),
        )
        .await;
        if is_finished {
            // That was once more, when nothing was left to do.
            break;
        }
    }
    assert!(calls > 17, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_after_its_commit_stands_and_the_rest_of_it_is_done() {
    let world = World::with_a_release().await;
    for (number, about) in TABLE.iter().filter(|about| stands(about)).enumerate() {
        let version = format!("1.0.{number}");
        let killed = kill_at(&world, &world.config(&version, None), about.id).await;
        let (ending, cx) = finished(&world, &killed).await;
        let why = format!("{}\n{}\nfinish:\n{}", about.name, killed.story, story(&cx));
        match &ending.finished.outcome {
            Outcome::Unproven {
                release, leftovers, ..
            } => {
                assert_eq!(release.0, version, "{why}");
                assert_eq!(leftovers, &[], "{why}");
            }
            other => panic!("{other:#?}\n{why}"),
        }
        let plan = &killed.plan;
        let live = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await;
        assert_eq!(
            live.expect("a group").suspended,
            plan.idle_before.suspended,
            "{why}"
        );
        let previous = plan.names().group(plan.live);
        assert_eq!(due(&cx.aws, plan).await, [previous], "{why}");
        for _ in 0..20 {
            assert_eq!(world.visit(&plan.url, None).await, version, "{why}");
        }
    }
    let (finished, cx) = world.deploy(&world.config("1.1.0", None)).await;
    assert_deployed(&finished, &cx);
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_while_it_was_undone_is_undone_to_the_end() {
    let world = World::with_a_release().await;
    let cancel_after_soak = |cx: &Context| {
        let cancel = cx.cancel.clone();
        cx.events.listen(move |stamped| {
            if matches!(&stamped.event, Event::StepDone { step, .. } if step == "soak") {
                cancel.cancel();
            }
        });
    };
    let is_stopped = |cx: &Context| cx.journal.progress().stopped.is_some();
    let config = world.config("0.0.9", None);
    let killed = kill_with(&world, &config, cancel_after_soak, is_stopped).await;
    assert!(killed.state().progress.has_done(StepId::ShiftTraffic));
    assert_undone(&world, &killed, "cancelled after the soak").await;
}

#[tokio::test(start_paused = true)]
async fn what_a_newer_run_has_taken_over_is_left_to_it() {
    let world = World::with_a_release().await;
    for step in [StepId::ScaleUpIdle, StepId::OpenPreview, StepId::Soak] {
        let killed = kill_at(&world, &world.config("0.0.9", None), step).await;
        let (finished_newer, newer) = world
            .deploy(&world.config(&format!("2.{step:?}"), None))
            .await;
        assert_deployed(&finished_newer, &newer);
        let (_, plan) = world.plan(&world.config("0.0.10", None)).await;
        let before = Standing::look(&world, &plan).await;
        let (ending, cx) = finished(&world, &killed).await;
        let why = format!("{step:?}\n{}", story(&cx));
        assert!(ending.is_complete, "{why}");
        world.clock.sleep(Duration::from_secs(300)).await;
        assert_eq!(Standing::look(&world, &plan).await, before, "{why}");
        let serving = world.visit(&plan.url, None).await;
        assert!(serving.starts_with("2."), "{serving}\n{why}");
        match &ending.finished.outcome {
            Outcome::Stopped { serving: said, .. } => {
                assert_eq!(said.as_ref().map(|it| it.0.clone()), Some(serving), "{why}");
            }
            other => panic!("{other:#?}\n{why}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn weights_that_a_person_wrote_stay_and_so_does_what_serves_by_them() {
    let world = World::with_a_release().await;
    let killed = kill_at(&world, &canary(&world, "0.0.9"), StepId::ShiftTraffic).await;
    let plan = &killed.plan;
    let cx = world.context().await;
    let theirs = Weights::split(plan.idle, 33);
    by_hand(&cx, plan, theirs).await;
    let before = Standing::look(&world, plan).await;
    let (ending, cx) = finished(&world, &killed).await;
    world.clock.sleep(Duration::from_secs(300)).await;
    // It serves, so nothing keeps it from growing any more.
    let after = Standing::look(&world, plan).await;
    assert_eq!(after, before.with_idle_thawed(), "{}", story(&cx));
    let Outcome::Stopped {
        leftovers, weights, ..
    } = &ending.finished.outcome
    else {
        panic!("{:#?}", ending.finished.outcome);
    };
    assert_eq!(*weights, Some(theirs));
    let why = leftovers
        .iter()
        .any(|left| left.what.contains("did not write"));
    assert!(why, "{leftovers:#?}");
}

#[tokio::test(start_paused = true)]
async fn from_cancelling_to_the_restored_weights_it_takes_less_than_two_seconds_whatever_is_waited_for()
 {
    let world = World::with_a_release().await;
    let stages = ["written", "seen", "soak"];
    for stage in stages {
        let config = canary(&world, "0.0.9");
        let (prepared, plan) = world.plan(&config).await;
        let cx = world.context().await;
        let cloud = world.cloud.clone();
        let first = Weights::split(plan.idle, 20);
        cx.events.listen(move |stamped| {
            let is_now = match &stamped.event {
                Event::WeightsWritten { weights } => stage == "written" && *weights == first,
                Event::WeightsSeen { weights, .. } => stage == "seen" && *weights == first,
                Event::StepBegan { step, .. } => stage == "soak" && step == "soak",
                _ => false,
            };
            if is_now {
                // What is looked at next hangs.
                let hang = Answer::Delay(Duration::from_secs(100));
                let account = &mut cloud.account();
                next("elasticloadbalancing", "DescribeRules").meet(account, 1, hang.clone());
                next("elasticloadbalancing", "DescribeTargetHealth").meet(account, 1, hang);
            }
        });
        let begun = cx.events.begun();
        let cancelled_at = std::cell::Cell::new(Duration::ZERO);
        let cancelling = async {
            loop {
                cx.clock.sleep(Duration::from_millis(500)).await;
                let hit = cx.events.all().iter().any(|it| match &it.event {
                    Event::WeightsWritten { weights } => stage == "written" && *weights == first,
                    Event::WeightsSeen { weights, .. } => stage == "seen" && *weights == first,
                    Event::StepBegan { step, .. } => stage == "soak" && step == "soak",
                    _ => false,
                });
                if hit {
                    break;
                }
            }
            // The undoing's own calls are answered.
            let wait = if stage == "soak" { 33 } else { 1 };
            cx.clock.sleep(Duration::from_secs(wait)).await;
            clear(&mut world.cloud.account());
            cancelled_at.set(cx.clock.wall() - begun);
            cx.cancel.cancel();
        };
        let bundle = prepared.bundle.file.path();
        let (_, ()) = tokio::join!(deploy(&cx, &plan, bundle, None), cancelling);
        let restored = cx.events.all().into_iter().find(|it| {
            matches!(&it.event, Event::WeightsWritten { weights } if *weights == plan.previous.weights)
        });
        let restored = restored.unwrap_or_else(|| panic!("{stage}\n{}", story(&cx)));
        let took = restored.at.saturating_sub(cancelled_at.get());
        assert!(
            took < Duration::from_secs(2),
            "{stage}: {took:?}\n{}",
            story(&cx)
        );
    }
}
