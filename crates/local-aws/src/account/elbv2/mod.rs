//! Elastic Load Balancing v2 in the account: load balancers, listeners, rules, target groups, and what each of a
//! load balancer's nodes knows of them.
//!
//! Guarantees: the control plane answers at once, the data plane learns later. Every change of a rule, a weight or a
//! set of targets is a version that each node sees from its own moment on, and [`routing::route`] decides by what
//! that node has seen. Health is each node's own view; what DescribeTargetHealth shows is what most nodes see.

pub mod actions;
pub mod attributes;
pub mod conditions;
pub mod health;
pub mod hosted_zones;
pub mod listeners;
pub mod load_balancers;
pub mod network;
pub mod order;
pub mod routing;
pub mod rules;
pub mod tags;
pub mod target_groups;
pub mod target_state;
pub mod targets;
#[cfg(test)]
mod tests;
pub mod versions;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{Account, ApiError};

pub use self::routing::{Counts, counts, finished, route};
pub use self::target_state::health;
pub use self::targets::{deregister, instance_gone, is_deregistered, register};

/// What policies call the service.
pub const SERVICE: &str = "elasticloadbalancing.amazonaws.com";
/// How many nodes a load balancer has: one for each of three zones.
pub const NODES: usize = 3;

/// One of something for each node of a load balancer.
pub type PerNode<T> = [T; NODES];

/// Something that happens in Elastic Load Balancing at a set time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timed {
    /// A load balancer is provisioned.
    Active { load_balancer: String },
    /// A target's registration is through: its health checks begin.
    BeginChecks(health::Watch),
    /// A node's next health check of a target is due.
    Check { watch: health::Watch, node: usize },
    /// A target's deregistration delay is over.
    Drained(health::Watch),
}

/// What the account has in Elastic Load Balancing.
#[derive(Debug)]
pub struct State {
    /// By ARN.
    pub load_balancers: BTreeMap<String, load_balancers::LoadBalancer>,
    /// By ARN; their rules are in them.
    pub listeners: BTreeMap<String, listeners::Listener>,
    /// By ARN.
    pub target_groups: BTreeMap<String, target_groups::TargetGroup>,
    /// What load balancers that are gone leave for a while: network interfaces in these security groups, and until when.
    pub leaving: Vec<(Duration, Vec<String>)>,
    /// The lowest port that this machine lets the local cloud listen on.
    pub lowest_port: u16,
    /// Whether load balancers have names of their own, with an address for each node: in a network that can resolve them.
    pub has_names: bool,
    /// Numbers registrations and generations of health checks, so that a late event is known to be late.
    sequence: u64,
    /// Machines that tests put behind instance ids, before there are instances.
    #[cfg(test)]
    pub fakes: BTreeMap<String, network::Address>,
}

impl State {
    /// Nothing, on the same machine; no registration has a number that one of another region has.
    pub fn in_another_region(&self, region: u32) -> Self {
        Self {
            lowest_port: self.lowest_port,
            has_names: self.has_names,
            sequence: u64::from(region) << 32,
            ..Self::default()
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            load_balancers: BTreeMap::new(),
            listeners: BTreeMap::new(),
            target_groups: BTreeMap::new(),
            leaving: Vec::new(),
            lowest_port: 1,
            has_names: false,
            sequence: 0,
            #[cfg(test)]
            fakes: BTreeMap::new(),
        }
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

/// Lets a timed event happen.
pub fn fire(account: &mut Account, event: Timed) {
    match event {
        Timed::Active { load_balancer } => load_balancers::become_active(account, &load_balancer),
        Timed::BeginChecks(watch) => health::begin(account, &watch),
        Timed::Check { watch, node } => health::check(account, &watch, node),
        Timed::Drained(watch) => targets::drained(account, &watch),
    }
}

/// Whether a target group of this ARN exists.
pub fn has_target_group(account: &Account, target_group: &str) -> bool {
    account.elbv2.target_groups.contains_key(target_group)
}

/// Whether a load balancer has this security group.
pub fn uses_security_group(account: &Account, security_group: &str) -> bool {
    let mut load_balancers = account.elbv2.load_balancers.values();
    load_balancers.any(|found| found.security_groups.iter().any(|id| id == security_group))
}

/// When each node will have learnt of a change made now.
fn propagation(account: &mut Account) -> PerNode<Duration> {
    let pace = account.pace.node_propagation;
    std::array::from_fn(|node| {
        account.now() + account.draw(pace) + account.faults.meet_propagation(node)
    })
}

/// The address of a node, of those that nobody on the internet has (RFC 5737).
pub fn node_address(node: usize) -> IpAddr {
    let last = u8::try_from(node + 1).unwrap_or(u8::MAX);
    IpAddr::from([203, 0, 113, last])
}

/// The account's quota is used up.
fn too_many(code: &str, what: &str) -> ApiError {
    let words = format!("The maximum number of {what} has been reached on your account");
    ApiError::refused(code, &words)
}

/// Which node has this address, if one has.
pub fn node_at(address: IpAddr) -> Option<usize> {
    (0..NODES).find(|node| node_address(*node) == address)
}

fn not_found(code: &str, kind: &str) -> ApiError {
    ApiError::refused(code, &format!("One or more {kind} not found"))
}

/// Whether this could be the ARN of such a thing at all, in words such as "load balancer".
fn check_arn(kind: &str, arn: &str) -> Result<(), ApiError> {
    let resource = format!(":{}/", kind.replace(' ', ""));
    match arn.starts_with("arn:") && arn.contains(&resource) {
        true => Ok(()),
        false => Err(ApiError::validation(&format!(
            "'{arn}' is not a valid {kind} ARN"
        ))),
    }
}

/// A number within AWS's range for it.
pub(crate) fn within(name: &str, value: i64, least: i64, most: i64) -> Result<u32, ApiError> {
    if (least..=most).contains(&value) {
        Ok(u32::try_from(value).unwrap_or_default())
    } else {
        Err(ApiError::validation(&format!(
            "{name} '{value}' must be between '{least}' and '{most}' inclusive"
        )))
    }
}

/// The form that AWS asks of the names of load balancers and target groups.
fn check_name(kind: &str, name: &str) -> Result<(), ApiError> {
    let complaint = if name.is_empty() {
        format!("{kind} name cannot be empty")
    } else if name.len() > 32 {
        format!("{kind} name '{name}' cannot be longer than '32' characters")
    } else if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        format!(
            "{kind} name '{name}' can only contain characters that are alphanumeric characters or hyphens(-)"
        )
    } else if name.starts_with('-') || name.ends_with('-') {
        format!("{kind} name '{name}' cannot begin or end with a hyphen(-)")
    } else {
        return Ok(());
    };
    Err(ApiError::validation(&complaint))
}
