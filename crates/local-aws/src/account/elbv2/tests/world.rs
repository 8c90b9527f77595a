//! An account with a load balancer whose targets answer as a test says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Method, Uri, header};

use crate::account::ec2::default_network::DEFAULT_VPC;
use crate::account::elbv2::actions::{Action, ActionKind, Forward};
use crate::account::elbv2::conditions::Facts;
use crate::account::elbv2::health::Outcome;
use crate::account::elbv2::network::Address;
use crate::account::elbv2::order::{LoadBalancerOrder, Probe};
use crate::account::elbv2::routing::{Route, route};
use crate::account::elbv2::target_groups::HealthCheck;
use crate::account::elbv2::{
    health, listeners, load_balancers, target_groups, target_state, targets,
};
use crate::account::{Account, Order, Tags};
use crate::pace::Pace;

/// An account with a load balancer, a listener and target groups `blue` and `green`; its targets answer checks with
/// the status that is set for them.
pub(super) struct World {
    pub(super) account: Account,
    pub(super) listener: String,
    pub(super) groups: [String; 2],
    pub(super) statuses: BTreeMap<String, u16>,
}

pub(super) fn forward(groups: &[String], weights: &[u32], sticky_seconds: Option<u32>) -> Action {
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
    pub(super) fn new(weights: [u32; 2]) -> Self {
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

    pub(super) fn launch(&mut self, group: usize, instance: &str) {
        let address = Address::Port(1);
        self.account
            .elbv2
            .fakes
            .insert(instance.to_owned(), address);
        self.statuses.insert(instance.to_owned(), 200);
        targets::register(&mut self.account, &self.groups[group], instance);
    }

    /// Lets time pass, and answers health checks.
    pub(super) fn pass(&mut self, seconds: u64) {
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

    pub(super) fn answer(&mut self, probe: &Probe) {
        let outcome = match self.statuses.get(&*probe.watch.target.instance) {
            Some(status) => Outcome::Answered(*status),
            None => Outcome::TimedOut,
        };
        health::checked(&mut self.account, &probe.watch, probe.node, outcome);
    }

    pub(super) fn route_with(&mut self, node: usize, cookie: Option<&str>) -> Route {
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
    pub(super) fn next(&mut self, node: usize) -> Option<String> {
        match self.route_with(node, None) {
            Route::Forward(pick) => Some(pick.target.instance.to_string()),
            _ => None,
        }
    }

    /// How many of `requests` at one node go to each instance; the empty name is for none.
    pub(super) fn spread(&mut self, node: usize, requests: usize) -> BTreeMap<String, usize> {
        let mut spread = BTreeMap::new();
        for _ in 0..requests {
            *spread
                .entry(self.next(node).unwrap_or_default())
                .or_default() += 1;
        }
        spread
    }

    pub(super) fn health(&self, group: usize, instance: &str) -> (&'static str, &'static str) {
        let held = &self.account.elbv2.target_groups[&self.groups[group]];
        let mut targets = held.targets.iter();
        match targets.find(|(key, _)| &*key.instance == instance) {
            Some((key, target)) => {
                let state = target_state::state_of(&self.account, held, key, target);
                (state.name, state.reason.unwrap_or_default())
            }
            None => ("gone", ""),
        }
    }

    pub(super) fn shift(&mut self, weights: [u32; 2], sticky_seconds: Option<u32>) {
        let action = forward(&self.groups, &weights, sticky_seconds);
        listeners::modify(&mut self.account, &self.listener, None, Some(action))
            .expect("a listener");
    }
}
