//! AWS Security Token Service: who we are.

use std::time::SystemTime;

use super::Aws;
use super::credentials::Keys;
use super::error::{About as _, ErrorKind, Failure};
use crate::secret::Secret;

/// Who makes the calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// The role or user.
    pub arn: String,
}

impl Caller {
    /// Why nothing of this environment is touched by these credentials, which are for another account than is named for it.
    pub fn is_elsewhere(&self, account: Option<&str>, environment: &str) -> Option<String> {
        let account = account.filter(|account| *account != self.account)?;
        Some(format!(
            "these credentials are for account {} ({}), and environment {environment} belongs to account {account}",
            self.account, self.arn
        ))
    }
}

/// Who we are, asked once: whoever signs stays the same.
pub async fn known_caller(aws: &Aws) -> Result<Caller, Failure> {
    aws.caller.get_or_try_init(|| caller(aws)).await.cloned()
}

/// Asks AWS who we are.
pub async fn caller(aws: &Aws) -> Result<Caller, Failure> {
    let answer = aws
        .sts
        .get_caller_identity()
        .send()
        .await
        .about("GetCallerIdentity", "")?;
    Ok(Caller {
        account: answer.account.unwrap_or_default(),
        arn: answer.arn.unwrap_or_default(),
    })
}

/// Takes a role on, for as long as roles last that were taken on from another: an hour.
pub async fn assume_role(aws: &Aws, role: &str, session: &str) -> Result<Keys, Failure> {
    let operation = "AssumeRole";
    let answer = aws
        .sts
        .assume_role()
        .role_arn(role)
        .role_session_name(session)
        .send()
        .await
        .about(operation, role)?;
    let given = answer
        .credentials
        .ok_or_else(|| nothing_given(operation, role))?;
    let until =
        SystemTime::try_from(given.expiration).map_err(|_| nothing_given(operation, role))?;
    Ok(Keys {
        id: given.access_key_id,
        secret: Secret::new(given.secret_access_key),
        session: Some((Secret::new(given.session_token), until)),
    })
}

fn nothing_given(operation: &'static str, role: &str) -> Failure {
    Failure {
        kind: ErrorKind::Other,
        operation: operation.into(),
        resource: role.to_owned(),
        code: String::new(),
        message: "STS answered without credentials".to_owned(),
        request_id: None,
    }
}
