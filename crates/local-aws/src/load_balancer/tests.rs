//! The whole data plane: clients, nodes and targets in one process, on an in-memory network under a paused clock.

mod app;
mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt as _, Full};

use self::app::App;
use self::world::{World, ask, forward};
use crate::account::elbv2::network::Address;
use crate::account::elbv2::{self, listeners, load_balancers, target_groups, targets};

const PORT: u16 = 8080;

#[tokio::test(start_paused = true)]
async fn a_shift_moves_requests_node_by_node_and_loses_none() {
    let world = World::new().await;
    world.launch(0, "i-b1", App::new("blue")).await;
    world.launch(1, "i-g1", App::new("green")).await;
    world.until_healthy(0, "i-b1").await;
    world.until_healthy(1, "i-g1").await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(world.client().await);
    }
    for client in &mut clients {
        assert_eq!(ask(client, "/").await, (200, "blue".to_owned()));
    }
    world.change(|account| {
        let action = forward(&world.groups, [0, 100]);
        listeners::modify(account, &world.listener, None, Some(action)).expect("a listener");
    });
    let mut mixed = false;
    for _ in 0..120 {
        let mut bodies = BTreeSet::new();
        for client in &mut clients {
            let (status, body) = ask(client, "/").await;
            assert_eq!(status, 200);
            bodies.insert(body);
        }
        mixed |= bodies.len() > 1;
        world.clock.sleep(Duration::from_secs(1)).await;
    }
    assert!(mixed, "the nodes learnt of the shift all at once");
    for client in &mut clients {
        assert_eq!(ask(client, "/").await, (200, "green".to_owned()));
    }
    let counts = [world.counts(0), world.counts(1)];
    assert!(
        counts
            .iter()
            .all(|counts| counts.of_load_balancer.is_empty())
    );
    let answered: u64 = counts
        .iter()
        .filter_map(|counts| counts.of_targets.get(&200))
        .sum();
    assert_eq!(answered, 3 + 360 + 3);
}

