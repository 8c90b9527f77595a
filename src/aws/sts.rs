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
