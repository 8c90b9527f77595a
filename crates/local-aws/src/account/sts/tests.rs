//! Who may assume which role, and for how long.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::account::iam::{NewRole, create_role};
use crate::pace::Pace;

const SUBJECT: &str = "repo:octo/hello:environment:prod";
const ROLE: &str = "arn:aws:iam::123456789012:role/deployer";

fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(claims))
}

fn claims() -> Value {
    json!({"iss": "https://issuer.example", "sub": SUBJECT, "aud": AUDIENCE, "exp": 600})
}

fn account(condition: &Value) -> Account {
    let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
    let provider = "arn:aws:iam::123456789012:oidc-provider/issuer.example";
    let trust = json!({"Statement": [{
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": provider},
        "Condition": condition,
    }]});
    let role = NewRole {
        name: "deployer".to_owned(),
        path: "/".to_owned(),
        trust: trust.to_string(),
        description: None,
        max_session: 7200,
        boundary: None,
        tags: Default::default(),
    };
    create_role(&mut account, role).expect("a role");
    // STS does not see it at once.
    account.advance(Duration::from_secs(60));
    account
}

fn session() -> Assume {
    Assume {
        role_arn: ROLE.to_owned(),
        session_name: "run-7".to_owned(),
        seconds: None,
    }
}

fn code(account: &mut Account, asked: &Assume, token: &str) -> String {
    let refused = assume_with_web_identity(account, asked, token);
    refused.map_or_else(|error| error.code, |_| "assumed".to_owned())
}

#[test]
fn a_session_s_key_is_good_with_its_token_until_it_expires() {
    let mut account = account(&json!({}));
    let asked = Assume {
        seconds: Some(900),
        ..session()
    };
    let token = token(&claims());
    let assumed = assume_with_web_identity(&mut account, &asked, &token).expect("a session");
    let Session { key, token, .. } = &assumed.session;
    assert_eq!(check_key(&account, key, Some(token)), Ok(()));
    assert_eq!(check_key(&account, key, None), Err(Unfit::Unknown));
    assert_eq!(check_key(&account, "ASIAX", None), Err(Unfit::Unknown));
    assert_eq!(check_key(&account, "AKIAX", None), Ok(()));
    let begun = account.now();
    account.advance(begun + Duration::from_secs(899));
    assert_eq!(check_key(&account, key, Some(token)), Ok(()));
    account.advance(begun + Duration::from_secs(900));
    assert_eq!(check_key(&account, key, Some(token)), Err(Unfit::Expired));
}

#[test]
fn what_is_no_token_or_another_audience_s_or_a_stranger_s_or_stale_is_refused() {
    let mut account = account(&json!({}));
    let changed = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        token(&claims)
    };
    let invalid = "InvalidIdentityToken";
    for (token, wanted) in [
        (token(&claims()), "assumed"),
        ("nonsense".to_owned(), invalid),
        ("a.b.c".to_owned(), invalid),
        (changed("sub", Value::Null), invalid),
        (changed("iss", json!("https://elsewhere.example")), invalid),
        (changed("aud", json!("https://github.com/octo")), invalid),
        (changed("exp", json!(0)), "ExpiredTokenException"),
    ] {
        assert_eq!(code(&mut account, &session(), &token), wanted, "{token}");
    }
    let mut nobody = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
    assert_eq!(code(&mut nobody, &session(), &token(&claims())), invalid);
}

#[test]
fn a_role_that_is_not_there_or_longer_than_it_lets_is_refused() {
    let mut account = account(&json!({}));
    let unknown = Assume {
        role_arn: format!("{ROLE}-2"),
        ..session()
    };
    let token = token(&claims());
    assert_eq!(code(&mut account, &unknown, &token), "AccessDenied");
    for (seconds, wanted) in [(7200, "assumed"), (7201, "ValidationError")] {
        let asked = Assume {
            seconds: Some(seconds),
            ..session()
        };
        assert_eq!(code(&mut account, &asked, &token), wanted);
    }
}

#[test]
fn a_trust_policy_s_conditions_decide_and_one_that_is_not_known_is_no_yes() {
    let assumed = "assumed";
    let denied = "AccessDenied";
    for (condition, wanted) in [
        (
            json!({"StringEquals": {"issuer.example:sub": SUBJECT}}),
            assumed,
        ),
        (
            json!({"StringEquals": {"issuer.example:sub": ["x", SUBJECT]}}),
            assumed,
        ),
        (
            json!({"StringLike": {"issuer.example:sub": "repo:octo/*:environment:prod"}}),
            assumed,
        ),
        (
            json!({"StringEquals": {"issuer.example:aud": AUDIENCE}}),
            assumed,
        ),
        (
            json!({"StringEquals": {"issuer.example:sub": "repo:octo@1/hello@2:environment:prod"}}),
            denied,
        ),
        (
            json!({"StringEquals": {"issuer.example:sub": "repo:octo/*"}}),
            denied,
        ),
        (
            json!({"StringEquals": {"elsewhere.example:sub": SUBJECT}}),
            denied,
        ),
        (
            json!({"StringEquals": {"issuer.example:actor": "ada"}}),
            denied,
        ),
        (
            json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
            "InvalidAction",
        ),
    ] {
        let mut account = account(&condition);
        let code = code(&mut account, &session(), &token(&claims()));
        assert_eq!(code, wanted, "{condition}");
    }
}
