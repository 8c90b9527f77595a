//! The bucket's own policy: one statement of it is ours, and every other one somebody else's, which stays as it is.

use serde_json::{Value, json};

/// Ours is known by it.
const SID: &str = "BgDeployTlsOnly";

/// Nobody, an administrator included, reaches the bucket but by TLS
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-HTTP-HTTPS>).
fn tls_only(partition: &str, bucket: &str) -> Value {
    let arn = format!("arn:{partition}:s3:::{bucket}");
    json!({
        "Sid": SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, format!("{arn}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    })
}

/// The policy as it has to be, where it is not so yet; an error where what stands can't be read.
pub(super) fn with_tls_only(
    held: Option<&str>,
    partition: &str,
    bucket: &str,
) -> Result<Option<String>, String> {
    let mut policy = match held {
        None => json!({"Version": "2012-10-17", "Statement": []}),
        Some(text) => serde_json::from_str(text).map_err(|error| error.to_string())?,
    };
    let Some(statements) = policy.get_mut("Statement") else {
        return Err("it has no statements".to_owned());
    };
    let mut all = match statements.take() {
        Value::Array(all) => all,
        one => vec![one],
    };
    let ours = tls_only(partition, bucket);
    match all.iter_mut().find(|statement| statement["Sid"] == SID) {
        Some(standing) if is_same(standing, &ours) => return Ok(None),
        Some(standing) => *standing = ours,
        None => all.push(ours),
    }
    *statements = all.into();
    Ok(Some(policy.to_string()))
}

/// AWS may put a list in another order.
fn is_same(one: &Value, other: &Value) -> bool {
    let sorted = |statement: &Value| {
        let mut statement = statement.clone();
        if let Some(resources) = statement["Resource"].as_array_mut() {
            resources.sort_by_key(Value::to_string);
        }
        statement
    };
    sorted(one) == sorted(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(held: Option<&str>) -> Option<Value> {
        let merged = with_tls_only(held, "aws", "b").expect("a policy");
        merged.map(|text| serde_json::from_str(&text).expect("JSON"))
    }

    #[test]
    fn where_there_is_no_policy_ours_is_all_of_it_and_where_ours_stands_nothing_is_written() {
        let new = merged(None).expect("a policy");
        assert_eq!(new["Statement"], json!([tls_only("aws", "b")]));
        assert_eq!(merged(Some(&new.to_string())), None);
        let mut turned = new;
        let resources = turned["Statement"][0]["Resource"].as_array_mut();
        resources.expect("a list").reverse();
        assert_eq!(merged(Some(&turned.to_string())), None);
    }

    #[test]
    fn statements_of_others_stay_in_their_places_and_ours_is_put_right() {
        let theirs = json!({"Sid": "Audit", "Effect": "Allow", "Principal": {"AWS": "1"}, "Action": "s3:GetObject", "Resource": "*"});
        let weakened = json!({"Sid": SID, "Effect": "Allow"});
        for held in [
            json!({"Version": "2008-10-17", "Id": "x", "Statement": theirs}),
            json!({"Version": "2008-10-17", "Id": "x", "Statement": [theirs, weakened]}),
        ] {
            let new = merged(Some(&held.to_string())).expect("a policy");
            let expected = json!([theirs, tls_only("aws", "b")]);
            assert_eq!(
                new,
                json!({"Version": "2008-10-17", "Id": "x", "Statement": expected})
            );
        }
    }

    #[test]
    fn what_is_no_policy_is_left_as_it_is() {
        for held in ["", "{}", "[1]"] {
            assert!(with_tls_only(Some(held), "aws", "b").is_err(), "{held}");
        }
    }
}
