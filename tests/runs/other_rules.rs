//! Rules that others made beside the stack's own, and default actions of their listeners: those that a release can move go
//! with it, there and back, and any other is a refusal.

use std::sync::Arc;
use std::time::Duration;

use bg_deploy::aws::autoscaling;
use bg_deploy::aws::elbv2::TrafficRules;
use bg_deploy::config::Config;
use bg_deploy::deploy::deploy;
use bg_deploy::guard::FIRES_AFTER;
use bg_deploy::names::{Colour, Weights};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::{Decision, Plan};
use local_aws::account::elbv2::actions::{Action, ActionKind, Forward};
use local_aws::account::elbv2::{listeners, rules, tags};

use crate::books::weight_by;
use crate::finish::killed::{Killed, assert_undone, canary, kill};
use crate::support::standing::Standing;
use crate::support::{World, assert_deployed, by_hand, story};
use crate::visitor::Visitor;

/// Visitors asked, on fresh connections: enough to meet every node of the load balancer.
const VISITORS: usize = 30;

/// How the visitors of port 8080 are led.
#[derive(Clone, Copy, Debug)]
enum By {
    Rule,
    DefaultAction,
}

/// A world in which 0.0.1 is live on port 80, by the stack's own rule, and on port 8080, by what is beside it; where that is.
async fn with_two_ports(by: By) -> (World, String) {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.1", None);
    match by {
        By::Rule => {
            config.network.listener_port = 8080;
            world.provision(&config).await;
        }
        By::DefaultAction => listen_by_default_action(&world).await,
    }
    world.clock.sleep(Duration::from_secs(180)).await;
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    assert_eq!(plan.traffic_rules.also().len(), 1, "{plan:?}");
    let elsewhere = plan.url.replace(":80", ":8080");
    assert_eq!(world.visit(&elsewhere, None).await, "0.0.1");
    (world, elsewhere)
}

