//! Who a job of GitHub Actions is, in GitHub's word for it: an OpenID Connect token, minted when it is asked for
//! (<https://docs.github.com/en/actions/reference/security/oidc>).
//!
//! Guarantees: the job's right to ask goes to GitHub's address alone, in one header; neither it nor a token is in an
//! error or a `Debug`; the tries are bounded, and each of them is.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, USER_AGENT};
use http::{Request, StatusCode, Uri};
use net_clock::Clock;
use serde::Deserialize;

use crate::http_client::{HttpClient, Limits};
use crate::secret::Secret;
use crate::text;

/// An answer of GitHub's.
const ANSWER: Limits = Limits {
    time: Duration::from_secs(5),
    body: 64 * 1024,
};
/// How often it is asked.
const TRIES: u32 = 3;
/// Before the second try; twice as long before the third.
const PAUSE: Duration = Duration::from_secs(1);

/// Mints the tokens of a job.
#[derive(Clone, Debug)]
pub struct IdTokens {
    address: Secret,
    right: Secret,
    http: HttpClient,
    clock: Clock,
}

/// A token, and whom it names.
#[derive(Clone, Debug)]
pub struct IdToken {
    /// The token.
    pub token: Secret,
    /// Its `sub`, as it may be shown; a text that says so when it can't be read.
    pub subject: String,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoToken(String);

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitHub gave this job no identity token: {}", self.0)
    }
}

impl std::error::Error for NoToken {}

/// What GitHub answers.
#[derive(Deserialize)]
struct Answer {
    value: String,
}

/// What of a token's claims can be shown.
#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl IdTokens {
    /// For a job with this address (`ACTIONS_ID_TOKEN_REQUEST_URL`) and this right to ask there
    /// (`ACTIONS_ID_TOKEN_REQUEST_TOKEN`).
    pub fn new(address: &Secret, right: &Secret, http: HttpClient, clock: &Clock) -> Self {
        Self {
            address: address.clone(),
            right: right.clone(),
            http,
            clock: clock.clone(),
        }
    }

    /// A token for `audience`.
    pub async fn mint(&self, audience: &str) -> Result<IdToken, NoToken> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.ask(audience).await {
                Err(Trouble::Passing(_)) => {}
                Err(Trouble::Lasting(why)) => return Err(NoToken(why)),
                Ok(token) => return Ok(token),
            }
            self.clock.sleep_wall(pause).await;
            pause *= 2;
        }
        let last = self.ask(audience).await;
        last.map_err(|(Trouble::Passing(why) | Trouble::Lasting(why))| {
            NoToken(format!("{why}, at the last of {TRIES} tries"))
        })
    }

    async fn ask(&self, audience: &str) -> Result<IdToken, Trouble> {
        let answer = self.http.send(self.request(audience)?, ANSWER).await;
        let answer = answer.map_err(|error| Trouble::Passing(error.to_string()))?;
        let status = answer.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Trouble::Passing(format!("it answered {status}")));
        }
        if status != StatusCode::OK {
            return Err(Trouble::Lasting(format!("it answered {status}")));
        }
        let answer: Answer = serde_json::from_slice(answer.body())
            .map_err(|_| Trouble::Lasting("its answer has no token".to_owned()))?;
        Ok(IdToken {
            subject: subject(&answer.value),
            token: Secret::new(answer.value),
        })
    }

    fn request(&self, audience: &str) -> Result<Request<Bytes>, Trouble> {
        let address = self.address.reveal().trim();
        let mark = if address.contains('?') { '&' } else { '?' };
        let uri: Uri = format!("{address}{mark}audience={audience}")
            .parse()
            .ok()
            .filter(|uri: &Uri| {
                uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))
            })
            .ok_or_else(|| {
                Trouble::Lasting("ACTIONS_ID_TOKEN_REQUEST_URL is not an HTTP address".to_owned())
            })?;
        let mut right = HeaderValue::from_str(&format!("bearer {}", self.right.reveal().trim()))
            .map_err(|_| {
                Trouble::Lasting(
                    "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not one line of ASCII".to_owned(),
                )
            })?;
        right.set_sensitive(true);
        Request::get(uri)
            .header(AUTHORIZATION, right)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, "bg-deploy")
            .body(Bytes::new())
            .map_err(|error| Trouble::Lasting(error.to_string()))
    }
}

/// What came instead of a token.
enum Trouble {
    /// The next try may go well.
    Passing(String),
    /// It would not.
    Lasting(String),
}

/// Whom a token names (`sub`).
fn subject(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let claims: Option<Claims> = URL_SAFE_NO_PAD
        .decode(payload)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match claims {
        Some(claims) => text::one_line(&claims.sub),
        None => "not readable".to_owned(),
    }
}

#[cfg(test)]
mod tests;
