//! Routing, health and draining as the account decides them, without a network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Method, Uri, header};

use super::actions::{Action, ActionKind, Forward};
use super::conditions::Facts;
use super::health::Outcome;
use super::network::Address;
use super::routing::{Route, finished, route};
use super::target_groups::HealthCheck;
use super::{NODES, health, listeners, load_balancers, rules, target_groups, targets};
use crate::account::ec2::network::DEFAULT_VPC;
use crate::account::order::{LoadBalancerOrder, Probe};
use crate::account::{Account, Order, Tags};
use crate::pace::Pace;

/// An account with a load balancer, a listener and target groups `blue` and `green`; its targets answer checks with
/// the status that is set for them.
struct World {
    account: Account,
    listener: String,
    groups: [String; 2],
    statuses: BTreeMap<String, u16>,
}

fn forward(groups: &[String], weights: &[u32], sticky_seconds: Option<u32>) -> Action {
    let weighted = groups.iter().zip(weights);
    Action {
        order: None,
        kind: ActionKind::Forward(Forward {
            groups: weighted
                .map(|(arn, weight)| (arn.as_str().into(), *weight))
                .collect(),
            is_sticky: sticky_seconds.is_some(),
            sticky_seconds,
        }),
    }
}

impl World {
    fn new(weights: [u32; 2]) -> Self {
        let mut account = Account::new(3, SystemTime::UNIX_EPOCH, Pace::aws());
        let subnets: BTreeSet<_> = account.ec2.subnets.keys().cloned().collect();
        let settings = load_balancers::Settings {
            scheme: "internal".to_owned(),
            ip_address_type: "ipv4".to_owned(),
            subnets,
            security_groups: BTreeSet::new(),
        };
        let load_balancer = load_balancers::create(&mut account, "lb", settings, Tags::new());
        let load_balancer = load_balancer.expect("a load balancer");
        let groups = ["blue", "green"].map(|name| {
            let check = HealthCheck::default();
            target_groups::create(&mut account, name, 80, DEFAULT_VPC, check, Tags::new())
                .expect("a target group")
        });
        let action = forward(&groups, &weights, None);
        let listener = listeners::create(&mut account, &load_balancer, 80, action, Tags::new());
        Self {
            account,
            listener: listener.expect("a listener"),
            groups,
            statuses: BTreeMap::new(),
        }
    }

    fn launch(&mut self, group: usize, instance: &str) {
        let address = Address::Port(1);
        self.account
            .elbv2
            .fakes
            .insert(instance.to_owned(), address);
        self.statuses.insert(instance.to_owned(), 200);
        targets::register(&mut self.account, &self.groups[group], instance);
    }

    /// Lets time pass, and answers health checks.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            let now = self.account.now() + Duration::from_secs(1);
            self.account.advance(now);
            for order in self.account.take_orders() {
                if let Order::LoadBalancer(LoadBalancerOrder::Check(probe)) = order {
                    self.answer(&probe);
                }
            }
        }
    }

    fn answer(&mut self, probe: &Probe) {
        let outcome = match self.statuses.get(&*probe.watch.target.instance) {
            Some(status) => Outcome::Answered(*status),
            None => Outcome::TimedOut,
        };
        health::checked(&mut self.account, &probe.watch, probe.node, outcome);
    }

    fn route_with(&mut self, node: usize, cookie: Option<&str>) -> Route {
        let mut headers = HeaderMap::new();
        if let Some(cookie) = cookie {
            let value = HeaderValue::from_str(cookie).expect("a header's value");
            headers.insert(header::COOKIE, value);
        }
        let facts = Facts {
            method: &Method::GET,
            uri: &Uri::from_static("/"),
            headers: &headers,
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        route(&mut self.account, &self.listener, node, &facts)
    }

    /// The instance that a node sends the next request to.
    fn next(&mut self, node: usize) -> Option<String> {
        match self.route_with(node, None) {
            Route::Forward(pick) => Some(pick.target.instance.to_string()),
            _ => None,
        }
    }

    /// How many of `requests` at one node go to each instance; the empty name is for none.
    fn spread(&mut self, node: usize, requests: usize) -> BTreeMap<String, usize> {
        let mut spread = BTreeMap::new();
        for _ in 0..requests {
            *spread
                .entry(self.next(node).unwrap_or_default())
                .or_default() += 1;
        }
        spread
    }

    fn health(&self, group: usize, instance: &str) -> (&'static str, &'static str) {
        let held = &self.account.elbv2.target_groups[&self.groups[group]];
        let mut targets = held.targets.iter();
        match targets.find(|(key, _)| &*key.instance == instance) {
            Some((key, target)) => {
                let state = health::state_of(&self.account, held, key, target);
                (state.name, state.reason.unwrap_or_default())
            }
            None => ("gone", ""),
        }
    }

    fn shift(&mut self, weights: [u32; 2], sticky_seconds: Option<u32>) {
        let action = forward(&self.groups, &weights, sticky_seconds);
        listeners::modify(&mut self.account, &self.listener, None, Some(action))
            .expect("a listener");
    }
}

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