#[tokio::test(start_paused = true)]
async fn each_mistake_has_the_status_that_aws_has_for_it() {
    let world = World::new().await;
    world.launch(0, "i-b1", App::new("blue")).await;
    world.until_healthy(0, "i-b1").await;
    let place = |address| {
        world.change(|account| account.elbv2.fakes.insert("i-b1".to_owned(), address));
    };

    let began = world.clock.elapsed();
    assert_eq!(world.get("/never").await.0, 504);
    assert_eq!(
        world.clock.elapsed() - began,
        Duration::from_secs(60),
        "the idle timeout"
    );

    // A request on a connection that is kept would still be answered: the next has to connect.
    world.clock.sleep(Duration::from_secs(61)).await;
    place(Address::Refuses);
    assert_eq!(world.get("/").await.0, 502);
    place(Address::Silent);
    let began = world.clock.elapsed();
    assert_eq!(world.get("/").await.0, 504);
    assert_eq!(
        world.clock.elapsed() - began,
        Duration::from_secs(10),
        "the connect timeout"
    );

    world.change(|account| {
        let action = forward(&world.groups, [0, 100]);
        listeners::modify(account, &world.listener, None, Some(action)).expect("a listener");
    });
    world.clock.sleep(Duration::from_secs(60)).await;
    let (status, body) = world.get("/").await;
    assert_eq!(status, 503, "an empty group is not left for another");
    assert!(
        body.contains("503 Service Temporarily Unavailable"),
        "{body}"
    );
    let own = world.counts(0).of_load_balancer;
    assert_eq!(own.into_iter().collect::<Vec<_>>(), [(502, 1), (504, 2)]);
    assert_eq!(world.counts(1).of_load_balancer[&503], 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_outlives_deregistration_but_not_the_delay() {
    let world = World::new().await;
    world.launch(0, "i-b1", App::new("blue")).await;
    world.until_healthy(0, "i-b1").await;
    for (delay, wanted) in [("60", 200), ("10", 502)] {
        let group = &world.groups[0];
        world.change(|account| {
            let delay = (
                "deregistration_delay.timeout_seconds".to_owned(),
                delay.to_owned(),
            );
            target_groups::modify_attributes(account, group, &[delay]).expect("a known key");
            targets::register(account, group, "i-b1");
        });
        world.until_healthy(0, "i-b1").await;
        let mut client = world.client().await;
        let request = ask(&mut client, "/slow");
        let leaving = async {
            world.clock.sleep(Duration::from_secs(1)).await;
            world.change(|account| targets::deregister(account, group, "i-b1"));
            let state = elbv2::health(&world.cloud.account(), group, "i-b1");
            assert_eq!(state, Some("draining"));
        };
        let ((status, _), ()) = tokio::join!(request, leaving);
        assert_eq!(
            status, wanted,
            "with a delay of {delay} s and a request of 20 s"
        );
        world.clock.sleep(Duration::from_secs(60)).await;
        assert!(elbv2::is_deregistered(
            &world.cloud.account(),
            group,
            "i-b1"
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn a_keep_alive_shorter_than_the_idle_timeout_costs_requests_and_a_longer_one_none() {
    let mut failures = Vec::new();
    for keep_alive in [Duration::from_secs(5), Duration::from_secs(75)] {
        let world = World::new().await;
        let app = App {
            keep_alive,
            ..App::new("blue")
        };
        world.launch(0, "i-b1", app).await;
        world.until_healthy(0, "i-b1").await;
        let mut client = world.client().await;
        let mut failed = 0;
        for step in 0..40 {
            // Around five seconds after the answer before, a millisecond at a time.
            world.clock.sleep(Duration::from_millis(4_980 + step)).await;
            failed += u32::from(ask(&mut client, "/").await.0 == 502);
        }
        failures.push(failed);
    }
    assert!((1..20).contains(&failures[0]), "{failures:?}");
    assert_eq!(failures[1], 0, "{failures:?}");
}

#[tokio::test(start_paused = true)]
async fn a_target_sees_who_asked_and_bodies_pass_in_both_directions() {
    let world = World::new().await;
    world.launch(0, "i-b1", App::new("blue")).await;
    world.until_healthy(0, "i-b1").await;
    let (_, headers) = world.get("/headers").await;
    for line in [
        "host: hello.example.com",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-port: 8080",
        "x-forwarded-proto: http",
    ] {
        assert!(headers.contains(line), "{line} is not in\n{headers}");
    }
    let mut client = world.client().await;
    let upload = Request::post("/upload").header("host", "hello");
    let upload = upload
        .body(Full::from(vec![7; 3_000_000]))
        .expect("a request");
    let answer = client.send_request(upload).await.expect("an answer");
    let body = answer
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    assert_eq!(body, "3000000");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_idle_or_old_is_let_go() {
    let world = World::new().await;
    world.launch(0, "i-b1", App::new("blue")).await;
    world.until_healthy(0, "i-b1").await;
    let mut client = world.client().await;
    assert_eq!(ask(&mut client, "/").await.0, 200);
    world.clock.sleep(Duration::from_secs(59)).await;
    assert!(!client.is_closed());
    world.clock.sleep(Duration::from_secs(2)).await;
    assert!(client.is_closed(), "the idle timeout is a minute");

    let mut client = world.client().await;
    for _ in 0..120 {
        assert_eq!(ask(&mut client, "/").await.0, 200);
        world.clock.sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(ask(&mut client, "/").await.0, 200);
    world.clock.sleep(Duration::from_millis(1)).await;
    assert!(client.is_closed(), "a connection lasts an hour at most");
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_taken_is_reported_and_taken_over_when_it_is_free() {
    let world = World::new().await;
    let taken = world.network.listen(9090).await.expect("a free port");
    world.change(|account| {
        let port = Some(9090);
        listeners::modify(account, &world.listener, port, None).expect("a listener");
    });
    let failure = || {
        let account = world.cloud.account();
        let load_balancer = account.elbv2.listeners[&world.listener]
            .load_balancer
            .clone();
        load_balancers::failure(&account, &load_balancer)
    };
    world.clock.sleep(Duration::from_secs(2)).await;
    assert!(failure().expect("a reason").contains("port 9090"));
    drop(taken);
    world.clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(failure(), None);
}
