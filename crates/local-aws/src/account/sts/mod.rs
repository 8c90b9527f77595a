//! STS in the pretend account: sessions of roles that a web identity assumed, with keys that really expire.
//!
//! A trust policy is enforced here, those of the role at each call. An identity provider counts as registered, for the
//! audience `sts.amazonaws.com`, when some role's trust policy names it. A token's signature is not checked.

mod token;
mod trust;

use std::collections::BTreeMap;
use std::time::Duration;

use self::token::Claims;
use super::iam::Role;
use super::lag::Eye;
use super::policy::trusts_any;
use super::{Account, ApiError};

/// How temporary keys begin.
pub const TEMPORARY_KEY: &str = "ASIA";
/// The client that every identity provider is registered for.
pub const AUDIENCE: &str = "sts.amazonaws.com";

/// A session of a role.
#[derive(Clone, Debug)]
pub struct Session {
    /// `ASIA...`
    pub key: String,
    /// Of that key.
    pub secret: String,
    /// Goes with every call.
    pub token: String,
    /// `AROA...:NAME`
    pub id: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/NAME`
    pub arn: String,
    /// The ARN of the role.
    pub role: String,
    /// When it ends, on the account's clock.
    pub until: Duration,
}

/// Every session, by its key, and who calls now.
#[derive(Debug, Default)]
pub struct State {
    /// Those that have ended as well: AWS tells an expired key from one that never was.
    pub sessions: BTreeMap<String, Session>,
    /// The key of whoever calls.
    pub(crate) calling: Option<String>,
}

impl State {
    /// The session whose call is being answered.
    pub fn caller(&self) -> Option<&Session> {
        self.sessions.get(self.calling.as_ref()?)
    }
}

/// What is wrong with the credentials of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Nobody was given this key, or not with this token.
    Unknown,
    /// They were good once.
    Expired,
}

/// Whether a key is good now, with the session token that came along. Keys that are not temporary always are.
pub fn check_key(account: &Account, key: &str, token: Option<&str>) -> Result<(), Unfit> {
    if !key.starts_with(TEMPORARY_KEY) {
        return Ok(());
    }
    match account.sts.sessions.get(key) {
        Some(session) if token != Some(session.token.as_str()) => Err(Unfit::Unknown),
        Some(session) if session.until <= account.now() => Err(Unfit::Expired),
        Some(_) => Ok(()),
        None => Err(Unfit::Unknown),
    }
}

/// What a session is asked for.
#[derive(Clone, Debug)]
pub struct Assume {
    /// The role.
    pub role_arn: String,
    /// What the session is called.
    pub session_name: String,
    /// In seconds; an hour when it is not said.
    pub seconds: Option<i64>,
}

/// A session, and whose token it was given for.
#[derive(Clone, Debug)]
pub struct Assumed {
    /// The session.
    pub session: Session,
    /// The token's `sub`.
    pub subject: String,
    /// The token's `aud`.
    pub audience: String,
    /// The ARN of the identity provider.
    pub provider: String,
}

/// Begins a session of a role for who bears the token.
pub fn assume_with_web_identity(
    account: &mut Account,
    asked: &Assume,
    token: &str,
) -> Result<Assumed, ApiError> {
    let claims = token::read(token)?;
    let provider = format!("arn:aws:iam::{}:oidc-provider/{}", account.id, claims.host);
    check_claims(account, &claims, &provider)?;
    let denied = || {
        ApiError::new(
            "AccessDenied",
            403,
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        )
    };
    let role = role_of(account, &asked.role_arn);
    let role = role.ok_or_else(denied)?.clone();
    if !account.sees(Eye::Assume, &role.arn) || !trust::admits(&role.trust, &provider, &claims)? {
        return Err(denied());
    }
    let session = begin(account, &role, asked)?;
    Ok(Assumed {
        session,
        subject: claims.subject,
        audience: claims.audience,
        provider,
    })
}

fn role_of<'a>(account: &'a Account, arn: &str) -> Option<&'a Role> {
    account.iam.roles.values().find(|role| role.arn == arn)
}

/// Whether the trust of this role names whoever calls, not only their account.
pub(crate) fn is_trusted_by_name(account: &Account, role: &str) -> bool {
    let caller = account.caller();
    let session = account.sts.caller();
    let names = [
        Some(caller.as_str()),
        session.map(|session| session.role.as_str()),
    ];
    let names: Vec<_> = names.into_iter().flatten().collect();
    role_of(account, role).is_some_and(|role| trusts_any(&role.trust, &names))
}

/// A session of a role that was assumed by another may last so long
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>).
const CHAINED: i64 = 3600;

/// Begins a session of a role for somebody of the account, whom its trust lets in. That the account lets them, too, was looked at
/// before ([`super::authority`]).
pub fn assume(account: &mut Account, asked: &Assume) -> Result<Session, ApiError> {
    let root = format!("arn:aws:iam::{}:root", account.id);
    let id = account.id.clone();
    let role = role_of(account, &asked.role_arn).filter(|role| {
        account.sees(Eye::Assume, &role.arn)
            && (trusts_any(&role.trust, &["*", &id, &root])
                || is_trusted_by_name(account, &role.arn))
    });
    let Some(role) = role.cloned() else {
        return Err(ApiError::new(
            "AccessDenied",
            403,
            &format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
                account.caller(),
                asked.role_arn
            ),
        ));
    };
    if account.sts.caller().is_some() && asked.seconds.is_some_and(|seconds| seconds > CHAINED) {
        return Err(ApiError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    begin(account, &role, asked)
}

fn begin(account: &mut Account, role: &Role, asked: &Assume) -> Result<Session, ApiError> {
    let seconds = asked.seconds.unwrap_or(3600);
    if seconds > role.max_session {
        return Err(ApiError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let name = &asked.session_name;
    let session = Session {
        key: format!("{TEMPORARY_KEY}{}", account.hex16().to_uppercase()),
        secret: random(account, 40),
        token: format!("IQoJb3JpZ2luX2Vj{}", random(account, 256)),
        id: format!("{}:{name}", role.id),
        arn: format!(
            "arn:aws:sts::{}:assumed-role/{}/{name}",
            account.id, role.name
        ),
        role: role.arn.clone(),
        until: account.now() + Duration::from_secs(seconds.unsigned_abs()),
    };
    let sessions = &mut account.sts.sessions;
    sessions.insert(session.key.clone(), session.clone());
    Ok(session)
}

/// What STS finds out about a token before it looks at the role.
fn check_claims(account: &Account, claims: &Claims, provider: &str) -> Result<(), ApiError> {
    let invalid = |message: &str| Err(ApiError::refused("InvalidIdentityToken", message));
    let mut roles = account.iam.roles.values();
    if !roles.any(|role| trust::names(&role.trust, provider)) {
        return invalid(&format!(
            "No OpenIDConnect provider found in your account for https://{}",
            claims.host
        ));
    }
    if claims.audience != AUDIENCE {
        return invalid("Incorrect token audience");
    }
    let now = account.utc().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    if claims.expires <= now {
        return Err(ApiError::refused(
            "ExpiredTokenException",
            &format!(
                "Token expired: current date/time {now} must be before the expiration date/time {}",
                claims.expires
            ),
        ));
    }
    Ok(())
}

/// So many hex digits.
fn random(account: &mut Account, digits: usize) -> String {
    let mut text = String::new();
    while text.len() < digits {
        text += &account.hex16();
    }
    text.truncate(digits);
    text
}

#[cfg(test)]
mod tests;
