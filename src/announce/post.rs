//! One POST of JSON to an address that is itself a secret: webhooks, and collectors of metrics.
//!
//! Guarantees: ends after [`LIMITS`]; what went wrong is told without the address, its headers or the body.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Request, Uri};
use serde_json::Value;

use crate::http_client::{HttpClient, Limits};
use crate::text;

/// The longest that one POST takes. Of the answer only the status is of interest.
pub(super) const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    body: 64 << 10,
};
/// The most characters of why it did not arrive.
const WHY: usize = 200;

/// Where to. Slack's addresses are as good as a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address(Uri);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Address {
    /// Reads `http://` or `https://`, a host, and whatever follows; `None` for anything else.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.trim().parse().ok()?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority = uri.authority()?;
        let has_user = authority.as_str().contains('@');
        let has_host = !authority.host().is_empty();
        (is_web && has_host && !has_user).then_some(Self(uri))
    }

    /// The same with `more` at the end of its path.
    pub(super) fn below(self, more: &str) -> Option<Self> {
        let path = self.path();
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (path, String::new()),
        };
        let path = format!("{}/{more}{query}", path.trim_end_matches('/'));
        let mut parts = self.0.clone().into_parts();
        parts.path_and_query = Some(path.parse().ok()?);
        Some(Self(Uri::from_parts(parts).ok()?))
    }

    /// The name or address that is dialled.
    pub(super) fn host(&self) -> &str {
        self.0.host().unwrap_or_default()
    }

    /// Path and query.
    fn path(&self) -> &str {
        self.0.path_and_query().map_or("/", |path| path.as_str())
    }

    /// `text` without anything of this address.
    fn hidden_in(&self, text: &str) -> String {
        let mut hidden = text.replace(self.host(), "***");
        if self.path().len() > 1 {
            hidden = hidden.replace(self.path(), "***");
        }
        text::cut(&text::one_line(&hidden), WHY)
    }
}

/// Sends `body`; the error says in a few words why it did not arrive.
pub(super) async fn post(
    http: &HttpClient,
    address: &Address,
    headers: &[(String, String)],
    body: &Value,
) -> Result<(), String> {
    let mut request = Request::post(address.0.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("bg-deploy/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Bytes::from(body.to_string()))
        .map_err(|_| "a header of it is none".to_owned())?;
    match http.send(request, LIMITS).await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("it answered {}", answer.status().as_u16())),
        Err(error) => Err(address.hidden_in(&error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_path_and_a_query_and_never_shows_itself() {
        let address = Address::parse("https://hooks.example:8443/services/T1/s3cret?x=1").unwrap();
        assert_eq!(
            (address.host(), address.0.port_u16()),
            ("hooks.example", Some(8443))
        );
        assert_eq!(address.path(), "/services/T1/s3cret?x=1");
        assert_eq!(format!("{address:?}"), "***");
        assert_eq!(
            address.hidden_in("no /services/T1/s3cret?x=1 at hooks.example"),
            "no *** at ***"
        );
        for url in [
            "",
            "hooks.example/x",
            "ftp://x/y",
            "https://",
            "https://a:b@x/y",
            "https://x y",
        ] {
            assert_eq!(Address::parse(url), None, "{url:?}");
        }
    }

    #[test]
    fn what_is_added_to_a_path_goes_before_the_query() {
        for (url, path) in [
            ("http://x", "/v1/metrics"),
            ("http://x/", "/v1/metrics"),
            ("http://x/otlp/", "/otlp/v1/metrics"),
            ("http://x/otlp?key=1", "/otlp/v1/metrics?key=1"),
        ] {
            let below = Address::parse(url).unwrap().below("v1/metrics").unwrap();
            assert_eq!(below.path(), path);
        }
    }
}
