//! One request over one connection, with nothing shared and no task of its own.
//!
//! Guarantees: a connection that the server closed before a request was written on it is replaced silently, as every
//! client does; once the request may have been written, a closed connection is a failure. No body is kept beyond
//! its cap, and every wait is within the caller's limit.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::addresses::Addresses;
use super::answer::{self, BODY_CAP, FailedRequest};
use super::endpoint::Endpoint;
use super::sample::ErrorClass;
use crate::tls;
use net_clock::Clock;
use net_clock::{Network, Stream};

/// What has to be in an answer for it to be good.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// An expected status and a readable version, at this RFC 6901 pointer if one is given.
    Version(Option<String>),
    /// An expected status and a complete body of any length.
    Whole,
    /// Any answer at all.
    Anything,
}

/// Whom to ask, what, and what a good answer is.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) network: Network,
    pub(super) endpoint: Endpoint,
    pub(super) addresses: Addresses,
    pub(super) uri: http::Uri,
    pub(super) headers: http::HeaderMap,
    pub(super) expected: std::ops::RangeInclusive<u16>,
    pub(super) want: Want,
}

/// What came of sending it once.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Whom it was sent to, if that was found out.
    pub(super) to: Option<IpAddr>,
    /// How long connecting took, if it had to.
    pub(super) connect: Option<Duration>,
    pub(super) outcome: Result<GoodAnswer, FailedRequest>,
}

/// A good answer.
#[derive(Debug)]
pub(super) struct GoodAnswer {
    pub(super) status: u16,
    pub(super) version: Option<String>,
}

type Driver = http1::Connection<TokioIo<Stream>, Empty<Bytes>>;

/// An open connection. It is driven by whoever waits on it, which saves a task and two wake-ups for each request.
pub(super) struct Connection {
    to: IpAddr,
    sender: http1::SendRequest<Empty<Bytes>>,
    driver: Option<Pin<Box<Driver>>>,
}

/// Why a request brought no answer.
enum Lost {
    /// It was never written: the connection was closed before.
    Unsent(FailedRequest),
    /// It may have been written.
    Sent(FailedRequest),
}

impl Connection {
    /// Waits until the server closes it.
    pub(super) async fn closed(&mut self) {
        if let Some(driver) = &mut self.driver {
            // How an idle connection ended does not matter: it is replaced.
            let _ = driver.await;
        }
        self.driver = None;
    }
}

impl Request {
    /// Sends it once, over `kept` if that is open, and leaves in `kept` a connection that can be used again.
    pub(super) async fn send(
        &self,
        clock: &Clock,
        limit: Duration,
        kept: &mut Option<Connection>,
    ) -> Attempt {
        let until = clock.wall() + limit;
        if let Some(mut connection) = kept.take() {
            let to = Some(connection.to);
            match self.exchange_within(clock, until, &mut connection).await {
                Ok((answer, reusable)) => {
                    *kept = reusable.then_some(connection);
                    return Attempt {
                        to,
                        connect: None,
                        outcome: answer,
                    };
                }
                Err(Lost::Sent(failure)) => {
                    return Attempt {
                        to,
                        connect: None,
                        outcome: Err(failure),
                    };
                }
                Err(Lost::Unsent(_)) => {}
            }
        }
        let begun = clock.wall();
        let mut to = None;
        let connected = self.connect_within(clock, until, &mut to).await;
        let connect = Some(clock.wall().saturating_sub(begun));
        let mut connection = match connected {
            Ok(connection) => connection,
            Err(failure) => {
                return Attempt {
                    to,
                    connect,
                    outcome: Err(failure),
                };
            }
        };
        let outcome = match self.exchange_within(clock, until, &mut connection).await {
            Ok((answer, reusable)) => {
                *kept = reusable.then_some(connection);
                answer
            }
            Err(Lost::Sent(failure) | Lost::Unsent(failure)) => Err(failure),
        };
        Attempt {
            to,
            connect,
            outcome,
        }
    }

