//! The world moves while a run goes on: somebody writes weights, live grows, a rule is added. A run looks before every act
//! that could harm; what somebody else changed is not overwritten, and the last words say who serves.

use std::time::Duration;

use bg_deploy::aws::autoscaling::{self, Capacity};
use bg_deploy::aws::elbv2::{self, Condition};
use bg_deploy::cause::Reason;
use bg_deploy::config::Config;
use bg_deploy::deploy::{Finished, deploy};
use bg_deploy::names::{Colour, Release, Weights};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::{Decision, Plan};
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;

use local_aws::{Answer, Fault};

use crate::support::{World, assert_deployed, by_hand, story};

/// Visitors asked, on fresh connections.
const VISITORS: usize = 30;

/// A run of `config`, and what somebody does as soon as `when` has happened.
pub(crate) async fn deploy_while(
    world: &World,
    config: &Config,
    when: impl Fn(&Event) -> bool,
    hand: impl AsyncFnOnce(&Context, &Plan),
) -> (Finished, Plan, Context) {
    let (prepared, plan) = world.plan(config).await;
    let cx = world.context().await;
    let run = deploy(&cx, &plan, prepared.bundle.file.path(), None);
    let somebody = async {
        while !cx.events.all().iter().any(|one| when(&one.event)) {
            cx.clock.sleep(Duration::from_millis(500)).await;
        }
        hand(&cx, &plan).await;
    };
    let (finished, ()) = tokio::join!(run, somebody);
    (finished, plan, cx)
}

pub(crate) fn began(step: &'static str) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::StepBegan { step: began, .. } if began == step)
}

/// A policy scales a group out.
async fn grow(cx: &Context, group: &str, desired: i32) {
    let held = cx.held().await.expect("a lease");
    autoscaling::raise(&cx.aws, held, group, desired)
        .await
        .expect("more");
}

/// A group that its policies may scale in to one instance.
async fn lower_floor(world: &World, group: &str) {
    let cx = world.context().await;
    let held = cx.held().await.expect("a lease");
    autoscaling::set_floor(&cx.aws, held, group, 1, 4)
        .await
        .expect("a lower floor");
}

async fn weights(world: &World, plan: &Plan) -> Option<Weights> {
    let rule = elbv2::describe_traffic(&world.aws().await, &plan.traffic_rules).await;
    rule.expect("a rule").split(&plan.target_groups)
}

pub(crate) async fn capacity(world: &World, group: &str) -> Capacity {
    let group = autoscaling::describe_group(&world.aws().await, group).await;
    group.expect("a group").capacity
}

pub(crate) async fn assert_all_get(world: &World, plan: &Plan, version: &str, why: &str) {
    for _ in 0..VISITORS {
        assert_eq!(world.visit(&plan.url, None).await, version, "{why}");
    }
}

pub(crate) fn canary(world: &World, version: &str) -> Config {
    let mut config = world.config(version, None);
    config.shift.weights = vec![10, 50, 100];
    config
}

#[tokio::test(start_paused = true)]
async fn a_colour_that_was_made_live_during_the_bake_is_not_emptied() {
    let world = World::with_a_previous().await;
    let config = world.config("0.0.3", None);
    let (finished, plan, cx) =
        deploy_while(&world, &config, began("bake image"), async |cx, plan| {
            // The retained colour, on which the candidate was to stand.
            by_hand(cx, plan, Weights::split(plan.idle, 100)).await;
        })
        .await;
    let Outcome::Stopped {
        step,
        cause,
        serving,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(step, "clear idle group");
    assert_eq!(cause.reason, Some(Reason::Another));
    assert_eq!(*serving, Some(Release("0.0.1".to_owned())));
    assert_eq!(finished.outcome.exit_code(), 5);
    world.clock.sleep(Duration::from_secs(900)).await;
    assert!(capacity(&world, &plan.idle_group()).await.desired > 0);
    assert_all_get(&world, &plan, "0.0.1", &story(&cx)).await;
}

#[tokio::test(start_paused = true)]
async fn weights_that_somebody_moves_back_in_a_soak_end_the_run_and_it_says_who_serves() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let (finished, plan, cx) = deploy_while(&world, &config, began("soak"), async |cx, plan| {
        by_hand(cx, plan, plan.previous.weights).await;
    })
    .await;
    let Outcome::RolledBack { cause, serving, .. } = &finished.outcome else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(cause.reason, Some(Reason::Another));
    assert_eq!(*serving, Some(Release("0.0.1".to_owned())));
    assert_all_get(&world, &plan, "0.0.1", &story(&cx)).await;
    assert_eq!(capacity(&world, &plan.idle_group()).await, Capacity::NONE);
}

