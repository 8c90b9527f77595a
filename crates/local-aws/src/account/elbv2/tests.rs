//! Routing, health and draining as the account decides them, without a network.

mod world;

use std::collections::{BTreeMap, BTreeSet};

use self::world::{World, forward};
use super::network::Address;
use super::routing::{Route, finished};
use super::target_groups::HealthCheck;
use super::{NODES, load_balancers, rules, target_groups, targets};
use crate::account::Tags;
use crate::account::ec2::default_network::DEFAULT_VPC;

fn counted(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[test]
fn requests_are_divided_exactly_by_weight_and_evenly_over_a_groups_targets() {
    let mut world = World::new([95, 5]);
    for (group, instance) in [(0, "i-b1"), (0, "i-b2"), (1, "i-g1")] {
        world.launch(group, instance);
    }
    world.pass(200);
    let spread = world.spread(1, 200);
    assert_eq!(spread, counted(&[("i-b1", 95), ("i-b2", 95), ("i-g1", 10)]));
}

#[test]
fn a_weight_reaches_the_nodes_one_by_one() {
    let mut world = World::new([1, 0]);
    world.launch(0, "i-b1");
    world.launch(1, "i-g1");
    world.pass(200);
    world.shift([0, 1], None);
    let mut moments = BTreeSet::new();
    for second in 0..70 {
        for node in 0..NODES {
            if world.next(node).as_deref() == Some("i-g1") {
                moments.insert((node, second / 60));
            }
        }
        world.pass(1);
    }
    assert_eq!(world.next(0).as_deref(), Some("i-g1"));
    assert_eq!(
        moments
            .iter()
            .map(|(node, _)| node)
            .collect::<BTreeSet<_>>()
            .len(),
        NODES
    );
}

#[test]
fn a_new_target_is_healthy_after_one_pass_and_an_unhealthy_one_after_five() {
    let mut world = World::new([1, 0]);
    world.launch(0, "i-b1");
    assert_eq!(
        world.health(0, "i-b1"),
        ("initial", "Elb.RegistrationInProgress")
    );
    world.pass(21);
    assert_eq!(
        world.health(0, "i-b1"),
        ("initial", "Elb.InitialHealthChecking")
    );
    world.pass(90);
    assert_eq!(world.health(0, "i-b1"), ("healthy", ""));
    world.statuses.insert("i-b1".to_owned(), 500);
    world.pass(29);
    assert_eq!(
        world.health(0, "i-b1").0,
        "healthy",
        "one failure is not two"
    );
    world.pass(61);
    assert_eq!(
        world.health(0, "i-b1"),
        ("unhealthy", "Target.ResponseCodeMismatch")
    );
    world.statuses.insert("i-b1".to_owned(), 200);
    world.pass(4 * 30);
    assert_eq!(
        world.health(0, "i-b1").0,
        "unhealthy",
        "four passes are not five"
    );
    world.pass(60);
    assert_eq!(world.health(0, "i-b1").0, "healthy");
    world.statuses.remove("i-b1");
    world.pass(90);
    assert_eq!(world.health(0, "i-b1"), ("unhealthy", "Target.Timeout"));
}

#[test]
fn a_new_target_that_never_passes_is_unhealthy_after_its_threshold() {
    let mut world = World::new([1, 0]);
    world.launch(0, "i-b1");
    world.statuses.insert("i-b1".to_owned(), 500);
    world.pass(21);
    assert_eq!(world.health(0, "i-b1").0, "initial");
    world.pass(90);
    assert_eq!(
        world.health(0, "i-b1"),
        ("unhealthy", "Target.ResponseCodeMismatch")
    );
}

#[test]
fn a_group_that_no_rule_names_is_not_checked_until_one_does() {
    let mut world = World::new([1, 0]);
    let spare = target_groups::create(
        &mut world.account,
        "spare",
        80,
        DEFAULT_VPC,
        HealthCheck::default(),
        Tags::new(),
    )
    .expect("a target group");
    world.groups[1].clone_from(&spare);
    world.launch(1, "i-g1");
    world.pass(300);
    assert_eq!(world.health(1, "i-g1"), ("unused", "Target.NotInUse"));
    let condition =
        super::conditions::Condition::Header("X-Preview".to_owned(), vec!["green".to_owned()]);
    let action = forward(&[spare], &[1], None);
    let (listener, conditions) = (world.listener.clone(), vec![condition]);
    let rule = rules::create(
        &mut world.account,
        &listener,
        10,
        conditions,
        action,
        Tags::new(),
    );
    world.pass(120);
    assert_eq!(world.health(1, "i-g1").0, "healthy");
    rules::delete(&mut world.account, &rule.expect("a rule")).expect("it is there");
    assert_eq!(world.health(1, "i-g1"), ("unused", "Target.NotInUse"));
}

#[test]
fn with_too_few_healthy_targets_all_get_requests_and_an_empty_group_answers_503() {
    let mut world = World::new([1, 0]);
    assert_eq!(world.route_with(0, None), Route::Unavailable);
    world.launch(0, "i-b1");
    world.launch(0, "i-b2");
    world.pass(200);
    world.statuses.insert("i-b1".to_owned(), 500);
    world.pass(120);
    assert_eq!(world.spread(0, 10), counted(&[("i-b2", 10)]));
    world.statuses.insert("i-b2".to_owned(), 500);
    world.pass(120);
    assert_eq!(
        world.spread(0, 10),
        counted(&[("i-b1", 5), ("i-b2", 5)]),
        "fail-open"
    );
}

#[test]
fn a_draining_target_is_left_by_each_node_and_gone_after_the_delay() {
    let mut world = World::new([1, 0]);
    world.launch(0, "i-b1");
    world.launch(0, "i-b2");
    world.pass(200);
    targets::deregister(&mut world.account, &world.groups[0].clone(), "i-b1");
    assert_eq!(
        world.health(0, "i-b1"),
        ("draining", "Target.DeregistrationInProgress")
    );
    let still: usize = (0..NODES).map(|node| world.spread(node, 2).len()).sum();
    assert_eq!(still, 2 * NODES, "no node knows yet");
    world.pass(61);
    for node in 0..NODES {
        assert_eq!(world.spread(node, 2), counted(&[("i-b2", 2)]));
    }
    world.pass(238);
    assert_eq!(world.health(0, "i-b1").0, "draining");
    world.pass(1);
    assert_eq!(world.health(0, "i-b1").0, "gone");
}

#[test]
fn a_sticky_client_stays_with_its_group_whatever_the_weights() {
    let mut world = World::new([1, 0]);
    world.launch(0, "i-b1");
    world.launch(1, "i-g1");
    world.pass(200);
    world.shift([1, 0], Some(600));
    world.pass(61);
    let Route::Forward(pick) = world.route_with(0, None) else {
        panic!("there is a healthy target");
    };
    let cookie = pick.cookies[0]
        .split(';')
        .next()
        .expect("a cookie")
        .to_owned();
    assert!(cookie.starts_with("AWSALBTG="), "{cookie}");
    world.shift([0, 1], Some(600));
    world.pass(61);
    let target = |route| match route {
        Route::Forward(pick) => pick.target.instance.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(target(world.route_with(0, Some(&cookie))), "i-b1");
    assert_eq!(target(world.route_with(0, None)), "i-g1");
    world.pass(600);
    assert_eq!(
        target(world.route_with(0, Some(&cookie))),
        "i-g1",
        "the cookie is over"
    );
}

#[test]
fn the_least_loaded_target_is_chosen_when_the_group_asks_for_it() {
    let mut world = World::new([1, 0]);
    world.launch(0, "i-b1");
    world.launch(0, "i-b2");
    world.pass(200);
    let algorithm = (
        "load_balancing.algorithm.type",
        "least_outstanding_requests",
    );
    let changes = [(algorithm.0.to_owned(), algorithm.1.to_owned())];
    target_groups::modify_attributes(&mut world.account, &world.groups[0].clone(), &changes)
        .expect("a known attribute");
    let (Route::Forward(first), Route::Forward(second)) =
        (world.route_with(0, None), world.route_with(0, None))
    else {
        panic!("there are healthy targets");
    };
    assert_ne!(first.target, second.target);
    finished(&mut world.account, &second, 200, true);
    for _ in 0..3 {
        let Route::Forward(third) = world.route_with(0, None) else {
            panic!("there are healthy targets");
        };
        assert_eq!(third.target, second.target, "the other one is busy");
        finished(&mut world.account, &third, 200, true);
    }
}

#[test]
fn an_instance_that_stops_is_unused_and_comes_back_as_a_new_target() {
    let mut world = World::new([1, 0]);
    world.launch(0, "i-b1");
    world.pass(200);
    world
        .account
        .elbv2
        .fakes
        .insert("i-b1".to_owned(), Address::Silent);
    super::instance_gone(&mut world.account, "i-b1");
    assert_eq!(world.health(0, "i-b1"), ("unused", "Target.InvalidState"));
    world.pass(61);
    assert_eq!(world.next(0), None);
    world
        .account
        .elbv2
        .fakes
        .insert("i-b1".to_owned(), Address::Port(2));
    while world.health(0, "i-b1").0 == "unused" {
        world.pass(1);
    }
    assert_eq!(world.health(0, "i-b1").0, "initial");
    world.pass(90);
    assert_eq!(world.health(0, "i-b1").0, "healthy");
}

#[test]
fn weights_of_zero_everywhere_serve_nobody() {
    let mut world = World::new([0, 0]);
    world.launch(0, "i-b1");
    world.pass(200);
    assert_eq!(world.route_with(0, None), Route::Unavailable);
}

#[test]
fn no_more_of_them_are_made_than_the_account_may_have() {
    let mut world = World::new([1, 0]);
    world.account.limits.load_balancers = 1;
    world.account.limits.target_groups = 2;
    let account = &mut world.account;
    let settings = load_balancers::Settings {
        scheme: "internal".to_owned(),
        ip_address_type: "ipv4".to_owned(),
        subnets: account.ec2.subnets.keys().cloned().collect(),
        security_groups: BTreeSet::new(),
    };
    let made = load_balancers::create(account, "lb", settings.clone(), Tags::new());
    assert!(made.is_ok(), "it stands: {made:?}");
    let refused = load_balancers::create(account, "other", settings, Tags::new());
    let refused = refused.expect_err("one too many").code;
    assert_eq!(refused, "TooManyLoadBalancers");
    let check = HealthCheck::default();
    let refused = target_groups::create(account, "red", 80, DEFAULT_VPC, check, Tags::new());
    let refused = refused.expect_err("one too many").code;
    assert_eq!(refused, "TooManyTargetGroups");
}
