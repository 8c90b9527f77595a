//! Reading a runbook's JSON so that nothing in it is passed over.

use serde_json::{Map, Value};

use super::template;

/// The fields of a JSON object, of which none may be left unread.
pub(super) struct Fields {
    /// What it is, for messages.
    pub(super) what: String,
    left: Map<String, Value>,
}

impl Fields {
    pub(super) fn of(what: &str, value: Value) -> Result<Self, String> {
        match value {
            Value::Object(left) => Ok(Self {
                what: what.to_owned(),
                left,
            }),
            _ => Err(format!("{what} must be an object")),
        }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.left.shift_remove(name)
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{}: {name} must be a string", self.what)),
        }
    }

    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(Value::String(text)) if text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if text == "false" => Ok(Some(false)),
            Some(_) => Err(format!("{}: {name} must be true or false", self.what)),
        }
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>, String> {
        let wrong = |what: &str| format!("{what}: {name} must be a whole number");
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| wrong(&self.what)),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| wrong(&self.what)),
        }
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Vec<String>, String> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items.iter().map(template::text_of).collect()),
            Some(_) => Err(format!("{}: {name} must be a list", self.what)),
        }
    }

    pub(super) fn finish(self) -> Result<(), String> {
        let unknown: Vec<_> = self.left.keys().map(String::as_str).collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "{} has the unknown {}",
                self.what,
                unknown.join(", ")
            ))
        }
    }
}
