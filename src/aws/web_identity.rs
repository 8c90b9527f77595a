//! Sessions of a role for a job's web identity, one after the other for as long as the process lives.
//!
//! Guarantees: the SDK keeps nothing (its own cache goes by this machine's clock, and fails a call whose new session
//! cannot be had); a new session is begun ten minutes before the old one ends, and while none can be had, the old one
//! goes on for as long as it lives. Neither a token nor a key is in an error or a `Debug`.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use net_clock::Clock;
use tokio::sync::Mutex;

use super::error::{About as _, Failure};
use crate::cause::ErrorKind;
use crate::id_token::{IdTokens, NoToken};

/// Whom GitHub's token has to be for: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>.
const AUDIENCE: &str = "sts.amazonaws.com";
/// So long before a session ends the next one is begun: the longest undoing of a shift fits into it.
const EARLY: Duration = Duration::from_secs(600);
/// So long after a try that failed the next one is made, while the old session lives.
const AGAIN: Duration = Duration::from_secs(30);
/// A session that ends sooner than this is not used any more: a call takes its time, and clocks differ.
const LAST: Duration = Duration::from_secs(10);
/// What a try may take on the wall while calls wait for it: less than the SDK gives a call.
const TRY: Duration = Duration::from_secs(25);

/// Whose sessions they are.
#[derive(Clone, Debug)]
pub struct WebIdentity {
    /// The role.
    pub role_arn: String,
    /// What CloudTrail calls each session.
    pub session_name: String,
    /// Where the job's tokens come from.
    pub tokens: IdTokens,
    /// What the end of a session is held against.
    pub clock: Clock,
}

/// Why there is no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSession {
    /// STS refused: its error, and what to do about it.
    Refused(String),
    /// GitHub or STS did not answer as they do.
    Unreachable(String),
}

impl fmt::Display for NoSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(why) | Self::Unreachable(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for NoSession {}

impl From<NoToken> for NoSession {
    fn from(none: NoToken) -> Self {
        Self::Unreachable(none.to_string())
    }
}

/// The SDK's source of credentials.
#[derive(Debug)]
pub(super) struct Sessions {
    of: WebIdentity,
    sts: aws_sdk_sts::Client,
    held: Mutex<Option<Held>>,
}

/// The session that is in use.
#[derive(Clone)]
struct Held {
    credentials: Credentials,
    until: SystemTime,
    /// No new one is begun before that.
    renew_at: SystemTime,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a session until {:?}", self.until)
    }
}

impl Sessions {
    /// No session yet; they are begun by `sts`, which needs no credentials.
    pub(super) fn new(of: WebIdentity, sts: aws_sdk_sts::Client) -> Self {
        Self {
            of,
            sts,
            held: Mutex::new(None),
        }
    }

    /// The credentials to use now.
    pub(super) async fn now(&self) -> Result<Credentials, NoSession> {
        let mut held = self.held.lock().await;
        let now = self.of.clock.utc();
        let old = held.as_mut().filter(|held| now + LAST < held.until);
        let old = match old {
            Some(old) if now < old.renew_at => return Ok(old.credentials.clone()),
            Some(old) => {
                // Before the try: a call that is given up meanwhile leaves the old session to the next one.
                old.renew_at = now + AGAIN;
                Some(old.credentials.clone())
            }
            None => None,
        };
        let begun = self.of.clock.within_wall(TRY, self.begin()).await;
        let begun = begun.unwrap_or_else(|| {
            let seconds = TRY.as_secs();
            let role = &self.of.role_arn;
            Err(NoSession::Unreachable(format!(
                "no session of {role} within {seconds} s"
            )))
        });
        match (begun, old) {
            (Ok(new), _) => Ok(held.insert(new).credentials.clone()),
            (Err(_), Some(old)) => Ok(old),
            (Err(none), None) => Err(none),
        }
    }

    async fn begin(&self) -> Result<Held, NoSession> {
        let token = self.of.tokens.mint(AUDIENCE).await?;
        let answer = self
            .sts
            .assume_role_with_web_identity()
            .role_arn(&self.of.role_arn)
            .role_session_name(&self.of.session_name)
            .web_identity_token(token.token.reveal())
            .send()
            .await
            .about("AssumeRoleWithWebIdentity", self.of.role_arn.as_str())
            .map_err(|failure| explain(&failure, &token.subject))?;
        let given = answer
            .credentials
            .ok_or_else(|| NoSession::Unreachable("STS answered without credentials".to_owned()))?;
        let until = SystemTime::try_from(given.expiration).map_err(|_| {
            NoSession::Unreachable("STS answered without an end of the session".to_owned())
        })?;
        Ok(Held {
            credentials: Credentials::new(
                given.access_key_id,
                given.secret_access_key,
                Some(given.session_token),
                Some(until),
                "web identity",
            ),
            until,
            renew_at: until - EARLY,
        })
    }
}

/// Why STS gave no session, and what to do about it.
fn explain(failure: &Failure, subject: &str) -> NoSession {
    let remedy = match (failure.kind, failure.code.as_str()) {
        (ErrorKind::Denied, _) => format!(
            "the token's sub is {subject}, its aud {AUDIENCE}: the role's trust policy must allow exactly these\n\
             (a job's environment stands in the sub instead of its branch; repositories that were created or renamed \
             after 15 July 2026 have repo:OWNER@ID/REPO@ID:... there), and the role's ARN must be right"
        ),
        (_, "InvalidIdentityToken") => format!(
            "the account needs GitHub as an identity provider, for the audience {AUDIENCE}: docs/action.md says how"
        ),
        (ErrorKind::Throttled | ErrorKind::Unknown, _) => {
            return NoSession::Unreachable(failure.to_string());
        }
        _ => "check the role's ARN".to_owned(),
    };
    NoSession::Refused(format!("{failure}\n{remedy}"))
}

impl ProvideCredentials for Sessions {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let now: Result<_, NoSession> = self.now().await;
            now.map_err(CredentialsError::provider_error) as provider::Result
        })
    }
}
