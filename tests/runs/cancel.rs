//! A release that is cancelled, at any moment: live answers as before and nothing is left, or it was too late and the
//! release stands.

use std::time::Duration;

use bg_deploy::aws::autoscaling;
use bg_deploy::deploy::deploy;
use bg_deploy::outcome::Outcome;
use bg_deploy::run::event::{Event, Zone};

use crate::support::standing::{Standing, assert_untouched};
use crate::support::{World, story};

/// Between two moments: no round number, so that the moments fall into different parts of AWS's rhythms.
const BETWEEN: Duration = Duration::from_millis(14_300);

#[tokio::test(start_paused = true)]
async fn cancelling_at_any_moment_leaves_no_trace_or_comes_too_late() {
    let world = World::with_a_release().await;
    let mut at = Duration::from_millis(50);
    let mut cancelled = 0;
    loop {
        let config = world.config("0.0.9", None);
        let (prepared, plan) = world.plan(&config).await;
        let before = Standing::look(&world, &plan).await;
        let cx = world.context().await;
        let bundle = prepared.bundle.file.path();
        let cancelling = async {
            cx.clock.sleep(at).await;
            cx.cancel.cancel();
        };
        let (finished, ()) = tokio::join!(deploy(&cx, &plan, bundle, None), cancelling);
        let why = format!("cancelled after {at:?}\n{}", story(&cx));
        match &finished.outcome {
            Outcome::Cancelled {
                serving, leftovers, ..
            } => {
                assert_eq!(serving, &plan.previous.release, "{why}");
                assert_eq!(leftovers, &[], "{why}");
                assert_untouched(&world, &plan, &before, &why).await;
                cancelled += 1;
            }
            Outcome::Deployed { .. } | Outcome::Unproven { .. } => {
                let too_late = cx.events.all().into_iter().any(|stamped| {
                    matches!(stamped.event, Event::StepBegan { step, .. } if step == "drain previous")
                });
                assert!(too_late, "{why}");
                assert_eq!(world.visit(&plan.url, None).await, "0.0.9", "{why}");
                let live = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await;
                let live = live.expect("the live group");
                assert_eq!(live.suspended, plan.idle_before.suspended, "{why}");
                break;
            }
            other => panic!("{other:#?}\n{why}"),
        }
        at += BETWEEN;
    }
    assert!(cancelled > 15, "{cancelled}");
}

#[tokio::test(start_paused = true)]
async fn cancelling_at_the_beginning_of_any_step_leaves_no_trace_or_comes_too_late() {
    let world = World::with_a_release().await;
    for about in bg_deploy::steps::TABLE {
        let (prepared, plan) = world.plan(&world.config("0.0.9", None)).await;
        let before = Standing::look(&world, &plan).await;
        let cx = world.context().await;
        let cancel = cx.cancel.clone();
        cx.events.listen(move |stamped| {
            if matches!(&stamped.event, Event::StepBegan { step, .. } if step == about.name) {
                cancel.cancel();
            }
        });
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        let why = format!("cancelled when {} began\n{}", about.name, story(&cx));
        match (&finished.outcome, about.zone) {
            (Outcome::Deployed { .. } | Outcome::Unproven { .. }, Zone::Finish) => {
                assert_eq!(world.visit(&plan.url, None).await, "0.0.9", "{why}");
                return;
            }
            (Outcome::Cancelled { leftovers, .. }, _) => {
                assert_eq!(leftovers, &[], "{why}");
                assert_untouched(&world, &plan, &before, &why).await;
            }
            (other, _) => panic!("{other:#?}\n{why}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_cancels_after_the_way_back_was_scaled_in_is_told_that_it_is_gone() {
    let world = World::with_a_previous().await;
    let mut told = Vec::new();
    for kept in [true, false] {
        let (prepared, plan) = world.plan(&world.config("0.0.9", None)).await;
        assert_eq!(plan.idle_before.capacity.desired > 0, kept);
        let cx = world.context().await;
        let cancel = cx.cancel.clone();
        cx.events.listen(move |stamped| {
            if matches!(&stamped.event, Event::StepBegan { step, .. } if step == "scale up idle group") {
                cancel.cancel();
            }
        });
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        assert!(
            matches!(finished.outcome, Outcome::Cancelled { .. }),
            "{finished:#?}"
        );
        told.push(story(&cx).contains("for a rollback in seconds is gone"));
    }
    assert_eq!(told, [true, false]);
}
