//! Target health: every node's own checks and what it makes of them, and the one state that AWS shows.
//!
//! Guarantees: a target that was just registered is healthy after one pass; after that it takes a whole threshold of
//! results in a row to change its state, either way. Nothing is checked while no rule names the group.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::network::{Address, address, zone_of};
use super::target_groups::HealthCheck;
use super::targets::{Stage, Target, TargetKey};
use super::{NODES, Timed, load_balancers, target_groups};
use crate::account::Account;
use crate::account::elbv2::order::{LoadBalancerOrder, Probe};

/// One run of health checks of a target; events of an earlier run are late and count for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The target group.
    pub group: Arc<str>,
    /// The target.
    pub target: TargetKey,
    /// Which run.
    pub generation: u64,
}

impl Watch {
    /// The target, if this run still goes on.
    pub(super) fn target_in<'a>(&self, account: &'a mut Account) -> Option<&'a mut Target> {
        let group = account.elbv2.target_groups.get_mut(&*self.group)?;
        let target = group.targets.get_mut(&self.target)?;
        (target.generation == self.generation).then_some(target)
    }
}

/// How a health check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer of this status.
    Answered(u16),
    /// Without an answer in time.
    TimedOut,
    /// Without a connection, or with an answer that is not HTTP.
    Failed,
}

/// What a node makes of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum View {
    /// No threshold was reached since it was registered.
    #[default]
    Initial,
    /// It gets requests.
    Healthy,
    /// It gets requests only when too few others are healthy.
    Unhealthy,
}

/// A node's health checks of a target.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeView {
    pub(super) view: View,
    /// Results in a row that speak against the view.
    against: u32,
    /// How the last failure looked.
    pub(super) failure: Option<Outcome>,
    /// A check is under way.
    is_checking: bool,
    /// Since when its share of requests grows.
    pub(super) slow_from: Option<Duration>,
    /// Requests this node has sent it that are not finished.
    pub(super) outstanding: u32,
}

impl NodeView {
    /// Takes in one result; whether the target became healthy by it.
    fn observe(&mut self, outcome: Outcome, check: &HealthCheck) -> bool {
        let passed = matches!(outcome, Outcome::Answered(status) if check.passes(status));
        if !passed {
            self.failure = Some(outcome);
        }
        let speaks_against = match self.view {
            View::Initial => true,
            View::Healthy => !passed,
            View::Unhealthy => passed,
        };
        if !speaks_against {
            self.against = 0;
            return false;
        }
        self.against += 1;
        let threshold = match (self.view, passed) {
            (View::Initial, true) => 1,
            (_, true) => check.healthy_threshold,
            (_, false) => check.unhealthy_threshold,
        };
        if self.against < threshold {
            return false;
        }
        self.against = 0;
        self.view = if passed {
            View::Healthy
        } else {
            View::Unhealthy
        };
        passed
    }

    fn forget_health(&mut self) {
        *self = Self {
            outstanding: self.outstanding,
            ..Self::default()
        };
    }
}

impl Target {
    /// How many nodes see it so.
    pub(super) fn views_that_are(&self, wanted: View) -> usize {
        self.views.iter().filter(|view| view.view == wanted).count()
    }
}

/// A target of a group begins to be checked, if a rule names the group.
pub(super) fn start(account: &mut Account, group: &Arc<str>, key: &TargetKey) {
    let generation = account.elbv2.next();
    let stage = stage_now(account, group, key);
    let Ok(found) = target_groups::find_mut(account, group) else {
        return;
    };
    let Some(target) = found.targets.get_mut(key) else {
        return;
    };
    target.generation = generation;
    target.views.iter_mut().for_each(NodeView::forget_health);
    target.stage = stage;
    if stage != Stage::Registering {
        return;
    }
    let watch = Watch {
        group: Arc::clone(group),
        target: key.clone(),
        generation,
    };
    let delay = account.draw(account.pace.target_register);
    account.after(
        delay,
        crate::account::Timed::Elbv2(Timed::BeginChecks(watch)),
    );
}

/// Where a target begins: only one in a zone of a load balancer that uses its group is checked.
fn stage_now(account: &Account, group: &str, key: &TargetKey) -> Stage {
    let users = target_groups::find(account, group).map(|found| &found.load_balancers);
    let Some(user) = users.ok().and_then(BTreeSet::first) else {
        return Stage::Unused;
    };
    let Some(zone) = zone_of(account, &key.instance) else {
        return Stage::Registering;
    };
    let load_balancer = load_balancers::find(account, user);
    if load_balancer.is_ok_and(|found| found.zones.iter().all(|enabled| enabled.name != zone)) {
        return Stage::OffZone;
    }
    Stage::Registering
}

/// A load balancer has other zones than before: some targets come into use, some go out of it.
pub(super) fn zones_changed(account: &mut Account, load_balancer: &str) {
    let mut changed = Vec::new();
    for group in account.elbv2.target_groups.values() {
        if !group.load_balancers.contains(load_balancer) {
            continue;
        }
        for (key, target) in &group.targets {
            let is_off = stage_now(account, &group.arn, key) == Stage::OffZone;
            if target.left_from.is_none() && is_off != (target.stage == Stage::OffZone) {
                changed.push((Arc::clone(&group.arn), key.clone()));
            }
        }
    }
    for (group, key) in changed {
        start(account, &group, &key);
    }
}

