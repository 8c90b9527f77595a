//! Whether somebody may make a call: what the call needs (`needs`), held against the policies of whoever makes it.
//!
//! Guarantees: what a call needs and nobody allows is refused, in the words and with the code of its service, before anything
//! else is looked at.

mod bucket;
mod needs;

use std::sync::Arc;

use serde_json::{Value, json};

use super::iam::Given;
use super::policy::{Request, Verdict, judge};
use super::{Account, ApiError, iam};

/// Refuses a call that whoever calls may not make, be it a session of a role or a user. Keys that belong to neither are an
/// administrator's.
pub fn check_caller(
    account: &mut Account,
    call: (&str, &str),
    params: &Value,
) -> Result<(), ApiError> {
    let given = match (account.sts.caller(), account.sts.calling.as_deref()) {
        (Some(session), _) => iam::given_to(account, &session.role),
        (None, Some(key)) => match iam::user_of(&account.iam, key) {
            Some(user) => Given {
                policies: user.policies(),
                boundary: None,
            },
            None => return check_administrator(account, call, params),
        },
        (None, None) => return check_administrator(account, call, params),
    };
    let caller = account.caller();
    judged(account, (&caller, &given), call, params)
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
    let caller = account.caller();
    let given = Given {
        policies: vec![Arc::new(anything)],
        boundary: None,
    };
    for request in needs::of(account, service, operation, params) {
        if let Err(why) = decide(account, (&caller, &given), &request) {
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
    let given = iam::given_to(account, role);
    let name = role.rsplit('/').next().unwrap_or(role);
    let who = format!("arn:aws:sts::{}:assumed-role/{name}/Automation", account.id);
    judged(account, (&who, &given), call, params)
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
    let given = iam::given_to(account, &arn);
    let name = arn.rsplit('/').next().unwrap_or(&arn);
    let who = format!("arn:aws:sts::{}:assumed-role/{name}/instance", account.id);
    let needs = needs::of(account, service, operation, params);
    let mut needs = needs.iter();
    needs.all(|request| decide(account, (&who, &given), request).is_ok())
}

fn judged(
    account: &mut Account,
    (who, given): (&str, &Given),
    (service, operation): (&str, &str),
    params: &Value,
) -> Result<(), ApiError> {
    for request in needs::of(account, service, operation, params) {
        let decided = decide(account, (who, given), &request);
        account.asked.insert((who.to_owned(), request.clone()));
        if let Err(why) = decided {
            return Err(refusal(who, service, &request, &why));
        }
    }
    Ok(())
}

/// Holds a request against the policies of whoever asks, what limits them, and the policy of the bucket that it is about; or says
/// why it is refused.
fn decide(
    account: &Account,
    (who, given): (&str, &Given),
    request: &Request,
) -> Result<(), String> {
    let mut told = request.clone();
    told.keys.extend(keys_of_any_call(account, request));
    let denied = |by: &str| Err(format!("with an explicit deny in {by}"));
    let own = judge(&given.policies, &told);
    // A boundary allows nothing by itself, and nothing is allowed beyond it.
    let limit = given.boundary.as_ref().map(|limit| judge(limit, &told));
    let of_bucket = bucket::says(account, who, &told);
    let not_in = |what: &str| {
        let action = &request.action;
        Err(format!("because no {what} allows the {action} action"))
    };
    match limit {
        Some(Verdict::Denied) => return denied("a permissions boundary"),
        Some(Verdict::NotAllowed) => return not_in("permissions boundary"),
        _ => {}
    }
    match (own, of_bucket) {
        (Verdict::Denied, _) => denied("an identity-based policy"),
        (_, Some(said)) if said.verdict == Verdict::Denied => denied("a resource-based policy"),
        // In one account either is enough; to another one's both are needed.
        (Verdict::Allowed, Some(said)) if !said.is_ours && said.verdict != Verdict::Allowed => {
            not_in("resource-based policy")
        }
        (Verdict::Allowed, _) => Ok(()),
        (_, Some(said)) if said.is_ours && said.verdict == Verdict::Allowed => Ok(()),
        _ => not_in("identity-based policy"),
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::account::iam::{NewRole, create_policy, create_role, put_policy};
    use crate::pace::Pace;

    const ANY: &str = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

    /// Whether a role with these two may stop instances; none of the second: no boundary.
    fn may(policy: &str, boundary: Option<&str>) -> Result<(), String> {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        let boundary = boundary.map(|says| {
            let made = create_policy(&mut account, "b", "/", says.to_owned());
            made.expect("a policy")
        });
        let role = NewRole {
            name: "r".to_owned(),
            path: "/a/b/".to_owned(),
            trust: ANY.to_owned(),
            description: None,
            max_session: 3600,
            boundary,
            tags: Default::default(),
        };
        create_role(&mut account, role).expect("a role");
        put_policy(&mut account, "r", "p", policy.to_owned()).expect("a policy");
        let later = account.now() + Duration::from_secs(30);
        account.advance(later);
        let arn = "arn:aws:iam::123456789012:role/a/b/r";
        let call = ("ec2", "DescribeInstances");
        check(&mut account, arn, call, &json!({})).map_err(|refused| refused.message)
    }

    #[test]
    fn a_boundary_allows_nothing_and_nothing_is_allowed_beyond_it() {
        let of = |effect: &str, action: &str| {
            format!(
                r#"{{"Statement": {{"Effect": "{effect}", "Action": "{action}", "Resource": "*"}}}}"#
            )
        };
        let (looks, writes) = (of("Allow", "ec2:Describe*"), of("Allow", "ec2:Run*"));
        assert_eq!(may(&looks, None), Ok(()));
        assert_eq!(may(&looks, Some(ANY)), Ok(()));
        assert_eq!(may(ANY, Some(&looks)), Ok(()));
        for (policy, boundary, why) in [
            (&*writes, ANY, "no identity-based policy allows"),
            (ANY, &*writes, "no permissions boundary allows"),
            (
                &*looks,
                r#"{"Statement": []}"#,
                "no permissions boundary allows",
            ),
            (
                ANY,
                &*of("Deny", "ec2:*"),
                "explicit deny in a permissions boundary",
            ),
        ] {
            let refused = may(policy, Some(boundary)).expect_err(why);
            assert!(refused.contains(why), "{refused}");
        }
    }
}
