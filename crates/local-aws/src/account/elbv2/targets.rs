//! Targets: registered, checked, draining, gone.

use std::sync::Arc;
use std::time::Duration;

use super::health::{self, NodeView, Watch};
use super::network::is_running;
use super::{PerNode, Timed, propagation, target_groups};
use crate::account::elbv2::order::LoadBalancerOrder;
use crate::account::{Account, ApiError};

/// AWS's most targets of a group.
const MOST_TARGETS: usize = 1000;

/// Which target of a group: an instance and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetKey {
    /// The instance.
    pub instance: Arc<str>,
    /// The port it was registered with.
    pub port: u16,
}

/// A target.
#[derive(Clone, Debug)]
pub struct Target {
    /// Which registration this is: connections and requests in flight belong to it.
    pub registration: u64,
    /// Which run of health checks is going on.
    pub(super) generation: u64,
    /// Whether its health is being checked.
    pub(super) stage: Stage,
    /// When each node learns of it.
    pub(super) known_from: PerNode<Duration>,
    /// When each node learns that it is being deregistered.
    pub(super) left_from: Option<PerNode<Duration>>,
    /// When each node learns that its instance stopped or terminated.
    pub(super) invalid_from: Option<PerNode<Duration>>,
    /// What each node makes of it.
    pub(super) views: PerNode<NodeView>,
}

/// How far a target has come since it was registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No rule names its group.
    Unused,
    /// Its zone is not one of the load balancer's.
    OffZone,
    /// The nodes are being told of it.
    Registering,
    /// Its health is being checked.
    Checked,
}

/// Registers an instance with a target group (as Auto Scaling does). Unknown groups are ignored.
pub fn register(account: &mut Account, target_group: &str, instance: &str) {
    if let Ok(group) = target_groups::find(account, target_group) {
        let port = group.port;
        add(account, target_group, &key(instance, port));
    }
}

/// Registers instances by hand: all, or none with AWS's complaint. A port of its own makes another target.
pub fn register_all(
    account: &mut Account,
    target_group: &str,
    wanted: &[(String, Option<u16>)],
) -> Result<(), ApiError> {
    let group = target_groups::find(account, target_group)?;
    let keys: Vec<_> = wanted
        .iter()
        .map(|(instance, port)| key(instance, port.unwrap_or(group.port)))
        .collect();
    let new = keys
        .iter()
        .filter(|key| !group.targets.contains_key(*key))
        .count();
    if group.targets.len() + new > MOST_TARGETS {
        return Err(ApiError::refused(
            "TooManyTargets",
            "You've reached the limit on the number of targets",
        ));
    }
    for key in &keys {
        check_instance_id(&key.instance)?;
        if !is_running(account, &key.instance) {
            return Err(ApiError::refused(
                "InvalidTarget",
                &format!(
                    "The following targets are not in a running state and cannot be registered: '{}'",
                    key.instance
                ),
            ));
        }
    }
    for key in &keys {
        add(account, target_group, key);
    }
    Ok(())
}

fn check_instance_id(id: &str) -> Result<(), ApiError> {
    let is_id = id
        .strip_prefix("i-")
        .is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_id {
        return Ok(());
    }
    Err(ApiError::validation(&format!(
        "Instance ID '{id}' is not valid"
    )))
}

fn key(instance: &str, port: u16) -> TargetKey {
    TargetKey {
        instance: instance.into(),
        port,
    }
}

/// One that is registered already stays as it is; one that is draining is a new target from now on.
fn add(account: &mut Account, target_group: &str, key: &TargetKey) {
    let known_from = propagation(account);
    let registration = account.elbv2.next();
    let Ok(group) = target_groups::find_mut(account, target_group) else {
        return;
    };
    let drained = match group.targets.get(key) {
        Some(existing) if existing.left_from.is_none() => return,
        existing => existing.map(|existing| existing.registration),
    };
    group.targets.insert(
        key.clone(),
        Target {
            // Requests that were in flight when it began to drain finish on the same registration.
            registration: drained.unwrap_or(registration),
            generation: registration,
            stage: Stage::Unused,
            known_from,
            left_from: None,
            invalid_from: None,
            views: PerNode::default(),
        },
    );
    let group = Arc::clone(&group.arn);
    health::start(account, &group, key);
}

/// Begins to deregister an instance from a target group, at every port it is registered with.
pub fn deregister(account: &mut Account, target_group: &str, instance: &str) {
    let Ok(group) = target_groups::find(account, target_group) else {
        return;
    };
    let keys: Vec<_> = group.targets.keys().cloned().collect();
    for key in keys.iter().filter(|key| &*key.instance == instance) {
        leave(account, target_group, key);
    }
}

/// Deregisters targets by hand; those that are not registered are passed over, as on AWS.
pub fn deregister_all(
    account: &mut Account,
    target_group: &str,
    wanted: &[(String, Option<u16>)],
) -> Result<(), ApiError> {
    target_groups::find(account, target_group)?;
    for (instance, port) in wanted {
        check_instance_id(instance)?;
        match port {
            Some(port) => leave(account, target_group, &key(instance, *port)),
            None => deregister(account, target_group, instance),
        }
    }
    Ok(())
}

/// Drains a target: nodes stop sending to it as they learn of it, requests in flight go on until the delay is over.
fn leave(account: &mut Account, target_group: &str, key: &TargetKey) {
    let left_from = propagation(account);
    let generation = account.elbv2.next();
    let Ok(group) = target_groups::find_mut(account, target_group) else {
        return;
    };
    let seconds = group
        .attributes
        .number("deregistration_delay.timeout_seconds");
    let Some(target) = group.targets.get_mut(key) else {
        return;
    };
    if target.left_from.is_some() {
        return;
    }
    if matches!(target.stage, Stage::Unused | Stage::OffZone) {
        // No node ever sent it anything: there is nothing to drain.
        group.targets.remove(key);
        return;
    }
    target.left_from = Some(left_from);
    target.generation = generation;
    let watch = Watch {
        group: Arc::clone(&group.arn),
        target: key.clone(),
        generation,
    };
    account.after(
        Duration::from_secs(seconds),
        crate::account::Timed::Elbv2(Timed::Drained(watch)),
    );
}

/// The deregistration delay is over: what is still in flight is cut.
pub(super) fn drained(account: &mut Account, watch: &Watch) {
    let Some(target) = watch.target_in(account) else {
        return;
    };
    let registration = target.registration;
    if let Ok(group) = target_groups::find_mut(account, &watch.group) {
        group.targets.remove(&watch.target);
    }
    account.order(LoadBalancerOrder::Cut { registration });
}

/// Whether the instance's deregistration delay is over (or it was never registered).
pub fn is_deregistered(account: &Account, target_group: &str, instance: &str) -> bool {
    !target_groups::find(account, target_group)
        .is_ok_and(|group| group.targets.keys().any(|key| &*key.instance == instance))
}

/// An instance stops or terminates: its targets become `unused` (Target.InvalidState).
pub fn instance_gone(account: &mut Account, instance: &str) {
    let seen_from = propagation(account);
    for group in account.elbv2.target_groups.values_mut() {
        for (key, target) in &mut group.targets {
            if &*key.instance == instance && target.invalid_from.is_none() {
                target.invalid_from = Some(seen_from);
            }
        }
    }
}
