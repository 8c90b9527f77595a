//! What a caller sent, as a tree that an operation reads member by member; what it did not read is an error.
//!
//! Guarantees: a parameter that the local cloud does not know is refused by name, never ignored, because a caller
//! that relies on it would believe it works. An operation therefore reads everything, calls [`Params::finish`], and
//! only then changes the account.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::account::ApiError;

/// The parameters of one structure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    /// Where this structure stands in the request, for messages ("LaunchTemplateData.").
    path: String,
    members: BTreeMap<String, Value>,
    read: BTreeSet<String>,
}

impl Params {
    /// From a form body (`Filter.1.Value.2=x`, `Actions.member.1.Type=forward`).
    pub(crate) fn from_form(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut root = Value::Object(serde_json::Map::new());
        for (key, text) in pairs {
            let mut at = &mut root;
            for part in key.split('.') {
                if !at.is_object() {
                    *at = Value::Object(serde_json::Map::new());
                }
                at = at
                    .as_object_mut()
                    .expect("made an object just above")
                    .entry(part)
                    .or_insert(Value::Null);
            }
            *at = Value::String(text);
        }
        Self::from_json(fold_lists(root))
    }

    /// From a JSON structure.
    pub(crate) fn from_json(value: Value) -> Self {
        let members = match value {
            Value::Object(members) => members.into_iter().filter(|(_, v)| !v.is_null()).collect(),
            _ => BTreeMap::new(),
        };
        Self {
            path: String::new(),
            members,
            read: BTreeSet::new(),
        }
    }

    /// All of it, as it was sent.
    pub(crate) fn sent(&self) -> Value {
        Value::Object(self.members.clone().into_iter().collect())
    }

    /// The first of `names` that is there: an API name, and the name in a form where that differs.
    fn take(&mut self, names: &[&str]) -> Option<Value> {
        names.iter().find_map(|name| {
            let value = self.members.get(*name)?.clone();
            self.read.insert((*name).to_owned());
            Some(value)
        })
    }

    /// Whether a member was sent at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// A string.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.take(&[name]).map(scalar)
    }

    /// A string that must be there.
    pub(crate) fn required(&mut self, name: &str) -> Result<String, ApiError> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| {
                ApiError::missing(&format!(
                    "The request must contain the parameter {}{name}",
                    self.path
                ))
            })
    }

    /// A whole number.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        let path = self.path.clone();
        self.text(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    ApiError::validation(&format!("{path}{name} is not a whole number: {text}"))
                })
            })
            .transpose()
    }

    /// True or false.
    pub(crate) fn boolean(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        let path = self.path.clone();
        self.text(name)
            .map(|text| match text.as_str() {
                "true" | "True" => Ok(true),
                "false" | "False" => Ok(false),
                _ => Err(ApiError::validation(&format!(
                    "{path}{name} is neither true nor false: {text}"
                ))),
            })
            .transpose()
    }

    /// A list of strings, under the first of `names` that is there (API name, then form name).
    pub(crate) fn texts(&mut self, names: &[&str]) -> Vec<String> {
        self.take(names)
            .map(items)
            .unwrap_or_default()
            .into_iter()
            .map(scalar)
            .collect()
    }

    /// A structure.
    pub(crate) fn structure(&mut self, names: &[&str]) -> Option<Self> {
        let name = names.iter().find(|name| self.has(name))?.to_owned();
        let value = self.take(names)?;
        let mut inner = Self::from_json(value);
        inner.path = format!("{}{name}.", self.path);
        Some(inner)
    }

    /// A list of structures.
    pub(crate) fn structures(&mut self, names: &[&str]) -> Vec<Self> {
        let Some(name) = names.iter().find(|name| self.has(name)) else {
            return Vec::new();
        };
        let path = format!("{}{name}[].", self.path);
        self.take(names)
            .map(items)
            .unwrap_or_default()
            .into_iter()
            .map(|value| {
                let mut inner = Self::from_json(value);
                inner.path.clone_from(&path);
                inner
            })
            .collect()
    }

    /// A dictionary of string lists (`Parameters` of Run Command and Automation).
    pub(crate) fn dictionary(&mut self, name: &str) -> BTreeMap<String, Vec<String>> {
        match self.take(&[name]) {
            Some(Value::Object(entries)) => entries
                .into_iter()
                .map(|(key, value)| (key, items(value).into_iter().map(scalar).collect()))
                .collect(),
            _ => BTreeMap::new(),
        }
    }

    /// EC2's and Auto Scaling's filters: name and values.
    pub(crate) fn filters(&mut self) -> Result<Vec<(String, Vec<String>)>, ApiError> {
        self.structures(&["Filters", "Filter"])
            .into_iter()
            .map(|mut filter| {
                let name = filter.required("Name")?;
                let values = filter.texts(&["Values", "Value"]);
                filter.finish()?;
                Ok((name, values))
            })
            .collect()
    }

    /// Tags, as every service sends them, under the first of `names` that is there.
    pub(crate) fn tags(&mut self, names: &[&str]) -> Result<crate::account::Tags, ApiError> {
        self.structures(names)
            .into_iter()
            .map(|mut tag| {
                let key = tag.required("Key")?;
                let value = tag.text("Value").unwrap_or_default();
                // Auto Scaling's tags carry three more members; a caller that wants them reads the structures.
                tag.text("PropagateAtLaunch");
                tag.text("ResourceId");
                tag.text("ResourceType");
                tag.finish()?;
                Ok((key, value))
            })
            .collect()
    }

    /// Refuses whatever was sent and not read.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let unknown: Vec<_> = self
            .members
            .keys()
            .filter(|name| !self.read.contains(*name))
            .map(|name| format!("{}{name}", self.path))
            .collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(ApiError::new(
                "UnknownParameter",
                400,
                &format!(
                    "the local cloud does not know the parameter {} of this operation",
                    unknown.join(", ")
                ),
            ))
        }
    }
}

