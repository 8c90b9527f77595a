//! Rollbacks that fail, at every step: live and the retained colour stay as they were.

use std::collections::BTreeMap;
use std::time::Duration;

use bg_deploy::aws::autoscaling;
use bg_deploy::config::Smoke;
use bg_deploy::outcome::Outcome;
use bg_deploy::rollback::rollback;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::{Event, Zone};
use bg_deploy::steps::ROLLBACK;
use local_aws::pace::Spread;

use super::instances;
use crate::support::rule::{Call, clear, next, second};
use crate::support::standing::{Standing, assert_untouched, traces};
use crate::support::{World, assert_deployed, story};

const AUTOSCALING: &str = "autoscaling";
const ELB: &str = "elasticloadbalancing";

/// How a step of a rollback is made to fail.
#[derive(Clone, Copy, Debug)]
enum How {
    Refuse(Call),
    SlowNodes,
    Cancel,
}

const FAILURES: [(&str, How); 15] = [
    ("start probe", How::Cancel),
    (
        "hold previous",
        How::Refuse(next(AUTOSCALING, "DescribeScalingActivities")),
    ),
    (
        "hold previous",
        How::Refuse(next(AUTOSCALING, "SuspendProcesses")),
    ),
    (
        "hold previous",
        How::Refuse(next("ssm", "StopAutomationExecution")),
    ),
    (
        "hold previous",
        How::Refuse(next("ssm", "StopAutomationExecution")),
    ),
    (
        "hold previous",
        How::Refuse(next(AUTOSCALING, "DescribeAutoScalingGroups")),
    ),
    ("hold previous", How::Cancel),
    (
        "await healthy",
        How::Refuse(next(ELB, "DescribeTargetHealth")),
    ),
    ("open preview route", How::Refuse(next(ELB, "ModifyRule"))),
    (
        "arm guard",
        How::Refuse(next("ssm", "StartAutomationExecution")),
    ),
    ("shift traffic", How::Refuse(next(ELB, "DescribeRules"))),
    ("shift traffic", How::Refuse(next(ELB, "ModifyRule"))),
    ("shift traffic", How::Refuse(second(ELB, "DescribeRules"))),
    ("shift traffic", How::SlowNodes),
    (
        "disarm guard",
        How::Refuse(next("ssm", "StopAutomationExecution")),
    ),
];

#[test]
fn no_step_of_a_rollback_while_the_previous_colour_is_up_is_missing_here() {
    for step in ROLLBACK {
        let is_taken = ["", "the previous colour is up"].contains(&step.when);
        let named = FAILURES.iter().any(|(name, _)| *name == step.about.name);
        let undone = step.about.zone != Zone::Finish;
        assert!(named || !is_taken || !undone, "{}", step.about.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_at_any_step_leaves_live_and_the_retained_colour_as_they_were() {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    config.retain.previous_for = Duration::from_secs(6 * 86_400);
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    for (step, how) in FAILURES {
        let plan = world.plan_rollback(None).await;
        let before = Standing::look(&world, &plan).await;
        assert!(before.retains(), "{before:?}");
        let known = instances(&world);
        let cx = world.context().await;
        arrange(&world, &cx, step, how);
        let finished = rollback(&cx, &plan, None).await;
        let why = format!("{step}, {how:?}\n{}", story(&cx));
        assert!(clear(&mut world.cloud.account()), "met no call: {why}");
        match (&finished.outcome, how) {
            (Outcome::Cancelled { leftovers, .. }, How::Cancel)
            | (Outcome::RolledBack { leftovers, .. }, _) => assert_eq!(leftovers, &[], "{why}"),
            (other, _) => panic!("{other:#?}\n{why}"),
        }
        assert_untouched(&world, &plan, &before, &why).await;
        assert_eq!(Standing::look(&world, &plan).await, before, "{why}");
        // EC2 forgets what has ended; nothing may have been added.
        assert!(instances(&world).is_subset(&known), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_scale_in_that_was_due_meanwhile_still_comes_after_a_rollback_that_failed() {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    config.retain.previous_for = Duration::from_secs(120);
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    let plan = world.plan_rollback(None).await;
    let cx = world.context().await;
    arrange(&world, &cx, "shift traffic", How::SlowNodes);
    let finished = rollback(&cx, &plan, None).await;
    let Outcome::RolledBack { cause, .. } = &finished.outcome else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert!(
        cause
            .words
            .contains("0.0.1 has not answered anybody for 90 s"),
        "{cause:?}"
    );
    let group = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await;
    assert_eq!(group.expect("the group").members.len(), 2, "it is still up");
    world.clock.sleep(Duration::from_secs(600)).await;
    let group = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await;
    assert_eq!(group.expect("the group").members.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_fails_while_the_traffic_moves_turns_the_shift_around() {
    let world = World::with_a_previous().await;
    let mut plan = world.plan_rollback(None).await;
    plan.smoke.push(Smoke {
        name: "of something else".to_owned(),
        method: "GET".to_owned(),
        path: "/version".to_owned(),
        headers: BTreeMap::new(),
        body: None,
        status: 418,
        expect_headers: BTreeMap::new(),
        json: BTreeMap::new(),
        text: None,
        within: Duration::from_secs(5),
    });
    let before = Standing::look(&world, &plan).await;
    let cx = world.context().await;
    let finished = rollback(&cx, &plan, None).await;
    let why = story(&cx);
    let Outcome::RolledBack { cause, .. } = &finished.outcome else {
        panic!("{:#?}\n{why}", finished.outcome);
    };
    assert!(
        cause.words.contains("1 of 2 smoke tests failed"),
        "{cause:?}"
    );
    let is_written = |event: &Event| matches!(event, Event::WeightsWritten { .. });
    let all = cx.events.all();
    let written = all.iter().filter(|one| is_written(&one.event));
    assert_eq!(written.count(), 2, "there and back\n{why}");
    assert_untouched(&world, &plan, &before, &why).await;
}

#[tokio::test(start_paused = true)]
async fn an_earlier_release_that_fails_to_come_up_leaves_no_trace() {
    let world = World::with_a_previous().await;
    let (finished, cx) = world.deploy(&world.config("0.0.3", None)).await;
    assert_deployed(&finished, &cx);
    let plan = world.plan_rollback(Some("0.0.1")).await;
    let before = Standing::look(&world, &plan).await;
    let cx = world.context().await;
    arrange(&world, &cx, "open preview route", How::SlowNodes);
    let finished = rollback(&cx, &plan, None).await;
    assert!(
        matches!(finished.outcome, Outcome::RolledBack { .. }),
        "{}",
        story(&cx)
    );
    assert_untouched(&world, &plan, &before, "earlier").await;
    assert!(traces(&world, &plan.deployment).is_empty());
}

/// Sets the fault when the step begins, so that no earlier step's calls meet it.
fn arrange(world: &World, cx: &Context, begins: &'static str, how: How) {
    let cloud = world.cloud.clone();
    let usual = cloud.account().pace.node_propagation;
    let cancel = cx.cancel.clone();
    cx.events.listen(move |stamped| match &stamped.event {
        Event::StepBegan { step, .. } if step == begins => match how {
            How::Refuse(call) => call.refuse(&mut cloud.account()),
            How::SlowNodes => {
                cloud.account().pace.node_propagation = Spread::seconds(900, 1.0, 900);
            }
            How::Cancel => cancel.cancel(),
        },
        Event::StepFailed { .. } => cloud.account().pace.node_propagation = usual,
        _ => {}
    });
}
