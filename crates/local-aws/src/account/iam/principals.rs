//! Whom a trust policy names: IAM looks each one up when the policy is written.

use serde_json::Value;

use crate::account::lag::Eye;
use crate::account::{Account, ApiError};

/// Refuses a policy that names a role or a user of this account that is not there, or was made so shortly before that IAM does not
/// see it yet: the same refusal for both, which clients try again after (terraform-provider-aws, `aws_iam_role`).
pub(super) fn check(account: &Account, document: &str) -> Result<(), ApiError> {
    let policy: Value = serde_json::from_str(document).unwrap_or_default();
    let statements = each(&policy["Statement"]);
    let named = statements.flat_map(|statement| each(&statement["Principal"]["AWS"]));
    let mut named = named.filter_map(Value::as_str);
    match named.find(|arn| !is_known(account, arn)) {
        None => Ok(()),
        Some(unknown) => Err(ApiError::refused(
            "MalformedPolicyDocument",
            &format!("Invalid principal in policy: \"AWS\":\"{unknown}\""),
        )),
    }
}

/// Those of other accounts are not looked up here, nor an account as a whole.
fn is_known(account: &Account, arn: &str) -> bool {
    let ours = format!("arn:aws:iam::{}:", account.id);
    let Some(name) = arn.strip_prefix(&ours) else {
        return true;
    };
    let mut roles = account.iam.roles.values();
    let mut users = account.iam.users.values();
    let is_there = match name.split('/').next() {
        Some("role") => roles.any(|role| role.arn == arn),
        Some("user") => users.any(|user| user.arn == arn),
        _ => true,
    };
    is_there && account.sees(Eye::Principal, arn)
}

fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let many = value.as_array().map(Vec::as_slice);
    many.unwrap_or(std::slice::from_ref(value)).iter()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::{NewRole, create_role, update_trust};
    use crate::account::{Account, Tags};
    use crate::pace::Pace;

    fn role(name: &str, principal: &str) -> NewRole {
        NewRole {
            name: name.to_owned(),
            path: "/".to_owned(),
            boundary: None,
            trust: format!(
                r#"{{"Statement": [{{"Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole"}}]}}"#
            ),
            description: None,
            max_session: 3600,
            tags: Tags::default(),
        }
    }

    #[test]
    fn a_trust_policy_names_whoever_is_there_and_was_not_made_a_moment_ago() {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        let service = r#"{"Service": "ec2.amazonaws.com"}"#;
        let first = r#"{"AWS": ["arn:aws:iam::123456789012:role/first", "123456789012"]}"#;
        let invalid = Some("MalformedPolicyDocument".to_owned());
        let make = |account: &mut Account, name: &str, principal: &str| {
            let made = create_role(account, role(name, principal));
            made.err().map(|error| error.code)
        };
        assert_eq!(make(&mut account, "second", first), invalid, "nobody is");
        assert_eq!(make(&mut account, "first", service), None);
        assert_eq!(make(&mut account, "second", first), invalid, "too early");
        account.advance(Duration::from_secs(30));
        assert_eq!(make(&mut account, "second", first), None);
        let other = r#"{"AWS": "arn:aws:iam::210987654321:role/theirs"}"#;
        assert_eq!(make(&mut account, "third", other), None);
        let gone = role("", r#"{"AWS": "arn:aws:iam::123456789012:user/gone"}"#).trust;
        let refused = update_trust(&mut account, "third", gone).err();
        assert_eq!(refused.map(|error| error.code), invalid);
    }
}
