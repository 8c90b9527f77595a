//! Run Command: scripts sent to the agents on instances.
//!
//! Guarantees: a command reaches only an instance whose agent is online when it is sent; an invocation ends exactly
//! once, whoever ends it.

use std::time::Duration;

use super::{Timed, agents};
use crate::account::machine::MachineOrder;
use crate::account::{self, Account, ApiError};

/// How much of a script's standard output Systems Manager keeps.
const STDOUT_CHARS: usize = 24_000;
/// How much of its standard error.
const STDERR_CHARS: usize = 8_000;

/// How a script that ran on an instance ended: told by the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptResult {
    /// Its exit code; `None` when a signal ended it.
    pub exit_code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Whether its time was up.
    pub timed_out: bool,
}

/// A command that was sent.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its id, a UUID.
    pub id: String,
    /// What SendCommand was asked for.
    pub request: Request,
    /// When.
    pub sent_at: Duration,
    /// One for each instance.
    pub invocations: Vec<Invocation>,
}

/// What SendCommand was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The document's name.
    pub document: String,
    /// The instances, targets already resolved.
    pub instances: Vec<String>,
    /// The targets as they were given: key and values.
    pub targets: Vec<(String, Vec<String>)>,
    /// The script's lines.
    pub lines: Vec<String>,
    /// How long the script may run.
    pub execution_timeout: Duration,
    /// Where it runs.
    pub working_directory: String,
    /// How long delivery may take.
    pub delivery_timeout: Duration,
    /// The sender's words.
    pub comment: String,
}

/// A command on one instance.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The instance.
    pub instance: String,
    /// How it stands.
    pub state: State,
    /// Before this, GetCommandInvocation doesn't know it yet.
    pub visible_at: Duration,
    /// When the script began.
    pub started_at: Option<Duration>,
    /// When it ended.
    pub ended_at: Option<Duration>,
    /// What came back.
    pub exit_code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// What the machine told, on its way to Systems Manager.
    on_its_way: Option<ScriptResult>,
}

/// How an invocation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// On its way.
    Pending,
    /// The script runs.
    InProgress,
    /// Exit code 0.
    Success,
    /// Another exit code.
    Failed,
    /// Its time was up.
    TimedOut,
    /// A caller ended it.
    Cancelled,
    /// The instance went away.
    Undeliverable,
}

impl State {
    /// AWS's status and status details.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Pending => ("Pending", "Pending"),
            Self::InProgress => ("InProgress", "InProgress"),
            Self::Success => ("Success", "Success"),
            Self::Failed => ("Failed", "Failed"),
            Self::TimedOut => ("TimedOut", "ExecutionTimedOut"),
            Self::Cancelled => ("Cancelled", "Cancelled"),
            Self::Undeliverable => ("Failed", "Undeliverable"),
        }
    }

    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

impl Command {
    /// The whole command's state: the worst of its invocations, once all have ended.
    pub fn state(&self) -> State {
        let has = |wanted: State| self.invocations.iter().any(|held| held.state == wanted);
        if self.invocations.iter().any(|held| !held.state.is_final()) {
            let begun = self
                .invocations
                .iter()
                .any(|held| held.state != State::Pending);
            return if begun {
                State::InProgress
            } else {
                State::Pending
            };
        }
        [
            State::Cancelled,
            State::TimedOut,
            State::Undeliverable,
            State::Failed,
        ]
        .into_iter()
        .find(|state| has(*state))
        .unwrap_or(State::Success)
    }

    /// The invocation on an instance.
    pub fn invocation(&self, instance: &str) -> Option<&Invocation> {
        self.invocations
            .iter()
            .find(|held| held.instance == instance)
    }
}

/// Sends a script to instances; answers with the command's id.
pub fn send(account: &mut Account, request: Request) -> Result<String, ApiError> {
    let unreachable: Vec<_> = request
        .instances
        .iter()
        .filter(|instance| !agents::is_online(&account.ssm, instance))
        .cloned()
        .collect();
    // Instances found by their tags and without an agent are left out, named ones are an error.
    if request.targets.is_empty() && !unreachable.is_empty() {
        return Err(ApiError::refused(
            "InvalidInstanceId",
            &format!(
                "Instances [[{}]] not in a valid state for account {}",
                unreachable.join(", "),
                account.id
            ),
        ));
    }
    let id = account.uuid();
    let now = account.now();
    let mut invocations = Vec::new();
    for instance in request
        .instances
        .iter()
        .filter(|id| !unreachable.contains(id))
    {
        let way = account.draw(account.pace.run_command) / 2;
        invocations.push(Invocation {
            instance: instance.clone(),
            state: State::Pending,
            visible_at: now + way / 2,
            started_at: None,
            ended_at: None,
            exit_code: None,
            stdout: String::new(),
            stderr: String::new(),
            on_its_way: None,
        });
        account.after(
            way,
            account::Timed::Ssm(Timed::CommandDelivered {
                command: id.clone(),
                instance: instance.clone(),
            }),
        );
    }
    account.ssm.commands.insert(
        id.clone(),
        Command {
            id: id.clone(),
            request,
            sent_at: now,
            invocations,
        },
    );
    Ok(id)
}

