//! A group: its settings, and the calls that change them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::activity::{Activity, moment};
use super::policies::Policy;
use super::schedule::ScheduledAction;
use super::{group, not_found, schedule_look};
use crate::account::ec2::launch::{self, Launch, TemplateChoice};
use crate::account::ec2::{launch_templates, network};
use crate::account::{Account, ApiError, Tags, elbv2};

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
    /// On its way out.
    Terminating,
}

impl Lifecycle {
    /// AWS's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InService => "InService",
            Self::Terminating => "Terminating",
        }
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
    /// When it tries again.
    pub(super) retry_at: Duration,
}

impl Group {
    /// Whether a process is suspended.
    pub fn is_suspended(&self, process: &str) -> bool {
        self.suspended.contains_key(process)
    }

    /// The instances it counts: those not on their way out.
    pub fn active(&self) -> usize {
        self.members
            .values()
            .filter(|member| member.lifecycle != Lifecycle::Terminating)
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

/// What CreateAutoScalingGroup is asked for.
#[derive(Clone, Debug, Default)]
pub struct NewGroup {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub settings: Settings,
    /// Target groups.
    pub target_groups: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, GroupTag>,
}

fn missing(member: &str) -> ApiError {
    ApiError::validation(&format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// The template with both its names, checked as AWS checks it: it must be enough to launch from.
fn resolve_template(
    account: &mut Account,
    choice: &TemplateChoice,
    subnet: Option<&String>,
) -> Result<TemplateChoice, ApiError> {
    let in_auto_scaling = |error: ApiError| ApiError::validation(&error.message);
    let id = launch_templates::find(account, choice.id.as_deref(), choice.name.as_deref())
        .map_err(in_auto_scaling)?;
    let name = account.ec2.launch_templates[&id].name.clone();
    let mut launch = Launch {
        template: Some(TemplateChoice {
            id: Some(id.clone()),
            name: None,
            version: choice.version.clone(),
        }),
        ..Launch::default()
    };
    launch.data.subnet = subnet.cloned();
    launch::check(account, &launch).map_err(|error| {
        ApiError::validation(&format!(
            "You must use a valid fully-formed launch template. {}",
            error.message
        ))
    })?;
    Ok(TemplateChoice {
        id: Some(id),
        name: Some(name),
        version: Some(
            choice
                .version
                .clone()
                .unwrap_or_else(|| "$Default".to_owned()),
        ),
    })
}

fn check_subnets(account: &Account, subnets: &[String]) -> Result<(), ApiError> {
    for id in subnets {
        network::subnet(account, id).map_err(|error| ApiError::validation(&error.message))?;
    }
    Ok(())
}

pub(super) fn check_target_groups(
    account: &Account,
    target_groups: &[String],
) -> Result<(), ApiError> {
    if target_groups
        .iter()
        .all(|arn| elbv2::has_target_group(account, arn))
    {
        return Ok(());
    }
    Err(ApiError::validation(
        "Provided Target Groups may not be valid. Please ensure they exist and try again.",
    ))
}

fn check_sizes(min: u32, max: u32, desired: u32) -> Result<(), ApiError> {
    if min > max {
        return Err(ApiError::validation(&format!(
            "Max bound, {max}, must be greater than or equal to min bound, {min}"
        )));
    }
    if !(min..=max).contains(&desired) {
        return Err(ApiError::validation(&format!(
            "Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}"
        )));
    }
    Ok(())
}

/// Makes a group.
pub fn create(account: &mut Account, new: NewGroup) -> Result<(), ApiError> {
    let settings = new.settings;
    if account.autoscaling.groups.contains_key(&new.name) {
        return Err(ApiError::refused(
            "AlreadyExists",
            &format!(
                "AutoScalingGroup by this name already exists - A group with the name {} already exists",
                new.name
            ),
        ));
    }
    let min = settings.min.ok_or_else(|| missing("minSize"))?;
    let max = settings.max.ok_or_else(|| missing("maxSize"))?;
    let desired = settings.desired.unwrap_or(min);
    check_sizes(min, max, desired)?;
    let subnets = settings.subnets.unwrap_or_default();
    if subnets.is_empty() {
        return Err(ApiError::validation(
            "At least one Availability Zone or VPC Subnet is required.",
        ));
    }
    check_subnets(account, &subnets)?;
    check_target_groups(account, &new.target_groups)?;
    let choice = settings.template.ok_or_else(|| {
        ApiError::validation(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.",
        )
    })?;
    let template = resolve_template(account, &choice, subnets.first())?;
    let uuid = account.uuid();
    let arn = account.arn(
        "autoscaling",
        &format!("autoScalingGroup:{uuid}:autoScalingGroupName/{}", new.name),
    );
    let reason = format!(
        "At {} a user request created an AutoScalingGroup changing the desired capacity from 0 to {desired}.",
        moment(account)
    );
    let group = Group {
        name: new.name.clone(),
        arn: arn.clone(),
        created_at: account.utc(),
        min,
        max,
        desired,
        template,
        subnets,
        attachments: new
            .target_groups
            .into_iter()
            .map(|target_group| Attachment {
                target_group,
                state: AttachmentState::Adding,
            })
            .collect(),
        health_check_type: settings.health_check_type.unwrap_or(HealthCheckType::Ec2),
        grace: settings.grace.unwrap_or(0),
        cooldown: settings.cooldown.unwrap_or(300),
        warmup: settings
            .warmup
            .and_then(|warmup| u32::try_from(warmup).ok()),
        max_lifetime: settings.max_lifetime.filter(|seconds| *seconds > 0),
        protects_new: settings.protects_new.unwrap_or(false),
        capacity_rebalance: settings.capacity_rebalance.unwrap_or(false),
        termination_policies: settings
            .termination_policies
            .unwrap_or_else(|| vec!["Default".to_owned()]),
        tags: new.tags,
        suspended: BTreeMap::new(),
        members: BTreeMap::new(),
        activities: Vec::new(),
        schedule: BTreeMap::new(),
        policies: BTreeMap::new(),
        is_deleting: false,
        reason: Some(reason),
        replacing: 0,
        is_rebalancing: false,
        failures: 0,
        retry_at: Duration::ZERO,
    };
    account.autoscaling.groups.insert(new.name.clone(), group);
    schedule_look(account, &new.name, &arn);
    Ok(())
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

/// Changes a group's settings; all or none.
pub fn update(account: &mut Account, name: &str, settings: Settings) -> Result<(), ApiError> {
    let held = living(account, name)?.clone();
    let min = settings.min.unwrap_or(held.min);
    let max = settings.max.unwrap_or(held.max);
    // A desired capacity that the caller does not name moves with the bounds.
    let desired = settings
        .desired
        .unwrap_or_else(|| held.desired.max(min).min(max.max(min)));
    check_sizes(min, max, desired)?;
    if let Some(subnets) = &settings.subnets {
        check_subnets(account, subnets)?;
    }
    let template = match &settings.template {
        Some(choice) => {
            let subnets = settings.subnets.as_ref().unwrap_or(&held.subnets);
            resolve_template(account, choice, subnets.first())?
        }
        None => held.template,
    };
    let reason = format!(
        "At {} a user request update of AutoScalingGroup constraints to min: {min}, max: {max}, desired: {desired} changing the desired capacity from {} to {desired}.",
        moment(account),
        held.desired
    );
    let held = living(account, name)?;
    held.min = min;
    held.max = max;
    held.want(desired, reason);
    held.template = template;
    if let Some(subnets) = settings.subnets {
        held.subnets = subnets;
    }
    held.health_check_type = settings.health_check_type.unwrap_or(held.health_check_type);
    held.grace = settings.grace.unwrap_or(held.grace);
    held.cooldown = settings.cooldown.unwrap_or(held.cooldown);
    if let Some(warmup) = settings.warmup {
        held.warmup = u32::try_from(warmup).ok();
    }
    if let Some(lifetime) = settings.max_lifetime {
        held.max_lifetime = Some(lifetime).filter(|seconds| *seconds > 0);
    }
    held.protects_new = settings.protects_new.unwrap_or(held.protects_new);
    held.capacity_rebalance = settings
        .capacity_rebalance
        .unwrap_or(held.capacity_rebalance);
    if let Some(policies) = settings.termination_policies {
        held.termination_policies = policies;
    }
    Ok(())
}

/// Sets the desired capacity within the bounds.
pub fn set_desired(account: &mut Account, name: &str, desired: u32) -> Result<(), ApiError> {
    let now = moment(account);
    let held = living(account, name)?;
    if desired > held.max {
        return Err(ApiError::validation(&format!(
            "New SetDesiredCapacity value {desired} is above max value {} for the AutoScalingGroup.",
            held.max
        )));
    }
    if desired < held.min {
        return Err(ApiError::validation(&format!(
            "New SetDesiredCapacity value {desired} is below min value {} for the AutoScalingGroup.",
            held.min
        )));
    }
    let reason = format!(
        "At {now} a user request explicitly set group desired capacity changing the desired capacity from {} to {desired}.",
        held.desired
    );
    held.want(desired, reason);
    Ok(())
}

/// Begins to delete a group: with its instances only when forced.
pub fn delete(account: &mut Account, name: &str, forced: bool) -> Result<(), ApiError> {
    let held = account
        .autoscaling
        .groups
        .get_mut(name)
        .ok_or_else(|| not_found(name))?;
    if !forced && held.active() > 0 {
        return Err(ApiError::refused(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.",
        ));
    }
    if !forced && !held.members.is_empty() {
        return Err(ApiError::refused(
            "ScalingActivityInProgress",
            "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.",
        ));
    }
    held.is_deleting = true;
    held.min = 0;
    held.max = 0;
    held.desired = 0;
    held.schedule.clear();
    held.policies.clear();
    Ok(())
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

/// The type of the instances that a group launches now.
pub(super) fn instance_type(account: &Account, group: &Group) -> String {
    let choice = TemplateChoice {
        name: None,
        ..group.template.clone()
    };
    launch_templates::resolve(account, &choice)
        .and_then(|(id, number)| launch_templates::version(account, &id, number))
        .ok()
        .and_then(|version| version.data.instance_type.clone())
        .unwrap_or_default()
}
