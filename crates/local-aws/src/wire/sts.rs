//! STS on the wire: who the caller is, and sessions of roles: for who bears a web identity, or for somebody of the account.

use super::node::Node;
use super::operations::{self, Operations};
use super::params::Params;
use crate::account::sts::{self, Assume, Session};
use crate::account::{Account, ApiError};

/// What may be called without a signature: who calls it has no credentials yet.
pub(super) const UNSIGNED: &str = "AssumeRoleWithWebIdentity";

/// What STS is asked for.
pub(super) const OPERATIONS: &Operations = &[
    ("AssumeRole", assume),
    (UNSIGNED, assume_with_web_identity),
    ("GetCallerIdentity", caller_identity),
];

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    operations::call("sts", OPERATIONS, account, operation, params)
}

fn caller_identity(account: &mut Account, params: Params) -> Result<Node, ApiError> {
    params.finish()?;
    let session = account.sts.caller().map(|session| session.id.clone());
    let id = session.unwrap_or_else(|| "AROALOCALAWS000000000:caller".to_owned());
    Ok(Node::map()
        .put("UserId", id)
        .put("Account", &account.id)
        .put("Arn", account.caller()))
}

fn assume(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let asked = asked(&mut params)?;
    params.finish()?;
    let session = sts::assume(account, &asked)?;
    Ok(of_session(account, session))
}

fn assume_with_web_identity(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let asked = asked(&mut params)?;
    let token = text(
        &mut params,
        "WebIdentityToken",
        "webIdentityToken",
        4,
        20_000,
    )?;
    params.finish()?;
    let assumed = sts::assume_with_web_identity(account, &asked, &token)?;
    Ok(of_session(account, assumed.session)
        .put("SubjectFromWebIdentityToken", assumed.subject)
        .put("Audience", assumed.audience)
        .put("Provider", assumed.provider))
}

/// What every session is asked for with.
fn asked(params: &mut Params) -> Result<Assume, ApiError> {
    let asked = Assume {
        role_arn: text(params, "RoleArn", "roleArn", 20, 2048)?,
        session_name: text(params, "RoleSessionName", "roleSessionName", 2, 64)?,
        seconds: params.number("DurationSeconds")?,
    };
    let is_named = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    if !asked.session_name.chars().all(is_named) {
        return Err(violated(
            &asked.session_name,
            "roleSessionName",
            r"Member must satisfy regular expression pattern: [\w+=,.@-]*",
        ));
    }
    if let Some(seconds) = asked.seconds {
        let bound = match seconds {
            ..900 => "greater than or equal to 900",
            43_201.. => "less than or equal to 43200",
            _ => "",
        };
        if !bound.is_empty() {
            let constraint = format!("Member must have value {bound}");
            return Err(violated(
                &seconds.to_string(),
                "durationSeconds",
                &constraint,
            ));
        }
    }
    Ok(asked)
}

/// A session as it is answered with.
fn of_session(account: &Account, session: Session) -> Node {
    let credentials = Node::map()
        .put("AccessKeyId", session.key)
        .put("SecretAccessKey", session.secret)
        .put("SessionToken", session.token)
        .put("Expiration", account.utc_at(session.until));
    let user = Node::map()
        .put("AssumedRoleId", session.id)
        .put("Arn", session.arn);
    Node::map()
        .put("AssumedRoleUser", user)
        .put("Credentials", credentials)
}

/// A text that must be there, with so many letters.
fn text(
    params: &mut Params,
    name: &str,
    member: &str,
    least: usize,
    most: usize,
) -> Result<String, ApiError> {
    let text = params
        .text(name)
        .ok_or_else(|| violated("null", member, "Member must not be null"))?;
    let constraint = match text.chars().count() {
        letters if letters < least => {
            format!("Member must have length greater than or equal to {least}")
        }
        letters if letters > most => {
            format!("Member must have length less than or equal to {most}")
        }
        _ => return Ok(text),
    };
    Err(violated(&text, member, &constraint))
}

fn violated(value: &str, member: &str, constraint: &str) -> ApiError {
    let value = match value {
        "null" => value.to_owned(),
        _ => format!("'{value}'"),
    };
    ApiError::validation(&format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
    ))
}
