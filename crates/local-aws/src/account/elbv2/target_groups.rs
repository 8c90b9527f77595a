//! Target groups: where requests go, how targets are checked, and whether any rule uses the group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attributes::Attributes;
use super::targets::{Target, TargetKey};
use super::{PerNode, check_arn, check_name, health, not_found, too_many, within};
use crate::account::elbv2::order::LoadBalancerOrder;
use crate::account::{Account, ApiError, Tags};

/// A target group of instances that speak HTTP.
#[derive(Clone, Debug)]
pub struct TargetGroup {
    /// Its ARN, shared with every request that goes to it.
    pub arn: Arc<str>,
    /// Unique in the account and region.
    pub name: String,
    /// The port of targets that have none of their own.
    pub port: u16,
    /// Its network.
    pub vpc: String,
    /// `HTTP1`: the only one the local cloud speaks.
    pub protocol_version: String,
    /// How targets are checked.
    pub check: HealthCheck,
    /// Its attributes.
    pub attributes: Attributes,
    /// What routing needs of the attributes, read once.
    pub(super) policy: Policy,
    /// The load balancers whose rules name it; without one its targets are `unused`.
    pub load_balancers: BTreeSet<String>,
    /// Its tags.
    pub tags: Tags,
    /// Its targets.
    pub targets: BTreeMap<TargetKey, Target>,
    /// The requests it had, by status.
    pub counts: super::Counts,
    /// Where each node stands in going round the targets.
    pub(super) turns: PerNode<usize>,
}

/// How targets are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path that is asked for.
    pub path: String,
    /// `traffic-port`, or a port.
    pub port: String,
    /// Between two checks of a node.
    pub interval_seconds: u32,
    /// Until a check fails.
    pub timeout_seconds: u32,
    /// Passes in a row that make an unhealthy target healthy.
    pub healthy_threshold: u32,
    /// Failures in a row that make a target unhealthy.
    pub unhealthy_threshold: u32,
    /// Statuses that pass: `200`, `200,204` or `200-299`.
    pub matcher: String,
}

/// What routing needs of the attributes.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) algorithm: Algorithm,
    pub(super) slow_start_seconds: u64,
    pub(super) sticky_seconds: Option<u64>,
    pub(super) least_healthy: usize,
    pub(super) least_healthy_percent: usize,
}

/// How a node chooses among the targets of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    RoundRobin,
    LeastOutstanding,
    WeightedRandom,
}

impl Policy {
    fn of(attributes: &Attributes) -> Self {
        const LEAST: &str = "target_group_health.unhealthy_state_routing.minimum_healthy_targets";
        let number = |key: &str| usize::try_from(attributes.number(key)).unwrap_or(usize::MAX);
        let is_sticky = attributes.flag("stickiness.enabled");
        Self {
            algorithm: match attributes.text("load_balancing.algorithm.type") {
                "least_outstanding_requests" => Algorithm::LeastOutstanding,
                "weighted_random" => Algorithm::WeightedRandom,
                _ => Algorithm::RoundRobin,
            },
            slow_start_seconds: attributes.number("slow_start.duration_seconds"),
            sticky_seconds: is_sticky
                .then(|| attributes.number("stickiness.lb_cookie.duration_seconds")),
            least_healthy: number(&format!("{LEAST}.count")),
            least_healthy_percent: number(&format!("{LEAST}.percentage")),
        }
    }
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            port: "traffic-port".to_owned(),
            interval_seconds: 30,
            timeout_seconds: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: "200".to_owned(),
        }
    }
}

impl HealthCheck {
    /// Whether a status passes.
    pub fn passes(&self, status: u16) -> bool {
        ranges(&self.matcher)
            .iter()
            .flatten()
            .any(|(from, to)| (*from..=*to).contains(&status))
    }

    /// Refuses what AWS would refuse.
    fn check(&self) -> Result<(), ApiError> {
        let number = |name, value: u32, least, most| within(name, value.into(), least, most);
        number("Health check interval", self.interval_seconds, 5, 300)?;
        number("Health check timeout", self.timeout_seconds, 2, 120)?;
        number("Healthy threshold count", self.healthy_threshold, 2, 10)?;
        number("Unhealthy threshold count", self.unhealthy_threshold, 2, 10)?;
        if self.timeout_seconds >= self.interval_seconds {
            return Err(ApiError::validation(&format!(
                "Health check timeout '{}' must be smaller than the interval '{}'",
                self.timeout_seconds, self.interval_seconds
            )));
        }
        if !self.path.starts_with('/') || self.path.len() > 1024 {
            return Err(ApiError::validation(&format!(
                "Health check path '{}' must begin with a '/' character and can be at most 1024 characters long",
                self.path
            )));
        }
        if self.port != "traffic-port" {
            return Err(ApiError::validation(
                "the local cloud checks health at the traffic port only: HealthCheckPort must be 'traffic-port'",
            ));
        }
        match ranges(&self.matcher) {
            Some(ranges)
                if ranges
                    .iter()
                    .all(|(from, to)| 200 <= *from && from <= to && *to <= 499) =>
            {
                Ok(())
            }
            _ => Err(ApiError::validation(&format!(
                "Health check matcher HTTP code '{}' must be within '200-499' inclusive",
                self.matcher
            ))),
        }
    }
}

/// `200`, `200,204`, `200-299` as ranges.
fn ranges(matcher: &str) -> Option<Vec<(u16, u16)>> {
    matcher
        .split(',')
        .map(|part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
        })
        .collect()
}

/// A target group that must exist.
pub fn find<'a>(account: &'a Account, arn: &str) -> Result<&'a TargetGroup, ApiError> {
    check_arn("target group", arn)?;
    let found = account.elbv2.target_groups.get(arn);
    found.ok_or_else(|| not_found("TargetGroupNotFound", "target groups"))
}

