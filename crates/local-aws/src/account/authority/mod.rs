//! Whether somebody may make a call: what the call needs (`needs`), held against the policies of whoever makes it.
//!
//! Guarantees: what a call needs and nobody allows is refused, in the words and with the code of its service, before anything
//! else is looked at.

mod needs;

use std::sync::Arc;

use serde_json::Value;

use super::policy::{Request, Verdict, judge};
use super::{Account, ApiError, iam};

/// Refuses a call that whoever calls may not make, be it a session of a role or a user. Keys that belong to neither are an
/// administrator's.
pub fn check_caller(
    account: &mut Account,
    call: (&str, &str),
    params: &Value,
) -> Result<(), ApiError> {
    let policies = match (account.sts.caller(), account.sts.calling.as_deref()) {
        (Some(session), _) => iam::policies_of(account, &session.role),
        (None, Some(key)) => match iam::user_of(&account.iam, key) {
            Some(user) => user.policies(),
            None => return Ok(()),
        },
        (None, None) => return Ok(()),
    };
    let caller = account.caller();
    judged(account, (&caller, &policies), call, params)
}

/// Refuses a call that an automation in this role, by its ARN, may not make.
pub fn check(
    account: &mut Account,
    role: &str,
    call: (&str, &str),
    params: &Value,
) -> Result<(), ApiError> {
    let policies = iam::policies_of(account, role);
    let name = role.rsplit('/').next().unwrap_or(role);
    let who = format!("arn:aws:sts::{}:assumed-role/{name}/Automation", account.id);
    judged(account, (&who, &policies), call, params)
}

/// Whether what runs on an instance of this profile may make a call; without a role it may make none.
pub fn lets_instance(
    account: &mut Account,
    profile: Option<&str>,
    (service, operation): (&str, &str),
    params: &Value,
) -> bool {
    let role = profile.and_then(|named| iam::role_of_profile(&account.iam, named));
    let Some(arn) = role.map(|role| role.arn.clone()) else {
        return false;
    };
    let policies = iam::policies_of(account, &arn);
    let needs = needs::of(account, service, operation, params);
    let mut needs = needs.iter();
    needs.all(|request| judge(&policies, request) == Verdict::Allowed)
}

fn judged(
    account: &mut Account,
    (who, policies): (&str, &[Arc<Value>]),
    (service, operation): (&str, &str),
    params: &Value,
) -> Result<(), ApiError> {
    for request in needs::of(account, service, operation, params) {
        let verdict = judge(policies, &request);
        account.asked.insert((who.to_owned(), request.clone()));
        if verdict != Verdict::Allowed {
            return Err(refusal(who, service, &request, verdict));
        }
    }
    Ok(())
}

/// In the words and with the code of the service.
fn refusal(who: &str, service: &str, request: &Request, verdict: Verdict) -> ApiError {
    let why = match verdict {
        Verdict::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        _ => format!(
            "because no identity-based policy allows the {} action",
            request.action
        ),
    };
    let words = format!(
        "User: {who} is not authorized to perform: {} on resource: {} {why}",
        request.action, request.resource
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
