//! Verifications against the local cloud: green only for what was proved, no trace of it, and live as it was.

use std::time::Duration;

use bg_deploy::config::Config;
use bg_deploy::deploy::Finished;
use bg_deploy::doctor::Finding;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::{Decision, Plan};
use bg_deploy::prepare::{Prepared, prepare_verification};
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::verify::verify;
use local_aws::sample_app::AppFault;

use crate::doctor::consult;
use crate::support::standing::{Standing, assert_untouched, traces};
use crate::support::{World, assert_deployed, story};

/// Whose job has the role of a check.
const CHECKER: &str = "AKIDVERIFY";

pub(crate) async fn prepare(world: &World, config: &Config) -> Prepared {
    let release = config.release.clone().expect("a release");
    prepare_verification(&world.aws_of(CHECKER).await, config, &release)
        .await
        .expect("a decision")
}

fn plan_of(prepared: &Prepared) -> Plan {
    match prepared.decision.clone() {
        Decision::Release(plan) => *plan,
        other => panic!("no verification: {other:?}"),
    }
}

fn refusal(prepared: &Prepared) -> &str {
    match &prepared.decision {
        Decision::Refused(reason) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// Verifies; `set` is told the context before anything begins.
pub(crate) async fn run(
    world: &World,
    config: &Config,
    set: impl Fn(&Context),
) -> (Finished, Context) {
    let prepared = prepare(world, config).await;
    let plan = plan_of(&prepared);
    let before = Standing::look(world, &plan).await;
    let (finished, cx) = carry_out(world, &prepared, set).await;
    assert_untouched(world, &plan, &before, &story(&cx)).await;
    (finished, cx)
}

/// The same of what was prepared, whatever it leaves.
pub(crate) async fn carry_out(
    world: &World,
    prepared: &Prepared,
    set: impl Fn(&Context),
) -> (Finished, Context) {
    let plan = plan_of(prepared);
    let cx = world.context_to_verify(world.aws_of(CHECKER).await).await;
    set(&cx);
    let finished = verify(&cx, &plan, prepared.bundle.file.path()).await;
    (finished, cx)
}

#[tokio::test(start_paused = true)]
async fn a_good_release_is_verified_and_leaves_no_trace() {
    let world = World::with_a_release().await;
    let (finished, cx) = run(&world, &world.config("0.0.2", None), |_| {}).await;
    let Outcome::Verified {
        release,
        serving,
        undone,
        leftovers,
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(release.0, "0.0.2");
    assert_eq!(serving.as_ref().map(|it| it.0.as_str()), Some("0.0.1"));
    for word in ["emptied", "template version", "removed image"] {
        assert!(undone.iter().any(|line| line.contains(word)), "{undone:?}");
    }
    assert_eq!(leftovers, &[]);
    assert_eq!(finished.outcome.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_broken_release_is_found_and_a_cancel_leaves_no_trace() {
    let world = World::with_a_release().await;
    let wrong = world.config("0.0.2", Some(AppFault::WrongVersion));
    let (finished, cx) = run(&world, &wrong, |_| {}).await;
    let found = matches!(&finished.outcome, Outcome::RolledBack { step, traffic_moved: false, .. } if step == "probe version");
    assert!(found, "{:#?}\n{}", finished.outcome, story(&cx));
    let good = world.config("0.0.3", None);
    let (finished, cx) = run(&world, &good, |cx| {
        let cancel = cx.cancel.clone();
        cx.events.listen(move |stamped| {
            if matches!(&stamped.event, Event::StepBegan { step, .. } if step == "smoke test") {
                cancel.cancel();
            }
        });
    })
    .await;
    assert_eq!(finished.outcome.exit_code(), 5, "{}", story(&cx));
}

#[tokio::test(start_paused = true)]
async fn what_is_live_already_verifies_nothing() {
    let world = World::with_a_release().await;
    let prepared = prepare(&world, &world.config("0.0.1", None)).await;
    let reason = refusal(&prepared);
    assert!(reason.contains("nothing to verify"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn what_is_retained_stays_and_can_be_gone_back_to() {
    let world = World::with_a_previous().await;
    let (finished, cx) = run(&world, &world.config("0.0.3", None), |_| {}).await;
    assert_eq!(finished.outcome.exit_code(), 0, "{}", story(&cx));
    let (finished, _, cx) = world.rollback(None).await;
    assert_eq!(finished.outcome.exit_code(), 0, "{}", story(&cx));
    let is_there =
        matches!(&finished.outcome, Outcome::Deployed { release, .. } if release.0 == "0.0.1");
    assert!(is_there, "{:?}", finished.outcome);
}

#[tokio::test(start_paused = true)]
async fn what_a_verification_left_that_was_killed_is_gone_before_the_next_asks_anything() {
    let world = World::with_a_release().await;
    let prepared = prepare(&world, &world.config("0.0.2", None)).await;
    let plan = plan_of(&prepared);
    let cx = world.context_to_verify(world.aws_of(CHECKER).await).await;
    let is_up =
        |event: &Event| matches!(event, Event::StepBegan { step, .. } if step == "smoke test");
    let up = async {
        while !cx.events.all().iter().any(|it| is_up(&it.event)) {
            cx.clock.sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        _ = verify(&cx, &plan, prepared.bundle.file.path()) => panic!("it goes on"),
        () = up => {}
    }
    let left = world.cloud.account().autoscaling.groups["bgd-hello-test-verify"].desired;
    assert!(left > 0, "nothing is left of it");
    let config = world.config("0.0.3", None);
    let told = |found: Vec<Finding>| {
        let mut all = found.into_iter();
        all.find(|it| it.what == "verification-forgotten")
    };
    let found = told(consult(&world, &config).await).expect("it is found");
    for words in [
        "2 instances of bgd-hello-test-verify",
        "says nothing any more",
    ] {
        assert!(found.seen.contains(words), "{found:?}");
    }
    assert!(found.remedy.contains("bg-deploy finish"), "{found:?}");
    let prepared = prepare(&world, &config).await;
    let (finished, cx) = carry_out(&world, &prepared, |_| {}).await;
    assert_eq!(finished.outcome.exit_code(), 0, "{}", story(&cx));
    let groups = &world.cloud.account().autoscaling.groups;
    assert_eq!(groups["bgd-hello-test-verify"].desired, 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_fleet_of_its_own_nothing_is_verified_and_a_release_goes_on() {
    let world = World::with_a_release().await;
    world
        .cloud
        .account()
        .autoscaling
        .groups
        .remove("bgd-hello-test-verify");
    let config = world.config("0.0.2", None);
    let prepared = prepare(&world, &config).await;
    let reason = refusal(&prepared);
    for word in [
        "(bgd-hello-test-verify)",
        "its Auto Scaling group",
        "bg-deploy provision",
    ] {
        assert!(reason.contains(word), "no {word} in: {reason}");
    }
    let (finished, cx) = world.deploy(&config).await;
    assert_eq!(finished.outcome.exit_code(), 0, "{}", story(&cx));
}

#[tokio::test(start_paused = true)]
async fn a_verification_and_a_release_go_on_beside_each_other() {
    let world = World::with_a_release().await;
    let prepared = prepare(&world, &world.config("0.0.2", None)).await;
    let config = world.config("0.0.3", None);
    let ((verified, of_it), (released, cx)) =
        tokio::join!(carry_out(&world, &prepared, |_| {}), world.deploy(&config));
    // What it says of who serves is as it is at its end.
    let is_verified = matches!(&verified.outcome, Outcome::Verified { serving: Some(serving), .. } if serving.0 == "0.0.3");
    assert!(is_verified, "{:#?}\n{}", verified.outcome, story(&of_it));
    assert_deployed(&released, &cx);
    let left = traces(&world, &plan_of(&prepared).deployment);
    assert_eq!(left, Vec::<String>::new());
}
