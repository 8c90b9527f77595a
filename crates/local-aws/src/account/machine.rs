//! What the account asks of the machines behind its instances.

use std::time::Duration;

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
