//! The operations on automations.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Page, filters, moment, unknown_filter};
use crate::account::ssm::automations::{self, Execution, Start, StepExecution, Stop};
use crate::account::{Account, ApiError};
use crate::runbook::template::text_of;
use crate::runbook::{Step, Turn};
use crate::wire::node::Node;
use crate::wire::params::Params;

/// What filters of automations go by, and of their steps.
const KEYS: [&str; 6] = [
    "DocumentNamePrefix",
    "ExecutionStatus",
    "ExecutionId",
    "AutomationType",
    "TagKey",
    "CurrentAction",
];
const STEP_KEYS: [&str; 4] = [
    "StepName",
    "Action",
    "StepExecutionId",
    "StepExecutionStatus",
];

pub(super) fn start(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let start = Start {
        document: params.required("DocumentName")?,
        version: params.text("DocumentVersion"),
        parameters: params.dictionary("Parameters"),
        client_token: params.text("ClientToken"),
        tags: params.tags(&["Tags"])?,
    };
    if let Some(mode) = params.text("Mode")
        && mode != "Auto"
    {
        return Err(ApiError::validation(
            "the local cloud runs automations in the mode Auto only",
        ));
    }
    params.finish()?;
    if let Some(token) = &start.client_token
        && !is_uuid(token)
    {
        return Err(ApiError::validation(&format!(
            "1 validation error detected: Value '{token}' at 'clientToken' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-fA-F0-9]{{8}}-[a-fA-F0-9]{{4}}-[a-fA-F0-9]{{4}}-[a-fA-F0-9]{{4}}-[a-fA-F0-9]{{12}}"
        )));
    }
    let id = automations::start(account, start)?;
    Ok(Node::map().put("AutomationExecutionId", id))
}

pub(super) fn stop(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = params.required("AutomationExecutionId")?;
    let stop = match params.text("Type").as_deref() {
        None | Some("Cancel") => Stop::Cancel,
        Some("Complete") => Stop::Complete,
        Some(other) => return Err(ApiError::validation(&format!("{other} is no way to stop"))),
    };
    params.finish()?;
    automations::stop(account, &id, stop)?;
    Ok(Node::map())
}

pub(super) fn get(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = params.required("AutomationExecutionId")?;
    params.finish()?;
    let run = automations::find(account, &id)?;
    let steps: Vec<_> = run
        .runbook
        .steps
        .iter()
        .zip(&run.steps)
        .map(|(step, held)| step_execution(account, step, held))
        .collect();
    let count = |name: &str| {
        run.steps
            .iter()
            .filter(|step| step.status.name() == name)
            .count()
    };
    let progress = Node::map()
        .put("TotalSteps", run.steps.len())
        .put("SuccessSteps", count("Success"))
        .put("FailedSteps", count("Failed"))
        .put("CancelledSteps", count("Cancelled"))
        .put("TimedOutSteps", count("TimedOut"));
    let parameters = run
        .parameters
        .iter()
        .map(|(name, value)| (name.clone(), strings(value)))
        .collect();
    let answer = summary(account, run)
        .put("StepExecutions", steps)
        .put("StepExecutionsTruncated", false)
        .put("Parameters", Node::Dictionary(parameters))
        .put("ProgressCounters", progress);
    Ok(Node::map().put("AutomationExecution", answer))
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let wanted = filters(&mut params, "Filters", &KEYS)?;
    let page = Page::read(&mut params, 1..=50)?;
    params.finish()?;
    let mut found = Vec::new();
    for run in account.ssm.automations.values() {
        let mut matches = true;
        for (key, values) in &wanted {
            matches &= fits(run, key, values)?;
        }
        if matches {
            found.push(run);
        }
    }
    // The newest first, as AWS lists them.
    found.sort_by_key(|run| std::cmp::Reverse(run.started_at));
    let (found, next) = page.of(found);
    let found: Vec<_> = found
        .into_iter()
        .map(|run| summary(account, run).put("AutomationType", "Local"))
        .collect();
    Ok(Node::map()
        .put("AutomationExecutionMetadataList", found)
        .put_some("NextToken", next))
}

pub(super) fn describe_steps(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = params.required("AutomationExecutionId")?;
    let wanted = filters(&mut params, "Filters", &STEP_KEYS)?;
    let reverse = params.boolean("ReverseOrder")?.unwrap_or(false);
    let page = Page::read(&mut params, 1..=50)?;
    params.finish()?;
    let run = automations::find(account, &id)?;
    let mut steps = Vec::new();
    for (step, held) in run.runbook.steps.iter().zip(&run.steps) {
        let mut matches = held.started_at.is_some();
        for (key, values) in &wanted {
            let field = match key.as_str() {
                "StepName" => &step.name,
                "Action" => &step.action,
                "StepExecutionId" => &held.id,
                "StepExecutionStatus" => held.status.name(),
                other => return Err(unknown_filter(other)),
            };
            matches &= values.iter().any(|value| value == field);
        }
        if matches {
            steps.push(step_execution(account, step, held));
        }
    }
    if reverse {
        steps.reverse();
    }
    let (steps, next) = page.of(steps);
    Ok(Node::map()
        .put("StepExecutions", steps)
        .put_some("NextToken", next))
}

