//! Connections from nodes to targets: kept alive and used again, for one registration and one node each.
//!
//! Guarantees: a connection is given to one request at a time; it ends after the idle timeout without a request, when
//! the target closes it, or when its registration is cut.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::flow::{Activity, Flow};
use super::link::Link;
use crate::shared::Shared;
use net_clock::Stream;

/// The most idle connections a node keeps to one target.
const MOST_IDLE: usize = 512;

/// A connection to a target that no request is on.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Flow>,
    pub(super) activity: Arc<Activity>,
}

/// What the nodes hold of one registration of a target.
#[derive(Debug, Default)]
struct Held {
    /// Ends its requests and connections.
    cut: CancellationToken,
    /// Those that no request is on, by node.
    idle: HashMap<usize, Vec<Connection>>,
}

/// All connections to targets.
#[derive(Debug, Default)]
pub(super) struct Connections {
    held: Mutex<HashMap<u64, Held>>,
}

impl Connections {
    fn held(&self) -> MutexGuard<'_, HashMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What ends a registration's requests.
    pub(super) fn cut_of(&self, registration: u64) -> CancellationToken {
        self.held().entry(registration).or_default().cut.clone()
    }

    /// A kept connection, the one used last.
    pub(super) fn take(&self, registration: u64, node: usize) -> Option<Connection> {
        let mut held = self.held();
        let idle = held.get_mut(&registration)?.idle.get_mut(&node)?;
        while let Some(connection) = idle.pop() {
            if connection.sender.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    pub(super) fn keep(&self, registration: u64, node: usize, connection: Connection) {
        let mut held = self.held();
        // A registration that was cut is not in the map any more: its connections are not kept.
        if let Some(held) = held.get_mut(&registration) {
            let idle = held.idle.entry(node).or_default();
            if idle.len() >= MOST_IDLE {
                idle.retain(|connection| connection.sender.is_ready());
            }
            if idle.len() < MOST_IDLE {
                idle.push(connection);
            }
        }
    }

    /// Ends every request and connection of a registration.
    pub(super) fn cut(&self, registration: u64) {
        if let Some(held) = self.held().remove(&registration) {
            held.cut.cancel();
        }
    }
}

/// Begins to speak HTTP on a fresh connection, which ends itself when it is idle for too long.
pub(super) async fn speak(
    shared: &Arc<Shared>,
    stream: Stream,
    idle_timeout: Duration,
    cut: CancellationToken,
) -> hyper::Result<Connection> {
    let link = TokioIo::new(Link::new(stream, shared.clock.clone()));
    let (sender, connection) = http1::handshake(link).await?;
    let activity = Activity::new(shared.clock.clone());
    let watched = Arc::clone(&activity);
    let stopping = shared.stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            // An error reaches the request that is on the connection; without one nobody misses it.
            _ = connection => {}
            () = watched.idle_for(idle_timeout) => {}
            () = cut.cancelled() => {}
            () = stopping.cancelled() => {}
        }
    });
    Ok(Connection { sender, activity })
}