/// Rules began or ceased to name a group.
pub(super) fn use_changed(account: &mut Account, group: &Arc<str>) {
    let Ok(found) = target_groups::find(account, group) else {
        return;
    };
    let staying = found
        .targets
        .iter()
        .filter(|(_, target)| target.left_from.is_none());
    let keys: Vec<_> = staying.map(|(key, _)| key.clone()).collect();
    for key in keys {
        start(account, group, &key);
    }
}

/// A target is registered: each node checks it at its own phase from now on.
pub(super) fn begin(account: &mut Account, watch: &Watch) {
    let now = account.now();
    let Some(target) = watch.target_in(account) else {
        return;
    };
    target.stage = Stage::Checked;
    let known_from = target.known_from;
    let Some(interval) = interval(account, watch) else {
        return;
    };
    for (node, known_from) in known_from.into_iter().enumerate() {
        let phase = account.pick(usize::try_from(interval.as_millis()).unwrap_or(usize::MAX));
        let phase = Duration::from_millis(u64::try_from(phase).unwrap_or_default());
        let learns = known_from.saturating_sub(now);
        schedule(account, learns + phase, watch, node);
    }
}

fn interval(account: &Account, watch: &Watch) -> Option<Duration> {
    let group = target_groups::find(account, &watch.group).ok()?;
    Some(Duration::from_secs(group.check.interval_seconds.into()))
}

fn schedule(account: &mut Account, delay: Duration, watch: &Watch, node: usize) {
    let watch = watch.clone();
    account.after(
        delay,
        crate::account::Timed::Elbv2(Timed::Check { watch, node }),
    );
}

/// A node's check of a target is due.
pub(super) fn check(account: &mut Account, watch: &Watch, node: usize) {
    let address = address(account, &watch.target.instance);
    let Some(target) = watch.target_in(account) else {
        return;
    };
    if target.invalid_from.is_some() && address != Address::Silent {
        // Its instance was started again: it is a new target to the load balancer.
        target.invalid_from = None;
        start(account, &watch.group, &watch.target);
        return;
    }
    let skips = target.invalid_from.is_some() || target.views[node].is_checking;
    let Ok(group) = target_groups::find(account, &watch.group) else {
        return;
    };
    let probe = Probe {
        watch: watch.clone(),
        node,
        address,
        path: group.check.path.clone(),
        timeout: Duration::from_secs(group.check.timeout_seconds.into()),
    };
    let interval = Duration::from_secs(group.check.interval_seconds.into());
    schedule(account, interval, watch, node);
    if !skips && let Some(target) = watch.target_in(account) {
        target.views[node].is_checking = true;
        account.order(LoadBalancerOrder::Check(probe));
    }
}

/// Called by the data plane: how a node's check of a target ended.
pub fn checked(account: &mut Account, watch: &Watch, node: usize, outcome: Outcome) {
    let now = account.now();
    let Some(group) = account.elbv2.target_groups.get_mut(&*watch.group) else {
        return;
    };
    let full_share = group.targets.iter().any(|(key, target)| {
        let view = &target.views[node];
        *key != watch.target && view.view == View::Healthy && view.slow_from.is_none()
    });
    let slow_start = group.policy.slow_start_seconds;
    let Some(target) = group.targets.get_mut(&watch.target) else {
        return;
    };
    if target.generation != watch.generation || target.stage != Stage::Checked {
        return;
    }
    let view = &mut target.views[node];
    view.is_checking = false;
    let became_healthy = view.observe(outcome, &group.check);
    // Only a target that joins others gets a growing share: a fresh colour has its full share at once.
    if became_healthy && slow_start > 0 && full_share {
        view.slow_from = Some(now);
    }
    // Most of the nodes see it healthy by this very check: DescribeTargetHealth says so from now on.
    if became_healthy && target.views_that_are(View::Healthy) == NODES / 2 + 1 {
        account.reached(now, "healthy", &watch.target.instance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_target_is_healthy_after_one_pass_and_unhealthy_after_so_many_failures() {
        let check = HealthCheck {
            path: "/hc".into(),
            port: "traffic-port".into(),
            interval_seconds: 5,
            timeout_seconds: 2,
            healthy_threshold: 5,
            unhealthy_threshold: 3,
            matcher: "200".into(),
        };
        let mut view = NodeView::default();
        for _ in 1..check.unhealthy_threshold {
            view.observe(Outcome::Answered(500), &check);
            assert_eq!(view.view, View::Initial);
        }
        view.observe(Outcome::Answered(500), &check);
        assert_eq!(view.view, View::Unhealthy);
        let mut fresh = NodeView::default();
        fresh.observe(Outcome::Answered(200), &check);
        assert_eq!(fresh.view, View::Healthy);
    }
}
