//! Whether a role's trust policy admits who bears a token.
//!
//! Guarantees: a condition that it cannot judge is an error that names it, never a yes.

use serde_json::Value;

use super::token::Claims;
use crate::account::ApiError;
use crate::account::policy::is_like;

/// Whether the policy names this identity provider at all.
pub(super) fn names(policy: &str, provider: &str) -> bool {
    statements(policy)
        .iter()
        .any(|statement| is_of(statement, provider))
}

/// Whether a statement allows it, and none denies it.
pub(super) fn admits(policy: &str, provider: &str, claims: &Claims) -> Result<bool, ApiError> {
    let mut allowed = false;
    for statement in statements(policy) {
        let actions = texts(&statement["Action"]);
        let mut actions = actions.iter().map(|action| action.to_ascii_lowercase());
        let is_about =
            actions.any(|it| matches!(&*it, "sts:assumerolewithwebidentity" | "sts:*" | "*"));
        if !is_about || !is_of(&statement, provider) || !is_met(&statement["Condition"], claims)? {
            continue;
        }
        match statement["Effect"].as_str() {
            Some("Allow") => allowed = true,
            _ => return Ok(false),
        }
    }
    Ok(allowed)
}

fn statements(policy: &str) -> Vec<Value> {
    let parsed: Option<Value> = serde_json::from_str(policy).ok();
    match parsed.map(|mut policy| policy["Statement"].take()) {
        Some(Value::Array(statements)) => statements,
        Some(statement) => vec![statement],
        None => Vec::new(),
    }
}

fn is_of(statement: &Value, provider: &str) -> bool {
    let federated = texts(&statement["Principal"]["Federated"]);
    federated.iter().any(|named| named == provider)
}

/// Whether every condition is met: `{"StringEquals": {"HOST:sub": ["...", "..."]}}`.
fn is_met(conditions: &Value, claims: &Claims) -> Result<bool, ApiError> {
    let Some(conditions) = conditions.as_object() else {
        return Ok(true);
    };
    for (operator, keys) in conditions {
        let fits: fn(&str, &str) -> bool = match operator.as_str() {
            "StringEquals" => |wanted, found| wanted == found,
            "StringLike" => is_like,
            other => {
                return Err(ApiError::refused(
                    "InvalidAction",
                    &format!("the local cloud does not know the condition operator {other}"),
                ));
            }
        };
        for (key, wanted) in keys.as_object().into_iter().flatten() {
            let Some(found) = claim(key, claims) else {
                return Ok(false);
            };
            if !texts(wanted).iter().any(|wanted| fits(wanted, found)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The claim that a condition's key names; what AWS makes no key of is not there.
fn claim<'a>(key: &str, claims: &'a Claims) -> Option<&'a str> {
    match key.strip_prefix(&claims.host)? {
        ":sub" => Some(&claims.subject),
        ":aud" => Some(&claims.audience),
        _ => None,
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .filter_map(|item| Some(item.as_str()?.to_owned()))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_a_question_mark_for_a_letter() {
        for (pattern, text, fits) in [
            ("repo:o/r:*", "repo:o/r:ref:refs/heads/main", true),
            (
                "repo:o/*:environment:prod",
                "repo:o/r:environment:prod",
                true,
            ),
            (
                "repo:o/*:environment:prod",
                "repo:o/r:environment:stage",
                false,
            ),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(is_like(pattern, text), fits, "{pattern} {text}");
        }
    }
}
