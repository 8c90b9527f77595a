//! The language of runbooks: a text as a checked value, with its parameters, steps, and where each leads.
//!
//! In parts: [`template`] is its `{{ }}`, [`selector`] its `$.Paths`, [`pattern`] its `allowedPattern`, [`actions`]
//! what each action takes and gives. It knows nothing of an account; the interpreter is [`crate::automation`].
//!
//! Guarantees: a runbook that parses names only actions, steps, parameters and outputs that exist; the interpreter
//! never meets a dangling name.

pub(crate) mod actions;
mod check;
mod fields;
pub(crate) mod pattern;
pub(crate) mod selector;
mod step;
pub(crate) mod template;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use self::fields::Fields;

/// The only version of the runbook language.
const SCHEMA_VERSION: &str = "0.3";
const TYPES: [&str; 6] = [
    "String",
    "StringList",
    "Integer",
    "Boolean",
    "MapList",
    "StringMap",
];

/// A checked runbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Runbook {
    /// What it is for.
    pub description: Option<String>,
    /// The role it runs as, perhaps a `{{ parameter }}`.
    pub assume_role: Option<String>,
    /// By name.
    pub parameters: BTreeMap<String, Parameter>,
    /// In order.
    pub steps: Vec<Step>,
    /// Outputs of the whole, as `step.Output`.
    pub outputs: Vec<String>,
}

/// A parameter of a runbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// "String", "StringList", "Boolean", ...
    pub kind: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its value when none is given.
    pub default: Option<Value>,
    /// The only values it may have, if it says so.
    pub allowed_values: Vec<String>,
    /// What a value must look like.
    pub allowed_pattern: Option<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name, unique in the runbook.
    pub name: String,
    /// "aws:runInstances", ...
    pub action: String,
    /// What the action is given, with its `{{ }}` still in place.
    pub inputs: Map<String, Value>,
    /// What it takes from its action's answer.
    pub outputs: Vec<Output>,
    /// What a failure leads to.
    pub on_failure: Turn,
    /// What cancelling while it runs leads to.
    pub on_cancel: Turn,
    /// Whether its failure is the whole runbook's.
    pub is_critical: bool,
    /// Whether the runbook ends after it.
    pub is_end: bool,
    /// The step after it, if not the next in order.
    pub next: Option<String>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often it is tried.
    pub max_attempts: u32,
}

/// Where a failure or a cancellation leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nowhere: the runbook ends.
    Abort,
    /// To the next step, as if nothing had happened.
    Continue,
    /// To a named step.
    Step(String),
}

/// A value that a step takes from its action's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The name others use.
    pub name: String,
    /// Where it stands in the answer.
    pub selector: String,
    /// "String" and the like.
    pub kind: String,
}

impl Runbook {
    /// Reads and checks a runbook; the error is what AWS would find wrong with it.
    pub fn read(document: Value) -> Result<Self, String> {
        let mut fields = Fields::of("the runbook", document)?;
        let version = fields.text("schemaVersion")?.unwrap_or_default();
        if version != SCHEMA_VERSION {
            return Err(format!(
                "schemaVersion {version} is not supported for an Automation document: use {SCHEMA_VERSION}"
            ));
        }
        let mut parameters = BTreeMap::new();
        if let Some(Value::Object(declared)) = fields.take("parameters") {
            for (name, value) in declared {
                let parameter = Parameter::read(&name, value)?;
                parameters.insert(name, parameter);
            }
        }
        let Some(Value::Array(steps)) = fields.take("mainSteps") else {
            return Err("mainSteps must be a list with at least one step".to_owned());
        };
        let outputs = fields.list("outputs")?;
        let runbook = Self {
            description: fields.text("description")?,
            assume_role: fields.text("assumeRole")?,
            parameters,
            steps: steps
                .into_iter()
                .map(Step::read)
                .collect::<Result<_, _>>()?,
            outputs,
        };
        fields.finish()?;
        runbook.check()?;
        Ok(runbook)
    }

    /// The place of a step among the steps.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.name == name)
    }
}

impl Parameter {
    fn read(name: &str, value: Value) -> Result<Self, String> {
        let mut fields = Fields::of(&format!("parameter {name}"), value)?;
        let kind = fields.text("type")?.unwrap_or_default();
        let is_resource = kind.starts_with("AWS::") || kind.starts_with("List<AWS::");
        if !TYPES.contains(&kind.as_str()) && !is_resource {
            return Err(format!("parameter {name}: the type {kind} does not exist"));
        }
        let parameter = Self {
            kind,
            description: fields.text("description")?,
            default: fields.take("default"),
            allowed_values: fields.list("allowedValues")?,
            allowed_pattern: fields.text("allowedPattern")?,
        };
        for limit in [
            "minItems",
            "maxItems",
            "minChars",
            "maxChars",
            "displayType",
        ] {
            if fields.take(limit).is_some() {
                return Err(format!(
                    "parameter {name}: the local cloud does not check {limit}, so it does not accept it"
                ));
            }
        }
        fields.finish()?;
        Ok(parameter)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(steps: Value) -> Result<Runbook, String> {
        let document = json!({
            "schemaVersion": "0.3",
            "parameters": {"Image": {"type": "String"}},
            "mainSteps": steps,
        });
        Runbook::read(document)
    }

    #[test]
    fn what_does_not_exist_is_refused_by_name() {
        let cases = [
            (json!([{"name": "a", "action": "aws:fly"}]), "aws:fly"),
            (
                json!([{"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "nextStep": "b"}]),
                "the step b",
            ),
            (
                json!([{"name": "a", "action": "aws:sleep", "inputs": {"Duration": "{{ Nap }}"}}]),
                "{{ Nap }}",
            ),
            (
                json!([{"name": "a", "action": "aws:sleep", "inputs": {"Duration": "{{ a.Dream }}"}}]),
                "{{ a.Dream }}",
            ),
            (
                json!([{"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "colour": 1}]),
                "colour",
            ),
            (
                json!([
                    {"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}},
                    {"name": "b", "action": "aws:branch", "isEnd": true, "inputs": {"Choices": [
                        {"Variable": "{{ Image }}", "StringEquals": "x", "NextStep": "a"},
                    ]}},
                ]),
                "infinite loop",
            ),
            (json!([]), "at least one step"),
        ];
        for (steps, expected) in cases {
            let problem = parse(steps).expect_err(expected);
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn on_cancel_may_not_lead_to_something_slow() {
        let problem = parse(json!([
            {"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "onCancel": "step:b"},
            {"name": "b", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}},
        ]))
        .expect_err("aws:sleep takes its time");
        assert!(problem.contains("onCancel"), "{problem}");
    }

    #[test]
    fn a_step_that_goes_on_after_failing_is_not_critical_unless_it_says_so() {
        let runbook = parse(json!([
            {"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "onFailure": "Continue"},
            {"name": "b", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "onFailure": "step:c"},
            {"name": "c", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}},
        ]))
        .expect("a good runbook");
        assert!(!runbook.steps[0].is_critical);
        assert!(runbook.steps[1].is_critical);
    }
}
