//! What a rule asks of a request, and whether a request has it.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, Method, Uri, header};

/// What routing looks at in a request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// GET, POST, ...
    pub method: &'a Method,
    /// Path and query.
    pub uri: &'a Uri,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Where it comes from.
    pub source: IpAddr,
}

impl<'a> Facts<'a> {
    /// The host the client asked for, without a port.
    pub fn host(&self) -> &'a str {
        let named = self
            .headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok());
        let host = self.uri.host().or(named).unwrap_or_default();
        host.split(':').next().unwrap_or_default()
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        self.headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

/// One condition: one of its values must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `host-header`.
    Host(Vec<String>),
    /// `path-pattern`.
    Path(Vec<String>),
    /// `http-header`: name and values.
    Header(String, Vec<String>),
    /// `query-string`: keys (where one is given) and values.
    Query(Vec<(Option<String>, String)>),
    /// `http-request-method`.
    Method(Vec<String>),
    /// `source-ip`: CIDR blocks.
    SourceIp(Vec<String>),
}

impl Condition {
    /// AWS's name of its kind.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Host(_) => "host-header",
            Self::Path(_) => "path-pattern",
            Self::Header(..) => "http-header",
            Self::Query(_) => "query-string",
            Self::Method(_) => "http-request-method",
            Self::SourceIp(_) => "source-ip",
        }
    }

    /// How many values it has: AWS counts them over all conditions of a rule.
    pub fn values(&self) -> usize {
        match self {
            Self::Host(values)
            | Self::Path(values)
            | Self::Header(_, values)
            | Self::Method(values)
            | Self::SourceIp(values) => values.len(),
            Self::Query(pairs) => pairs.len(),
        }
    }

    /// Whether a request meets it.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Host(patterns) => {
                let host = facts.host().to_ascii_lowercase();
                any(patterns, |pattern| {
                    like(&pattern.to_ascii_lowercase(), &host)
                })
            }
            Self::Path(patterns) => any(patterns, |pattern| like(pattern, facts.uri.path())),
            Self::Header(name, patterns) => facts
                .headers
                .get_all(name.as_str())
                .iter()
                .filter_map(|value| value.to_str().ok())
                .map(str::to_ascii_lowercase)
                .any(|value| {
                    any(patterns, |pattern| {
                        like(&pattern.to_ascii_lowercase(), &value)
                    })
                }),
            Self::Query(wanted) => {
                let query = facts.uri.query().unwrap_or_default().to_ascii_lowercase();
                wanted.iter().any(|(key, value)| {
                    form_urlencoded::parse(query.as_bytes()).any(|(had_key, had_value)| {
                        key.as_ref()
                            .is_none_or(|key| like(&key.to_ascii_lowercase(), &had_key))
                            && like(&value.to_ascii_lowercase(), &had_value)
                    })
                })
            }
            Self::Method(methods) => any(methods, |method| method == facts.method.as_str()),
            Self::SourceIp(blocks) => any(blocks, |block| is_in_block(facts.source, block)),
        }
    }
}

fn any(values: &[String], test: impl Fn(&str) -> bool) -> bool {
    values.iter().any(|value| test(value))
}

/// Whether `text` has the form of `pattern`, where `*` stands for anything and `?` for one character.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                // The star takes one character more, and the rest is tried again.
                Some((star_at, star_read)) => {
                    star = Some((star_at, star_read + 1));
                    at = star_at + 1;
                    read = star_read + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Whether a CIDR block is one the local cloud understands.
pub fn is_block(block: &str) -> bool {
    parse_block(block).is_some()
}

fn parse_block(block: &str) -> Option<(Ipv4Addr, u32)> {
    let (address, bits) = block.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    Some((address.parse().ok()?, bits))
}

fn is_in_block(source: IpAddr, block: &str) -> bool {
    let (IpAddr::V4(source), Some((network, bits))) = (source, parse_block(block)) else {
        return false;
    };
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    u32::from(source) & mask == u32::from(network) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meets(condition: &Condition, uri: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let uri: Uri = uri.parse().expect("a URI");
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    header::HeaderName::from_static(name),
                    header::HeaderValue::from_static(value),
                )
            })
            .collect();
        condition.matches(&Facts {
            method: &Method::GET,
            uri: &uri,
            headers: &headers,
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        })
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn wildcards_match_as_aws_s_do() {
        for (pattern, text, wanted) in [
            ("/img/*", "/img/a/b.png", true),
            ("/img/*", "/img", false),
            ("*.example.com", "www.example.com", true),
            ("/v?", "/v2", true),
            ("/v?", "/v", false),
            ("*a*b", "xaybzab", true),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(like(pattern, text), wanted, "{pattern} and {text}");
        }
    }

    #[test]
    fn headers_and_hosts_match_in_any_case_and_paths_do_not() {
        let header = Condition::Header("X-Preview".to_owned(), texts(&["GREEN-*"]));
        assert!(meets(&header, "/", &[("x-preview", "green-7")]));
        assert!(!meets(&header, "/", &[("x-preview", "blue")]));
        assert!(!meets(&header, "/", &[]));
        let host = Condition::Host(texts(&["App.Example.com"]));
        assert!(meets(&host, "/", &[("host", "app.example.com:8080")]));
        let path = Condition::Path(texts(&["/Version"]));
        assert!(!meets(&path, "/version", &[]));
    }

    #[test]
    fn methods_queries_and_source_addresses_are_conditions_too() {
        assert!(meets(&Condition::Method(texts(&["HEAD", "GET"])), "/", &[]));
        let query = Condition::Query(vec![(Some("colour".to_owned()), "green".to_owned())]);
        assert!(meets(&query, "/?a=1&colour=Green", &[]));
        assert!(!meets(&query, "/?colour=blue", &[]));
        assert!(meets(
            &Condition::SourceIp(texts(&["127.0.0.0/8"])),
            "/",
            &[]
        ));
        assert!(!meets(
            &Condition::SourceIp(texts(&["10.0.0.0/8"])),
            "/",
            &[]
        ));
        assert!(meets(&Condition::SourceIp(texts(&["0.0.0.0/0"])), "/", &[]));
    }
}
