//! The nodes of a load balancer: each has an address behind the load balancer's name. Where such a name is nothing that a
//! visitor could resolve, all share loopback's, and each connection belongs to the next of them, as DNS would have it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::place::Place;
use super::proxy::{self, Client};
use crate::account::elbv2::{NODES, listeners, node_address, node_at};
use crate::shared::Shared;
use net_clock::Listener;

/// Between two attempts to open a port that is in use, of the wall's time.
const ATTEMPT_EVERY: Duration = Duration::from_millis(50);

/// How long a former listener may take to let go of the port before that is reported.
const PATIENCE: Duration = Duration::from_secs(1);

/// Listens for a listener until it is closed.
pub(super) async fn listen(place: Place, arn: String, closing: CancellationToken) {
    let shared = &place.shared;
    let opening = open(shared, &arn, place.port);
    let Some(mut listener) = closing.run_until_cancelled(opening).await else {
        return;
    };
    let arn: Arc<str> = arn.into();
    for next in (0..NODES).cycle() {
        let (stream, at) = tokio::select! {
            () = closing.cancelled() => return,
            accepted = listener.accept_at() => match accepted {
                Ok(accepted) => accepted,
                // A client that left before it was accepted, or no file descriptor: not the listener's end.
                Err(_) => {
                    shared.clock.sleep_wall(Duration::from_millis(1)).await;
                    continue;
                }
            },
        };
        let node = node_at(at).unwrap_or(next);
        let client = Client::new(&place, Arc::clone(&arn), node);
        tokio::spawn(proxy::serve(client, stream, closing.clone()));
    }
}

/// Opens the port, and tells the account when that fails.
async fn open(shared: &Arc<Shared>, arn: &str, port: u16) -> Listener {
    let began = shared.clock.wall();
    loop {
        match shared.network.listen(port).await {
            Ok(listener) => {
                if let Some(name) = listeners::dns_name(&shared.account(), arn) {
                    let nodes = (0..NODES).map(node_address);
                    shared.network.give_name(&name, nodes.collect());
                }
                listeners::opened(&mut shared.account(), arn, None);
                return listener;
            }
            Err(error) if shared.clock.wall() - began >= PATIENCE => {
                let why = format!("port {port} of loopback cannot be opened: {error}");
                listeners::opened(&mut shared.account(), arn, Some(why));
            }
            Err(_) => {}
        }
        shared.clock.sleep_wall(ATTEMPT_EVERY).await;
    }
}
