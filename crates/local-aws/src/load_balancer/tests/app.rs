//! The apps behind the targets.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use net_clock::Clock;
use net_clock::Network;

/// An app that answers with its name; `/slow` after 20 seconds, `/headers` with what it received.
#[derive(Clone)]
pub(super) struct App {
    pub(super) name: &'static str,
    /// Closes a connection that is idle for this long.
    pub(super) keep_alive: Duration,
    pub(super) served: Arc<AtomicUsize>,
}

impl App {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            keep_alive: Duration::from_secs(3600),
            served: Arc::default(),
        }
    }

    pub(super) async fn start(self, network: &Network, clock: &Clock) -> u16 {
        let mut listener = network.listen(0).await.expect("a free port");
        let port = listener.port();
        let clock = clock.clone();
        tokio::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let (app, clock) = (self.clone(), clock.clone());
                tokio::spawn(async move {
                    let activity = crate::load_balancer::flow::Activity::new(clock.clone());
                    let watched = Arc::clone(&activity);
                    let keep_alive = app.keep_alive;
                    let service = service_fn(move |request| {
                        let (app, clock) = (app.clone(), clock.clone());
                        let busy = activity.begin();
                        async move {
                            let answer = app.answer(&clock, request).await;
                            drop(busy);
                            answer
                        }
                    });
                    let server = hyper::server::conn::http1::Builder::new();
                    tokio::select! {
                        _ = server.serve_connection(TokioIo::new(stream), service) => {}
                        () = watched.idle_for(keep_alive) => {}
                    }
                });
            }
        });
        port
    }

    pub(super) async fn answer(
        self,
        clock: &Clock,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let path = request.uri().path().to_owned();
        let headers = describe(request.headers());
        let received = request
            .into_body()
            .collect()
            .await
            .map(|body| body.to_bytes().len());
        self.served.fetch_add(1, Ordering::Relaxed);
        let body = match path.as_str() {
            "/slow" => {
                clock.sleep(Duration::from_secs(20)).await;
                self.name.to_owned()
            }
            "/never" => std::future::pending().await,
            "/headers" => headers,
            "/upload" => received.unwrap_or_default().to_string(),
            _ => self.name.to_owned(),
        };
        Ok(Response::new(Full::new(Bytes::from(body))))
    }
}

pub(super) fn describe(headers: &HeaderMap) -> String {
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or("?")));
    lines.collect()
}
