//! Which target a request goes to, decided by what one node knows: no network, no clock of its own.
//!
//! Guarantees: every request is divided anew by the weights its node has seen; a group is never left for another one
//! because it is empty or unhealthy, as AWS does not do that either. An empty group answers 503; with too few healthy
//! targets the node sends to all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::actions::{ActionKind, FixedResponse, Forward};
use super::conditions::Facts;
use super::health::View;
use super::listeners::Listener;
use super::network::{Address, address};
use super::target_groups::{Algorithm, TargetGroup};
use super::targets::{Stage, Target, TargetKey};
use crate::account::{Account, cloudwatch};
use crate::http_date::http_date;

/// The cookie that keeps a client on a target group.
const GROUP_COOKIE: &str = "AWSALBTG";
/// The cookie that keeps a client on a target.
const TARGET_COOKIE: &str = "AWSALB";

/// What a node does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// It goes to a target.
    Forward(Pick),
    /// The load balancer answers with what a rule says.
    Answer(FixedResponse),
    /// The client is sent elsewhere: status and location.
    Redirect(u16, String),
    /// The load balancer has nowhere to send it: 503.
    Unavailable,
}

/// The target a request goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Its target group.
    pub group: Arc<str>,
    /// The target.
    pub target: TargetKey,
    /// Which registration of it: connections are kept for one registration.
    pub registration: u64,
    /// The node that sends it.
    pub node: usize,
    /// How the target is reached.
    pub address: Address,
    /// `Set-Cookie` values for the answer.
    pub cookies: Vec<String>,
}

/// How many requests of a target group were answered how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answers of targets, by status.
    pub of_targets: BTreeMap<u16, u64>,
    /// Answers of the load balancer in place of a target, by status: 502, 503, 504, and 460 when the client left.
    pub of_load_balancer: BTreeMap<u16, u64>,
}

/// The counts of a target group since it was made.
pub fn counts(account: &Account, target_group: &str) -> Counts {
    let group = account.elbv2.target_groups.get(target_group);
    group.map(|group| group.counts.clone()).unwrap_or_default()
}

/// Decides about one request at one node.
pub fn route(account: &mut Account, listener: &str, node: usize, facts: &Facts<'_>) -> Route {
    let now = account.now();
    let Some(listener) = account.elbv2.listeners.get_mut(listener) else {
        return Route::Unavailable;
    };
    let (version, table) = listener.rules.seen_by(node, now);
    let table = Arc::clone(table);
    let rule = table.rule_for(facts);
    let forward = match &rule.action.kind {
        ActionKind::FixedResponse(fixed) => return Route::Answer(fixed.clone()),
        ActionKind::Redirect(redirect) => {
            return Route::Redirect(redirect.status, redirect.location(facts, listener.port));
        }
        ActionKind::Forward(forward) => forward,
    };
    let Some(group) = choose_group(
        listener,
        (node, version),
        rule.priority,
        forward,
        facts,
        now,
    ) else {
        return Route::Unavailable;
    };
    let load_balancer = listener.load_balancer.clone();
    let mut cookies = Vec::new();
    if let (true, Some(seconds)) = (forward.is_sticky, forward.sticky_seconds) {
        let id = group.rsplit('/').next().unwrap_or_default();
        cookies.push(cookie(account, GROUP_COOKIE, id, seconds.into()));
    }
    let route = pick(account, &group, node, facts, cookies);
    if let Route::Forward(_) = route {
        cloudwatch::count_request(account, &load_balancer, &group);
    }
    route
}

/// The group of a sticky client, else the next by weights.
fn choose_group(
    listener: &mut Listener,
    (node, version): (usize, u64),
    rule: Option<u32>,
    forward: &Forward,
    facts: &Facts<'_>,
    now: Duration,
) -> Option<Arc<str>> {
    if forward.is_sticky
        && let Some(id) = cookie_value(facts, GROUP_COOKIE, now)
        && let Some((group, _)) = forward
            .groups
            .iter()
            .find(|(group, _)| group.rsplit('/').next() == Some(id))
    {
        return Some(Arc::clone(group));
    }
    if let [(group, weight)] = forward.groups.as_slice() {
        return (*weight > 0).then(|| Arc::clone(group));
    }
    let turns = &mut listener.turns[node];
    if turns.version != version {
        turns.version = version;
        turns.of_rules.clear();
    }
    let current = turns
        .of_rules
        .entry(rule)
        .or_insert_with(|| vec![0; forward.groups.len()]);
    let chosen = next_by_weight(&forward.groups, current)?;
    Some(Arc::clone(&forward.groups[chosen].0))
}

/// Smooth weighted round robin: exact over any run of as many requests as the weights add up to, and spread evenly.
/// Nothing when every weight is 0.
fn next_by_weight(groups: &[(Arc<str>, u32)], current: &mut [i64]) -> Option<usize> {
    let total: i64 = groups.iter().map(|(_, weight)| i64::from(*weight)).sum();
    for (turn, (_, weight)) in current.iter_mut().zip(groups) {
        *turn += i64::from(*weight);
    }
    let chosen = (0..groups.len())
        .filter(|index| groups[*index].1 > 0)
        .max_by_key(|index| (current[*index], std::cmp::Reverse(*index)))?;
    current[chosen] -= total;
    Some(chosen)
}

