//! What the local cloud's load balancer counted during a release: the other side of the probe's ledger.

use std::collections::BTreeMap;

use local_aws::LocalAws;
use local_aws::account::elbv2;

use crate::names::Colour;
use crate::plan::Plan;
use crate::report::LoadBalancerCounts;

/// What it has counted so far.
pub(super) fn now(cloud: &LocalAws, plan: &Plan) -> LoadBalancerCounts {
    let account = cloud.account();
    let of = |colour: Colour| {
        let counts = elbv2::counts(&account, plan.target_groups.of(colour));
        let mut by_status: BTreeMap<String, u64> = BTreeMap::new();
        for (status, count) in counts.of_targets.iter().chain(&counts.of_load_balancer) {
            *by_status.entry(status.to_string()).or_default() += count;
        }
        (colour, by_status)
    };
    LoadBalancerCounts {
        by_colour: Colour::BOTH.into_iter().map(of).collect(),
    }
}

/// What it has counted since.
pub(super) fn since(
    before: &LoadBalancerCounts,
    cloud: &LocalAws,
    plan: &Plan,
) -> LoadBalancerCounts {
    let mut counts = now(cloud, plan);
    for (colour, by_status) in &mut counts.by_colour {
        for (status, count) in by_status.iter_mut() {
            let earlier = before.by_colour.get(colour).and_then(|by| by.get(status));
            *count = count.saturating_sub(earlier.copied().unwrap_or_default());
        }
        by_status.retain(|_, count| *count > 0);
    }
    counts
}
