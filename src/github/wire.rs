//! HTTP/1.1 in our own network, for octocrab: over TCP and TLS, or in memory under a paused clock.
//!
//! Guarantees: an error says whether the request can have left ([`Unsent`]); connecting and the size of an answer are
//! bounded. Whoever sends bounds the rest.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONNECTION, HOST, HeaderValue};
use http_body_util::Limited;
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;

use crate::tls;
use net_clock::Clock;
use net_clock::Network;

/// A connection stands by then.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer that is read: a hundred of the longest comments.
const BODY_MOST: usize = 32 << 20;

/// A request that never left: nobody can have carried it out.
#[derive(Debug)]
pub(super) struct Unsent {
    host: String,
    why: String,
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitHub cannot be reached at {}: {}", self.host, self.why)
    }
}

impl std::error::Error for Unsent {}

/// A connection for each request: there are few, and none is written on a stale one.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) network: Network,
    pub(super) clock: Clock,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Answer = http::Response<Limited<Incoming>>;

impl Wire {
    async fn exchange<B>(self, mut request: http::Request<B>) -> Result<Answer, BoxError>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default().to_owned();
        let tls = uri.scheme_str() != Some("http");
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let connect = async {
            if tls {
                tls::connect(&self.network, &host, port).await
            } else {
                Ok(self.network.connect(&host, port).await?)
            }
        };
        let why = match self.clock.within_wall(CONNECT, connect).await {
            Some(Ok(stream)) => Ok(stream),
            Some(Err(error)) => Err(format!("{error:#}")),
            None => Err(format!("no connection within {} s", CONNECT.as_secs())),
        };
        let stream = why.map_err(|why| Unsent {
            host: host.clone(),
            why,
        })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the answer's body, or when that is dropped.
        tokio::spawn(connection);
        let name = match uri.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(&name)?);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse()?;
        let response = sender.send_request(request).await?;
        Ok(response.map(|body| Limited::new(body, BODY_MOST)))
    }
}

impl<B> tower_service::Service<http::Request<B>> for Wire
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}
