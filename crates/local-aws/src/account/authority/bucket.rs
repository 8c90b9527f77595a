//! What a bucket's own policy says of a call, and whose it is.

use serde_json::{Value, json};

use crate::account::policy::{Request, Verdict, judge};
use crate::account::s3::Bucket;
use crate::account::{Account, iam};

/// It.
pub(super) struct Said {
    /// The bucket is this account's.
    pub(super) is_ours: bool,
    pub(super) verdict: Verdict,
}

/// The bucket that is, or holds, what is meant.
pub(super) fn of<'a>(account: &'a Account, resource: &str) -> Option<&'a Bucket> {
    let path = resource.strip_prefix("arn:aws:s3:::")?;
    let name = path.split('/').next()?;
    account.s3.buckets.get(name)
}

/// What is said of this; nothing of what is about no bucket that is there.
pub(super) fn says(account: &Account, who: &str, request: &Request) -> Option<Said> {
    let bucket = of(account, &request.resource)?;
    // Whose name it is is told whoever wants to take it.
    if request.action == "s3:CreateBucket" {
        return None;
    }
    let policy = bucket.configured("policy").and_then(iam::read_policy);
    let statements = match policy.as_deref().map(|policy| &policy["Statement"]) {
        None => &[][..],
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let is_ours = bucket.owner == account.id;
    let about_them: Vec<_> = statements
        .iter()
        .filter(|statement| names(account, statement, who, is_ours))
        .collect();
    let verdict = judge(&[json!({"Statement": about_them})], request);
    Some(Said { is_ours, verdict })
}

/// Whether a statement is about this caller. One that names others (`NotPrincipal`) is about everybody where it denies, and about
/// nobody where it allows.
fn names(account: &Account, statement: &Value, who: &str, is_ours: bool) -> bool {
    let denies = statement["Effect"] != "Allow";
    let principal = &statement["Principal"];
    if principal.is_null() {
        return denies;
    }
    let all = match &principal["AWS"] {
        Value::Null => std::slice::from_ref(principal),
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let root = format!("arn:aws:iam::{}:root", account.id);
    all.iter().filter_map(Value::as_str).any(|named| {
        if named == account.id || named == root {
            // The account's own policies say which of it, where it is the bucket's.
            return denies || !is_ours;
        }
        named == "*" || named == who || is_role_of(named, who)
    })
}

/// Whether this is a session of that role.
fn is_role_of(role: &str, who: &str) -> bool {
    let Some((account, path)) = role
        .strip_prefix("arn:aws:iam::")
        .and_then(|rest| rest.split_once(":role/"))
    else {
        return false;
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    who.starts_with(&format!("arn:aws:sts::{account}:assumed-role/{name}/"))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::check_caller;
    use super::*;
    use crate::account::s3::put_another_s_bucket;
    use crate::account::{ApiError, iam::put_user};
    use crate::pace::Pace;

    const ANY: &str = r#"{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#;

    fn account() -> Account {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        put_user(&mut account, "reader", "AKIDREADER", ("any", ANY));
        put_user(
            &mut account,
            "nobody",
            "AKIDNOBODY",
            ("none", r#"{"Statement": []}"#),
        );
        account
    }

    /// Whether whoever has this key may read an object of bucket `b`, which this account has or another, with this policy.
    fn reads(key: &str, owner: &str, statement: &Value) -> Result<(), ApiError> {
        let mut account = account();
        let owner = match owner {
            "ours" => account.id.clone(),
            other => other.to_owned(),
        };
        let policy = json!({"Statement": statement}).to_string();
        put_another_s_bucket(&mut account, "b", &owner, &policy);
        account.sts.calling = Some(key.to_owned());
        let about = json!({"Bucket": "b", "Key": "k", "VersionId": "1"});
        check_caller(&mut account, ("s3", "GetObject"), &about)
    }

    fn statement(effect: &str, principal: Value) -> Value {
        json!({"Effect": effect, "Principal": principal, "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"})
    }

    #[test]
    fn a_bucket_s_policy_lets_in_whom_no_other_does_and_denies_administrators() {
        let user = "arn:aws:iam::123456789012:user/nobody";
        let [all, named, account] = [
            json!("*"),
            json!({"AWS": [user]}),
            json!({"AWS": "123456789012"}),
        ];
        for (key, owner, statement, may) in [
            ("AKIDREADER", "ours", json!([]), true),
            ("AKIDNOBODY", "ours", json!([]), false),
            ("AKIDNOBODY", "ours", statement("Allow", all.clone()), true),
            ("AKIDNOBODY", "ours", statement("Allow", named), true),
            // The account's own policies say which of it.
            (
                "AKIDNOBODY",
                "ours",
                statement("Allow", account.clone()),
                false,
            ),
            (
                "AKIDREADER",
                "ours",
                statement("Deny", account.clone()),
                false,
            ),
            ("AKIDADMIN", "ours", statement("Deny", all.clone()), false),
            ("AKIDADMIN", "ours", json!([]), true),
            ("AKIDADMIN", "210987654321", json!([]), false),
            (
                "AKIDADMIN",
                "210987654321",
                statement("Allow", all.clone()),
                true,
            ),
            (
                "AKIDREADER",
                "210987654321",
                statement("Allow", account),
                true,
            ),
            ("AKIDNOBODY", "210987654321", statement("Allow", all), false),
        ] {
            let read = reads(key, owner, &statement);
            assert_eq!(read.is_ok(), may, "{key} {owner} {statement} {read:?}");
        }
    }

    #[test]
    fn loopback_counts_as_tls_and_whose_a_bucket_is_can_be_asked_for() {
        let when = |effect: &str, operator: &str, key: &str, value: &str| {
            let mut statement = statement(effect, json!("*"));
            statement["Condition"] = json!({operator: {key: value}});
            statement
        };
        let tls = |value| when("Deny", "Bool", "aws:SecureTransport", value);
        assert!(reads("AKIDADMIN", "ours", &tls("false")).is_ok());
        assert!(reads("AKIDADMIN", "ours", &tls("true")).is_err());
        let of = |account| when("Deny", "StringNotEquals", "aws:ResourceAccount", account);
        assert!(reads("AKIDADMIN", "ours", &of("123456789012")).is_ok());
        assert!(reads("AKIDADMIN", "ours", &of("210987654321")).is_err());
    }
}
