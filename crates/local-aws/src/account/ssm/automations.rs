//! Automation executions as a caller sees them: what was asked for, and how far each step has come.
//!
//! The interpreter in `crate::automation` carries them out; this module starts, stops and remembers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::documents;
use crate::account::{self, Account, ApiError, Tags, iam};
use crate::runbook::{Parameter, Runbook};
use crate::runbook::{pattern, template};

/// The execution of this id has something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoOn(pub String);

/// How an execution or a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
    /// Cancelled by a caller; its `onCancel` steps run.
    Cancelling,
    /// Done.
    Success,
    /// Ended by a failure.
    Failed,
    /// Ended by a timeout.
    TimedOut,
    /// Ended by a caller.
    Cancelled,
}

impl Status {
    /// AWS's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress | Self::Cancelling)
    }
}

/// What a caller asked a running execution to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Stop now.
    Cancel,
    /// Stop after the current step.
    Complete,
}

/// One execution of a runbook.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Its id, a UUID.
    pub id: String,
    /// The document's name.
    pub document: String,
    /// The document's version.
    pub version: usize,
    /// The runbook as it was when this began.
    pub runbook: Runbook,
    /// The role that it acts in, by its ARN; without one it acts as whoever started it.
    pub role: Option<String>,
    /// Every parameter's value, defaults included.
    pub parameters: BTreeMap<String, Value>,
    /// How it stands.
    pub status: Status,
    /// One for each of the runbook's steps, in their order.
    pub steps: Vec<StepExecution>,
    /// The step it is at.
    pub current: Option<usize>,
    /// When it began.
    pub started_at: Duration,
    /// When it ended.
    pub ended_at: Option<Duration>,
    /// Why it failed.
    pub failure: Option<String>,
    /// The status that a failed critical step gave the whole.
    pub verdict: Option<Status>,
    /// What a caller asked for while it ran.
    pub stop: Option<Stop>,
    /// When its `onCancel` steps must be done.
    pub cancel_deadline: Option<Duration>,
    /// Before this the interpreter need not look.
    pub wake_at: Duration,
    /// The caller's token.
    pub client_token: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// One step of an execution.
#[derive(Clone, Debug)]
pub struct StepExecution {
    /// Its id, a UUID.
    pub id: String,
    /// How it stands.
    pub status: Status,
    /// Its inputs, resolved.
    pub inputs: Value,
    /// Its outputs.
    pub outputs: BTreeMap<String, Value>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it began.
    pub started_at: Option<Duration>,
    /// When its current attempt began.
    pub attempt_at: Option<Duration>,
    /// When it ended.
    pub ended_at: Option<Duration>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// What the action keeps between two looks (ids of what it made).
    pub notes: Value,
}

/// What StartAutomationExecution was asked for.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The document's name or ARN.
    pub document: String,
    /// Its version; the default one if not said.
    pub version: Option<String>,
    /// Values of parameters.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// Makes a repeated start the same start.
    pub client_token: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// Starts an execution; answers with its id.
pub fn start(account: &mut Account, start: Start) -> Result<String, ApiError> {
    let token = start.client_token.map(|token| token.to_ascii_lowercase());
    if let Some(token) = &token
        && let Some(earlier) = account
            .ssm
            .automations
            .values()
            .find(|execution| execution.client_token.as_ref() == Some(token))
    {
        if documents::find(&account.ssm, &start.document)
            .is_ok_and(|found| found.name == earlier.document)
        {
            return Ok(earlier.id.clone());
        }
        return Err(ApiError::refused(
            "IdempotentParameterMismatch",
            "Error returned when an idempotent operation is retried and the parameters don't match the original call to the API with the same idempotency token.",
        ));
    }
    let document = documents::find(&account.ssm, &start.document).map_err(|_| {
        ApiError::refused(
            "AutomationDefinitionNotFoundException",
            "An Automation runbook with the specified name couldn't be found.",
        )
    })?;
    let version = document.version(start.version.as_deref()).map_err(|_| {
        ApiError::refused(
            "AutomationDefinitionVersionNotFoundException",
            "An Automation runbook with the specified name and version couldn't be found.",
        )
    })?;
    let runbook = version.runbook.clone().ok_or_else(|| {
        ApiError::refused(
            "AutomationDefinitionNotFoundException",
            &format!("{} is not an Automation runbook.", document.name),
        )
    })?;
    let (name, number) = (document.name.clone(), version.number);
    let parameters = bind_parameters(&runbook, start.parameters)?;
    let role = check_role(account, &runbook, &parameters)?;
    let id = account.uuid();
    let steps = runbook
        .steps
        .iter()
        .map(|_| StepExecution::pending(account.uuid()))
        .collect();
    let execution = Execution {
        id: id.clone(),
        document: name,
        version: number,
        runbook,
        role,
        parameters,
        status: Status::InProgress,
        steps,
        current: None,
        started_at: account.now(),
        ended_at: None,
        failure: None,
        verdict: None,
        stop: None,
        cancel_deadline: None,
        wake_at: account.now(),
        client_token: token,
        tags: start.tags,
    };
    account.ssm.automations.insert(id.clone(), execution);
    account.order(GoOn(id.clone()));
    Ok(id)
}

impl StepExecution {
    fn pending(id: String) -> Self {
        Self {
            id,
            status: Status::Pending,
            inputs: Value::Null,
            outputs: BTreeMap::new(),
            failure: None,
            started_at: None,
            attempt_at: None,
            ended_at: None,
            attempt: 0,
            notes: Value::Null,
        }
    }
}

