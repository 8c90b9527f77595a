//! What policies say of a request, judged as IAM judges them: statements, patterns, conditions, trust. An explicit denial goes
//! before all, and what no statement allows is refused
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).
//!
//! Guarantees: pure; an operator that it does not know lets nothing through.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A call, as policies see it: one action on one resource, with the keys that conditions may ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// `ec2:RunInstances`
    pub action: String,
    /// Its ARN; `*` where the action is about none.
    pub resource: String,
    /// `aws:ResourceTag/team`, `iam:PassedToService`: their values. Names of keys do not mind their case, but for a tag's.
    pub keys: BTreeMap<String, Vec<String>>,
}

/// What policies say of it together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One allows it, and none denies it.
    Allowed,
    /// None speaks of it.
    NotAllowed,
    /// One denies it.
    Denied,
}

/// Judges a request by these policies.
pub fn judge(policies: &[impl Borrow<Value>], request: &Request) -> Verdict {
    let mut verdict = Verdict::NotAllowed;
    for statement in policies
        .iter()
        .flat_map(|policy| each(&policy.borrow()["Statement"]))
    {
        if !is_about(statement, request) {
            continue;
        }
        match statement["Effect"].as_str() {
            Some("Allow") => verdict = Verdict::Allowed,
            _ => return Verdict::Denied,
        }
    }
    verdict
}

/// Whether a trust policy lets this service take the role on, acting in `account` for the resource `source`. A role that names
/// neither is anybody's deputy: <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>.
pub fn trusts(trust: &str, service: &str, (account, source): (&str, &str)) -> bool {
    let keys = [("aws:SourceAccount", account), ("aws:SourceArn", source)];
    let keys = keys.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    admits(trust, ("Service", &[service]), keys.into())
}

/// Whether a trust policy lets in somebody of an account who goes by one of these names.
pub fn trusts_any(trust: &str, names: &[&str]) -> bool {
    admits(trust, ("AWS", names), BTreeMap::new())
}

/// What a trust policy says of whoever goes by one of these names, among principals of this kind.
fn admits(
    trust: &str,
    (kind, names): (&str, &[&str]),
    keys: BTreeMap<String, Vec<String>>,
) -> bool {
    let Ok(mut policy) = serde_json::from_str::<Value>(trust) else {
        return false;
    };
    let statements = match policy["Statement"].take() {
        Value::Array(list) => list,
        one => vec![one],
    };
    let of_them = statements.into_iter().filter_map(|mut statement| {
        let named = statement["Principal"][kind].take();
        let is_named = each(&named)
            .iter()
            .any(|it| names.iter().any(|name| it == name));
        statement["Resource"] = "*".into();
        is_named.then_some(statement)
    });
    let policy = json!({"Statement": of_them.collect::<Vec<_>>()});
    let request = Request {
        action: "sts:AssumeRole".to_owned(),
        resource: "*".to_owned(),
        keys,
    };
    judge(&[policy], &request) == Verdict::Allowed
}

fn is_about(statement: &Value, request: &Request) -> bool {
    let fits = |name: &str, text: &str, ignores_case: bool| {
        each(&statement[name])
            .iter()
            .filter_map(Value::as_str)
            .any(|pattern| match ignores_case {
                true => is_like(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase()),
                false => is_like(pattern, text),
            })
    };
    let has = |name: &str| !statement[name].is_null();
    let action = match has("Action") {
        true => fits("Action", &request.action, true),
        false => has("NotAction") && !fits("NotAction", &request.action, true),
    };
    let resource = match has("Resource") {
        true => fits("Resource", &request.resource, false),
        false => has("NotResource") && !fits("NotResource", &request.resource, false),
    };
    action && resource && is_met(statement, request)
}

/// Whether all conditions are met. One that is not known is not met, of a denial it is: neither ever lets anything through.
fn is_met(statement: &Value, request: &Request) -> bool {
    let denies = statement["Effect"] != "Allow";
    let Some(conditions) = statement["Condition"].as_object() else {
        return true;
    };
    let mut all = conditions.iter().flat_map(|(operator, keys)| {
        keys.as_object()
            .into_iter()
            .flatten()
            .map(move |it| (operator, it))
    });
    all.all(|(operator, (key, wanted))| {
        one_is_met(operator, key, &texts(wanted), request).unwrap_or(denies)
    })
}