/// A scalar as a string: forms have only strings, JSON has numbers and booleans too.
fn scalar(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A list's items; a single value is a list of one, an object with `member` or with numbers as keys was a form's list.
fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        other => vec![other],
    }
}

/// Turns `{"1": a, "2": b}` and `{"member": {"1": a}}` into `[a, b]`, all the way down.
fn fold_lists(value: Value) -> Value {
    let Value::Object(members) = value else {
        return value;
    };
    if members.len() == 1
        && let Some(inner) = members.get("member")
    {
        return fold_lists(inner.clone());
    }
    let mut numbered: Vec<(u32, Value)> = Vec::new();
    for (key, value) in &members {
        match key.parse() {
            Ok(index) => numbered.push((index, value.clone())),
            Err(_) => {
                return Value::Object(
                    members
                        .into_iter()
                        .map(|(key, value)| (key, fold_lists(value)))
                        .collect(),
                );
            }
        }
    }
    numbered.sort_by_key(|(index, _)| *index);
    Value::Array(
        numbered
            .into_iter()
            .map(|(_, value)| fold_lists(value))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Params {
        Params::from_form(form_urlencoded::parse(text.as_bytes()).into_owned())
    }

    #[test]
    fn a_form_s_numbered_keys_become_lists_in_both_dialects() {
        let mut params = form("InstanceId.2=b&InstanceId.1=a&Names.member.1=x");
        assert_eq!(params.texts(&["InstanceIds", "InstanceId"]), ["a", "b"]);
        assert_eq!(params.texts(&["Names"]), ["x"]);
        assert!(params.finish().is_ok());
    }

    #[test]
    fn nested_structures_are_read_by_their_path() {
        let mut params = form(
            "Actions.member.1.Type=forward&Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=5",
        );
        let mut action = params.structures(&["Actions"]).remove(0);
        assert_eq!(action.required("Type").expect("sent"), "forward");
        let mut config = action.structure(&["ForwardConfig"]).expect("sent");
        let mut group = config.structures(&["TargetGroups"]).remove(0);
        assert_eq!(group.number("Weight").expect("a number"), Some(5));
    }

    #[test]
    fn what_an_operation_did_not_read_is_refused_by_name() {
        let mut params = form("Known=1&Surprise=2");
        params.text("Known");
        let error = params.finish().expect_err("Surprise was not read");
        assert!(error.message.contains("Surprise"), "{}", error.message);
    }
}