/// Finds an execution.
pub fn find<'a>(account: &'a Account, id: &str) -> Result<&'a Execution, ApiError> {
    account.ssm.automations.get(id).ok_or_else(|| {
        ApiError::refused(
            "AutomationExecutionNotFoundException",
            &format!("Automation Execution with id {id} couldn't be found."),
        )
    })
}

/// Asks an execution to end.
pub fn stop(account: &mut Account, id: &str, stop: Stop) -> Result<(), ApiError> {
    if find(account, id)?.status.is_final() {
        return Err(ApiError::refused(
            "InvalidAutomationStatusUpdateException",
            "The specified update status operation is not valid: the execution has already ended.",
        ));
    }
    let now = account.now();
    if stop == Stop::Cancel {
        // It goes no further from here on, but is not cancelled yet.
        let delay = account.draw(account.pace.automation_cancel);
        if let Some(execution) = account.ssm.automations.get_mut(id)
            && execution.stop.is_none()
        {
            execution.status = Status::Cancelling;
            execution.stop = Some(stop);
            execution.wake_at = now + delay;
        }
        let event = account::Timed::Ssm(super::Timed::Automation(id.to_owned()));
        account.after(delay, event);
        return Ok(());
    }
    if let Some(execution) = account.ssm.automations.get_mut(id) {
        execution.stop.get_or_insert(stop);
        execution.wake_at = Duration::ZERO;
    }
    account.order(GoOn(id.to_owned()));
    Ok(())
}

/// Gives each parameter its value, or says what is wrong with what was given.
fn bind_parameters(
    runbook: &Runbook,
    mut given: BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<String, Value>, ApiError> {
    let mut bound = BTreeMap::new();
    for (name, parameter) in &runbook.parameters {
        let value = match given.remove(name) {
            Some(values) => typed(name, parameter, &values)?,
            None => parameter.default.clone().ok_or_else(|| {
                invalid_parameters(&format!(
                    "Parameter \"{name}\" is required and has no value."
                ))
            })?,
        };
        bound.insert(name.clone(), value);
    }
    if given.is_empty() {
        Ok(bound)
    } else {
        let unknown: Vec<_> = given.into_keys().collect();
        Err(invalid_parameters(&format!(
            "Parameters [{}] are not defined in the runbook.",
            unknown.join(", ")
        )))
    }
}

fn typed(name: &str, parameter: &Parameter, values: &[String]) -> Result<Value, ApiError> {
    let wrong = |problem: &str| invalid_parameters(&format!("Parameter \"{name}\" {problem}"));
    for value in values {
        if !parameter.allowed_values.is_empty() && !parameter.allowed_values.contains(value) {
            return Err(wrong(&format!(
                "has the value {value}, which is none of [{}].",
                parameter.allowed_values.join(", ")
            )));
        }
        if let Some(pattern) = &parameter.allowed_pattern {
            let matches = pattern::matches(pattern, value).map_err(|problem| wrong(&problem))?;
            if !matches {
                return Err(wrong(&format!(
                    "has the value {value}, which does not match the pattern {pattern}."
                )));
            }
        }
    }
    let one = || match values {
        [value] => Ok(value),
        _ => Err(wrong(&format!("takes one value, not {}.", values.len()))),
    };
    match parameter.kind.as_str() {
        "StringList" => Ok(values.iter().cloned().collect()),
        kind if kind.starts_with("List<") => Ok(values.iter().cloned().collect()),
        "Boolean" => match one()?.as_str() {
            "true" | "True" => Ok(Value::Bool(true)),
            "false" | "False" => Ok(Value::Bool(false)),
            _ => Err(wrong("must be true or false.")),
        },
        "Integer" => one()?
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| wrong("must be a whole number.")),
        "StringMap" => serde_json::from_str(one()?)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| wrong("must be a JSON object.")),
        "MapList" => values
            .iter()
            .map(|value| {
                serde_json::from_str::<Value>(value).map_err(|_| wrong("must be JSON objects."))
            })
            .collect(),
        _ => Ok(Value::String(one()?.clone())),
    }
}

/// The role that a runbook names, if it names one: it has to be there, and to trust Systems Manager.
fn check_role(
    account: &Account,
    runbook: &Runbook,
    parameters: &BTreeMap<String, Value>,
) -> Result<Option<String>, ApiError> {
    let Some(role) = &runbook.assume_role else {
        return Ok(None);
    };
    let resolved = template::resolve(&Value::String(role.clone()), &|name| match name {
        "global:ACCOUNT_ID" => Some(Value::String(account.id.clone())),
        "global:REGION" => Some(Value::String(account.region.clone())),
        _ => parameters.get(name).cloned(),
    });
    let role = resolved
        .map(|value| template::text_of(&value))
        .unwrap_or_default();
    if role.is_empty() {
        return Ok(None);
    }
    let execution = account.arn("ssm", "automation-execution/*");
    if iam::trusts(account, &role, "ssm.amazonaws.com", &execution) {
        return Ok(Some(role));
    }
    Err(invalid_parameters(&format!(
        "The defined assume role is unable to be assumed: {role}"
    )))
}

fn invalid_parameters(message: &str) -> ApiError {
    ApiError::refused("InvalidAutomationExecutionParametersException", message)
}
