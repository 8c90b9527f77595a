//! Where the probe sends its requests.

use std::fmt;

use anyhow::{Context as _, Result, bail};

/// A scheme, a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it is spoken to over TLS.
    pub tls: bool,
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// The port, the scheme's own unless one is given.
    pub port: u16,
}

impl Endpoint {
    /// Reads `http://host`, `https://host` or either with `:port`.
    pub fn parse(text: &str) -> Result<Self> {
        let uri: http::Uri = text
            .trim()
            .parse()
            .with_context(|| format!("{text:?} as a URL"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => bail!("{text:?} has to begin with http:// or https://"),
        };
        if uri
            .path_and_query()
            .is_some_and(|path| path.as_str() != "/")
        {
            bail!("{text:?} has a path: a scheme, a host and a port are enough");
        }
        let authority = uri.authority().context("a URL needs a host")?;
        if authority.as_str().contains('@') {
            bail!("{text:?} has a user name: use a header instead");
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            bail!("{text:?} has no host");
        }
        Ok(Self {
            tls,
            host,
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        })
    }

    /// The value of the `Host` header.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_printed_as_it_was_read_less_the_schemes_own_port() {
        for (text, printed) in [
            ("https://hello.example:443/", "https://hello.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(Endpoint::parse(text).expect(text).to_string(), printed);
        }
        let six = Endpoint::parse("https://[::1]").expect("an IPv6 address");
        assert_eq!((six.host.as_str(), six.port), ("::1", 443));
    }

    #[test]
    fn what_is_not_an_endpoint_is_refused() {
        for text in [
            "",
            "hello",
            "ftp://x",
            "http://",
            "http://x/path",
            "http://a:b@x",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text:?}");
        }
    }
}
