//! Instances: what each is, and who can see it.

use std::time::{Duration, SystemTime};

use super::console::Console;
use super::launch_data::MetadataOptions;
use crate::account::{Account, ApiError, Tags};

/// Where an instance stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// It is being started.
    Pending,
    /// It runs.
    Running,
    /// It is being terminated.
    ShuttingDown,
    /// It is gone.
    Terminated,
    /// It is being stopped.
    Stopping,
    /// It has stopped; its disk is kept.
    Stopped,
}

impl Lifecycle {
    /// AWS's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// AWS's number of it.
    pub fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }
}

/// The root volume of an instance.
#[derive(Clone, Debug)]
pub struct Volume {
    /// `vol-...`
    pub id: String,
    /// In GiB.
    pub size: i64,
    /// The key that encrypts it, by ARN; `None`: it is not encrypted.
    pub key: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// How an app ended that was told to: SIGTERM, and SIGKILL when its time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppEnd {
    /// What it ended with.
    pub with: EndedWith,
    /// How long after SIGTERM, on the wall's clock.
    pub after: Duration,
}

/// What an app ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedWith {
    /// This exit code.
    Code(i32),
    /// This signal, which it did not answer itself.
    Signal(i32),
    /// SIGKILL, because it was still there when its time was up.
    TimeUp,
}

/// An instance.
#[derive(Clone, Debug)]
pub struct Instance {
    /// `i-...`
    pub id: String,
    /// The reservation it was launched in.
    pub reservation: String,
    /// Its place in the reservation.
    pub launch_index: usize,
    /// The image it was launched from.
    pub image: String,
    /// "x86_64" or "arm64".
    pub architecture: String,
    /// "t3.micro", ...
    pub instance_type: String,
    /// Where it stands.
    pub state: Lifecycle,
    /// AWS's code and words for why it is not running.
    pub state_reason: Option<(&'static str, &'static str)>,
    /// The older form of the same, with a date.
    pub transition_reason: String,
    /// Its subnet.
    pub subnet: String,
    /// Its address in it.
    pub private_ip: String,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// The name of its instance profile.
    pub profile: Option<String>,
    /// Its user data, as base64.
    pub user_data: Option<String>,
    /// The template and version it was launched from.
    pub launch_template: Option<(String, u64)>,
    /// What `shutdown` inside it does.
    pub terminates_on_shutdown: bool,
    /// The settings of its metadata service.
    pub metadata: MetadataOptions,
    /// Its root volume.
    pub volume: Volume,
    /// Its key pair.
    pub key_name: Option<String>,
    /// Whether it has detailed monitoring.
    pub monitored: bool,
    /// The token of the call that launched it.
    pub client_token: String,
    /// When it was launched, or last started.
    pub launched_at: SystemTime,
    /// From when on describes show it.
    pub visible_at: Duration,
    /// Its tags.
    pub tags: Tags,
    /// Its serial console.
    pub console: Console,
    /// Where its app listens.
    pub app_port: Option<u16>,
    /// How its app ended when its machine was told to stop, if that has happened.
    pub app_end: Option<AppEnd>,
    /// Whether its machine was ever booted, so that it has a disk.
    pub has_booted: bool,
    /// Whether its user processes run.
    pub is_up: bool,
    /// Counts its starts and stops, so that a timer of an earlier life is not obeyed.
    pub life: u32,
}

impl Instance {
    /// Whether it still holds its address and its place in security groups.
    pub fn holds_network(&self) -> bool {
        self.state != Lifecycle::Terminated
    }

    /// The name that DNS has for it.
    pub fn private_dns(&self, region: &str) -> String {
        format!(
            "ip-{}.{region}.compute.internal",
            self.private_ip.replace('.', "-")
        )
    }
}

/// An instance that exists and can be seen.
pub fn visible<'a>(account: &'a Account, id: &str) -> Result<&'a Instance, ApiError> {
    super::check_id(id, "i", "InvalidInstanceID.Malformed")?;
    account
        .ec2
        .instances
        .get(id)
        .filter(|instance| instance.visible_at <= account.now())
        .ok_or_else(|| not_found(&[id]))
}

/// EC2's error for instances that do not exist, or not yet.
fn not_found(ids: &[&str]) -> ApiError {
    let message = match ids {
        [id] => format!("The instance ID '{id}' does not exist"),
        _ => format!("The instance IDs '{}' do not exist", ids.join(", ")),
    };
    ApiError::refused("InvalidInstanceID.NotFound", &message)
}

/// Refuses ids that are malformed, or of instances that cannot be seen; names all that are missing.
pub fn check_visible(account: &Account, ids: &[String]) -> Result<(), ApiError> {
    for id in ids {
        super::check_id(id, "i", "InvalidInstanceID.Malformed")?;
    }
    let missing: Vec<_> = ids
        .iter()
        .map(String::as_str)
        .filter(|id| visible(account, id).is_err())
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(not_found(&missing))
    }
}
