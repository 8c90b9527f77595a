//! The proxies that the usual variables name: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, and `NO_PROXY` for the hosts that
//! are reached without one; each in lower case as well, which goes first, as curl has it.

use http::Uri;
use reqwest::{NoProxy, Proxy};

use crate::secret::Secret;

/// What the variables say. An address may hold a password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Given>,
    https: Option<Given>,
    except: Option<String>,
}

/// An address, and the variable that it is of.
type Given = (&'static str, Secret);

impl Proxies {
    /// Reads the variables; `variable` answers with what is set and not empty.
    pub fn from(variable: impl Fn(&'static str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 4]| {
            let mut given = names.into_iter();
            given.find_map(|name| Some((name, Secret::new(variable(name)?))))
        };
        Self {
            http: first(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            except: variable("no_proxy").or_else(|| variable("NO_PROXY")),
        }
    }

    /// For the client: the first that fits an address is taken.
    pub(super) fn all(&self) -> Result<Vec<Proxy>, String> {
        // To the library, the star is every name, but no address.
        let mut except = self.except.iter().flat_map(|list| list.split(','));
        if except.any(|host| host.trim() == "*") {
            return Ok(Vec::new());
        }
        type Make = fn(String) -> reqwest::Result<Proxy>;
        let (http, https): (Make, Make) = (Proxy::http, Proxy::https);
        let mut all = Vec::new();
        for (given, make) in [(&self.http, http), (&self.https, https)] {
            let Some((name, address)) = given else {
                continue;
            };
            let wrong =
                || format!("{name} is no address of a proxy: one begins with http:// or https://");
            let address = address_of(address.reveal()).ok_or_else(wrong)?;
            let except = self.except.as_deref().and_then(NoProxy::from_string);
            let proxy = make(address).map_err(|_| wrong())?;
            all.push(proxy.no_proxy(except));
        }
        Ok(all)
    }
}

/// Without a scheme it is an HTTP proxy's; other kinds of proxies are none that we can speak to.
fn address_of(text: &str) -> Option<String> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let uri: Uri = whole.parse().ok()?;
    let is_known = matches!(uri.scheme_str(), Some("http" | "https"));
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    (is_known && has_host).then_some(whole)
}