#[tokio::test(start_paused = true)]
async fn weights_that_somebody_writes_in_a_canary_s_hold_are_not_overwritten() {
    let world = World::with_a_release().await;
    let config = canary(&world, "0.0.2");
    let theirs = |plan: &Plan| Weights::split(plan.idle, 33);
    let seen = |event: &Event| matches!(event, Event::WeightsSeen { .. });
    let (finished, plan, cx) = deploy_while(&world, &config, seen, async |cx, plan| {
        by_hand(cx, plan, theirs(plan)).await;
    })
    .await;
    let Outcome::Stopped {
        serving, weights, ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!((serving, *weights), (&None, Some(theirs(&plan))));
    assert_eq!(finished.outcome.exit_code(), 6);
    world.clock.sleep(Duration::from_secs(900)).await;
    assert_eq!(self::weights(&world, &plan).await, Some(theirs(&plan)));
    // Both colours have visitors, so both have instances.
    for colour in Colour::BOTH {
        let group = plan.names().group(colour);
        assert!(capacity(&world, &group).await.desired > 0, "{group}");
    }
}

#[tokio::test(start_paused = true)]
async fn weights_that_somebody_moves_in_the_drain_do_not_end_in_a_scheduled_outage() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let drain = began("drain previous");
    let (finished, plan, cx) = deploy_while(&world, &config, drain, async |cx, plan| {
        by_hand(cx, plan, plan.previous.weights).await;
    })
    .await;
    let Outcome::Stopped { serving, .. } = &finished.outcome else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(*serving, Some(Release("0.0.1".to_owned())));
    // Longer than a previous colour is retained.
    world.clock.sleep(plan.retain.previous_for * 2).await;
    assert_all_get(&world, &plan, "0.0.1", &story(&cx)).await;
}

#[tokio::test(start_paused = true)]
async fn live_that_grows_during_the_bake_gets_a_candidate_that_can_carry_it() {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    config.fleet.max = 12;
    let (finished, plan, cx) =
        deploy_while(&world, &config, began("bake image"), async |cx, plan| {
            let live = plan.names().group(plan.live);
            grow(cx, &live, 10).await;
        })
        .await;
    assert_deployed(&finished, &cx);
    assert_eq!(capacity(&world, &plan.idle_group()).await.desired, 10);
}

#[tokio::test(start_paused = true)]
async fn live_that_grows_in_a_canary_s_hold_has_the_candidate_grow_before_it_gets_more() {
    let world = World::with_a_release().await;
    let mut config = canary(&world, "0.0.2");
    config.fleet.max = 12;
    let seen = |event: &Event| matches!(event, Event::WeightsSeen { .. });
    let (finished, plan, cx) = deploy_while(&world, &config, seen, async |cx, plan| {
        let live = plan.names().group(plan.live);
        grow(cx, &live, 4).await;
    })
    .await;
    assert_deployed(&finished, &cx);
    assert!(capacity(&world, &plan.idle_group()).await.desired >= 4);
    let told = story(&cx);
    let grown = told.find("has grown to 4 instances").expect("a note");
    let half = told.find("blue: 50, green: 50").expect("a second stage");
    assert!(grown < half, "{told}");
}

