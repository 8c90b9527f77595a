//! Plain HTTP to others: GitHub, webhooks, collectors of metrics. Never the measurement itself, and never AWS.
//!
//! Guarantees: the proxies of the usual variables are used; no redirect is followed, for it could carry a token or a
//! secret address elsewhere; an answer is bounded in size and in time; an error says whether the request can have left,
//! and neither the address nor a proxy's password. A connection for each request: there are few, and none is written on
//! a stale one.

mod memory;
mod proxies;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use reqwest::{redirect, retry};

use crate::tls;
use net_clock::Clock;
use net_clock::Network;

pub use proxies::Proxies;

/// A connection stands by then, the one through a proxy as well.
const CONNECT: Duration = Duration::from_secs(5);

/// The most that one request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From dialling to the last byte, on the wall.
    pub time: Duration,
    /// Bytes of the answer's body.
    pub body: usize,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// The request never left: nobody can have carried it out.
    NotSent(String),
    /// It may have been carried out.
    NoAnswer(String),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::NotSent(why) | Self::NoAnswer(why)) = self;
        f.write_str(why)
    }
}

impl Error for HttpError {}

/// Sends requests to others.
#[derive(Clone, Debug)]
pub struct HttpClient {
    way: Way,
    clock: Clock,
}

#[derive(Clone, Debug)]
enum Way {
    Tcp(reqwest::Client),
    /// A paused clock lets no socket live: see `net_clock::Network`.
    Memory(Network),
}

impl HttpClient {
    /// A client that goes through these proxies; an error says which variable is wrong. Nothing is sent yet.
    pub fn new(proxies: &Proxies, network: &Network, clock: &Clock) -> Result<Self, String> {
        let way = if network.is_memory() {
            Way::Memory(network.clone())
        } else {
            let tls = tls::client_config().map_err(|error| format!("{error:#}"))?;
            let mut builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls)
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .http1_only()
                .referer(false)
                .pool_max_idle_per_host(0)
                .connect_timeout(CONNECT)
                // The environment is ours to read, not a library's.
                .no_proxy();
            for proxy in proxies.all()? {
                builder = builder.proxy(proxy);
            }
            let client = builder.build();
            Way::Tcp(client.map_err(|error| format!("no HTTP client: {}", root_cause(&error)))?)
        };
        Ok(Self {
            way,
            clock: clock.clone(),
        })
    }

    /// Sends a request to its whole address, and reads the whole answer.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, HttpError> {
        let exchange = async {
            match &self.way {
                Way::Tcp(client) => over_tcp(client, request, limits.body).await,
                Way::Memory(network) => memory::exchange(network, request, limits.body).await,
            }
        };
        match self.clock.within_wall(limits.time, exchange).await {
            Some(answer) => answer,
            None => Err(HttpError::NoAnswer(format!(
                "no answer within {} s",
                limits.time.as_secs_f64()
            ))),
        }
    }
}

async fn over_tcp(
    client: &reqwest::Client,
    request: Request<Bytes>,
    most: usize,
) -> Result<Response<Bytes>, HttpError> {
    let unsent = |error: reqwest::Error| HttpError::NotSent(root_cause(&error));
    let request = reqwest::Request::try_from(request).map_err(unsent)?;
    let response = client.execute(request).await.map_err(|error| {
        if error.is_connect() && error.is_timeout() {
            HttpError::NotSent(format!("no connection within {} s", CONNECT.as_secs()))
        } else if error.is_connect() || error.is_builder() {
            HttpError::NotSent(root_cause(&error))
        } else {
            HttpError::NoAnswer(root_cause(&error))
        }
    })?;
    whole(Response::from(response), most).await
}

/// Reads a body to its end, if that is not too far.
async fn whole<B>(response: Response<B>, most: usize) -> Result<Response<Bytes>, HttpError>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, most).collect().await.map_err(|error| {
        HttpError::NoAnswer(if error.is::<LengthLimitError>() {
            format!("the answer is longer than {most} bytes")
        } else {
            root_cause(error.as_ref())
        })
    })?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// The last of the chain: those before it name the address.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match cause.downcast_ref::<reqwest::Error>() {
        Some(_) => "the request could not be sent".to_owned(),
        None => cause.to_string(),
    }
}

#[cfg(test)]
mod tests;