pub(super) fn find_mut<'a>(
    account: &'a mut Account,
    arn: &str,
) -> Result<&'a mut TargetGroup, ApiError> {
    let found = account.elbv2.target_groups.get_mut(arn);
    found.ok_or_else(|| not_found("TargetGroupNotFound", "target groups"))
}

/// Makes a target group; one of the same name and settings is answered again. Answers its ARN.
pub fn create(
    account: &mut Account,
    name: &str,
    port: u16,
    vpc: &str,
    check: HealthCheck,
    tags: Tags,
) -> Result<String, ApiError> {
    check_name("Target group", name)?;
    check.check()?;
    super::network::check_vpc(account, vpc)?;
    super::tags::check(&tags)?;
    let mut existing = account.elbv2.target_groups.values();
    if let Some(existing) = existing.find(|existing| existing.name == name) {
        let is_same = existing.port == port
            && existing.vpc == vpc
            && existing.check == check
            && existing.tags == tags;
        if is_same {
            return Ok(existing.arn.to_string());
        }
        return Err(ApiError::refused(
            "DuplicateTargetGroupName",
            &format!(
                "A target group with the same name '{name}' exists, but with different settings"
            ),
        ));
    }
    if account.elbv2.target_groups.len() >= account.limits.target_groups {
        return Err(too_many("TooManyTargetGroups", "target groups"));
    }
    let arn = format!("targetgroup/{name}/{}", account.hex16());
    let arn = account.arn("elasticloadbalancing", &arn);
    let attributes = Attributes::of_target_group();
    account.elbv2.target_groups.insert(
        arn.clone(),
        TargetGroup {
            arn: arn.as_str().into(),
            name: name.to_owned(),
            port,
            vpc: vpc.to_owned(),
            protocol_version: "HTTP1".to_owned(),
            check,
            policy: Policy::of(&attributes),
            attributes,
            load_balancers: BTreeSet::new(),
            tags,
            targets: BTreeMap::new(),
            counts: super::Counts::default(),
            turns: PerNode::default(),
        },
    );
    Ok(arn)
}

/// Replaces how targets are checked.
pub fn modify(account: &mut Account, arn: &str, check: HealthCheck) -> Result<(), ApiError> {
    check.check()?;
    find_mut(account, arn)?.check = check;
    Ok(())
}

/// Changes attributes; answers all of them.
pub fn modify_attributes(
    account: &mut Account,
    arn: &str,
    changes: &[(String, String)],
) -> Result<Attributes, ApiError> {
    let attributes = find(account, arn)?.attributes.with(changes)?;
    let policy = Policy::of(&attributes);
    if policy.sticky_seconds.is_some() && is_in_unsticky_action(account, arn) {
        return Err(ApiError::refused(
            "InvalidConfigurationRequest",
            "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups",
        ));
    }
    if policy.slow_start_seconds > 0 && policy.algorithm != Algorithm::RoundRobin {
        return Err(ApiError::refused(
            "InvalidConfigurationRequest",
            "Slow start mode is available with the round robin algorithm only",
        ));
    }
    let mitigates = attributes.text("load_balancing.algorithm.anomaly_mitigation") == "on";
    if mitigates && policy.algorithm != Algorithm::WeightedRandom {
        return Err(ApiError::refused(
            "InvalidConfigurationRequest",
            "Anomaly mitigation is available with the weighted random algorithm only",
        ));
    }
    let group = find_mut(account, arn)?;
    group.policy = policy;
    group.attributes = attributes;
    Ok(group.attributes.clone())
}

/// Whether the group stands beside another in an action without stickiness between groups.
fn is_in_unsticky_action(account: &Account, arn: &str) -> bool {
    let tables = account
        .elbv2
        .listeners
        .values()
        .map(|listener| listener.rules.latest());
    tables
        .flat_map(super::rules::RuleTable::iter)
        .any(|rule| match &rule.action.kind {
            super::actions::ActionKind::Forward(forward) => {
                forward.groups.len() > 1
                    && !forward.is_sticky
                    && forward.groups.iter().any(|(group, _)| &**group == arn)
            }
            _ => false,
        })
}

/// Deletes a target group; one that is not there is deleted already.
pub fn delete(account: &mut Account, arn: &str) -> Result<(), ApiError> {
    check_arn("target group", arn)?;
    let Ok(group) = find(account, arn) else {
        return Ok(());
    };
    if !group.load_balancers.is_empty() {
        return Err(ApiError::refused(
            "ResourceInUse",
            &format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    let gone = account.elbv2.target_groups.remove(arn);
    for target in gone.iter().flat_map(|group| group.targets.values()) {
        let registration = target.registration;
        account.order(LoadBalancerOrder::Cut { registration });
    }
    Ok(())
}

/// Finds out anew which load balancers use which groups, after rules changed: a group that comes into use has its
/// targets checked from now on, one that goes out of use has `unused` targets.
pub(super) fn refresh_use(account: &mut Account) {
    let mut users: BTreeMap<Arc<str>, BTreeSet<String>> = BTreeMap::new();
    for listener in account.elbv2.listeners.values() {
        for rule in listener.rules.latest().iter() {
            for group in rule.action.groups() {
                let users = users.entry(Arc::clone(group)).or_default();
                users.insert(listener.load_balancer.clone());
            }
        }
    }
    let mut changed = Vec::new();
    for group in account.elbv2.target_groups.values_mut() {
        let used_by = users.remove(&group.arn).unwrap_or_default();
        if used_by.is_empty() != group.load_balancers.is_empty() {
            changed.push(Arc::clone(&group.arn));
        }
        group.load_balancers = used_by;
    }
    for group in changed {
        health::use_changed(account, &group);
    }
}
