//! One question on a fresh connection, and its whole answer: for looks at the data plane and for smoke tests.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;

use super::answer::{self, BODY_CAP, read_version};
use super::endpoint::Endpoint;
use crate::names::PREVIEW_HEADER;
use crate::text;
use crate::tls;
use net_clock::Clock;
use net_clock::Network;

/// How much is said of where an answer leads.
const MOST_OF_A_PLACE: usize = 80;

/// What is said of an answer for which the load balancer asked nobody.
pub const NO_TARGET: &str = "503 by the load balancer itself, which had no target";

/// What to ask.
#[derive(Clone, Debug)]
pub struct Question {
    /// GET, POST, ...
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Sent along.
    pub headers: Vec<(String, String)>,
    /// Sent as the body.
    pub body: String,
}

impl Question {
    /// A GET without anything.
    pub fn get(path: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, at most 64 KiB.
    pub body: Vec<u8>,
    /// From dialling to the last byte, on the wall.
    pub took: Duration,
}

impl Reply {
    /// Takes a secret out of the answer: an app may well show what it was asked with, and what an app says is reported.
    fn forget(&mut self, secret: &str) {
        const INSTEAD: &[u8] = b"***";
        let without = |bytes: &[u8]| {
            let mut out = Vec::with_capacity(bytes.len());
            let mut rest = bytes;
            while let Some(first) = rest.first() {
                match rest.strip_prefix(secret.as_bytes()) {
                    Some(after) if !secret.is_empty() => {
                        out.extend_from_slice(INSTEAD);
                        rest = after;
                    }
                    _ => {
                        out.push(*first);
                        rest = &rest[1..];
                    }
                }
            }
            out
        };
        self.body = without(&self.body);
        for value in self.headers.values_mut() {
            // What was a header stays one without some of its characters.
            if let Ok(clean) = HeaderValue::from_bytes(&without(value.as_bytes())) {
                *value = clean;
            }
        }
    }

    /// Whether the load balancer itself answered, because the node that was met knew of no target to ask:
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-503-issues>
    pub fn is_without_target(&self) -> bool {
        let server = self.headers.get(header::SERVER);
        let by_itself = server.is_some_and(|server| server.as_bytes().starts_with(b"awselb/"));
        self.status == 503 && by_itself
    }

    /// The version in the body, if the answer is good and has one.
    pub fn version(&self, pointer: Option<&str>) -> Result<String> {
        if self.is_without_target() {
            bail!(NO_TARGET);
        }
        if let (Some(to), 300..400) = (self.headers.get(header::LOCATION), self.status) {
            let to = text::marked(&String::from_utf8_lossy(to.as_bytes()), MOST_OF_A_PLACE);
            bail!("it answered {}, to {to}", self.status);
        }
        if !(200..300).contains(&self.status) {
            bail!("it answered {}", self.status);
        }
        read_version(&self.body, pointer).map_err(|failure| anyhow::anyhow!(failure.detail))
    }
}

/// Asks, for at most `timeout` of the wall's time.
pub async fn ask(
    network: &Network,
    clock: &Clock,
    endpoint: &Endpoint,
    question: &Question,
    timeout: Duration,
) -> Result<Reply> {
    ask_at(network, clock, endpoint, None, question, timeout).await
}

/// Asks at this address of the endpoint's, or at the first that answers.
pub async fn ask_at(
    network: &Network,
    clock: &Clock,
    endpoint: &Endpoint,
    address: Option<SocketAddr>,
    question: &Question,
    timeout: Duration,
) -> Result<Reply> {
    let begun = clock.wall();
    let asked = clock.within_wall(timeout, exchange(network, endpoint, address, question));
    match asked.await {
        Some(answered) => {
            let (status, headers, body) = answered?;
            let mut reply = Reply {
                status,
                headers,
                body,
                took: clock.wall().saturating_sub(begun),
            };
            for (name, value) in &question.headers {
                if name.eq_ignore_ascii_case(PREVIEW_HEADER) {
                    reply.forget(value);
                }
            }
            Ok(reply)
        }
        None => bail!("no answer within {} ms", timeout.as_millis()),
    }
}

async fn exchange(
    network: &Network,
    endpoint: &Endpoint,
    address: Option<SocketAddr>,
    question: &Question,
) -> Result<(u16, HeaderMap, Vec<u8>)> {
    let dialling = async {
        let plain = match address {
            Some(address) => network.connect_to(address).await?,
            None => network.connect(&endpoint.host, endpoint.port).await?,
        };
        match endpoint.tls {
            true => tls::speak(plain, &endpoint.host).await,
            false => Ok(plain),
        }
    };
    let stream = dialling.await;
    let stream = stream.with_context(|| format!("connecting to {endpoint}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(question.method.as_str())
        .uri(&question.path)
        .header(header::HOST, endpoint.authority())
        .header(header::CONNECTION, "close");
    for (name, value) in &question.headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::new(Bytes::from(question.body.clone())))
        .with_context(|| format!("{} {} as a request", question.method, question.path))?;
    let answered = async {
        let answer = sender.send_request(request).await?;
        let (parts, body) = answer.into_parts();
        let body = match Limited::new(body, BODY_CAP).collect().await {
            Ok(body) => body.to_bytes().to_vec(),
            Err(error) if error.is::<LengthLimitError>() => bail!(answer::too_long()),
            Err(error) => bail!("reading the answer: {error}"),
        };
        Ok((parts.status.as_u16(), parts.headers, body))
    }
    .await;
    driver.abort();
    answered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_503_of_the_load_balancer_is_not_one_of_the_app() {
        let mut reply = Reply {
            status: 503,
            headers: HeaderMap::from_iter([(
                header::SERVER,
                HeaderValue::from_static("awselb/2.0"),
            )]),
            body: Vec::new(),
            took: Duration::ZERO,
        };
        let said = |reply: &Reply| reply.version(None).expect_err("no version").to_string();
        assert_eq!(said(&reply), NO_TARGET);
        reply.headers.clear();
        assert_eq!(said(&reply), "it answered 503");
    }

    #[test]
    fn an_app_that_shows_what_it_was_asked_with_does_not_give_the_secret_away() {
        let mut reply = Reply {
            status: 200,
            headers: HeaderMap::from_iter([(header::SERVER, HeaderValue::from_static("a t0ken"))]),
            body: b"t0kent0ken and t0k".to_vec(),
            took: Duration::ZERO,
        };
        reply.forget("t0ken");
        assert_eq!(reply.body, b"****** and t0k");
        assert_eq!(reply.headers[header::SERVER], "a ***");
        reply.forget("");
        assert_eq!(reply.body, b"****** and t0k");
    }
}
