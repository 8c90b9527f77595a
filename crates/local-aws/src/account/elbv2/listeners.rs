//! Listeners: a port of a load balancer, its rules, and what each node knows of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actions::{self, Action};
use super::rules::{Rule, RuleTable};
use super::versions::Versioned;
use super::{PerNode, check_arn, load_balancers, not_found, propagation, target_groups};
use crate::account::elbv2::order::LoadBalancerOrder;
use crate::account::{Account, ApiError, Tags};

/// A listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// Its load balancer's ARN.
    pub load_balancer: String,
    /// Its port.
    pub port: u16,
    /// Its rules, as the nodes see them.
    pub rules: Versioned<RuleTable>,
    /// Each rule's tags, by the rule's ARN.
    pub rule_tags: BTreeMap<String, Tags>,
    /// Its own tags.
    pub tags: Tags,
    /// Why its port could not be opened.
    pub failure: Option<String>,
    /// Where each node stands in dividing requests by weights.
    pub(super) turns: PerNode<Turns>,
}

/// Where a node stands in dividing requests by weights, for one version of the rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    pub(super) version: u64,
    /// By the rule's priority; the default rule has none.
    pub(super) of_rules: BTreeMap<Option<u32>, Vec<i64>>,
}

/// A listener that must exist.
pub fn find<'a>(account: &'a Account, arn: &str) -> Result<&'a Listener, ApiError> {
    check_arn("listener", arn)?;
    let found = account.elbv2.listeners.get(arn);
    found.ok_or_else(|| not_found("ListenerNotFound", "listeners"))
}

pub(super) fn find_mut<'a>(
    account: &'a mut Account,
    arn: &str,
) -> Result<&'a mut Listener, ApiError> {
    let found = account.elbv2.listeners.get_mut(arn);
    found.ok_or_else(|| not_found("ListenerNotFound", "listeners"))
}

/// The ARNs of a load balancer's listeners.
pub fn of(account: &Account, load_balancer: &str) -> Vec<String> {
    let listeners = account.elbv2.listeners.values();
    listeners
        .filter(|listener| listener.load_balancer == load_balancer)
        .map(|listener| listener.arn.clone())
        .collect()
}

/// Makes a listener; answers its ARN.
pub fn create(
    account: &mut Account,
    load_balancer: &str,
    port: u16,
    action: Action,
    tags: Tags,
) -> Result<String, ApiError> {
    let is_active = load_balancers::find(account, load_balancer)?.is_active;
    check_port(account, load_balancer, port, None)?;
    actions::check(account, load_balancer, &action)?;
    super::tags::check(&tags)?;
    let stem = load_balancer.replacen(":loadbalancer/", ":listener/", 1);
    let arn = format!("{stem}/{}", account.hex16());
    let default = Arc::new(Rule {
        arn: super::rules::arn_in(account, &arn),
        priority: None,
        conditions: Vec::new(),
        action,
    });
    account.elbv2.listeners.insert(
        arn.clone(),
        Listener {
            arn: arn.clone(),
            load_balancer: load_balancer.to_owned(),
            port,
            rule_tags: BTreeMap::from([(default.arn.clone(), Tags::new())]),
            rules: Versioned::new(RuleTable {
                rules: Vec::new(),
                default,
            }),
            tags,
            failure: None,
            turns: PerNode::default(),
        },
    );
    if is_active {
        open(account, &arn, port);
    }
    target_groups::refresh_use(account);
    Ok(arn)
}

/// Changes what was given of a listener; the rest stays.
pub fn modify(
    account: &mut Account,
    arn: &str,
    port: Option<u16>,
    action: Option<Action>,
) -> Result<(), ApiError> {
    let listener = find(account, arn)?;
    let load_balancer = listener.load_balancer.clone();
    let port = port.filter(|port| *port != listener.port);
    let is_active = load_balancers::find(account, &load_balancer)?.is_active;
    if let Some(port) = port {
        check_port(account, &load_balancer, port, Some(arn))?;
    }
    if let Some(action) = action {
        actions::check(account, &load_balancer, &action)?;
        change_rules(account, arn, |table| {
            table.default = Arc::new(Rule {
                action,
                ..Rule::clone(&table.default)
            });
        })?;
    }
    if let Some(port) = port {
        let listener = find_mut(account, arn)?;
        listener.port = port;
        listener.failure = None;
        if is_active {
            close(account, arn);
            open(account, arn, port);
        }
    }
    Ok(())
}

/// Changes the rules: for the control plane now, for each node when it learns of it.
pub(super) fn change_rules(
    account: &mut Account,
    arn: &str,
    change: impl FnOnce(&mut RuleTable),
) -> Result<(), ApiError> {
    let seen_from = propagation(account);
    let now = account.now();
    let listener = find_mut(account, arn)?;
    let mut table = listener.rules.latest().clone();
    change(&mut table);
    table.rules.sort_by_key(|rule| rule.priority);
    listener.rules.set(table, now, seen_from);
    let last = seen_from.into_iter().max().unwrap_or(now);
    account.reached(last, "rules known to every node", arn);
    target_groups::refresh_use(account);
    Ok(())
}

/// Deletes a listener with its rules.
pub fn delete(account: &mut Account, arn: &str) -> Result<(), ApiError> {
    find(account, arn)?;
    remove(account, arn);
    target_groups::refresh_use(account);
    Ok(())
}

pub(super) fn remove(account: &mut Account, arn: &str) {
    account.elbv2.listeners.remove(arn);
    close(account, arn);
}

/// The name that visitors of a listener's load balancer dial, where it has a name of its own.
pub fn dns_name(account: &Account, arn: &str) -> Option<String> {
    let listener = account.elbv2.listeners.get(arn)?;
    let load_balancers = &account.elbv2.load_balancers;
    let load_balancer = load_balancers.get(&listener.load_balancer)?;
    let name = &load_balancer.dns_name;
    account.elbv2.has_names.then(|| name.clone())
}

/// Called by the data plane: a listener's port is open, or why it is not.
pub fn opened(account: &mut Account, arn: &str, failure: Option<String>) {
    if let Ok(listener) = find_mut(account, arn) {
        listener.failure = failure;
    }
}

fn open(account: &mut Account, arn: &str, port: u16) {
    let listener = arn.to_owned();
    account.order(LoadBalancerOrder::Open { listener, port });
}

fn close(account: &mut Account, arn: &str) {
    let listener = arn.to_owned();
    account.order(LoadBalancerOrder::Close { listener });
}

/// A port that no other listener has: on this load balancer by AWS's rule, on another because all load balancers
/// of the local cloud share one address.
fn check_port(
    account: &Account,
    load_balancer: &str,
    port: u16,
    except: Option<&str>,
) -> Result<(), ApiError> {
    let mut others = account.elbv2.listeners.values();
    let taken = others.find(|other| other.port == port && Some(other.arn.as_str()) != except);
    if let Some(taken) = taken {
        return Err(if taken.load_balancer == load_balancer {
            ApiError::refused(
                "DuplicateListener",
                &format!(
                    "A listener already exists on this port for this load balancer '{load_balancer}'"
                ),
            )
        } else {
            ApiError::refused(
                "OperationNotPermitted",
                &format!(
                    "all load balancers of the local cloud share one address, and {} listens on its port {port}: choose another",
                    taken.load_balancer
                ),
            )
        });
    }
    let lowest = account.elbv2.lowest_port;
    if port < lowest {
        return Err(ApiError::refused(
            "OperationNotPermitted",
            &format!(
                "the local cloud cannot listen on port {port} without privilege: choose one above {}",
                lowest - 1
            ),
        ));
    }
    Ok(())
}
