//! A group: its settings, its members, what it is at.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::activity::Activity;
use super::group;
use super::policies::Policy;
use super::schedule::ScheduledAction;
use crate::account::ec2::launch_data::TemplateChoice;
use crate::account::{Account, ApiError, Tags};

/// Everything a group can be told to leave.
pub const PROCESSES: [&str; 9] = [
    "AZRebalance",
    "AddToLoadBalancer",
    "AlarmNotification",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
];

/// Who says that an instance is unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthCheckType {
    /// EC2 alone.
    Ec2,
    /// The load balancer too.
    Elb,
}

/// How a target group is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentState {
    /// Its instances are being registered.
    Adding,
    /// All are registered.
    Added,
    /// One of them has passed a health check at least.
    InService,
    /// Its instances are being deregistered.
    Removing,
}

impl AttachmentState {
    /// AWS's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adding => "Adding",
            Self::Added => "Added",
            Self::InService => "InService",
            Self::Removing => "Removing",
        }
    }
}

/// A target group that a group's instances are registered with.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The target group's ARN.
    pub target_group: String,
    /// How far that is.
    pub state: AttachmentState,
}

/// Where a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// Launched, not running yet.
    Pending,
    /// Counted on.
    InService,
    /// On its way out, to live on without the group.
    Detaching,
    /// On its way out, and to its end.
    Terminating,
}

impl Lifecycle {
    /// AWS's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InService => "InService",
            Self::Detaching => "Detaching",
            Self::Terminating => "Terminating",
        }
    }

    /// Whether it is on its way out.
    pub fn is_leaving(self) -> bool {
        matches!(self, Self::Detaching | Self::Terminating)
    }
}

/// An instance of a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// Why it is unhealthy, in the words of a cause; healthy without.
    pub unhealthy: Option<&'static str>,
    /// Whether scale-in leaves it.
    pub is_protected: bool,
    /// Its zone's letter.
    pub zone: char,
    /// Its subnet.
    pub subnet: String,
    /// Its type.
    pub instance_type: String,
    /// The template's id and name, and the version it was launched from.
    pub template: (String, String, u64),
    /// When it was launched.
    pub launched_at: Duration,
    /// When it went into service.
    pub in_service_at: Option<Duration>,
    /// The activity that goes on about it.
    pub activity: String,
}

/// A tag of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupTag {
    /// Its value.
    pub value: String,
    /// Whether new instances get it.
    pub propagates: bool,
}

/// The settings of a group; what is `None` in an update stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The fewest instances.
    pub min: Option<u32>,
    /// The most.
    pub max: Option<u32>,
    /// As many as there should be.
    pub desired: Option<u32>,
    /// What they are launched from.
    pub template: Option<TemplateChoice>,
    /// Where.
    pub subnets: Option<Vec<String>>,
    /// Who says that one is unhealthy.
    pub health_check_type: Option<HealthCheckType>,
    /// How long after going into service the load balancer's word does not count, in seconds.
    pub grace: Option<u32>,
    /// In seconds.
    pub cooldown: Option<u32>,
    /// In seconds; -1 turns it off.
    pub warmup: Option<i64>,
    /// In seconds; 0 turns it off.
    pub max_lifetime: Option<u32>,
    /// Whether new instances are protected from scale-in.
    pub protects_new: Option<bool>,
    /// Whether it replaces Spot instances early.
    pub capacity_rebalance: Option<bool>,
    /// Which instance goes first.
    pub termination_policies: Option<Vec<String>>,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// When it was made.
    pub created_at: SystemTime,
    /// The fewest instances.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// As many as there should be.
    pub desired: u32,
    /// What they are launched from: id, name, and the version as it was given.
    pub template: TemplateChoice,
    /// Where, in the caller's order.
    pub subnets: Vec<String>,
    /// Where its instances are registered.
    pub attachments: Vec<Attachment>,
    /// Who says that an instance is unhealthy.
    pub health_check_type: HealthCheckType,
    /// In seconds.
    pub grace: u32,
    /// In seconds.
    pub cooldown: u32,
    /// In seconds.
    pub warmup: Option<u32>,
    /// In seconds.
    pub max_lifetime: Option<u32>,
    /// Whether new instances are protected from scale-in.
    pub protects_new: bool,
    /// Whether it replaces Spot instances early.
    pub capacity_rebalance: bool,
    /// Which instance goes first.
    pub termination_policies: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, GroupTag>,
    /// What it was told to leave, and in AWS's words by whom.
    pub suspended: BTreeMap<String, String>,
    /// Its instances by id.
    pub members: BTreeMap<String, Member>,
    /// What it did, the oldest first.
    pub activities: Vec<Activity>,
    /// Its scheduled actions by name.
    pub schedule: BTreeMap<String, ScheduledAction>,
    /// Its scaling policies by name.
    pub policies: BTreeMap<String, Policy>,
    /// Whether it was deleted and waits for its instances to be gone.
    pub is_deleting: bool,
    /// Why the desired capacity changed last: the first sentence of the next causes.
    pub(super) reason: Option<String>,
    /// How many unhealthy instances are to be replaced.
    pub(super) replacing: u32,
    /// Whether it launches one more to balance its zones.
    pub(super) is_rebalancing: bool,
    /// How many launches failed in a row.
    pub(super) failures: u32,
    /// The zones in which the last launch failed, and until when they are left for the others.
    pub(super) avoided: BTreeMap<char, Duration>,
    /// When it tries again.
    pub(super) retry_at: Duration,
}

impl Group {
    /// Whether a process is suspended.
    pub fn is_suspended(&self, process: &str) -> bool {
        self.suspended.contains_key(process)
    }

    /// Whether it leaves this zone for the others now.
    pub(super) fn avoids(&self, zone: char, now: Duration) -> bool {
        self.avoided.get(&zone).is_some_and(|until| now < *until)
    }

    /// The instances it counts: those not on their way out.
    pub fn active(&self) -> usize {
        self.members
            .values()
            .filter(|member| !member.lifecycle.is_leaving())
            .count()
    }

    /// The target groups that its instances are to be registered with.
    pub(super) fn target_groups(&self) -> Vec<String> {
        self.attachments
            .iter()
            .filter(|attachment| attachment.state != AttachmentState::Removing)
            .map(|attachment| attachment.target_group.clone())
            .collect()
    }

    /// Sets the desired capacity; `reason` says why, for the next causes.
    pub(super) fn want(&mut self, desired: u32, reason: String) {
        if desired != self.desired {
            self.reason = Some(reason);
            self.desired = desired;
            self.failures = 0;
            self.retry_at = Duration::ZERO;
        }
    }
}

/// A group that must exist and not be on its way out.
pub fn living<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Group, ApiError> {
    let found = group(account, name)?;
    if found.is_deleting {
        return Err(ApiError::refused(
            "ScalingActivityInProgress",
            &format!("AutoScalingGroup {name} is pending delete"),
        ));
    }
    Ok(found)
}

/// The tags that a new instance gets from its group.
pub(super) fn propagated_tags(group: &Group) -> Tags {
    let mut tags: Tags = group
        .tags
        .iter()
        .filter(|(_, tag)| tag.propagates)
        .map(|(key, tag)| (key.clone(), tag.value.clone()))
        .collect();
    tags.insert("aws:autoscaling:groupName".to_owned(), group.name.clone());
    tags
}
