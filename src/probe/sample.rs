//! One request of the probe and what became of it.
//!
//! Guarantees: text that came from the server is bounded and free of control characters before it gets here, so
//! a sample is safe to print and is one line of the ledger.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::units;

/// A shape of connection that visitors use, the probe's negative control, or its reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// A new connection for each request.
    Fresh,
    /// A pool of connections that are kept.
    KeepAlive,
    /// Requests that take longer than the shift.
    Long,
    /// The negative control: requests that have to fail.
    Control,
    /// Requests to something that has nothing to do with the release: they tell the runner's own network apart.
    Reference,
}

impl Lane {
    /// Whether its requests stand for visitors, so that one failure is a failure of the release.
    pub const fn is_visitor(self) -> bool {
        matches!(self, Self::Fresh | Self::KeepAlive | Self::Long)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fresh => "fresh",
            Self::KeepAlive => "keep-alive",
            Self::Long => "long",
            Self::Control => "control",
            Self::Reference => "reference",
        })
    }
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// Nobody listens.
    Refused,
    /// The connection was reset.
    Reset,
    /// The connection was closed before the whole answer had come.
    Closed,
    /// No connection in time.
    ConnectTimeout,
    /// No whole answer in time.
    Timeout,
    /// TLS could not be agreed on, or the certificate is not trusted.
    Tls,
    /// The host name could not be resolved.
    Dns,
    /// An answer with a status outside the expected range.
    Status,
    /// An answer from which no version could be read.
    Version,
    /// Anything else; the detail says what.
    Other,
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Refused => "connection refused",
            Self::Reset => "connection reset",
            Self::Closed => "connection closed before the answer",
            Self::ConnectTimeout => "no connection in time",
            Self::Timeout => "no answer in time",
            Self::Tls => "TLS error",
            Self::Dns => "name not resolved",
            Self::Status => "unexpected status",
            Self::Version => "unreadable version",
            Self::Other => "other error",
        })
    }
}

/// One request. Serialised, it is one line of the ledger; the units are in the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The lane it was sent on.
    pub lane: Lane,
    /// When it was due, on the wall since the clock was made.
    #[serde(rename = "scheduled_us", serialize_with = "units::micros")]
    pub scheduled: Duration,
    /// When it was really sent; `None` when it waited its whole timeout for a free connection.
    #[serde(rename = "sent_us", serialize_with = "units::optional_micros")]
    pub sent: Option<Duration>,
    /// The address that it was sent to, if one was found.
    pub to: Option<IpAddr>,
    /// From when it was due to the end of its answer, or of the wait for one.
    #[serde(rename = "latency_us", serialize_with = "units::micros")]
    pub latency: Duration,
    /// How long connecting took, TLS included, if it had to connect.
    #[serde(rename = "connect_us", serialize_with = "units::optional_micros")]
    pub connect: Option<Duration>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The version that answered.
    pub version: Option<String>,
    /// Why it failed.
    pub error: Option<ErrorClass>,
    /// More about why it failed.
    pub detail: Option<String>,
}

impl Sample {
    /// When its answer was complete, or given up.
    pub fn finished(&self) -> Duration {
        self.scheduled + self.latency
    }

    /// From when it was sent to the end of its answer: what the service took, whatever the runner did before.
    pub fn took(&self) -> Duration {
        let sent = self.sent.unwrap_or(self.scheduled);
        self.finished().saturating_sub(sent)
    }

    /// Whether it was answered as it should be.
    pub fn is_good(&self) -> bool {
        self.error.is_none()
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} request due at {:.3} s",
            self.lane,
            self.scheduled.as_secs_f64()
        )?;
        if let Some(to) = self.to {
            write!(f, " to {to}")?;
        }
        if let Some(class) = self.error {
            write!(f, ": {class}")?;
        }
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        Ok(())
    }
}
