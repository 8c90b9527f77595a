//! Scaling activities: what a group did, why, and how it went, in AWS's words.

use std::time::SystemTime;

use time::OffsetDateTime;

use super::group::Group;
use crate::account::Account;

/// How an activity stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A launched instance is not in service yet.
    PreInService,
    /// A termination goes on.
    InProgress,
    /// A termination waits for the load balancer to let go.
    WaitingForDrain,
    /// Done.
    Successful,
    /// It did not work.
    Failed,
    /// It was given up.
    Cancelled,
}

impl Status {
    /// AWS's code.
    pub fn code(self) -> &'static str {
        match self {
            Self::PreInService => "PreInService",
            Self::InProgress => "InProgress",
            Self::WaitingForDrain => "WaitingForELBConnectionDraining",
            Self::Successful => "Successful",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// How far it is, in percent.
    pub fn progress(self) -> u8 {
        match self {
            Self::PreInService => 30,
            Self::InProgress | Self::WaitingForDrain => 50,
            Self::Successful | Self::Failed | Self::Cancelled => 100,
        }
    }

    /// Whether nothing more will come of it.
    pub fn is_over(self) -> bool {
        self.progress() == 100
    }
}

/// One activity.
#[derive(Clone, Debug)]
pub struct Activity {
    /// A UUID.
    pub id: String,
    /// The group's name.
    pub group: String,
    /// The group's ARN.
    pub group_arn: String,
    /// "Launching a new EC2 instance: i-..."
    pub description: String,
    /// Why, with times.
    pub cause: String,
    /// When it began.
    pub start: SystemTime,
    /// When it was over.
    pub end: Option<SystemTime>,
    /// How it stands.
    pub status: Status,
    /// Why it failed.
    pub message: Option<String>,
    /// JSON: subnet and zone.
    pub details: String,
}

/// As many as a group keeps: AWS keeps six weeks.
const KEPT: usize = 500;

/// A moment as causes have it: whole seconds.
pub(super) fn moment(account: &Account) -> String {
    let now = OffsetDateTime::from(account.utc());
    let now = now.replace_nanosecond(0).unwrap_or(now);
    now.format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default()
}

/// What an activity begins with.
pub(super) struct Begin {
    pub(super) description: String,
    pub(super) cause: String,
    pub(super) status: Status,
    pub(super) subnet: String,
    pub(super) zone: String,
    pub(super) message: Option<String>,
}

/// Begins an activity of a group; answers its id.
pub(super) fn begin(account: &mut Account, group: &mut Group, begin: Begin) -> String {
    let id = account.uuid();
    let now = account.utc();
    group.activities.push(Activity {
        id: id.clone(),
        group: group.name.clone(),
        group_arn: group.arn.clone(),
        description: begin.description,
        cause: begin.cause,
        start: now,
        end: begin.status.is_over().then_some(now),
        status: begin.status,
        message: begin.message,
        details: format!(
            "{{\"Subnet ID\":\"{}\",\"Availability Zone\":\"{}\"}}",
            begin.subnet, begin.zone
        ),
    });
    if group.activities.len() > KEPT {
        group.activities.remove(0);
    }
    id
}

/// Changes how an activity stands.
pub(super) fn advance(
    account: &Account,
    group: &mut Group,
    id: &str,
    status: Status,
    message: Option<String>,
) {
    if let Some(activity) = group
        .activities
        .iter_mut()
        .find(|activity| activity.id == id)
    {
        activity.status = status;
        activity.end = status.is_over().then(|| account.utc());
        activity.message = message;
    }
}