fn fits(run: &Execution, key: &str, values: &[String]) -> Result<bool, ApiError> {
    let is_one_of = |held: &str| values.iter().any(|value| value == held);
    Ok(match key {
        "DocumentNamePrefix" => values
            .iter()
            .any(|value| run.document.starts_with(value.as_str())),
        "ExecutionStatus" => is_one_of(run.status.name()),
        "ExecutionId" => is_one_of(&run.id),
        "AutomationType" => is_one_of("Local"),
        "TagKey" => values.iter().any(|value| run.tags.contains_key(value)),
        "CurrentAction" => run
            .current
            .is_some_and(|index| is_one_of(&run.runbook.steps[index].action)),
        other => return Err(unknown_filter(other)),
    })
}

/// What both Get and Describe tell of an execution.
fn summary(account: &Account, run: &Execution) -> Node {
    let current = run.current.map(|index| &run.runbook.steps[index]);
    Node::map()
        .put("AutomationExecutionId", &run.id)
        .put("DocumentName", &run.document)
        .put("DocumentVersion", run.version.to_string())
        .put("ExecutionStartTime", moment(account, run.started_at))
        .put_some(
            "ExecutionEndTime",
            run.ended_at.map(|at| moment(account, at)),
        )
        .put("AutomationExecutionStatus", run.status.name())
        .put("Outputs", Node::Dictionary(run_outputs(run)))
        .put_some("FailureMessage", run.failure.as_ref())
        .put("Mode", "Auto")
        .put("ExecutedBy", format!("arn:aws:iam::{}:root", account.id))
        .put_some("CurrentStepName", current.map(|step| &step.name))
        .put_some("CurrentAction", current.map(|step| &step.action))
        .put("Targets", Node::List(Vec::new()))
        .put(
            "ResolvedTargets",
            Node::map()
                .put("ParameterValues", Node::List(Vec::new()))
                .put("Truncated", false),
        )
}

/// The outputs that the runbook declares for the whole, as far as they are there.
fn run_outputs(run: &Execution) -> Vec<(String, Node)> {
    let find = |name: &String| {
        let (step, output) = name.split_once('.')?;
        let index = run.runbook.position(step)?;
        run.steps[index].outputs.get(output)
    };
    run.runbook
        .outputs
        .iter()
        .filter_map(|name| find(name).map(|value| (name.clone(), strings(value))))
        .collect()
}

fn step_execution(account: &Account, step: &Step, held: &StepExecution) -> Node {
    let lead = |turn: &Turn| match turn {
        Turn::Abort => "Abort".to_owned(),
        Turn::Continue => "Continue".to_owned(),
        Turn::Step(name) => format!("step:{name}"),
    };
    let inputs = held.inputs.as_object().into_iter().flatten();
    let details = held.failure.as_ref().map(|message| {
        Node::map()
            .put("FailureStage", "Invocation")
            .put("FailureType", "Action")
            .put(
                "Details",
                Node::Dictionary(vec![(
                    "VerificationErrorMessage".to_owned(),
                    Node::list([message]),
                )]),
            )
    });
    Node::map()
        .put("StepName", &step.name)
        .put("Action", &step.action)
        .put("TimeoutSeconds", step.timeout.as_secs())
        .put("OnFailure", lead(&step.on_failure))
        .put("MaxAttempts", step.max_attempts)
        .put_some(
            "ExecutionStartTime",
            held.started_at.map(|at| moment(account, at)),
        )
        .put_some(
            "ExecutionEndTime",
            held.ended_at.map(|at| moment(account, at)),
        )
        .put("StepStatus", held.status.name())
        .put(
            "Inputs",
            Node::Dictionary(
                inputs
                    // As AWS shows them: as JSON, strings in their quotes.
                    .map(|(name, value)| (name.clone(), value.to_string().into()))
                    .collect(),
            ),
        )
        .put("Outputs", Node::Dictionary(step_outputs(&held.outputs)))
        .put_some("FailureMessage", held.failure.as_ref())
        .put_some("FailureDetails", details)
        .put("StepExecutionId", &held.id)
        .put("OverriddenParameters", Node::Dictionary(Vec::new()))
        .put("IsEnd", step.is_end)
        .put_some("NextStep", step.next.as_ref())
        .put("IsCritical", step.is_critical)
}

fn step_outputs(outputs: &BTreeMap<String, Value>) -> Vec<(String, Node)> {
    outputs
        .iter()
        .map(|(name, value)| (name.clone(), strings(value)))
        .collect()
}

/// A value as the list of strings that the API shows.
fn strings(value: &Value) -> Node {
    match value {
        Value::Array(items) => Node::list(items.iter().map(text_of)),
        other => Node::list([text_of(other)]),
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.chars().enumerate().all(|(at, letter)| match at {
            8 | 13 | 18 | 23 => letter == '-',
            _ => letter.is_ascii_hexdigit(),
        })
}