#[tokio::test(start_paused = true)]
async fn from_the_first_weight_on_the_candidate_can_grow_and_the_previous_colour_cannot_shrink() {
    let world = World::with_a_release().await;
    let mut config = canary(&world, "0.0.2");
    config.fleet.min = 1;
    let live = {
        let (_, plan) = world.plan(&config).await;
        plan.names().group(plan.live)
    };
    lower_floor(&world, &live).await;
    let before = capacity(&world, &live).await;
    assert!(before.min < before.desired, "{before:?}");
    let seen = |event: &Event| matches!(event, Event::WeightsSeen { .. });
    let (finished, plan, cx) = deploy_while(&world, &config, seen, async |cx, plan| {
        let previous = autoscaling::describe_group(&cx.aws, &plan.names().group(plan.live)).await;
        let previous = previous.expect("a group").capacity;
        assert_eq!(previous.min, before.desired, "its floor is pinned");
        let candidate = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await;
        let candidate = candidate.expect("a group");
        assert!(
            !candidate
                .suspended
                .contains(&"AlarmNotification".to_owned())
        );
        assert_eq!(candidate.capacity.min, candidate.capacity.desired);
    })
    .await;
    assert_deployed(&finished, &cx);
    let now = capacity(&world, &plan.idle_group()).await;
    assert_eq!(now.min, 1, "its own floor again");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_undone_gives_live_its_own_floor_back() {
    let world = World::with_a_release().await;
    let config = canary(&world, "0.0.2");
    let (_, plan) = world.plan(&config).await;
    let live = plan.names().group(plan.live);
    lower_floor(&world, &live).await;
    let before = capacity(&world, &live).await;
    let seen = |event: &Event| matches!(event, Event::WeightsSeen { .. });
    let (finished, _, cx) = deploy_while(&world, &config, seen, async |cx, _| {
        cx.cancel.cancel();
    })
    .await;
    let is_cancelled =
        matches!(&finished.outcome, Outcome::Cancelled { traffic_moved, .. } if *traffic_moved);
    assert!(is_cancelled, "{:#?}\n{}", finished.outcome, story(&cx));
    assert_eq!(capacity(&world, &live).await, before);
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_somebody_else_s_that_leads_to_our_target_groups_is_a_refusal_that_names_it() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let (_, plan) = world.plan(&config).await;
    let aws = world.person().await;
    let balancer = elbv2::find_load_balancer(&aws, &plan.names().stack()).await;
    let balancer = balancer.expect("an answer").expect("a load balancer").arn;
    let listener = elbv2::create_listener(&aws, &balancer, 8443, &Default::default())
        .await
        .expect("a listener");
    let (groups, header) = (
        &plan.target_groups,
        Condition::Header("x-api".to_owned(), "1".to_owned()),
    );
    elbv2::create_rule(
        &aws,
        &listener,
        7,
        &header,
        groups,
        plan.previous.weights,
        &Default::default(),
    )
    .await
    .expect("a rule");
    match world.prepare(&config).await.decision {
        Decision::Refused(reason) => {
            assert!(
                reason.contains("the rule of priority 7 on port 8443"),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_provision_that_fails_has_told_what_it_had_made_by_then() {
    let world = World::new().await;
    let config = world.config("0.0.1", None);
    let refusal = Answer::Refuse("AccessDenied".into(), 403, "on purpose".into());
    world.cloud.inject(Fault::on(
        "elasticloadbalancing",
        "CreateLoadBalancer",
        refusal,
    ));
    let cx = world.provisioner(&config).await;
    let caller = bg_deploy::aws::sts::caller(&cx.aws).await;
    let (caller, made) = (caller.expect("a caller"), Default::default());
    let failed = bg_deploy::provision::provision(&cx, &config, &caller, made).await;
    let why = format!("{:#}", failed.expect_err("refused"));
    assert!(why.contains("CreateLoadBalancer"), "{why}");
    let told = story(&cx);
    for what in [
        "created security group",
        "created bucket",
        "created role",
        "created runbook",
    ] {
        assert!(told.contains(what), "{what}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn provisioning_another_health_path_leaves_what_serves_as_it_is_and_says_so() {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    config.service.health_path = "/version".to_owned();
    let (_, plan) = world.plan(&config).await;
    world.provision(&config).await;
    let aws = world.aws().await;
    let path = async |colour| {
        let name = plan.names().target_group(colour);
        let found = elbv2::find_target_group(&aws, &name).await;
        found
            .expect("an answer")
            .expect("a target group")
            .check
            .path
    };
    assert_eq!(path(plan.live).await, "/hc");
    assert_eq!(path(plan.idle).await, "/version");
    let cx = world.provisioner(&config).await;
    let caller = bg_deploy::aws::sts::caller(&cx.aws)
        .await
        .expect("a caller");
    let made = bg_deploy::provision::provision(&cx, &config, &caller, Default::default())
        .await
        .expect("a stack");
    assert!(
        made.left.iter().any(|left| left.contains("health check")),
        "{made:?}"
    );
    // The release brings its own along.
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
}
