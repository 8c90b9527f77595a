//! Whether a role may make a call: what the call needs (`needs`), held against the role's policies.
//!
//! Guarantees: what a call needs and nobody allows is refused, in the words and with the code of its service.

mod needs;

use serde_json::Value;

use super::policy::{Request, Verdict, judge};
use super::{Account, ApiError, iam};

/// Refuses a call that this role, by its ARN, may not make.
pub fn check(
    account: &mut Account,
    role: &str,
    (service, operation): (&str, &str),
    params: &Value,
) -> Result<(), ApiError> {
    let policies = iam::policies_of(account, role);
    for request in needs::of(account, service, operation, params) {
        let verdict = judge(&policies, &request);
        if verdict != Verdict::Allowed {
            return Err(refusal(account, role, service, &request, verdict));
        }
    }
    Ok(())
}

/// In the words and with the code of the service.
fn refusal(
    account: &Account,
    role: &str,
    service: &str,
    request: &Request,
    verdict: Verdict,
) -> ApiError {
    let name = role.rsplit('/').next().unwrap_or(role);
    let why = match verdict {
        Verdict::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        _ => format!(
            "because no identity-based policy allows the {} action",
            request.action
        ),
    };
    let words = format!(
        "User: arn:aws:sts::{}:assumed-role/{name}/Automation is not authorized to perform: {} on resource: {} {why}",
        account.id, request.action, request.resource
    );
    match service {
        "ec2" => ApiError::new(
            "UnauthorizedOperation",
            403,
            &format!("You are not authorized to perform this operation. {words}"),
        ),
        "ssm" => ApiError::new("AccessDeniedException", 400, &words),
        _ => ApiError::new("AccessDenied", 403, &words),
    }
}
