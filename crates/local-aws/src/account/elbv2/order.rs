//! What the account asks of the data planes of its load balancers.

use std::time::Duration;

use super::health::Watch;
use super::network::Address;

/// What the account asks of the data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadBalancerOrder {
    /// Opens a listener's port.
    Open { listener: String, port: u16 },
    /// Closes a listener's port.
    Close { listener: String },
    /// Checks a target's health once.
    Check(Probe),
    /// Ends every connection and request of a target's registration: its deregistration delay is over.
    Cut { registration: u64 },
}

/// One health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it is a check of.
    pub watch: Watch,
    /// The node that makes it.
    pub node: usize,
    /// Where the target is.
    pub address: Address,
    /// The path to ask for.
    pub path: String,
    /// How long the target may take, in the account's time.
    pub timeout: Duration,
}
