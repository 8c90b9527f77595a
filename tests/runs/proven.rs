//! A release that is live, and that no run has proved, is proved where it stands: by live traffic, and nothing is changed.

use std::time::Duration;

use bg_deploy::ending::Finished;
use bg_deploy::names::Weights;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;
use bg_deploy::probe::Verdict;
use bg_deploy::prove_live::prove_live;
use bg_deploy::reconcile::put_right;
use bg_deploy::run::context::Context;

use crate::support::{World, by_hand, story};

/// What stands, once it is put right.
async fn stands(world: &World) -> (Context, Plan) {
    let cx = world.context().await;
    let plan = put_right(&cx, &world.config("0.0.2", None)).await;
    let plan = plan.expect("an answer").expect("one colour is live");
    (cx, plan)
}

/// How many calls have changed something but the lease, so far.
fn changes(world: &World) -> usize {
    let ledger = world.cloud.ledger();
    ledger.changes().filter(|call| call.service != "s3").count()
}

fn assert_unproven(finished: &Finished, cx: &Context, words: &str) {
    let Outcome::Unproven { reasons, .. } = &finished.outcome else {
        panic!("{:#?}\n{}", finished.outcome, story(cx));
    };
    assert!(
        reasons.iter().any(|why| why.contains(words)),
        "{reasons:#?}"
    );
    assert_eq!(
        reasons.last().map(String::as_str),
        Some("no run has proved it before: nobody looked")
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_person_has_made_live_is_proved_where_it_stands_and_nothing_is_changed() {
    let world = World::with_a_previous().await;
    let (_, plan) = world.plan(&world.config("0.0.3", None)).await;
    let cx = world.context().await;
    by_hand(&cx, &plan, Weights::split(plan.idle, 100)).await;
    // What was live before is retained from now on.
    let (cx, plan) = stands(&world).await;
    assert_eq!(plan.release.0, "0.0.1");
    let before = changes(&world);
    // A moment ago: not every node of the load balancer knows it yet.
    let finished = prove_live(&cx, &plan, "nobody looked", None).await;
    assert!(
        matches!(&finished.outcome, Outcome::NothingToDo { release } if release.0 == "0.0.1"),
        "{:#?}\n{}",
        finished.outcome,
        story(&cx)
    );
    assert_eq!(finished.verdict, Some(Verdict::Passed));
    assert_eq!(changes(&world), before, "{}", story(&cx));
}

#[tokio::test(start_paused = true)]
async fn a_live_release_whose_traffic_is_led_elsewhere_meanwhile_is_not_proven() {
    let world = World::with_a_previous().await;
    let (cx, plan) = stands(&world).await;
    let person = world.context().await;
    let elsewhere = Weights::split(plan.live, 100);
    let moving = async {
        world.clock.sleep(Duration::from_secs(9)).await;
        by_hand(&person, &plan, elsewhere).await;
    };
    let (finished, ()) = tokio::join!(prove_live(&cx, &plan, "nobody looked", None), moving);
    assert_unproven(&finished, &cx, &format!("the weights are {elsewhere}"));
}
