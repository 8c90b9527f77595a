//! What an answer means: the version in it, or the class of its failure.
//!
//! Guarantees: whatever a server sends, the text taken from it is bounded and holds no control characters.

use std::error::Error as _;
use std::io;

use super::sample::ErrorClass;
use crate::text;

/// As much of a body as is read.
pub(super) const BODY_CAP: usize = 64 * 1024;
/// As much of a version as is kept, in characters.
const VERSION_CAP: usize = 200;
/// As much of a failure's detail as is kept, in characters.
const DETAIL_CAP: usize = 200;

/// Why a request failed, before it is known when it was sent.
#[derive(Debug)]
pub(super) struct FailedRequest {
    pub(super) class: ErrorClass,
    pub(super) status: Option<u16>,
    pub(super) detail: String,
}

impl FailedRequest {
    pub(super) fn new(class: ErrorClass, detail: &str) -> Self {
        Self {
            class,
            status: None,
            detail: text::marked(detail, DETAIL_CAP),
        }
    }

    pub(super) const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}

/// The version in a body: at `pointer` in its JSON; without one, at `/version` if it is JSON, else all its text.
pub(super) fn read_version(body: &[u8], pointer: Option<&str>) -> Result<String, FailedRequest> {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let text = match (&json, pointer) {
        (Some(json), Some(pointer)) => at_pointer(json, pointer)?,
        (Some(json), None) if json.is_object() || json.is_array() => at_pointer(json, "/version")?,
        (None, Some(_)) => return Err(unreadable("the answer is not JSON")),
        (_, None) => match std::str::from_utf8(body) {
            Ok(text) => text.trim().trim_matches('"').to_owned(),
            Err(_) => return Err(unreadable("the answer is not text")),
        },
    };
    if text.is_empty() {
        return Err(unreadable("the version is empty"));
    }
    if text.starts_with('<') {
        return Err(unreadable("the answer is a page"));
    }
    Ok(text::marked(&text, VERSION_CAP))
}

/// What is said of an answer that is longer than is read.
pub(super) fn too_long() -> String {
    format!("the answer is longer than {} KiB", BODY_CAP / 1024)
}

fn at_pointer(json: &serde_json::Value, pointer: &str) -> Result<String, FailedRequest> {
    match json.pointer(pointer) {
        Some(serde_json::Value::String(text)) => Ok(text.trim().to_owned()),
        Some(serde_json::Value::Number(number)) => Ok(number.to_string()),
        Some(_) => Err(unreadable(&format!("no text or number at {pointer}"))),
        None => Err(unreadable(&format!("nothing at {pointer} in the JSON"))),
    }
}

fn unreadable(why: &str) -> FailedRequest {
    FailedRequest::new(ErrorClass::Version, why)
}

/// The class of an answer with an unexpected status, with the beginning of its body.
pub(super) fn bad_status(status: http::StatusCode, body: &[u8]) -> FailedRequest {
    let begin = String::from_utf8_lossy(&body[..body.len().min(DETAIL_CAP)]);
    let words: Vec<_> = begin.split_whitespace().collect();
    // A page's markup says no more than the status does.
    let detail = if words.is_empty() || words[0].starts_with('<') {
        status.to_string()
    } else {
        format!("{status}: {}", words.join(" "))
    };
    FailedRequest::new(ErrorClass::Status, &detail).with_status(status.as_u16())
}

/// The class of an error while connecting.
pub(super) fn connect_failure(error: &anyhow::Error) -> FailedRequest {
    let io = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<io::Error>());
    let class = match io {
        Some(io) if io.kind() == io::ErrorKind::TimedOut => ErrorClass::ConnectTimeout,
        Some(io) => io_class(io),
        None => ErrorClass::Tls,
    };
    FailedRequest::new(class, &format!("{error:#}"))
}

/// The class of an error while sending or reading.
pub(super) fn exchange_failure(error: &hyper::Error) -> FailedRequest {
    let io = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    let class = match io {
        Some(io) => io_class(io),
        None if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            ErrorClass::Closed
        }
        None => ErrorClass::Other,
    };
    let detail = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    FailedRequest::new(class, &detail)
}

fn io_class(error: &io::Error) -> ErrorClass {
    if let Some(inner) = error.get_ref() {
        if inner.is::<rustls::Error>() {
            return ErrorClass::Tls;
        }
        if inner.is::<net_clock::Unresolved>() {
            return ErrorClass::Dns;
        }
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ErrorClass::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => ErrorClass::Reset,
        io::ErrorKind::UnexpectedEof => ErrorClass::Closed,
        io::ErrorKind::TimedOut => ErrorClass::Timeout,
        _ => ErrorClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_by_pointer_by_default_key_or_as_text() {
        for (body, pointer, version) in [
            (r#"{"version":"1.2"}"#, None, "1.2"),
            (r#"{"version":7}"#, None, "7"),
            (r#"{"build":{"sha":" abc "}}"#, Some("/build/sha"), "abc"),
            (r#""1.2""#, Some(""), "1.2"),
            (" 1.2.3\n", None, "1.2.3"),
            ("1.2", None, "1.2"),
            ("\"1.2\"", None, "1.2"),
            ("20260401", None, "20260401"),
        ] {
            let read = read_version(body.as_bytes(), pointer).expect(body);
            assert_eq!(read, version, "{body}");
        }
    }

    #[test]
    fn a_body_without_a_version_is_unreadable() {
        for (body, pointer) in [
            ("", None),
            ("  \n", None),
            ("{}", None),
            ("[1]", None),
            (r#"{"version":null}"#, None),
            (r#"{"version":{"a":1}}"#, None),
            ("<html>", Some("/version")),
            ("\u{1}\u{2}", Some("/version")),
        ] {
            let failure = read_version(body.as_bytes(), pointer).expect_err(body);
            assert_eq!(failure.class, ErrorClass::Version);
        }
        assert!(read_version(&[0xff, 0xfe], None).is_err());
    }

    #[test]
    fn a_hostile_version_is_cut_and_cannot_steer_a_terminal() {
        let hostile = format!("1\u{1b}[2J\n\u{202e}{}", "x".repeat(1_000));
        let version = read_version(hostile.as_bytes(), None).expect("text");
        assert_eq!(version.chars().count(), VERSION_CAP);
        assert!(version.starts_with("1\u{fffd}[2J\u{fffd}\u{fffd}x"));
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_resolved_and_a_bad_certificate_have_their_own_class() {
        // Too long for a query, so none goes out.
        let name = "x".repeat(64);
        let dns = net_clock::Network::tcp().connect(&name, 80).await;
        let dns = anyhow::Error::from(dns.err().expect("no address"));
        assert_eq!(connect_failure(&dns).class, ErrorClass::Dns, "{dns:#}");
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let tls = anyhow::Error::from(io::Error::new(io::ErrorKind::InvalidData, tls));
        assert_eq!(connect_failure(&tls).class, ErrorClass::Tls);
    }
}
