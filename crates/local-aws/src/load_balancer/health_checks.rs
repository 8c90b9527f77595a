//! Health checks as nodes make them: one GET on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;

use crate::account::elbv2::health::{self, Outcome};
use crate::account::elbv2::network::Address;
use crate::account::elbv2::order::Probe;
use crate::shared::Shared;

/// A check never leaves an app less than this of the wall's time to answer, or its own timeout where that is shorter.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// Makes one check and tells the account how it ended.
pub(super) async fn run(shared: Arc<Shared>, probe: Probe) {
    let patience = shared.clock.patience(probe.timeout, LEAST_PATIENCE);
    let asking = async {
        match probe.address {
            Address::Port(port) => ask(&shared, port, &probe.path).await,
            Address::Refuses => Outcome::Failed,
            Address::Silent => std::future::pending().await,
        }
    };
    let outcome = tokio::select! {
        answered = shared.clock.within_wall(patience, asking) => answered.unwrap_or(Outcome::TimedOut),
        () = shared.stopping.cancelled() => return,
    };
    let mut account = shared.account_now();
    health::checked(&mut account, &probe.watch, probe.node, outcome);
}

async fn ask(shared: &Arc<Shared>, port: u16, path: &str) -> Outcome {
    let Ok(stream) = shared.network.connect("127.0.0.1", port).await else {
        return Outcome::Failed;
    };
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let Ok((mut sender, connection)) = handshake.await else {
        return Outcome::Failed;
    };
    let request = Request::get(path)
        .header(header::HOST, format!("127.0.0.1:{port}"))
        .header(header::CONNECTION, "close")
        .header(header::USER_AGENT, "ELB-HealthChecker/2.0")
        .header(header::ACCEPT_ENCODING, "gzip, compressed")
        .body(Empty::<Bytes>::new());
    let Ok(request) = request else {
        return Outcome::Failed;
    };
    // It ends by itself when the answer and the sender are dropped.
    tokio::spawn(connection);
    match sender.send_request(request).await {
        Ok(answer) => Outcome::Answered(answer.status().as_u16()),
        Err(_) => Outcome::Failed,
    }
}
