//! A cloud with a load balancer before two target groups, and clients of it.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;

use super::PORT;
use super::app::App;
use crate::account::elbv2::actions::{Action, ActionKind, Forward};
use crate::account::elbv2::network::Address;
use crate::account::elbv2::target_groups::HealthCheck;
use crate::account::elbv2::{self, Counts, listeners, load_balancers, target_groups, targets};
use crate::account::{Account, Tags};
use crate::cloud::{LocalAws, Options};
use crate::pace::Pace;
use net_clock::Clock;
use net_clock::Network;

/// A cloud with a load balancer that forwards to two target groups, all weight on the first.
pub(super) struct World {
    pub(super) cloud: LocalAws,
    pub(super) network: Network,
    pub(super) clock: Clock,
    pub(super) listener: String,
    pub(super) groups: [String; 2],
}

pub(super) fn forward(groups: &[String; 2], weights: [u32; 2]) -> Action {
    let weighted = groups.iter().zip(weights);
    Action {
        order: None,
        kind: ActionKind::Forward(Forward {
            groups: weighted
                .map(|(arn, weight)| (arn.as_str().into(), weight))
                .collect(),
            is_sticky: false,
            sticky_seconds: None,
        }),
    }
}

pub(super) fn make_group(account: &mut Account, name: &str) -> String {
    let check = HealthCheck {
        path: "/hc".to_owned(),
        interval_seconds: 5,
        timeout_seconds: 2,
        healthy_threshold: 2,
        ..HealthCheck::default()
    };
    target_groups::create(
        account,
        name,
        80,
        "vpc-0a1b2c3d4e5f60000",
        check,
        Tags::new(),
    )
    .expect("a new target group")
}

pub(super) fn make_load_balancer(account: &mut Account) -> String {
    let settings = load_balancers::Settings {
        scheme: "internet-facing".to_owned(),
        ip_address_type: "ipv4".to_owned(),
        subnets: BTreeSet::from([
            "subnet-0a1b2c3d4e5f6000a".to_owned(),
            "subnet-0a1b2c3d4e5f6000b".to_owned(),
        ]),
        security_groups: BTreeSet::new(),
    };
    load_balancers::create(account, "hello", settings, Tags::new()).expect("a new load balancer")
}

impl World {
    pub(super) async fn new() -> Self {
        let network = Network::memory();
        let clock = Clock::real();
        let cloud = LocalAws::start(Options {
            network: network.clone(),
            clock: clock.clone(),
            port: 0,
            seed: 1,
            pace: Pace::aws(),
            region: "eu-central-1".to_owned(),
        })
        .await
        .expect("a local cloud");
        let (listener, groups) = {
            let mut account = cloud.account();
            let load_balancer = make_load_balancer(&mut account);
            let groups = ["blue", "green"].map(|name| make_group(&mut account, name));
            let action = forward(&groups, [100, 0]);
            let listener =
                listeners::create(&mut account, &load_balancer, PORT, action, Tags::new());
            (listener.expect("a new listener"), groups)
        };
        let world = Self {
            cloud,
            network,
            clock,
            listener,
            groups,
        };
        world.cloud.shared().settle();
        // Until the load balancer is provisioned.
        world.clock.sleep(Duration::from_secs(301)).await;
        world
    }

    /// Changes the account, and lets what follows from it go.
    pub(super) fn change<T>(&self, act: impl FnOnce(&mut Account) -> T) -> T {
        let changed = act(&mut self.cloud.account());
        self.cloud.shared().settle();
        changed
    }

    /// Puts an app behind an instance and registers it with a group.
    pub(super) async fn launch(&self, group: usize, instance: &str, app: App) {
        let port = app.start(&self.network, &self.clock).await;
        self.change(|account| {
            let address = Address::Port(port);
            account.elbv2.fakes.insert(instance.to_owned(), address);
            targets::register(account, &self.groups[group], instance);
        });
    }

    pub(super) async fn until_healthy(&self, group: usize, instance: &str) {
        for _ in 0..600 {
            let state = elbv2::health(&self.cloud.account(), &self.groups[group], instance);
            if state == Some("healthy") {
                // Every node, not only most of them.
                self.clock.sleep(Duration::from_secs(60)).await;
                return;
            }
            self.clock.sleep(Duration::from_secs(1)).await;
        }
        panic!("{instance} did not become healthy");
    }

    pub(super) async fn client(&self) -> SendRequest<Full<Bytes>> {
        let stream = self
            .network
            .connect("127.0.0.1", PORT)
            .await
            .expect("an open port");
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.expect("a handshake");
        tokio::spawn(connection);
        sender
    }

    /// One request on a connection of its own.
    pub(super) async fn get(&self, path: &str) -> (u16, String) {
        ask(&mut self.client().await, path).await
    }

    pub(super) fn counts(&self, group: usize) -> Counts {
        elbv2::counts(&self.cloud.account(), &self.groups[group])
    }
}

pub(super) async fn ask(client: &mut SendRequest<Full<Bytes>>, path: &str) -> (u16, String) {
    let request = Request::get(path).header("host", "hello.example.com");
    let request = request.body(Full::default()).expect("a request");
    let answer = client.send_request(request).await.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a whole body");
    (
        status,
        String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    )
}
