//! `{{ name }}` in a runbook: parameters, outputs of steps, global variables.
//!
//! Guarantees: a string that is one reference and nothing else takes the value as it is, lists included; inside a
//! longer string, strings stand as they are and everything else as JSON; a list's element that becomes a list is
//! spread, as AWS's own runbooks rely on (`"InstanceIds": ["{{ launch.InstanceIds }}"]`).

use serde_json::Value;

/// The variables every automation has.
pub(crate) const GLOBALS: [&str; 5] = [
    "automation:EXECUTION_ID",
    "global:DATE",
    "global:DATE_TIME",
    "global:REGION",
    "global:ACCOUNT_ID",
];

/// The value with every reference replaced; the error is the first name that has no value.
pub(crate) fn resolve(
    value: &Value,
    look_up: &dyn Fn(&str) -> Option<Value>,
) -> Result<Value, String> {
    match value {
        Value::String(text) => resolve_text(text, look_up),
        Value::Array(items) => {
            let mut resolved = Vec::with_capacity(items.len());
            for item in items {
                match resolve(item, look_up)? {
                    Value::Array(spread) if item.is_string() => resolved.extend(spread),
                    other => resolved.push(other),
                }
            }
            Ok(Value::Array(resolved))
        }
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| Ok((key.clone(), resolve(member, look_up)?)))
            .collect::<Result<serde_json::Map<_, _>, String>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

fn resolve_text(text: &str, look_up: &dyn Fn(&str) -> Option<Value>) -> Result<Value, String> {
    let find = |name: &str| look_up(name).ok_or_else(|| name.to_owned());
    let mut out = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Reference { name, whole } if whole.len() == text.trim().len() => {
                return find(name);
            }
            Piece::Reference { name, .. } => out.push_str(&text_of(&find(name)?)),
        }
    }
    Ok(Value::String(out))
}

/// Every name that a value refers to.
pub(crate) fn references(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => pieces(text)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Reference { name, .. } => Some(name.to_owned()),
                Piece::Literal(_) => None,
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(members) => members.values().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// A value as a string: strings as they are, everything else as JSON.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

enum Piece<'a> {
    Literal(&'a str),
    Reference { name: &'a str, whole: &'a str },
}

/// A reference is `{{`, a name of letters, digits and `_.:-` with blanks around it, and `}}`; anything else is text.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut literal_from = 0;
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|offset| at + offset) {
        let Some(close) = text[open..].find("}}").map(|offset| open + offset) else {
            break;
        };
        let name = text[open + 2..close].trim();
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "_.:-".contains(letter));
        if !is_name {
            at = open + 2;
            continue;
        }
        if literal_from < open {
            pieces.push(Piece::Literal(&text[literal_from..open]));
        }
        at = close + 2;
        literal_from = at;
        pieces.push(Piece::Reference {
            name,
            whole: &text[open..at],
        });
    }
    if literal_from < text.len() {
        pieces.push(Piece::Literal(&text[literal_from..]));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look_up(name: &str) -> Option<Value> {
        match name {
            "launch.InstanceIds" => Some(json!(["i-1", "i-2"])),
            "Wait" => Some(json!(true)),
            "App" => Some(json!("hello")),
            _ => None,
        }
    }

    #[test]
    fn a_whole_reference_keeps_its_type_and_a_list_spreads_in_a_list() {
        let inputs = json!({
            "whole": "{{ launch.InstanceIds }}",
            "spread": ["{{launch.InstanceIds}}", "i-3"],
            "flag": "{{ Wait }}",
            "text": "{{ App }}-{{ Wait }} in {{ launch.InstanceIds }}",
        });
        assert_eq!(
            resolve(&inputs, &look_up),
            Ok(json!({
                "whole": ["i-1", "i-2"],
                "spread": ["i-1", "i-2", "i-3"],
                "flag": true,
                "text": "hello-true in [\"i-1\",\"i-2\"]",
            }))
        );
    }

    #[test]
    fn a_name_without_a_value_is_named_and_other_braces_are_text() {
        assert_eq!(
            resolve(&json!("{{ Nothing }}"), &look_up),
            Err("Nothing".to_owned())
        );
        let shell = json!("awk '{{ print $1 }}' {{ App }}");
        assert_eq!(
            resolve(&shell, &look_up),
            Ok(json!("awk '{{ print $1 }}' hello"))
        );
    }
}