/// Whether one condition is met; `None` for an operator that is not known here.
fn one_is_met(operator: &str, key: &str, wanted: &[String], request: &Request) -> Option<bool> {
    let found = request.keys.iter().find(|(name, _)| is_key(key, name));
    let found = found.map(|(_, values)| values.as_slice());
    let (of_all, operator) = match operator.split_once(':') {
        Some(("ForAllValues", operator)) => (Some(true), operator),
        Some(("ForAnyValue", operator)) => (Some(false), operator),
        Some(_) => return None,
        None => (None, operator),
    };
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    if operator == "Null" {
        let is_absent = found.is_none_or(<[String]>::is_empty);
        return Some(wanted.iter().any(|it| (it == "true") == is_absent));
    }
    let (negates, fits): (bool, fn(&str, &str) -> bool) = match operator {
        "StringEquals" | "ArnEquals" => (false, |wanted, found| wanted == found),
        "StringEqualsIgnoreCase" => (false, |wanted, found| wanted.eq_ignore_ascii_case(found)),
        "StringLike" | "ArnLike" => (false, is_like),
        "Bool" => (false, |wanted, found| wanted.eq_ignore_ascii_case(found)),
        "StringNotEquals" | "ArnNotEquals" => (true, |wanted, found| wanted == found),
        "StringNotLike" | "ArnNotLike" => (true, is_like),
        _ => return None,
    };
    let Some(found) = found else {
        // A key that is not there meets no condition but a negated one, and one for all of its values.
        return Some(if_exists || negates || of_all == Some(true));
    };
    let meets = |value: &String| wanted.iter().any(|it| fits(it, value)) != negates;
    Some(match of_all {
        Some(true) => found.iter().all(meets),
        _ => found.iter().any(meets),
    })
}

/// The name of a key does not mind its case, but that of a tag in it.
fn is_key(asked: &str, name: &str) -> bool {
    match (asked.split_once('/'), name.split_once('/')) {
        (Some((asked, tag)), Some((name, of))) => asked.eq_ignore_ascii_case(name) && tag == of,
        (None, None) => asked.eq_ignore_ascii_case(name),
        _ => false,
    }
}

