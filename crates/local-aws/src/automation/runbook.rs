//! A runbook's text as a checked value: parameters, steps, where each leads.
//!
//! Guarantees: a runbook that parses names only actions, steps, parameters and outputs that exist; the interpreter
//! never meets a dangling name.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::actions;
use super::fields::Fields;
use super::template;

/// What a step may take when it doesn't say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);
/// The only version of the runbook language.
const SCHEMA_VERSION: &str = "0.3";
/// What `onCancel` may not lead to.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html>
const NOT_ON_CANCEL: [&str; 9] = [
    "aws:approve",
    "aws:copyImage",
    "aws:createImage",
    "aws:createStack",
    "aws:createTags",
    "aws:loop",
    "aws:pause",
    "aws:runInstances",
    "aws:sleep",
];
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
    pub fn parse(content: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(content)
            .map_err(|error| format!("the content is not JSON: {error}"))?;
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

    fn check(&self) -> Result<(), String> {
        if self.steps.is_empty() {
            return Err("mainSteps must be a list with at least one step".to_owned());
        }
        for (index, step) in self.steps.iter().enumerate() {
            if self.position(&step.name) != Some(index) {
                return Err(format!("two steps have the name {}", step.name));
            }
            self.check_leads(step)?;
            for reference in template::references(&Value::Object(step.inputs.clone())) {
                self.check_reference(&reference)
                    .map_err(|problem| format!("step {}: {problem}", step.name))?;
            }
        }
        if let Some(role) = &self.assume_role {
            for reference in template::references(&Value::String(role.clone())) {
                self.check_reference(&reference)?;
            }
        }
        self.outputs
            .iter()
            .try_for_each(|output| self.check_reference(output))
    }

    fn check_leads(&self, step: &Step) -> Result<(), String> {
        let branches = actions::branch_targets(step);
        let leads = [&step.on_failure, &step.on_cancel]
            .into_iter()
            .filter_map(|turn| match turn {
                Turn::Step(name) => Some(name),
                Turn::Abort | Turn::Continue => None,
            })
            .chain(&step.next)
            .chain(&branches);
        for name in leads {
            if self.position(name).is_none() {
                return Err(format!(
                    "step {} leads to the step {name}, which does not exist",
                    step.name
                ));
            }
        }
        if let Turn::Step(name) = &step.on_cancel
            && let Some(target) = self.position(name)
            && NOT_ON_CANCEL.contains(&self.steps[target].action.as_str())
        {
            return Err(format!(
                "step {}: onCancel may not lead to the action {}",
                step.name, self.steps[target].action
            ));
        }
        Ok(())
    }

    /// A reference is a parameter, a global variable, or an output that some step has.
    fn check_reference(&self, reference: &str) -> Result<(), String> {
        if template::GLOBALS.contains(&reference) || self.parameters.contains_key(reference) {
            return Ok(());
        }
        let unknown =
            || format!("{{{{ {reference} }}}} is neither a parameter nor a step's output");
        let (step, output) = reference.split_once('.').ok_or_else(unknown)?;
        let step = &self.steps[self.position(step).ok_or_else(unknown)?];
        let declared = step.outputs.iter().any(|declared| declared.name == output);
        if declared || actions::built_in_outputs(&step.action).contains(&output) {
            Ok(())
        } else {
            Err(unknown())
        }
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

impl Step {
    fn read(value: Value) -> Result<Self, String> {
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
            super::selector::Selector::parse(&output.selector)
                .map_err(|problem| format!("step {step}: {problem}"))?;
            Ok(output)
        })
        .collect()
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
        Runbook::parse(&document.to_string())
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
            {"name": "b", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "onFailure": "step:a"},
        ]))
        .expect("a good runbook");
        assert!(!runbook.steps[0].is_critical);
        assert!(runbook.steps[1].is_critical);
    }
}