/// Ends a command where it hasn't ended yet.
pub fn cancel(account: &mut Account, id: &str, instances: &[String]) -> Result<(), ApiError> {
    let now = account.now();
    let command = account.ssm.commands.get_mut(id).ok_or_else(|| {
        ApiError::refused(
            "InvalidCommandId",
            "The specified command ID is not valid. Verify the ID and try again.",
        )
    })?;
    let mut ended = Vec::new();
    for invocation in &mut command.invocations {
        let is_meant = instances.is_empty() || instances.contains(&invocation.instance);
        if is_meant && !invocation.state.is_final() {
            invocation.state = State::Cancelled;
            invocation.ended_at = Some(now);
            ended.push(invocation.instance.clone());
        }
    }
    for instance in ended {
        account.order(MachineOrder::CancelScript {
            instance,
            command: id.to_owned(),
        });
    }
    Ok(())
}

/// The command reaches the agent: the script starts.
pub(super) fn deliver(account: &mut Account, id: &str, instance: &str) {
    let now = account.now();
    let Some(command) = account.ssm.commands.get_mut(id) else {
        return;
    };
    let request = command.request.clone();
    let Some(invocation) = find_mut(command, instance) else {
        return;
    };
    if invocation.state != State::Pending {
        return;
    }
    invocation.state = State::InProgress;
    invocation.started_at = Some(now);
    let mut lines = request.lines;
    if !request.working_directory.is_empty() {
        lines.insert(
            0,
            format!(
                "cd '{}' || exit 1",
                request.working_directory.replace('\'', "'\\''")
            ),
        );
    }
    account.order(MachineOrder::RunScript {
        instance: instance.to_owned(),
        command: id.to_owned(),
        lines,
        limit: request.execution_timeout,
    });
}

/// The script ended: its result is on its way back.
pub(super) fn ended(account: &mut Account, id: &str, instance: &str, result: ScriptResult) {
    let Some(invocation) = account
        .ssm
        .commands
        .get_mut(id)
        .and_then(|command| find_mut(command, instance))
    else {
        return;
    };
    invocation.on_its_way = Some(result);
    let way = account.draw(account.pace.run_command) / 2;
    account.after(
        way,
        account::Timed::Ssm(Timed::CommandReported {
            command: id.to_owned(),
            instance: instance.to_owned(),
        }),
    );
}

/// The result of the script is known.
pub(super) fn report(account: &mut Account, id: &str, instance: &str) {
    let now = account.now();
    let Some(invocation) = account
        .ssm
        .commands
        .get_mut(id)
        .and_then(|command| find_mut(command, instance))
    else {
        return;
    };
    let Some(result) = invocation.on_its_way.take() else {
        return;
    };
    if invocation.state.is_final() {
        return;
    }
    invocation.state = match result.exit_code {
        _ if result.timed_out => State::TimedOut,
        Some(0) => State::Success,
        _ => State::Failed,
    };
    invocation.ended_at = Some(now);
    invocation.exit_code = result.exit_code;
    invocation.stdout = cut(&result.stdout, STDOUT_CHARS);
    invocation.stderr = cut(&result.stderr, STDERR_CHARS);
    account.reached(now, "command ended", instance);
}

pub(super) fn instance_gone(account: &mut Account, instance: &str) {
    let now = account.now();
    for command in account.ssm.commands.values_mut() {
        if let Some(invocation) = find_mut(command, instance)
            && !invocation.state.is_final()
        {
            invocation.state = State::Undeliverable;
            invocation.ended_at = Some(now);
        }
    }
}

fn find_mut<'a>(command: &'a mut Command, instance: &str) -> Option<&'a mut Invocation> {
    command
        .invocations
        .iter_mut()
        .find(|held| held.instance == instance)
}

/// The beginning of a text, with AWS's mark where it was cut.
fn cut(text: &str, most: usize) -> String {
    const MARK: &str = "\n---Output truncated---";
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - MARK.len()).collect();
    kept + MARK
}

#[cfg(test)]
mod tests;
