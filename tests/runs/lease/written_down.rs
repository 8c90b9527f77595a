//! What a run is about to do is known where the lease is, before it is done.

use bg_deploy::aws::{autoscaling, elbv2};
use bg_deploy::deploy::deploy;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;
use bg_deploy::rollback::rollback;
use bg_deploy::run::context::Context;
use local_aws::{Answer, Fault};

use super::{assert_all_get, keeping_a_journal};
use crate::support::{World, assert_deployed, story};

/// A way back with its turn, whose journal is kept.
async fn about_to_go_back(world: &World) -> (Plan, Context) {
    let plan = world.plan_rollback(None).await;
    let cx = keeping_a_journal(world, "rollback", &plan).await;
    (plan, cx)
}

fn take_the_lease_out_of_reach(world: &World) {
    let refusal = Answer::Refuse("ServiceUnavailable".into(), 503, "on purpose".into());
    world
        .cloud
        .inject(Fault::on("s3", "PutObject", refusal).for_ever());
}

/// What changed something since the first `from` calls, in order.
fn changes(world: &World, from: usize) -> Vec<String> {
    let account = world.cloud.account();
    let since = account.calls[from..].iter();
    let changes = since.filter(|call| call.is_mutating());
    changes.map(|call| call.operation.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn steps_side_by_side_are_written_down_by_one_write_before_any_of_them_changes_anything() {
    let world = World::with_a_previous().await;
    let (plan, cx) = about_to_go_back(&world).await;
    let from = world.cloud.account().calls.len();
    let finished = rollback(&cx, &plan, None).await;
    assert_deployed(&finished, &cx);
    let changes = changes(&world, from);
    let (first, mut side_by_side) = (&changes[0], changes[1..5].to_vec());
    side_by_side.sort();
    assert_eq!(first, "PutObject", "{changes:?}");
    assert_eq!(
        side_by_side,
        [
            "ModifyRule",
            "StartAutomationExecution",
            "StopAutomationExecution",
            "SuspendProcesses"
        ],
        "{changes:?}"
    );
    // And the shift is, before its weights.
    assert_eq!(changes[5..7], ["PutObject", "ModifyRule"], "{changes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_can_not_be_written_down_changes_nothing() {
    let world = World::with_a_previous().await;
    let (plan, cx) = about_to_go_back(&world).await;
    take_the_lease_out_of_reach(&world);
    let from = world.cloud.account().calls.len();
    let finished = rollback(&cx, &plan, None).await;
    let why = format!("{:#?}\n{}", finished.outcome, story(&cx));
    assert!(
        !matches!(finished.outcome, Outcome::Deployed { .. }),
        "{why}"
    );
    let mut changes = changes(&world, from);
    changes.retain(|operation| operation != "PutObject");
    assert!(changes.is_empty(), "{changes:?}\n{why}");
    world.cloud.lift_faults();
    assert_all_get(&world, &plan, "0.0.2", &why).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_about_to_be_done_is_written_down_before_it_is() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let (prepared, plan) = world.plan(&config).await;
    let cx = keeping_a_journal(&world, "deploy", &plan).await;
    // The lease is out of reach from here on: nothing that was not written down is done.
    take_the_lease_out_of_reach(&world);
    let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    let is_undone = matches!(
        &finished.outcome,
        Outcome::RolledBack { .. } | Outcome::Stopped { .. }
    );
    assert!(is_undone, "{:#?}\n{}", finished.outcome, story(&cx));
    world.cloud.lift_faults();
    let group = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await;
    assert_eq!(group.expect("a group").capacity.desired, 0);
    let rule = elbv2::describe_traffic(&cx.aws, &plan.traffic_rules).await;
    assert_eq!(
        rule.expect("a rule").split(&plan.target_groups),
        Some(plan.previous.weights)
    );
    assert_all_get(&world, &plan, "0.0.1", &story(&cx)).await;
}
