//! AWS carries a call out and its answer is lost, or carries it out later: no answer means unknown, never failed. Such
//! a release is deployed, or undone without a trace; it is never stuck.

use std::collections::BTreeMap;
use std::time::Duration;

use bg_deploy::aws::autoscaling;
use bg_deploy::deploy::deploy;
use bg_deploy::outcome::Outcome;
use bg_deploy::run::event::{Event, Zone};
use bg_deploy::steps::TABLE;
use local_aws::Answer;

use crate::support::rule::{Call, clear};
use crate::support::standing::{Standing, assert_untouched, traces};
use crate::support::{World, assert_deployed, story};

/// As often as any client asks again.
const ALWAYS: u32 = 20;
/// So late a call is carried out: after it was asked for again, and answered.
const LATE: Duration = Duration::from_secs(20);
/// Of the writes to S3 the first three are hit, with the bundle and the first of the run's state, and then every sixth: they
/// are the same write of the same object (tests/runs/lease.rs loses each kind of them).
const WRITES_HIT: (u32, u32) = (3, 6);

/// A world whose next release has something to clear and something to prune.
async fn world() -> World {
    let world = World::with_a_release().await;
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
    world
}

/// Every changing call of a release, in this world's kind of state.
async fn changing_calls(world: &World) -> Vec<Call> {
    let from = world.cloud.account().calls.len();
    let (finished, cx) = release(world, "0.0.3").await;
    assert_deployed(&finished, &cx);
    let mut seen: BTreeMap<(&'static str, &'static str), u32> = BTreeMap::new();
    let mut calls = Vec::new();
    for call in &world.cloud.account().calls[from..] {
        let known = TABLE.iter().flat_map(|step| step.calls);
        let Some(operation) = known.copied().find(|name| *name == call.operation) else {
            continue;
        };
        let service = match call.service.as_str() {
            "ec2" => "ec2",
            "ssm" => "ssm",
            "s3" => "s3",
            "autoscaling" => "autoscaling",
            _ => "elasticloadbalancing",
        };
        let nth = seen.entry((service, operation)).or_default();
        let skip = *nth;
        *nth += 1;
        if service == "s3" && skip >= WRITES_HIT.0 && !skip.is_multiple_of(WRITES_HIT.1) {
            continue;
        }
        calls.push(Call {
            service,
            operation,
            skip,
        });
    }
    calls
}

async fn release(
    world: &World,
    version: &str,
) -> (
    bg_deploy::deploy::Finished,
    bg_deploy::run::context::Context,
) {
    let mut config = world.config(version, None);
    config.retain.images = 2;
    world.deploy(&config).await
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_once_does_not_fail_a_release() {
    every_call(Answer::LoseReply, 1, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_carried_out_late_does_not_fail_a_release() {
    every_call(Answer::ApplyLate(LATE), 1, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_answers_are_all_lost_leaves_no_trace() {
    every_call(Answer::LoseReply, ALWAYS, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_always_carried_out_late_leaves_no_trace() {
    every_call(Answer::ApplyLate(LATE), ALWAYS, false).await;
}

async fn every_call(answer: Answer, times: u32, must_deploy: bool) {
    let world = world().await;
    let calls = changing_calls(&world).await;
    assert!(calls.len() >= 14, "{calls:?}");
    for (number, call) in calls.into_iter().enumerate() {
        let why = format!("{call:?} {answer:?} {times} times");
        let mut config = world.config(&format!("1.0.{number}"), None);
        config.retain.images = 2;
        let (prepared, plan) = world.plan(&config).await;
        let before = Standing::look(&world, &plan).await;
        call.meet(&mut world.cloud.account(), times, answer.clone());
        let cx = world.context().await;
        // Only the run forward is hit: what undoing calls is answered.
        let cloud = world.cloud.clone();
        cx.events.listen(move |stamped| {
            if let Event::StepFailed { .. } = &stamped.event {
                clear(&mut cloud.account());
            }
        });
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        clear(&mut world.cloud.account());
        let why = format!("{why}\n{}", story(&cx));
        match &finished.outcome {
            Outcome::Deployed { leftovers, .. } => {
                let forward = cx.events.all().iter().any(|stamped| {
                    matches!(&stamped.event, Event::StepFailed { step, .. } if zone(step) == Zone::Finish)
                });
                assert_eq!(leftovers.is_empty(), !forward, "{leftovers:#?}\n{why}");
                assert!(!(forward && must_deploy), "{why}");
                world.clock.sleep(Duration::from_secs(300)).await;
                let group = plan.idle_group();
                let live = autoscaling::describe_group(&cx.aws, &group).await;
                let live = live.expect("the live group");
                assert_eq!(live.suspended, plan.idle_before.suspended, "{why}");
                assert_eq!(live.members.len(), 2, "{why}");
                // Its instances, its image with a snapshot, its template version: once each.
                let left = traces(&world, &plan.deployment);
                assert_eq!(left.len(), 5, "{left:#?}\n{why}");
            }
            Outcome::RolledBack { leftovers, .. } if !must_deploy => {
                assert_eq!(leftovers, &[], "{why}");
                assert_untouched(&world, &plan, &before, &why).await;
                // So that the next one has something to clear again.
                let version = format!("1.0.{number}.again");
                let (finished, cx) = release(&world, &version).await;
                assert_deployed(&finished, &cx);
            }
            other => panic!("{other:#?}\n{why}"),
        }
    }
}

fn zone(step: &str) -> Zone {
    let about = TABLE.iter().find(|about| about.name == step);
    about.expect("a step of the table").zone
}
