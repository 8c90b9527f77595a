//! The calls that make, change and delete groups: each is checked as a whole before anything changes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::activity::moment;
use super::group::{
    Attachment, AttachmentState, Group, GroupTag, HealthCheckType, Settings, living,
};
use super::{not_found, schedule_look};
use crate::account::ec2::launch::{self, Launch};
use crate::account::ec2::launch_data::TemplateChoice;
use crate::account::ec2::{launch_templates, network};
use crate::account::iam::service_linked;
use crate::account::lag::Eye;
use crate::account::{Account, ApiError, elbv2};

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
    let (id, name) = (choice.id.as_deref(), choice.name.as_deref());
    let id = launch_templates::find(account, Eye::Launch, id, name).map_err(in_auto_scaling)?;
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
    let settings = new.settings.clone();
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
    let subnets = settings.subnets.clone().unwrap_or_default();
    if subnets.is_empty() {
        return Err(ApiError::validation(
            "At least one Availability Zone or VPC Subnet is required.",
        ));
    }
    check_subnets(account, &subnets)?;
    check_target_groups(account, &new.target_groups)?;
    let choice = settings.template.clone().ok_or_else(|| {
        ApiError::validation(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.",
        )
    })?;
    let template = resolve_template(account, &choice, subnets.first())?;
    let sizes = Sizes { min, max, desired };
    let settings = Settings {
        subnets: Some(subnets),
        ..settings
    };
    let group = new_group(account, NewGroup { settings, ..new }, template, sizes);
    let (name, arn) = (group.name.clone(), group.arn.clone());
    service_linked::ensure(account, super::SERVICE);
    account.autoscaling.groups.insert(name.clone(), group);
    schedule_look(account, &name, &arn);
    Ok(())
}

/// The bounds of a group and what it is to have, checked.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    min: u32,
    max: u32,
    desired: u32,
}

/// A group as it begins, with AWS's defaults for what was not said.
fn new_group(
    account: &mut Account,
    new: NewGroup,
    template: TemplateChoice,
    sizes: Sizes,
) -> Group {
    let settings = new.settings;
    let uuid = account.uuid();
    let arn = account.arn(
        "autoscaling",
        &format!("autoScalingGroup:{uuid}:autoScalingGroupName/{}", new.name),
    );
    let reason = format!(
        "At {} a user request created an AutoScalingGroup changing the desired capacity from 0 to {}.",
        moment(account),
        sizes.desired
    );
    Group {
        name: new.name,
        arn,
        created_at: account.utc(),
        min: sizes.min,
        max: sizes.max,
        desired: sizes.desired,
        template,
        subnets: settings.subnets.unwrap_or_default(),
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
        avoided: BTreeMap::new(),
        retry_at: Duration::ZERO,
    }
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