/// A target of the group, as the node sees it.
fn pick(
    account: &mut Account,
    group: &str,
    node: usize,
    facts: &Facts<'_>,
    mut cookies: Vec<String>,
) -> Route {
    let now = account.now();
    // What chance decides is drawn first: the group is borrowed from the account below.
    let chance = match account.elbv2.target_groups.get(group) {
        Some(group) if group.needs_chance() => account.pick(1_000_000),
        _ => 0,
    };
    let Some(held) = account.elbv2.target_groups.get_mut(group) else {
        return Route::Unavailable;
    };
    let Some(key) = held.choose(node, now, facts, chance) else {
        held.count_own(503);
        return Route::Unavailable;
    };
    let arn = Arc::clone(&held.arn);
    let sticky_seconds = held.policy.sticky_seconds;
    let target = held
        .targets
        .get_mut(&key)
        .expect("chosen from these targets");
    target.views[node].outstanding += 1;
    let registration = target.registration;
    if let Some(seconds) = sticky_seconds {
        cookies.push(cookie(
            account,
            TARGET_COOKIE,
            &format!("{registration:x}"),
            seconds,
        ));
    }
    Route::Forward(Pick {
        group: arn,
        address: address(account, &key.instance),
        target: key,
        registration,
        node,
        cookies,
    })
}

impl TargetGroup {
    fn needs_chance(&self) -> bool {
        self.policy.algorithm == Algorithm::WeightedRandom || self.policy.slow_start_seconds > 0
    }

    fn choose(
        &mut self,
        node: usize,
        now: Duration,
        facts: &Facts<'_>,
        chance: usize,
    ) -> Option<TargetKey> {
        let candidates = self.candidates(node, now);
        if candidates.is_empty() {
            return None;
        }
        if self.policy.sticky_seconds.is_some()
            && let Some(id) = cookie_value(facts, TARGET_COOKIE, now)
            && let Ok(registration) = u64::from_str_radix(id, 16)
            && let Some((key, _)) = candidates
                .iter()
                .find(|(_, target)| target.registration == registration)
        {
            return Some((*key).clone());
        }
        let turn = self.turns[node];
        let chosen = match self.policy.algorithm {
            Algorithm::WeightedRandom => chance % candidates.len(),
            Algorithm::LeastOutstanding => {
                let rotated = (0..candidates.len()).map(|step| (turn + step) % candidates.len());
                rotated
                    .min_by_key(|index| candidates[*index].1.views[node].outstanding)
                    .unwrap_or_default()
            }
            Algorithm::RoundRobin => {
                let mut rotated =
                    (0..candidates.len()).map(|step| (turn + step) % candidates.len());
                rotated
                    .find(|index| self.has_turn(candidates[*index].1, node, now, chance))
                    .unwrap_or(turn % candidates.len())
            }
        };
        let key = candidates[chosen].0.clone();
        self.turns[node] = turn.wrapping_add(1);
        Some(key)
    }

    /// The targets a node sends to: those it sees as healthy, or all it knows when those are too few.
    fn candidates(&self, node: usize, now: Duration) -> Vec<(&TargetKey, &Target)> {
        let known: Vec<_> = self
            .targets
            .iter()
            .filter(|(_, target)| target.is_known_to(node, now))
            .collect();
        let percent = (known.len() * self.policy.least_healthy_percent).div_ceil(100);
        let least = self.policy.least_healthy.max(percent);
        let healthy: Vec<_> = known
            .iter()
            .copied()
            .filter(|(_, target)| target.views[node].view == View::Healthy)
            .collect();
        if healthy.len() < least {
            known
        } else {
            healthy
        }
    }

    /// A target in slow start takes only a part of its turns, which grows to all of them.
    fn has_turn(&self, target: &Target, node: usize, now: Duration, chance: usize) -> bool {
        let Some(from) = target.views[node].slow_from else {
            return true;
        };
        let whole = Duration::from_secs(self.policy.slow_start_seconds.max(1));
        let grown = now.saturating_sub(from).as_secs_f64() / whole.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a million at most")]
        let drawn = chance as f64 / 1_000_000.0;
        drawn < grown
    }

    fn count_own(&mut self, status: u16) {
        *self.counts.of_load_balancer.entry(status).or_default() += 1;
    }
}

impl Target {
    fn is_known_to(&self, node: usize, now: Duration) -> bool {
        let learnt =
            |from: Option<[Duration; super::NODES]>| from.is_some_and(|from| from[node] <= now);
        self.stage != Stage::OffZone
            && self.known_from[node] <= now
            && !learnt(self.left_from)
            && !learnt(self.invalid_from)
    }
}

/// Called by the data plane when a request that was forwarded is over: its status, and whether the target gave it.
pub fn finished(account: &mut Account, pick: &Pick, status: u16, by_target: bool) {
    let Some(group) = account.elbv2.target_groups.get_mut(&*pick.group) else {
        return;
    };
    if by_target {
        *group.counts.of_targets.entry(status).or_default() += 1;
    } else {
        group.count_own(status);
    }
    if let Some(target) = group.targets.get_mut(&pick.target)
        && target.registration == pick.registration
    {
        let view = &mut target.views[pick.node];
        view.outstanding = view.outstanding.saturating_sub(1);
    }
}

/// A cookie with what it stands for and until when. AWS's is encrypted; to a client both are opaque.
fn cookie(account: &Account, name: &str, id: &str, seconds: u64) -> String {
    let until = account.now() + Duration::from_secs(seconds);
    let expires = http_date(account.utc_at(until));
    format!(
        "{name}={id}.{:x}; Expires={expires}; Path=/",
        until.as_secs()
    )
}

/// What a cookie of ours stands for, unless it is over.
fn cookie_value<'a>(facts: &Facts<'a>, name: &str, now: Duration) -> Option<&'a str> {
    let (id, until) = facts.cookie(name)?.rsplit_once('.')?;
    let until = u64::from_str_radix(until, 16).ok()?;
    (!id.is_empty() && now.as_secs() < until).then_some(id)
}
