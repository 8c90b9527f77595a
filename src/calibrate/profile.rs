//! What a recording shows, without its particular ids and moments: which operations there are, the shape of their answers, their
//! refusals, what came before what, and how long things took.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::recording::{Call, Recording};
use crate::aws::calls::is_look;

/// What kind of thing a text is, as far as it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    Empty,
    Truth,
    Number,
    Moment,
    Text,
}

impl Shape {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Empty => "nothing",
            Self::Truth => "true or false",
            Self::Number => "a number",
            Self::Moment => "a moment",
            Self::Text => "text",
        }
    }
}

/// The members of an answer, by their path, each with the shapes that it had.
pub(super) type Members = BTreeMap<String, BTreeSet<Shape>>;

/// What was seen of an operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    /// It was done at least once.
    pub(super) is_done: bool,
    /// What is in its answers.
    pub(super) members: Members,
    /// The codes of its refusals.
    pub(super) codes: BTreeSet<String>,
}

/// A service, and an operation of it.
pub(super) type Operation = (String, String);

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    /// By operation.
    pub(super) seen: BTreeMap<Operation, Seen>,
    /// Of parts and steps, in seconds.
    pub(super) took: BTreeMap<String, f64>,
    /// How each part ended.
    pub(super) ended: BTreeMap<String, String>,
    /// What was over before what began, in each part: of changes that were made once in it.
    pub(super) before: BTreeMap<(String, String, String), f64>,
}

impl Profile {
    pub(super) fn of(recording: &Recording) -> Self {
        let mut profile = Self::default();
        for call in &recording.calls {
            profile.see(call);
        }
        for part in &recording.parts {
            let ended: String = part
                .ended
                .chars()
                .filter(|it| !it.is_ascii_digit())
                .collect();
            profile
                .ended
                .insert(part.part.clone(), ended.trim().to_owned());
            profile.took.insert(part.part.clone(), part.took);
        }
        for step in &recording.steps {
            let named = format!("{}: {}", step.part, step.step);
            *profile.took.entry(named).or_default() += step.took;
        }
        for part in &recording.parts {
            profile.order(&part.part, &recording.calls);
        }
        profile
    }

    fn see(&mut self, call: &Call) {
        let of = (call.service.clone(), call.operation.clone());
        let seen = self.seen.entry(of).or_default();
        match &call.code {
            Some(code) => {
                seen.codes.insert(code.clone());
            }
            None if call.is_done() => {
                seen.is_done = true;
                members("", &call.answered, &mut seen.members);
            }
            None => {}
        }
    }

    fn order(&mut self, part: &str, calls: &[Call]) {
        let mut once: BTreeMap<&str, Option<&Call>> = BTreeMap::new();
        let changes = calls
            .iter()
            .filter(|call| call.part == part && is_change(call));
        for call in changes {
            let entry = once.entry(&call.operation);
            // What was made twice is before and after.
            entry.and_modify(|it| *it = None).or_insert(Some(call));
        }
        let once: Vec<_> = once.into_values().flatten().collect();
        for first in &once {
            for then in &once {
                let gap = then.at - (first.at + first.took);
                if gap > 0.0 && first.again.is_none() && then.again.is_none() {
                    let of = (
                        part.to_owned(),
                        first.operation.clone(),
                        then.operation.clone(),
                    );
                    self.before.insert(of, gap);
                }
            }
        }
    }
}

fn is_change(call: &Call) -> bool {
    call.is_done() && !is_look(&call.operation) && !call.operation.starts_with("Assume")
}

/// Notes each member of an answer. That something is a list is no part of its path: one of it is often told without.
fn members(path: &str, value: &Value, all: &mut Members) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                members(&path, value, all);
            }
        }
        Value::Array(items) => {
            for item in items {
                members(path, item, all);
            }
        }
        leaf => {
            all.entry(path.to_owned()).or_default().insert(shape(leaf));
        }
    }
}

fn shape(leaf: &Value) -> Shape {
    let text = match leaf {
        Value::Null => return Shape::Empty,
        Value::Bool(_) => return Shape::Truth,
        Value::Number(_) => return Shape::Number,
        Value::String(text) => text.as_str(),
        _ => return Shape::Text,
    };
    let is_moment = || {
        let mut letters = text.bytes();
        text.len() >= 19
            && text.as_bytes()[10] == b'T'
            && letters
                .by_ref()
                .take(4)
                .all(|letter| letter.is_ascii_digit())
    };
    match text {
        "" => Shape::Empty,
        "true" | "false" => Shape::Truth,
        _ if text.parse::<f64>().is_ok() => Shape::Number,
        _ if is_moment() => Shape::Moment,
        _ => Shape::Text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_have_no_place_in_a_path_and_leaves_have_a_shape() {
        let mut all = Members::new();
        let answer = json!({"set": {"item": [{"id": "i-1", "on": "true"}, {"n": "7"}]}, "at": "2026-11-23T10:00:00Z"});
        members("", &answer, &mut all);
        let told: Vec<_> = all
            .iter()
            .map(|(path, shapes)| (path.as_str(), shapes.iter().copied().collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            told,
            [
                ("at", vec![Shape::Moment]),
                ("set.item.id", vec![Shape::Text]),
                ("set.item.n", vec![Shape::Number]),
                ("set.item.on", vec![Shape::Truth]),
            ]
        );
    }
}
