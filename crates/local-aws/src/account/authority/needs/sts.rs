//! What calls of STS need.

use serde_json::Value;

use super::{Keys, request};
use crate::account::policy::Request;
use crate::account::{Account, sts};

/// Whoever has keys may ask whose they are, and whom a role's trust names itself needs nothing else; whom it lets in by their account
/// needs that account's leave as well
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html>).
pub(super) fn needs(account: &Account, operation: &str, params: &Value) -> Vec<Request> {
    let role = params["RoleArn"].as_str().unwrap_or_default();
    if operation != "AssumeRole" || sts::is_trusted_by_name(account, role) {
        return Vec::new();
    }
    vec![request("sts:AssumeRole", role, Keys::new())]
}
