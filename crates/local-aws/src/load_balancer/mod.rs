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
mod place;
mod proxy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use self::connections::Connections;
use self::place::Place;
use crate::account::elbv2::order::LoadBalancerOrder;
use crate::shared::Shared;

/// The data planes of all load balancers.
#[derive(Debug, Default)]
pub(crate) struct LoadBalancers {
    open: Mutex<BTreeMap<String, CancellationToken>>,
    connections: Arc<Connections>,
}

impl LoadBalancers {
    /// Begins to carry out an order.
    pub(crate) fn obey(&self, shared: &Arc<Shared>, order: LoadBalancerOrder) {
        match order {
            LoadBalancerOrder::Open { listener, port } => {
                let closing = shared.stopping.child_token();
                self.replace(&listener, Some(closing.clone()));
                let place = Place {
                    shared: Arc::clone(shared),
                    connections: Arc::clone(&self.connections),
                    port,
                };
                let listening = nodes::listen(place, listener, closing);
                shared.tasks.spawn(listening);
            }
            LoadBalancerOrder::Close { listener } => self.replace(&listener, None),
            LoadBalancerOrder::Check(probe) => {
                shared
                    .tasks
                    .spawn(health_checks::run(Arc::clone(shared), probe));
            }
            LoadBalancerOrder::Cut { registration } => self.connections.cut(registration),
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
