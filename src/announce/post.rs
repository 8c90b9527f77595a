//! One POST of JSON to an address that is itself a secret: webhooks, and collectors of metrics.
//!
//! Guarantees: ends after [`LIMIT`]; what went wrong is told without the address, its headers or the body.

use std::fmt;
use std::time::Duration;

use http::Uri;
use serde_json::Value;

use crate::probe::Endpoint;
use crate::probe::ask::{Question, ask};
use crate::text;
use net_clock::Clock;
use net_clock::Network;

/// The longest that one POST takes.
const LIMIT: Duration = Duration::from_secs(10);

/// Where to. Slack's addresses are as good as a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    endpoint: Endpoint,
    /// Path and query.
    path: String,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Address {
    /// Reads `http://` or `https://`, a host, and whatever follows; `None` for anything else.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.trim().parse().ok()?;
        let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Some(Self {
            endpoint: Endpoint::parse(&origin).ok()?,
            path: path.to_owned(),
        })
    }

    /// The same with `more` at the end of its path.
    pub(super) fn below(mut self, more: &str) -> Self {
        let (path, query) = match self.path.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (self.path.as_str(), String::new()),
        };
        self.path = format!("{}/{more}{query}", path.trim_end_matches('/'));
        self
    }

    /// The name or address that is dialled.
    pub(super) fn host(&self) -> &str {
        &self.endpoint.host
    }

    /// `text` without anything of this address.
    fn hidden_in(&self, text: &str) -> String {
        let mut hidden = text.replace(&self.endpoint.host, "***");
        if self.path.len() > 1 {
            hidden = hidden.replace(&self.path, "***");
        }
        text::cut(&text::one_line(&hidden), 200)
    }
}

/// Sends `body`; the error says in a few words why it did not arrive.
pub(super) async fn post(
    network: &Network,
    clock: &Clock,
    address: &Address,
    headers: Vec<(String, String)>,
    body: &Value,
) -> Result<(), String> {
    let question = Question {
        method: "POST".to_owned(),
        path: address.path.clone(),
        headers,
        body: body.to_string(),
    }
    .with_header("content-type", "application/json")
    .with_header(
        "user-agent",
        concat!("bg-deploy/", env!("CARGO_PKG_VERSION")),
    );
    match ask(network, clock, &address.endpoint, &question, LIMIT).await {
        Ok(reply) if (200..300).contains(&reply.status) => Ok(()),
        Ok(reply) => Err(format!("it answered {}", reply.status)),
        // The rest of the chain names the address.
        Err(error) => Err(address.hidden_in(&error.root_cause().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_path_and_a_query_and_never_shows_itself() {
        let address = Address::parse("https://hooks.example:8443/services/T1/s3cret?x=1").unwrap();
        assert_eq!(
            (address.host(), address.endpoint.port),
            ("hooks.example", 8443)
        );
        assert_eq!(address.path, "/services/T1/s3cret?x=1");
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
            assert_eq!(Address::parse(url).unwrap().below("v1/metrics").path, path);
        }
    }
}