/// A person's listener on port 8080, which has no rules and leads wherever the stack's own rule does.
pub(crate) async fn listen_by_default_action(world: &World) {
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    let mut account = world.cloud.account();
    let balancer = account.elbv2.load_balancers.keys().next().cloned();
    let groups = Colour::BOTH.map(|colour| plan.target_groups.of(colour).to_owned());
    let weights = groups.map(|group| {
        let weight = weight_by(&account, plan.traffic_rules.own(), &group);
        (Arc::from(group), weight)
    });
    let forward = Forward {
        groups: weights.to_vec(),
        is_sticky: false,
        sticky_seconds: None,
    };
    let action = Action {
        order: None,
        kind: ActionKind::Forward(forward),
    };
    let balancer = balancer.expect("a load balancer");
    let tags = plan.names().tags();
    listeners::create(&mut account, &balancer, 8080, action, tags).expect("a listener");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_somebody_adds_is_seen_by_the_next_look_of_the_same_run() {
    let world = World::with_a_previous().await;
    let plan = world.plan_rollback(None).await;
    let aws = world.aws().await;
    let (live, idle) = (plan.names().group(plan.live), plan.idle_group());
    // What the first look learns of the listeners, the next one goes by only where it still holds.
    autoscaling::see_no_weight(&aws, &idle).await.expect("idle");
    by_hand(
        &world.context().await,
        &plan,
        Weights::split(plan.idle, 100),
    )
    .await;
    listen_by_default_action(&world).await;
    by_hand(
        &world.context().await,
        &plan,
        Weights::split(plan.live, 100),
    )
    .await;
    let seen = autoscaling::see_no_weight(&aws, &idle).await;
    let why = seen.expect_err("port 8080 leads there").to_string();
    assert!(why.contains("port 8080"), "{why}");
    let seen = autoscaling::see_no_weight(&aws, &live).await;
    assert!(seen.is_err(), "port 80 leads there");
}

/// The weight of the candidate by each rule, by the local cloud's own books.
fn weights(world: &World, plan: &Plan) -> [u32; 2] {
    let account = world.cloud.account();
    let candidate = plan.target_groups.of(plan.idle);
    [plan.traffic_rules.own(), &plan.traffic_rules.also()[0]]
        .map(|rule| weight_by(&account, rule, candidate))
}

async fn assert_both_get(world: &World, urls: [&str; 2], wanted: &str) {
    for url in urls {
        for _ in 0..VISITORS {
            assert_eq!(world.visit(url, None).await, wanted, "{url}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_beside_moves_with_the_stack_s_own_and_back_and_no_visitor_of_it_notices() {
    there_and_back(By::Rule).await;
}

#[tokio::test(start_paused = true)]
async fn a_default_action_moves_with_the_stack_s_own_rule_and_back_and_no_visitor_of_it_notices() {
    there_and_back(By::DefaultAction).await;
}

async fn there_and_back(by: By) {
    let (world, elsewhere) = with_two_ports(by).await;
    let visitor = Visitor::of(&world, &elsewhere);
    let going = async {
        let config = canary(&world, "0.0.2");
        let (_, plan) = world.plan(&config).await;
        let (finished, cx) = world.deploy(&config).await;
        assert_deployed(&finished, &cx);
        assert_both_get(&world, [&plan.url, &elsewhere], "0.0.2").await;
        let (finished, back, cx) = world.rollback(None).await;
        assert_deployed(&finished, &cx);
        assert_eq!(back.traffic_rules, plan.traffic_rules);
        assert_both_get(&world, [&plan.url, &elsewhere], "0.0.1").await;
    };
    tokio::select! {
        () = visitor.visit() => {}
        () = Box::pin(going) => {}
    }
    let answers = visitor.answers();
    assert_eq!(visitor.lost(), [""; 0], "{answers:?}");
    assert!(answers["0.0.2"] > 0, "{answers:?}");
}

/// Of the candidate's weights by the two.
type When = fn([u32; 2]) -> bool;

/// A world in which a canary was killed as soon as the candidate's weights by the two rules were such; where the second is.
async fn killed_at(by: By, when: When) -> (World, String, Killed) {
    let (world, elsewhere) = with_two_ports(by).await;
    let config = canary(&world, "0.0.9");
    let (_, plan) = world.plan(&config).await;
    let killed = kill(&world, &config, |_| when(weights(&world, &plan))).await;
    (world, elsewhere, killed)
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_between_its_writes_of_two_rules_is_undone_by_the_next_one() {
    let stages: [(By, When); 4] = [
        (By::Rule, |weights| weights == [20, 0]),
        (By::Rule, |weights| weights == [60, 20]),
        (By::Rule, |weights| weights == [100, 60]),
        (By::DefaultAction, |weights| weights == [60, 20]),
    ];
    for (by, when) in stages {
        let (world, elsewhere, killed) = killed_at(by, when).await;
        assert_undone(&world, &killed, "between two writes").await;
        assert_both_get(&world, [&killed.plan.url, &elsewhere], "0.0.1").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_between_its_writes_of_two_rules_is_brought_back_by_aws_though_no_run_follows()
{
    let stages: [(By, When); 6] = [
        (By::Rule, |weights| weights == [20, 0]),
        (By::Rule, |weights| weights == [60, 20]),
        (By::Rule, |weights| weights == [60, 60]),
        (By::Rule, |weights| weights == [100, 60]),
        (By::DefaultAction, |weights| weights == [60, 20]),
        (By::DefaultAction, |weights| weights == [60, 60]),
    ];
    for (by, when) in stages {
        let (world, elsewhere, killed) = killed_at(by, when).await;
        world
            .clock
            .sleep(FIRES_AFTER + Duration::from_secs(700))
            .await;
        let after = Standing::look(&world, &killed.plan).await;
        assert!(
            after.has_live_of(&killed.before),
            "{after:#?}\n{}",
            killed.story
        );
        assert_both_get(&world, [&killed.plan.url, &elsewhere], "0.0.1").await;
    }
}

fn remove(world: &World, beside: &str) {
    let account = &mut world.cloud.account();
    let removed = match rules::listener_of(beside) {
        Some(_) => rules::delete(account, beside),
        None => listeners::delete(account, beside),
    };
    removed.expect("it was there");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_when_the_guard_acts_is_no_reason_to_leave_the_others() {
    for by in [By::Rule, By::DefaultAction] {
        let (world, _, killed) = killed_at(by, |weights| weights == [60, 60]).await;
        remove(&world, &killed.plan.traffic_rules.also()[0]);
        world
            .clock
            .sleep(FIRES_AFTER + Duration::from_secs(700))
            .await;
        for _ in 0..VISITORS {
            assert_eq!(world.visit(&killed.plan.url, None).await, "0.0.1");
        }
    }
}

/// Removes what is beside the stack's own rule as soon as it gives the candidate 60.
async fn remove_at_60(world: &World, plan: &Plan) {
    let beside = &plan.traffic_rules.also()[0];
    while weights(world, plan) != [60, 60] {
        world.clock.sleep(Duration::from_millis(100)).await;
    }
    remove(world, beside);
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_under_way_leads_nobody_and_is_no_reason_to_stop() {
    for by in [By::Rule, By::DefaultAction] {
        let (world, _) = with_two_ports(by).await;
        let mut config = canary(&world, "0.0.2");
        config.retain.previous_for = Duration::from_secs(3600);
        let (_, plan) = world.plan(&config).await;
        let (ran, ()) = tokio::join!(Box::pin(world.deploy(&config)), remove_at_60(&world, &plan));
        assert_deployed(&ran.0, &ran.1);
        assert_eq!(world.visit(&plan.url, None).await, "0.0.2");
        // What was kept is scaled in at its time though the plan had named what is gone.
        world.clock.sleep(Duration::from_secs(2 * 3600)).await;
        let group = plan.names().group(plan.live);
        let group = autoscaling::describe_group(&world.aws().await, &group).await;
        assert_eq!(group.expect("a group").members.len(), 0, "{by:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_under_way_does_not_keep_a_run_from_going_back() {
    for by in [By::Rule, By::DefaultAction] {
        let (world, _) = with_two_ports(by).await;
        let (prepared, plan) = world.plan(&canary(&world, "0.0.2")).await;
        let cx = world.context().await;
        let cancelling = async {
            remove_at_60(&world, &plan).await;
            cx.cancel.cancel();
        };
        let bundle = prepared.bundle.file.path();
        let run = Box::pin(deploy(&cx, &plan, bundle, None));
        let (finished, ()) = tokio::join!(run, cancelling);
        let Outcome::Cancelled {
            traffic_moved: true,
            leftovers,
            ..
        } = finished.outcome
        else {
            panic!("{by:?}: {:#?}\n{}", finished.outcome, story(&cx));
        };
        assert_eq!(leftovers, &[], "{by:?}");
        for _ in 0..VISITORS {
            assert_eq!(world.visit(&plan.url, None).await, "0.0.1");
        }
    }
}

/// These weights by one of the two rules, written by hand.
async fn move_one(world: &World, plan: &Plan, rule: &str, weights: Weights) {
    let alone = Plan {
        traffic_rules: TrafficRules::only(rule),
        ..plan.clone()
    };
    by_hand(&world.context().await, &alone, weights).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_a_rollback_stays_up_while_any_rule_leads_there() {
    for by in [By::Rule, By::DefaultAction] {
        is_kept_while_led_there(by).await;
    }
}

async fn is_kept_while_led_there(by: By) {
    let (world, elsewhere) = with_two_ports(by).await;
    let mut config = world.config("0.0.2", None);
    config.retain.previous_for = Duration::from_secs(3600);
    let (_, plan) = world.plan(&config).await;
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    let beside = plan.traffic_rules.also()[0].clone();
    move_one(&world, &plan, &beside, plan.previous.weights).await;
    world.clock.sleep(Duration::from_secs(2 * 3600)).await;
    let group = plan.names().group(plan.live);
    let group = autoscaling::describe_group(&world.aws().await, &group).await;
    assert_eq!(group.expect("a group").members.len(), 2, "{}", story(&cx));
    for _ in 0..VISITORS {
        assert_eq!(world.visit(&elsewhere, None).await, "0.0.1");
        assert_eq!(world.visit(&plan.url, None).await, "0.0.2");
    }
}

async fn refused(world: &World, config: &Config) -> String {
    match world.prepare(config).await.decision {
        Decision::Refused(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_beside_that_says_another_thing_or_bears_no_tags_is_a_refusal_that_names_it() {
    let (world, _) = with_two_ports(By::Rule).await;
    let config = world.config("0.0.2", None);
    let (_, plan) = world.plan(&config).await;
    let beside = plan.traffic_rules.also()[0].clone();
    let other = Weights::split(Colour::Blue, 50);
    move_one(&world, &plan, &beside, other).await;
    let why = refused(&world, &config).await;
    assert!(
        why.contains("the rule of priority 1000 on port 8080 says blue 50, green 50, and the stack's own rule"),
        "{why}"
    );
    assert!(why.contains("aws elbv2 modify-rule --region"), "{why}");

    move_one(&world, &plan, &beside, plan.previous.weights).await;
    {
        let mut account = world.cloud.account();
        let keys: Vec<_> = plan.names().tags().into_keys().collect();
        tags::remove(&mut account, std::slice::from_ref(&beside), &keys).expect("a rule");
    }
    let why = refused(&world, &config).await;
    assert!(why.contains("is not tagged as this stack's"), "{why}");
    let remedy = format!("--resource-arns {beside} --tags Key=bg-deploy:app,Value=hello Key=");
    assert!(why.contains(&remedy), "{why}");
}
