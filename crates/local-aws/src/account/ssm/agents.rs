//! The Systems Manager agents: which instances can be sent commands.

use std::time::Duration;

use super::{State, Timed};
use crate::account::Account;

/// An agent as Systems Manager knows it.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Counts the boots of its instance, so that a late registration of an earlier one is told apart.
    boot: u64,
    /// When it first said that it is there; `None` before.
    pub registered_at: Option<Duration>,
    /// Whether it is there now.
    pub is_online: bool,
}

#[cfg(test)]
impl Agent {
    /// One that commands reach.
    pub(crate) fn online() -> Self {
        Self {
            boot: 1,
            registered_at: Some(Duration::ZERO),
            is_online: true,
        }
    }
}

pub(super) fn instance_booted(account: &mut Account, instance: &str) {
    let agent = account
        .ssm
        .agents
        .entry(instance.to_owned())
        .or_insert(Agent {
            boot: 0,
            registered_at: None,
            is_online: false,
        });
    agent.boot += 1;
    let boot = agent.boot;
    let delay = account.draw(account.pace.agent_register);
    account.after(
        delay,
        crate::account::Timed::Ssm(Timed::AgentRegisters {
            instance: instance.to_owned(),
            boot,
        }),
    );
}

pub(super) fn register(account: &mut Account, instance: &str, boot: u64) {
    let now = account.now();
    if let Some(agent) = account.ssm.agents.get_mut(instance)
        && agent.boot == boot
    {
        agent.is_online = true;
        agent.registered_at.get_or_insert(now);
        account.reached(now, "agent online", instance);
    }
}

pub(super) fn instance_gone(account: &mut Account, instance: &str) {
    if let Some(agent) = account.ssm.agents.get_mut(instance) {
        // A registration still on its way belongs to the boot that just ended.
        agent.boot += 1;
        agent.is_online = false;
    }
}

/// Whether commands reach this instance.
pub fn is_online(state: &State, instance: &str) -> bool {
    state
        .agents
        .get(instance)
        .is_some_and(|agent| agent.is_online)
}