/// `*` stands for any letters, `?` for one.
pub fn is_like(pattern: &str, text: &str) -> bool {
    // Byte by byte: of a letter of several bytes only `?` would see that, and no ARN, action or tag of a pattern has one.
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(letter) if *letter == b'?' || *letter == text[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((back, begun)) => {
                    star = Some((back, begun + 1));
                    (at, from) = (back + 1, begun + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

/// What IAM takes as one or as a list of them.
fn each(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(list) => list,
        one => std::slice::from_ref(one),
    }
}

fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    each(value).iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(action: &str, resource: &str, keys: &[(&str, &str)]) -> Request {
        let keys = keys.iter();
        let keys = keys.map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
        Request {
            action: action.to_owned(),
            resource: resource.to_owned(),
            keys: keys.collect(),
        }
    }

    const INSTANCE: &str = "arn:aws:ec2:eu-central-1:123456789012:instance/i-1";

    #[test]
    fn what_a_statement_allows_is_allowed_unless_another_denies_it() {
        let allow =
            json!({"Effect": "Allow", "Action": "ec2:*", "Resource": "arn:aws:ec2:*:*:instance/*"});
        let deny = json!({"Effect": "Deny", "Action": ["ec2:TerminateInstances"], "Resource": "*"});
        let end = request("ec2:TerminateInstances", INSTANCE, &[]);
        let stop = request("ec2:stopInstances", INSTANCE, &[]);
        let judge = |statements: &[&Value], request: &Request| {
            judge(&[json!({"Statement": statements})], request)
        };
        assert_eq!(judge(&[], &end), Verdict::NotAllowed);
        assert_eq!(judge(&[&allow], &end), Verdict::Allowed);
        assert_eq!(judge(&[&deny, &allow], &end), Verdict::Denied);
        assert_eq!(judge(&[&deny, &allow], &stop), Verdict::Allowed);
        let image = request("ec2:CreateImage", "arn:aws:ec2:eu-central-1::image/*", &[]);
        assert_eq!(judge(&[&allow], &image), Verdict::NotAllowed);
        let not = json!({"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::*"});
        assert_eq!(judge(&[&not], &image), Verdict::Allowed);
        let pass = request("iam:PassRole", "arn:aws:iam::1:role/x", &[]);
        assert_eq!(judge(&[&not], &pass), Verdict::NotAllowed);
    }

    /// The conditions by a line each: operator, key, value; a plus before what is met.
    fn assert_met(keys: &[(&str, &str)], lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (sign, condition) = line.split_at(1);
            let words: Vec<_> = condition.split_whitespace().collect();
            let [operator, key, value] = words[..] else {
                panic!("{line}");
            };
            let policy = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
                "Condition": {operator: {key: value.split(',').collect::<Vec<_>>()}}}});
            let expected = match sign {
                "+" => Verdict::Allowed,
                _ => Verdict::NotAllowed,
            };
            let stop = request("ec2:StopInstances", INSTANCE, keys);
            assert_eq!(judge(&[policy], &stop), expected, "{line}");
        }
    }

    #[test]
    fn a_condition_is_met_as_its_operator_says_by_a_key_that_is_there() {
        assert_met(
            &[("aws:ResourceTag/app", "hello")],
            "
            + StringEquals aws:ResourceTag/app hello
            + StringEquals AWS:resourcetag/app x,hello
            - StringEquals aws:ResourceTag/App hello
            - StringEquals aws:ResourceTag/app Hello
            + StringEqualsIgnoreCase aws:ResourceTag/app Hello
            + StringLike aws:ResourceTag/app h?l*
            - StringLike aws:ResourceTag/app h?
            - StringNotEquals aws:ResourceTag/app hello
            + Null aws:ResourceTag/app false
            - Null aws:ResourceTag/app true
            - DateGreaterThan aws:ResourceTag/app 2020-01-01T00:00:00Z
            ",
        );
    }

    #[test]
    fn a_key_that_is_not_there_meets_a_condition_only_where_that_says_so() {
        assert_met(
            &[],
            "
            - StringEquals aws:ResourceTag/app hello
            + StringEqualsIfExists aws:ResourceTag/app hello
            + StringNotEquals aws:ResourceTag/app hello
            + ForAllValues:StringEquals aws:TagKeys a
            - ForAnyValue:StringEquals aws:TagKeys a
            + Null aws:ResourceTag/app true
            ",
        );
    }

    #[test]
    fn a_denial_with_a_condition_that_nobody_here_can_judge_holds() {
        let unknown = json!({"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}}});
        let stop = request("ec2:StopInstances", INSTANCE, &[]);
        assert_eq!(judge(&[unknown], &stop), Verdict::Denied);
    }

    #[test]
    fn a_pattern_fits_whole_texts() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbcd", false),
            ("*b*", "abc", true),
            ("a?c", "ac", false),
            (
                "arn:aws:ec2:*::image/*",
                "arn:aws:ec2:eu-central-1::image/ami-1",
                true,
            ),
            (
                "arn:aws:ec2:*::image/*",
                "arn:aws:ec2:eu-central-1:1:instance/i-1",
                false,
            ),
        ] {
            assert_eq!(is_like(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_service_takes_a_role_on_that_trusts_it_for_this_account_and_what_it_acts_for() {
        let trust = |service: &str, condition: &str| {
            format!(
                r#"{{"Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {{"Service": "{service}"}}, "Condition": {condition}}}]}}"#
            )
        };
        let source = "arn:aws:ssm:eu-central-1:123456789012:automation-execution/*";
        for (service, condition, is_trusted) in [
            ("ssm.amazonaws.com", "{}", true),
            ("ec2.amazonaws.com", "{}", false),
            (
                "ssm.amazonaws.com",
                r#"{"StringEquals": {"aws:SourceAccount": "123456789012"}}"#,
                true,
            ),
            (
                "ssm.amazonaws.com",
                r#"{"StringEquals": {"aws:SourceAccount": "210987654321"}}"#,
                false,
            ),
            (
                "ssm.amazonaws.com",
                r#"{"ArnLike": {"aws:SourceArn": "arn:aws:ssm:*:123456789012:automation-execution/*"}}"#,
                true,
            ),
            (
                "ssm.amazonaws.com",
                r#"{"ArnLike": {"aws:SourceArn": "arn:aws:ssm:*:210987654321:automation-execution/*"}}"#,
                false,
            ),
        ] {
            let trust = trust(service, condition);
            let trusted = trusts(&trust, "ssm.amazonaws.com", ("123456789012", source));
            assert_eq!(trusted, is_trusted, "{service} {condition}");
        }
    }
}
