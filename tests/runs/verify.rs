//! Verifications against the local cloud: green only for what was proved, no trace of it, and live as it was.

use bg_deploy::config::Config;
use bg_deploy::deploy::Finished;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::{Decision, Plan};
use bg_deploy::prepare::{Prepared, prepare_verification};
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::verify::verify;
use local_aws::sample_app::AppFault;

use crate::support::standing::{Standing, assert_untouched};
use crate::support::{World, story};

/// Whose job has the role of a check.
const CHECKER: &str = "AKIDVERIFY";

pub(crate) async fn prepare(world: &World, config: &Config, discard: bool) -> Prepared {
    let release = config.release.clone().expect("a release");
    prepare_verification(&world.aws_of(CHECKER).await, config, &release, discard)
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
    discard: bool,
    set: impl Fn(&Context),
) -> (Finished, Context) {
    let prepared = prepare(world, config, discard).await;
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
    let cx = world.context_of(world.aws_of(CHECKER).await).await;
    set(&cx);
    let finished = verify(&cx, &plan, prepared.bundle.file.path()).await;
    (finished, cx)
}

#[tokio::test(start_paused = true)]
async fn a_good_release_is_verified_and_leaves_no_trace() {
    let world = World::with_a_release().await;
    let (finished, cx) = run(&world, &world.config("0.0.2", None), false, |_| {}).await;
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
    let (finished, cx) = run(&world, &wrong, false, |_| {}).await;
    let found = matches!(&finished.outcome, Outcome::RolledBack { step, traffic_moved: false, .. } if step == "probe version");
    assert!(found, "{:#?}\n{}", finished.outcome, story(&cx));
    let good = world.config("0.0.3", None);
    let (finished, cx) = run(&world, &good, false, |cx| {
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
    let prepared = prepare(&world, &world.config("0.0.1", None), false).await;
    let reason = refusal(&prepared);
    assert!(reason.contains("nothing to verify"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn what_is_retained_is_given_up_only_when_that_is_said() {
    let world = World::with_a_previous().await;
    let config = world.config("0.0.3", None);
    let prepared = prepare(&world, &config, false).await;
    let reason = refusal(&prepared);
    for word in [
        "0.0.1 is still up on green",
        "bg-deploy verify --environment test --discard-previous",
        "for = \"0s\"",
    ] {
        assert!(reason.contains(word), "no {word} in: {reason}");
    }
    let (finished, cx) = run(&world, &config, true, |_| {}).await;
    assert!(
        matches!(finished.outcome, Outcome::Verified { .. }),
        "{:#?}\n{}",
        finished.outcome,
        story(&cx)
    );
}
