//! The interpreter of runbooks: carries an automation's steps out, over time, by calls to the account's own APIs.
//!
//! This file is the walk from step to step, [`actions`] what each action does; what a runbook may say at all is
//! [`crate::runbook`].
//!
//! Guarantees: a step is left only by an outcome that its runbook names; a failed critical step makes the whole
//! `Failed` even when its `onFailure` step then succeeds; after a cancellation at most two minutes remain.

pub(crate) mod actions;

use std::time::Duration;

use serde_json::Value;

use self::actions::{Caller, Calls, Failure, Look};
use crate::account::ssm::automations::{Execution, Status, Stop};
use crate::account::{self, Account, ssm};
use crate::runbook::{Step, Turn, template};
use crate::wire;
use crate::wire::params::Params;

/// How long the steps after a cancellation may take together.
const CANCEL_LIMIT: Duration = Duration::from_secs(120);
/// How many steps one look may walk through: a runbook that circles without waiting ends there.
const MOST_TURNS: usize = 1000;

/// Lets an automation take its next steps.
pub(crate) fn go_on(account: &mut Account, execution: &str) {
    go_on_with(
        account,
        execution,
        &mut |account, service, operation, params| {
            wire::dispatch(account, service, operation, Params::from_json(params))
                .map(|answer| answer.to_json())
        },
    );
}

/// The same, with the calls made by `caller`.
pub(crate) fn go_on_with(account: &mut Account, id: &str, caller: Caller<'_>) {
    for _ in 0..MOST_TURNS {
        let Some(mut run) = account.ssm.automations.get(id).cloned() else {
            return;
        };
        let now = account.now();
        if run.status.is_final() || now < run.wake_at {
            return;
        }
        let role = run.role.clone();
        let pause = turn(&mut run, &mut Calls::new(account, caller, role));
        if let Some(pause) = pause {
            run.wake_at = now + pause;
            let event = account::Timed::Ssm(ssm::Timed::Automation(id.to_owned()));
            account.after(pause, event);
        }
        let is_over = run.status.is_final();
        if let Some(held) = account.ssm.automations.get_mut(id) {
            // A step may have stopped its own automation.
            run.stop = run.stop.or(held.stop);
            *held = run;
        }
        if pause.is_some() || is_over {
            return;
        }
    }
    let now = account.now();
    if let Some(run) = account.ssm.automations.get_mut(id) {
        run.failure = Some("the runbook circles without waiting".to_owned());
        run.verdict = Some(Status::Failed);
        end(run, now);
    }
}

/// Takes one step's next look; answers with how long to wait before the following one.
fn turn(run: &mut Execution, calls: &mut Calls<'_>) -> Option<Duration> {
    let now = calls.account.now();
    if run.stop == Some(Stop::Cancel) && run.cancel_deadline.is_none() {
        cancel(run, calls);
        return None;
    }
    if run.cancel_deadline.is_some_and(|deadline| now >= deadline) {
        close_step(run, Status::Cancelled, now);
        end(run, now);
        return None;
    }
    let index = *run.current.get_or_insert(0);
    let step = run.runbook.steps[index].clone();
    if run.steps[index].attempt_at.is_none()
        && let Err(problem) = begin_attempt(run, index, &step, calls)
    {
        failed(run, index, &step, Status::Failed, Failure::of(problem), now);
        return None;
    }
    let held = &mut run.steps[index];
    let attempt_at = held.attempt_at.unwrap_or(now);
    let inputs = held.inputs.as_object().cloned().unwrap_or_default();
    match actions::look(&step, &inputs, &mut held.notes, calls) {
        Ok(Look::Done(outputs)) => {
            held.outputs = outputs;
            close_step(run, Status::Success, now);
            let next = step.next.clone();
            lead_on(run, index, &step, next, now);
            None
        }
        Ok(Look::Lead(name)) => {
            close_step(run, Status::Success, now);
            // A branch that is the end is it only where no choice holds.
            match run.stop {
                Some(Stop::Complete) => end(run, now),
                _ => enter(run, name, now),
            }
            None
        }
        Ok(Look::Wait { pause, reason }) => {
            let left = (attempt_at + step.timeout).saturating_sub(now);
            if left.is_zero() {
                let message = format!("Step timed out while step is {reason}");
                failed(
                    run,
                    index,
                    &step,
                    Status::TimedOut,
                    Failure::of(message),
                    now,
                );
                return None;
            }
            let cancel_left = run.cancel_deadline.map(|at| at.saturating_sub(now));
            Some(pause.min(left).min(cancel_left.unwrap_or(pause)))
        }
        Err(failure) => {
            failed(run, index, &step, Status::Failed, failure, now);
            None
        }
    }
}

