//! AWS Security Token Service: who we are.

use super::Aws;
use super::error::{About as _, Failure};

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
