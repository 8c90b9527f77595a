//! Systems Manager: parameters, documents, automations, commands and the agents on instances.
//!
//! Guarantees: an agent registers only on a running instance whose role allowed it at boot; a command reaches only a
//! registered agent; every version of a parameter or document stays what it was.

pub mod agents;
pub mod automations;
pub mod commands;
pub mod documents;
pub mod format;
pub mod parameters;

use std::collections::BTreeMap;

use super::{Account, ApiError, Tags};

pub use self::commands::ScriptResult;

/// What happens later in Systems Manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timed {
    /// The agent on an instance says that it is there, if this is still the same boot.
    AgentRegisters {
        /// The instance.
        instance: String,
        /// Which of its boots.
        boot: u64,
    },
    /// An automation looks again.
    Automation(String),
    /// A command reaches the agent.
    CommandDelivered {
        /// The command.
        command: String,
        /// The instance.
        instance: String,
    },
    /// The result of a command's script reaches Systems Manager.
    CommandReported {
        /// The command.
        command: String,
        /// The instance.
        instance: String,
    },
}

/// Everything Systems Manager holds.
#[derive(Debug, Default)]
pub struct State {
    /// By name.
    pub parameters: BTreeMap<String, parameters::Parameter>,
    /// By name, the account's own and AWS's.
    pub documents: BTreeMap<String, documents::Document>,
    /// By execution id.
    pub automations: BTreeMap<String, automations::Execution>,
    /// By command id.
    pub commands: BTreeMap<String, commands::Command>,
    /// By instance id.
    pub agents: BTreeMap<String, agents::Agent>,
}

impl State {
    /// As a new account has it: AWS's public parameters and documents.
    pub fn with_public_parameters(id: &dyn Fn(&str) -> String) -> Self {
        Self {
            parameters: parameters::public(id),
            documents: documents::public(),
            ..Self::default()
        }
    }
}

/// Lets a due event happen.
pub fn fire(account: &mut Account, event: Timed) {
    match event {
        Timed::AgentRegisters { instance, boot } => agents::register(account, &instance, boot),
        Timed::Automation(id) => account.order(automations::GoOn(id)),
        Timed::CommandDelivered { command, instance } => {
            commands::deliver(account, &command, &instance);
        }
        Timed::CommandReported { command, instance } => {
            commands::report(account, &command, &instance);
        }
    }
}

/// An instance has booted: its agent registers after a while, if its role allows it and it reaches the service. On AWS one that may
/// not asks again later, and is there once it may; here it is not there until the next boot.
pub fn instance_booted(account: &mut Account, instance: &str, may_register: bool) {
    if may_register {
        agents::instance_booted(account, instance);
    }
}

/// An instance stops or terminates: its agent is gone, commands to it fail.
pub fn instance_gone(account: &mut Account, instance: &str) {
    agents::instance_gone(account, instance);
    commands::instance_gone(account, instance);
}

/// What a parameter holds (launch templates may name one as `resolve:ssm:NAME`).
pub fn parameter(account: &Account, name: &str) -> Option<String> {
    parameters::find(&account.ssm, name)
        .ok()
        .map(|(_, version)| version.value.clone())
}

/// Called by the machine behind an instance when a Run Command's script ended.
pub fn command_ended(account: &mut Account, command: &str, instance: &str, result: ScriptResult) {
    commands::ended(account, command, instance, result);
}

/// The tags of a resource that has some.
pub fn tags_mut<'a>(
    state: &'a mut State,
    resource_type: &str,
    id: &str,
) -> Result<&'a mut Tags, ApiError> {
    let gone = || {
        ApiError::refused(
            "InvalidResourceId",
            "The resource ID is not valid. Verify that you entered the correct ID and try again.",
        )
    };
    match resource_type {
        "Parameter" => state.parameters.get_mut(id).map(|found| &mut found.tags),
        "Document" => state.documents.get_mut(id).map(|found| &mut found.tags),
        "Automation" => state.automations.get_mut(id).map(|found| &mut found.tags),
        _ => {
            return Err(ApiError::refused(
                "InvalidResourceType",
                "The resource type is not valid. For example, if you are attempting to tag an EC2 instance, the instance must be a registered managed node.",
            ));
        }
    }
    .ok_or_else(gone)
}
