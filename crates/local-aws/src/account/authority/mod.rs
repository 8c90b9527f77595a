//! Whether somebody may make a call: what the call needs (`needs`), held against the policies of whoever makes it.
//!
//! Guarantees: what a call needs and nobody allows is refused, in the words and with the code of its service, before anything
//! else is looked at.

mod bucket;
mod needs;

use std::sync::Arc;

use serde_json::{Value, json};

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
            None => return check_administrator(account, call, params),
        },
        (None, None) => return check_administrator(account, call, params),
    };
    let caller = account.caller();
    judged(account, (&caller, &policies), call, params)
}

/// An administrator may do anything that no bucket's own policy keeps from everybody.
fn check_administrator(
    account: &mut Account,
    (service, operation): (&str, &str),
    params: &Value,
) -> Result<(), ApiError> {
    if service != "s3" {
        return Ok(());
    }
    let anything = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let (caller, policies) = (account.caller(), [Arc::new(anything)]);
    for request in needs::of(account, service, operation, params) {
        if let Err(why) = decide(account, (&caller, &policies), &request) {
            return Err(refusal(&caller, service, &request, &why));
        }
    }
    Ok(())
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
    let name = arn.rsplit('/').next().unwrap_or(&arn);
    let who = format!("arn:aws:sts::{}:assumed-role/{name}/instance", account.id);
    let needs = needs::of(account, service, operation, params);
    let mut needs = needs.iter();
    needs.all(|request| decide(account, (&who, &policies), request).is_ok())
}

fn judged(
    account: &mut Account,
    (who, policies): (&str, &[Arc<Value>]),
    (service, operation): (&str, &str),
    params: &Value,
) -> Result<(), ApiError> {
    for request in needs::of(account, service, operation, params) {
        let decided = decide(account, (who, policies), &request);
        account.asked.insert((who.to_owned(), request.clone()));
        if let Err(why) = decided {
            return Err(refusal(who, service, &request, &why));
        }
    }
    Ok(())
}

/// Holds a request against the policies of whoever asks, and that of the bucket that it is about; or says why it is refused.
fn decide(
    account: &Account,
    (who, policies): (&str, &[Arc<Value>]),
    request: &Request,
) -> Result<(), String> {
    let mut told = request.clone();
    told.keys.extend(keys_of_any_call(account, request));
    let denied = |by: &str| Err(format!("with an explicit deny in {by}"));
    let own = judge(policies, &told);
    let of_bucket = bucket::says(account, who, &told);
    match (own, of_bucket) {
        (Verdict::Denied, _) => denied("an identity-based policy"),
        (_, Some(said)) if said.verdict == Verdict::Denied => denied("a resource-based policy"),
        // In one account either is enough; to another one's both are needed.
        (Verdict::Allowed, Some(said)) if !said.is_ours && said.verdict != Verdict::Allowed => {
            Err(format!(
                "because no resource-based policy allows the {} action",
                request.action
            ))
        }
        (Verdict::Allowed, _) => Ok(()),
        (_, Some(said)) if said.is_ours && said.verdict == Verdict::Allowed => Ok(()),
        _ => Err(format!(
            "because no identity-based policy allows the {} action",
            request.action
        )),
    }
}

/// What AWS tells policies of every call
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>).
fn keys_of_any_call(account: &Account, request: &Request) -> Vec<(String, Vec<String>)> {
    let key = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let held = bucket::of(account, &request.resource);
    let owner = held.map_or(&account.id, |bucket| &bucket.owner);
    vec![
        // HTTP on loopback counts as TLS: what does not leave the machine nobody reads on the way, and there is no other way in.
        key("aws:SecureTransport", "true"),
        key("aws:ResourceAccount", owner),
    ]
}

/// In the words and with the code of the service.
fn refusal(who: &str, service: &str, request: &Request, why: &str) -> ApiError {
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
