//! What the account orders from the layers above it: a process to start, a port to open, a runbook to go on with.
//!
//! The account does none of it and imports nobody who does: orders leave it as values, and what came of one comes
//! back as a call of a service's function (`ec2::set_app_port`, `ssm::command_ended`, `health::checked`, ...).

use std::time::Duration;

use super::elbv2::health::Watch;
use super::elbv2::network::Address;

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

/// What the account asks of the machine behind an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineOrder {
    /// Starts it from an image: unpacks the image's files, runs user data, starts its enabled services.
    Boot {
        /// The instance.
        instance: String,
        /// The image; one that no machine made is an empty disk.
        image: String,
        /// The user data as text.
        user_data: String,
    },
    /// Boots it again from its own disk (StartInstances).
    Restart {
        /// The instance.
        instance: String,
    },
    /// Ends its processes (SIGTERM, then SIGKILL); its disk stays.
    Stop {
        /// The instance.
        instance: String,
    },
    /// Ends its processes and removes its disk.
    Terminate {
        /// The instance.
        instance: String,
    },
    /// Keeps a copy of its disk as an image.
    Snapshot {
        /// The instance.
        instance: String,
        /// The image.
        image: String,
    },
    /// Forgets an image's files.
    DropImage {
        /// The image.
        image: String,
    },
    /// Runs a Run Command's script.
    RunScript {
        /// The instance.
        instance: String,
        /// The command.
        command: String,
        /// The script.
        lines: Vec<String>,
        /// How long it may run.
        limit: Duration,
    },
    /// Ends a Run Command's script.
    CancelScript {
        /// The instance.
        instance: String,
        /// The command.
        command: String,
    },
}

/// What the account asks of the data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadBalancerOrder {
    /// Opens a listener's port.
    Open { listener: String, port: u16 },
    /// Closes a listener's port.
    Close { listener: String },
    /// Checks a target's health once.
    Check(Probe),
    /// Ends every connection and request of a target's registration: its deregistration delay is over.
    Cut { registration: u64 },
}

/// One health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it is a check of.
    pub watch: Watch,
    /// The node that makes it.
    pub node: usize,
    /// Where the target is.
    pub address: Address,
    /// The path to ask for.
    pub path: String,
    /// How long the target may take, in the account's time.
    pub timeout: Duration,
}
