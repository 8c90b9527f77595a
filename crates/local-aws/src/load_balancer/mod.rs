//! The data planes of all load balancers: real HTTP on real ports, divided among targets as the account decides.
//!
//! Guarantees: a request is lost only where AWS would lose it, and is never sent twice. Bodies stream both ways.
//! Traffic runs in the wall's time, as visitors and apps do (idle and connect timeouts, keep-alive); what the account
//! decides (health check intervals, propagation, draining) runs on the account's clock.

mod connections;
mod flow;
mod health_checks;
mod link;
mod nodes;
mod proxy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::account::elbv2::health::Watch;
use super::account::elbv2::network::Address;
use super::cloud::Shared;
use connections::Connections;

/// What the account asks of the data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
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

/// The data planes of all load balancers.
#[derive(Debug, Default)]
pub struct LoadBalancers {
    open: Mutex<BTreeMap<String, CancellationToken>>,
    connections: Connections,
}

impl LoadBalancers {
    /// Begins to carry out an order.
    pub fn obey(&self, shared: &Arc<Shared>, order: Order) {
        match order {
            Order::Open { listener, port } => {
                let closing = shared.stopping.child_token();
                self.replace(&listener, Some(closing.clone()));
                let listening = nodes::listen(Arc::clone(shared), listener, port, closing);
                shared.tasks.spawn(listening);
            }
            Order::Close { listener } => self.replace(&listener, None),
            Order::Check(probe) => {
                shared
                    .tasks
                    .spawn(health_checks::run(Arc::clone(shared), probe));
            }
            Order::Cut { registration } => self.connections.cut(registration),
        }
    }

    /// Ends a listener's task, and notes the one that takes its place.
    fn replace(&self, listener: &str, next: Option<CancellationToken>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let former = match next {
            Some(next) => open.insert(listener.to_owned(), next),
            None => open.remove(listener),
        };
        if let Some(former) = former {
            former.cancel();
        }
    }
}