    async fn connect_within(
        &self,
        clock: &Clock,
        until: Duration,
        to: &mut Option<IpAddr>,
    ) -> Result<Connection, FailedRequest> {
        let limit = until.saturating_sub(clock.wall());
        match clock.within_wall(limit, self.connect(clock, to)).await {
            Some(connected) => connected.map_err(|error| answer::connect_failure(&error)),
            None => Err(FailedRequest::new(ErrorClass::ConnectTimeout, "")),
        }
    }

    async fn connect(&self, clock: &Clock, to: &mut Option<IpAddr>) -> anyhow::Result<Connection> {
        let address = self.addresses.next(clock).await?;
        *to = Some(address.ip());
        let plain = self.network.connect_to(address).await?;
        let stream = match self.endpoint.tls {
            true => tls::speak(plain, &self.endpoint.host).await?,
            false => plain,
        };
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Connection {
            to: address.ip(),
            sender,
            driver: Some(Box::pin(driver)),
        })
    }

    async fn exchange_within(
        &self,
        clock: &Clock,
        until: Duration,
        connection: &mut Connection,
    ) -> Result<(Result<GoodAnswer, FailedRequest>, bool), Lost> {
        let limit = until.saturating_sub(clock.wall());
        match clock.within_wall(limit, self.exchange(connection)).await {
            Some(outcome) => outcome,
            None => Err(Lost::Sent(FailedRequest::new(ErrorClass::Timeout, ""))),
        }
    }

    /// The answer, and whether the connection can carry another request.
    async fn exchange(
        &self,
        connection: &mut Connection,
    ) -> Result<(Result<GoodAnswer, FailedRequest>, bool), Lost> {
        let Connection { sender, driver, .. } = connection;
        let mut request = http::Request::new(Empty::new());
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let send = async {
            sender.ready().await?;
            sender.send_request(request).await
        };
        let response = drive(driver, send).await.map_err(|error| {
            let failure = answer::exchange_failure(&error);
            if error.is_canceled() || error.is_closed() {
                Lost::Unsent(failure)
            } else {
                Lost::Sent(failure)
            }
        })?;
        let status = response.status();
        let read = drive(driver, read_body(response.into_body(), &self.want)).await;
        let (body, whole) = match read {
            Ok(read) => read,
            Err(error) => {
                let failure = answer::exchange_failure(&error).with_status(status.as_u16());
                return Ok((Err(failure), false));
            }
        };
        Ok((self.judge(status, &body, whole), whole))
    }

    /// The probe's classification, the same for what has to succeed and for what has to fail.
    fn judge(
        &self,
        status: http::StatusCode,
        body: &[u8],
        whole: bool,
    ) -> Result<GoodAnswer, FailedRequest> {
        let code = status.as_u16();
        if !self.expected.contains(&code) {
            return Err(answer::bad_status(status, body));
        }
        let version = match &self.want {
            Want::Version(_) if !whole => {
                let detail = answer::too_long();
                return Err(FailedRequest::new(ErrorClass::Version, &detail).with_status(code));
            }
            Want::Version(pointer) => Some(
                answer::read_version(body, pointer.as_deref())
                    .map_err(|failure| failure.with_status(code))?,
            ),
            Want::Whole | Want::Anything => None,
        };
        Ok(GoodAnswer {
            status: code,
            version,
        })
    }
}

/// Runs `future` while also doing the connection's own reading and writing.
async fn drive<F: Future>(driver: &mut Option<Pin<Box<Driver>>>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(output);
        }
        if let Some(open) = driver.as_mut()
            && open.as_mut().poll(context).is_ready()
        {
            *driver = None;
        }
        future.as_mut().poll(context)
    })
    .await
}

/// The beginning of a body, and whether that was all of it. Only a body wanted whole is read beyond the cap.
async fn read_body(mut body: Incoming, want: &Want) -> Result<(Vec<u8>, bool), hyper::Error> {
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = BODY_CAP - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room && !matches!(want, Want::Whole) {
            return Ok((kept, false));
        }
    }
    Ok((kept, true))
}