fn begin_attempt(
    run: &mut Execution,
    index: usize,
    step: &Step,
    calls: &Calls<'_>,
) -> Result<(), String> {
    let now = calls.account.now();
    let inputs = template::resolve(&Value::Object(step.inputs.clone()), &|name| {
        look_up(run, calls.account, name)
    });
    let held = &mut run.steps[index];
    held.status = Status::InProgress;
    held.started_at.get_or_insert(now);
    held.attempt_at = Some(now);
    held.attempt += 1;
    held.notes = Value::Null;
    held.inputs = inputs.map_err(|name| {
        format!(
            "Step fails when it is validating and resolving the step inputs. {{{{ {name} }}}} has no value yet"
        )
    })?;
    Ok(())
}

/// The value of a `{{ name }}` in this execution.
fn look_up(run: &Execution, account: &Account, name: &str) -> Option<Value> {
    let date = || wire::node::iso8601(account.utc());
    let text = match name {
        "automation:EXECUTION_ID" => run.id.clone(),
        "global:REGION" => account.region.clone(),
        "global:ACCOUNT_ID" => account.id.clone(),
        "global:DATE" => date().chars().take(10).collect(),
        "global:DATE_TIME" => date()
            .chars()
            .take(19)
            .map(|letter| match letter {
                'T' => '_',
                ':' => '.',
                other => other,
            })
            .collect(),
        _ => {
            let output = || {
                let (step, output) = name.split_once('.')?;
                let index = run.runbook.position(step)?;
                run.steps[index].outputs.get(output)
            };
            return run.parameters.get(name).or_else(output).cloned();
        }
    };
    Some(Value::String(text))
}

/// A failed attempt: tried again, or the step's `onFailure`.
fn failed(
    run: &mut Execution,
    index: usize,
    step: &Step,
    status: Status,
    failure: Failure,
    now: Duration,
) {
    let held = &mut run.steps[index];
    held.failure = Some(failure.message.clone());
    held.outputs = failure.outputs;
    if held.attempt < step.max_attempts {
        held.attempt_at = None;
        return;
    }
    close_step(run, status, now);
    if step.is_critical && run.verdict.is_none() {
        let is_last_word = step.on_failure == Turn::Abort;
        run.verdict = Some(if is_last_word { status } else { Status::Failed });
        run.failure = Some(failure.message);
    }
    match &step.on_failure {
        Turn::Abort => end(run, now),
        Turn::Continue => lead_on(run, index, step, step.next.clone(), now),
        Turn::Step(name) => enter(run, name.clone(), now),
    }
}

/// Goes to the step after a finished one, or ends.
fn lead_on(run: &mut Execution, index: usize, step: &Step, next: Option<String>, now: Duration) {
    let following = run.runbook.steps.get(index + 1);
    let next = next.or_else(|| following.map(|step| step.name.clone()));
    match next {
        Some(name) if !step.is_end && run.stop != Some(Stop::Complete) => enter(run, name, now),
        _ => end(run, now),
    }
}

fn enter(run: &mut Execution, name: String, now: Duration) {
    let Some(index) = run.runbook.position(&name) else {
        return end(run, now);
    };
    let held = &mut run.steps[index];
    held.status = Status::Pending;
    held.attempt = 0;
    held.attempt_at = None;
    held.started_at = None;
    held.ended_at = None;
    held.failure = None;
    run.current = Some(index);
}

fn close_step(run: &mut Execution, status: Status, now: Duration) {
    if let Some(index) = run.current {
        let held = &mut run.steps[index];
        if !held.status.is_final() {
            held.status = status;
            held.ended_at = Some(now);
        }
    }
}

fn cancel(run: &mut Execution, calls: &mut Calls<'_>) {
    let now = calls.account.now();
    run.cancel_deadline = Some(now + CANCEL_LIMIT);
    let Some(index) = run.current else {
        return end(run, now);
    };
    let step = run.runbook.steps[index].clone();
    actions::cancel(&step, &run.steps[index].notes, calls);
    close_step(run, Status::Cancelled, now);
    match step.on_cancel {
        Turn::Step(name) => enter(run, name, now),
        Turn::Abort | Turn::Continue => end(run, now),
    }
}

fn end(run: &mut Execution, now: Duration) {
    run.status = match run.stop {
        Some(Stop::Cancel) => Status::Cancelled,
        _ => run.verdict.unwrap_or(Status::Success),
    };
    run.ended_at = Some(now);
    run.current = None;
}

#[cfg(test)]
mod tests;
