//! What the account orders from the layers above it: a process to start, a port to open, a runbook to go on with.
//!
//! The account does none of it and imports nobody who does: orders leave it as values, and what came of one comes
//! back as a call of a service's function (`ec2::set_app_port`, `ssm::command_ended`, `health::checked`, ...).

use super::elbv2::order::LoadBalancerOrder;
use super::machine::MachineOrder;
use super::ssm::automations::GoOn;

/// Something that has to happen outside the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// To the machine behind an instance.
    Machine(MachineOrder),
    /// To the data plane of a load balancer.
    LoadBalancer(LoadBalancerOrder),
    /// The automation goes on: its steps may call any service, so the interpreter stands above the account.
    Automation(String),
}

impl From<MachineOrder> for Order {
    fn from(order: MachineOrder) -> Self {
        Self::Machine(order)
    }
}

impl From<LoadBalancerOrder> for Order {
    fn from(order: LoadBalancerOrder) -> Self {
        Self::LoadBalancer(order)
    }
}

impl From<GoOn> for Order {
    fn from(GoOn(id): GoOn) -> Self {
        Self::Automation(id)
    }
}
