//! The colour that is kept for a rollback is scaled in when its time comes, by AWS itself, and never while it serves.

use std::time::Duration;

use bg_deploy::aws::autoscaling;
use bg_deploy::plan::Plan;
use bg_deploy::scale_in;
use local_aws::account::ssm::automations::Status;

use crate::support::{World, assert_deployed, by_hand, story};

/// Visitors asked, on fresh connections.
const VISITORS: usize = 30;

/// A world in which 0.0.2 has just become live, and 0.0.1 is kept for this long; the plan that led there.
async fn keeping(retained: Duration) -> (World, Plan) {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    config.retain.previous_for = retained;
    let (_, plan) = world.plan(&config).await;
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    (world, plan)
}

async fn instances(world: &World, group: &str) -> usize {
    let group = autoscaling::describe_group(&world.aws().await, group).await;
    group.expect("a group").members.len()
}

/// How every scale-in of this group stands, by the local cloud's own books.
fn scale_ins(world: &World, group: &str) -> Vec<Status> {
    let account = world.cloud.account();
    let all = account.ssm.automations.values();
    let mut all: Vec<_> = all
        .filter(|run| run.document.ends_with("-scale-in"))
        .filter(|run| {
            run.parameters
                .get(scale_in::GROUP)
                .is_some_and(|of| of == group)
        })
        .map(|run| run.status)
        .collect();
    all.sort_by_key(|status| status.is_final());
    all
}

#[tokio::test(start_paused = true)]
async fn the_previous_colour_is_kept_for_its_time_and_then_scaled_in_though_no_run_lives() {
    let (world, plan) = keeping(Duration::from_secs(3600)).await;
    let previous = plan.names().group(plan.live);
    world.clock.sleep(Duration::from_secs(3400)).await;
    assert_eq!(instances(&world, &previous).await, 2);
    world.clock.sleep(Duration::from_secs(800)).await;
    assert_eq!(instances(&world, &previous).await, 0);
    assert_eq!(scale_ins(&world, &previous), [Status::Success]);
    for _ in 0..VISITORS {
        assert_eq!(world.visit(&plan.url, None).await, "0.0.2");
    }
}

#[tokio::test(start_paused = true)]
async fn weights_that_somebody_moves_back_within_that_time_keep_the_colour_up_though_no_run_follows()
 {
    for (blue, green) in [(0, 100), (100, 0), (50, 50)] {
        let (world, plan) = keeping(Duration::from_secs(3600)).await;
        let after = bg_deploy::names::Weights { blue, green };
        let is_back = after.of(plan.live) > 0;
        by_hand(&world.context().await, &plan, after).await;
        world.clock.sleep(Duration::from_secs(2 * 3600)).await;
        let previous = plan.names().group(plan.live);
        let kept = instances(&world, &previous).await;
        assert_eq!(kept, if is_back { 2 } else { 0 }, "{after}");
        for _ in 0..VISITORS {
            let answer = world.visit(&plan.url, None).await;
            assert!(answer.starts_with("0.0."), "{after}: {answer}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_scale_in_of_what_is_live_again_is_taken_back_by_the_next_release() {
    let (world, plan) = keeping(Duration::from_secs(900)).await;
    let again = plan.names().group(plan.live);
    by_hand(&world.context().await, &plan, plan.previous.weights).await;
    // Once this release has all the traffic, the weights are again as the first one left them; its soak is longer than what was
    // left of the time.
    let mut config = world.config("0.0.3", None);
    config.shift.soak = Duration::from_secs(1200);
    config.retain.previous_for = Duration::from_secs(6 * 3600);
    let (_, next) = world.plan(&config).await;
    assert_eq!(next.live, plan.live);
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    world.clock.sleep(Duration::from_secs(3600)).await;
    assert_eq!(instances(&world, &again).await, 2, "{}", story(&cx));
    let scale_ins = scale_ins(&world, &again);
    assert_eq!(scale_ins, [Status::InProgress, Status::Cancelled]);
}

#[tokio::test(start_paused = true)]
async fn a_runbook_that_is_gone_is_told_before_any_weight_moves() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let (prepared, plan) = world.plan(&config).await;
    let runbook = plan.names().scale_in_runbook();
    world.cloud.account().ssm.documents.remove(&runbook);
    let cx = world.context().await;
    let finished = bg_deploy::deploy::deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    let told = story(&cx);
    assert!(
        told.contains(&format!(
            "there is no runbook {runbook}: bg-deploy provision --environment test"
        )),
        "{:#?}\n{told}",
        finished.outcome
    );
    for _ in 0..VISITORS {
        assert_eq!(world.visit(&plan.url, None).await, "0.0.1");
    }
}
