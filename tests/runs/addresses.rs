//! A load balancer has an address for each of its nodes, and a resolver that does not rotate leads everybody to the same one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bg_deploy::names::Weights;
use bg_deploy::run::event::Event;
use local_aws::Fault;
use net_clock::Resolver;

use crate::support::{World, assert_deployed};
use crate::visitor::Visitor;

/// The last node, whose address comes last where the resolver always has the same order.
const LAST: usize = 2;
const ITS_ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 3));

#[tokio::test(start_paused = true)]
async fn a_node_that_the_resolver_never_leads_to_is_waited_for_as_well() {
    let world = World::with_a_release().await;
    world.network.resolve(Resolver::SameOrder);
    let slow = Duration::from_secs(75);
    world.cloud.inject(Fault::slow_node(LAST, slow));
    let config = world.config("0.0.2", None);
    let (prepared, plan) = world.plan(&config).await;
    let visitor = Visitor::of(&world, &plan.url).at(ITS_ADDRESS);
    let cx = world.context().await;
    let finished = tokio::select! {
        biased;
        () = visitor.visit() => unreachable!("it asks for ever"),
        finished = bg_deploy::deploy::deploy(&cx, &plan, prepared.bundle.file.path(), None) => finished,
    };
    assert_deployed(&finished, &cx);
    assert_eq!(visitor.lost(), [""; 0]);
    assert_eq!(visitor.last(), "0.0.2");
    let all = Weights::split(plan.idle, 100);
    let told = cx.events.all();
    let at = |wanted: &Event| {
        let found = told.iter().find(|stamped| stamped.event == *wanted);
        found.expect("it was told").at
    };
    let written = at(&Event::WeightsWritten { weights: all });
    let seen = at(&Event::WeightsSeen { weights: all });
    assert!(seen - written >= slow, "{:?}", seen - written);
    let evidence = finished.evidence.expect("a probe");
    let asked: BTreeMap<_, _> = evidence.addresses.into_iter().collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    let sent: u64 = asked.values().map(|tally| tally.sent).sum();
    let is_even = asked.values().all(|tally| tally.sent * 5 >= sent);
    assert!(is_even, "{asked:?}");
}
