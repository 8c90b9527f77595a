//! Reading a step: its action and inputs, what a failure leads to, what it gives.

use std::time::Duration;

use serde_json::{Map, Value};

use super::fields::Fields;
use super::selector::Selector;
use super::{Output, Step, TYPES, Turn, actions};

/// What a step may take when it doesn't say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);

impl Step {
    pub(super) fn read(value: Value) -> Result<Self, String> {
        let mut fields = Fields::of("a step", value)?;
        let name = fields.text("name")?.unwrap_or_default();
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if name.is_empty() || !name.chars().all(is_word) {
            return Err(format!(
                "{name:?} cannot be the name of a step: letters, digits and _ only"
            ));
        }
        fields.what = format!("step {name}");
        let action = fields.text("action")?.unwrap_or_default();
        if !actions::is_known(&action) {
            return Err(format!("step {name}: unknown action {action}"));
        }
        let inputs = match fields.take("inputs") {
            Some(Value::Object(inputs)) => inputs,
            None => Map::new(),
            Some(_) => return Err(format!("step {name}: inputs must be an object")),
        };
        let on_failure = turn(&name, fields.text("onFailure")?)?;
        let critical_by_default = on_failure != Turn::Continue;
        let step = Self {
            outputs: read_outputs(&name, fields.take("outputs"))?,
            on_cancel: turn(&name, fields.text("onCancel")?)?,
            is_critical: fields.boolean("isCritical")?.unwrap_or(critical_by_default),
            is_end: fields.boolean("isEnd")?.unwrap_or(false),
            next: fields.text("nextStep")?,
            timeout: fields
                .number("timeoutSeconds")?
                .map_or(DEFAULT_TIMEOUT, Duration::from_secs),
            max_attempts: fields
                .number("maxAttempts")?
                .and_then(|attempts| u32::try_from(attempts).ok())
                .unwrap_or(1)
                .max(1),
            name,
            action,
            inputs,
            on_failure,
        };
        fields.text("description")?;
        fields.finish()?;
        actions::check(&step).map_err(|problem| format!("step {}: {problem}", step.name))?;
        Ok(step)
    }
}

fn turn(step: &str, text: Option<String>) -> Result<Turn, String> {
    match text.as_deref() {
        None | Some("Abort") => Ok(Turn::Abort),
        Some("Continue") => Ok(Turn::Continue),
        Some(other) => other
            .strip_prefix("step:")
            .map(|name| Turn::Step(name.trim().to_owned()))
            .ok_or_else(|| {
                format!("step {step}: {other} is neither Abort, Continue nor step:NAME")
            }),
    }
}

fn read_outputs(step: &str, value: Option<Value>) -> Result<Vec<Output>, String> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let Value::Array(outputs) = value else {
        return Err(format!("step {step}: outputs must be a list"));
    };
    outputs
        .into_iter()
        .map(|output| {
            let mut fields = Fields::of(&format!("an output of step {step}"), output)?;
            let output = Output {
                name: fields.text("Name")?.unwrap_or_default(),
                selector: fields.text("Selector")?.unwrap_or_default(),
                kind: fields.text("Type")?.unwrap_or_else(|| "String".to_owned()),
            };
            fields.finish()?;
            if !TYPES.contains(&output.kind.as_str()) {
                return Err(format!(
                    "step {step}: the type {} does not exist",
                    output.kind
                ));
            }
            Selector::parse(&output.selector)
                .map_err(|problem| format!("step {step}: {problem}"))?;
            Ok(output)
        })
        .collect()
}
