//! What each action of a runbook does, look by look.
//!
//! Guarantees: an action acts only through the account's APIs, as AWS's own interpreter does; what it made is in its
//! notes before it waits, so a second look never makes it again.

mod api;
mod command;
mod flow;
mod images;
mod instances;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::account::{Account, ApiError, authority};
use crate::runbook::Step;
use crate::runbook::template::text_of;

/// How a call to an API of the account is made: service, operation, parameters.
pub(crate) type Caller<'a> =
    &'a mut dyn FnMut(&mut Account, &str, &str, Value) -> Result<Value, ApiError>;

/// An action's inputs, resolved.
pub(crate) type Inputs = Map<String, Value>;

/// An action's outputs.
pub(crate) type Outputs = BTreeMap<String, Value>;

/// What a look at an action's progress says.
#[derive(Debug)]
pub(crate) enum Look {
    /// It is done.
    Done(Outputs),
    /// It is done and leads to this step.
    Lead(String),
    /// It isn't done.
    Wait {
        /// When to look again.
        pause: Duration,
        /// What it is doing, to stand after "while step is".
        reason: String,
    },
}

/// Why an action failed, in AWS's words.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The step's FailureMessage.
    pub message: String,
    /// What the step has to show nonetheless.
    pub outputs: Outputs,
}

impl Failure {
    /// A failure with nothing to show.
    pub(crate) fn of(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            outputs: Outputs::new(),
        }
    }

    fn call(operation: &str, error: &ApiError) -> Self {
        Self::of(format!(
            "Step fails when it is Execute/Cancelling action. An error occurred ({}) when calling the {operation} operation: {}. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.",
            error.code,
            error.message.trim_end_matches('.')
        ))
    }

    fn poll(what: &str) -> Self {
        Self::of(format!(
            "Step fails when it is Poll action status for completion. {what}. Please refer to Automation Service Troubleshooting Guide for more diagnosis details."
        ))
    }

    fn input(what: &str) -> Self {
        Self::of(format!(
            "Step fails when it is validating and resolving the step inputs. {what}. Please refer to Automation Service Troubleshooting Guide for more diagnosis details."
        ))
    }
}

/// The account, and the way to call its APIs.
pub(crate) struct Calls<'a> {
    /// The account, for its time and pace.
    pub account: &'a mut Account,
    caller: Caller<'a>,
    /// The role that the calls are made in.
    role: Option<String>,
}

impl std::fmt::Debug for Calls<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}

impl<'a> Calls<'a> {
    /// Calls made by `caller`, in this role.
    pub(crate) fn new(account: &'a mut Account, caller: Caller<'a>, role: Option<String>) -> Self {
        Self {
            account,
            caller,
            role,
        }
    }

    fn ask(&mut self, service: &str, operation: &str, params: Value) -> Result<Value, ApiError> {
        if let Some(role) = &self.role {
            authority::check(self.account, role, (service, operation), &params)?;
        }
        (self.caller)(self.account, service, operation, params)
    }

    fn must(&mut self, service: &str, operation: &str, params: Value) -> Result<Value, Failure> {
        self.ask(service, operation, params)
            .map_err(|error| Failure::call(operation, &error))
    }

    fn wait(&self, reason: impl Into<String>) -> Look {
        Look::Wait {
            pause: self.account.pace.automation_poll,
            reason: reason.into(),
        }
    }
}

/// Begins an action, or looks how far it has come.
pub(crate) fn look(
    step: &Step,
    inputs: &Inputs,
    notes: &mut Value,
    calls: &mut Calls<'_>,
) -> Result<Look, Failure> {
    match step.action.as_str() {
        "aws:runInstances" => instances::run(inputs, notes, calls),
        "aws:changeInstanceState" => instances::change_state(inputs, notes, calls),
        "aws:createTags" => instances::create_tags(inputs, calls),
        "aws:createImage" => images::create(inputs, notes, calls),
        "aws:deleteImage" => images::delete(inputs, calls),
        "aws:runCommand" => command::run(inputs, notes, calls),
        "aws:executeAwsApi" => api::execute(step, inputs, calls),
        "aws:waitForAwsResourceProperty" => api::wait_for_property(inputs, calls),
        "aws:assertAwsResourceProperty" => api::assert_property(inputs, calls),
        "aws:sleep" => flow::sleep(inputs, notes, calls),
        "aws:branch" => flow::branch(inputs),
        other => Err(Failure::input(&format!("unknown action {other}"))),
    }
}

/// Stops what an action has under way, where it can be stopped.
pub(crate) fn cancel(step: &Step, notes: &Value, calls: &mut Calls<'_>) {
    if step.action == "aws:runCommand" {
        command::cancel(notes, calls);
    }
}

/// An input as one string; a list of one counts, as AWS's own runbooks rely on.
fn text(inputs: &Inputs, name: &str) -> Option<String> {
    match inputs.get(name)? {
        Value::Array(items) => match &items[..] {
            [one] => Some(text_of(one)),
            _ => Some(Value::from(items.clone()).to_string()),
        },
        other => Some(text_of(other)),
    }
}

/// An input as a list of strings; a single value is a list of one.
fn texts(inputs: &Inputs, name: &str) -> Vec<String> {
    match inputs.get(name) {
        Some(Value::Array(items)) => items.iter().map(text_of).collect(),
        Some(other) => vec![text_of(other)],
        None => Vec::new(),
    }
}

/// An input as true or false.
fn flag(inputs: &Inputs, name: &str) -> bool {
    text(inputs, name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// Copies the named inputs that are there into an API's parameters.
fn copy(inputs: &Inputs, names: &[&str], params: &mut Map<String, Value>) {
    for name in names {
        if let Some(value) = inputs.get(*name) {
            params.insert((*name).to_owned(), value.clone());
        }
    }
}

/// Outputs out of a JSON object.
fn outputs(value: Value) -> Outputs {
    match value {
        Value::Object(members) => members.into_iter().collect(),
        _ => Outputs::new(),
    }
}

/// The `*.NotFound` codes: what was just made may not be seen yet.
fn is_not_found(error: &ApiError) -> bool {
    error.code.ends_with(".NotFound") || error.code == "InvocationDoesNotExist"
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every action's end")]
fn done(value: Value) -> Result<Look, Failure> {
    Ok(Look::Done(outputs(value)))
}

fn nothing_to_show() -> Result<Look, Failure> {
    done(json!({}))
}
