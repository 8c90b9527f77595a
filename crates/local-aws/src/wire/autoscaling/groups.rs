//! Groups on the wire.

use std::collections::BTreeSet;

use super::{absent, natural, page, paged, required, tags};
use crate::account::autoscaling::changes::{self, NewGroup};
use crate::account::autoscaling::group::{self, Group, HealthCheckType, Member, Settings};
use crate::account::autoscaling::{self, capacity, processes};
use crate::account::ec2::network;
use crate::account::iam::service_linked;
use crate::account::{Account, ApiError};
use crate::wire::ec2::read_template;
use crate::wire::node::Node;
use crate::wire::params::Params;

/// Reads what creating and updating a group share.
fn read_settings(params: &mut Params) -> Result<Settings, ApiError> {
    let health_check_type = params
        .text("HealthCheckType")
        .map(|kind| match kind.as_str() {
            "EC2" => Ok(HealthCheckType::Ec2),
            "ELB" => Ok(HealthCheckType::Elb),
            other => Err(ApiError::validation(&format!(
                "Health check type {other} is not supported by the local cloud: it has EC2 and ELB"
            ))),
        })
        .transpose()?;
    let policies = params.texts(&["TerminationPolicies"]);
    capacity::check_policies(&policies)?;
    let settings = Settings {
        min: natural(params, "MinSize")?,
        max: natural(params, "MaxSize")?,
        desired: natural(params, "DesiredCapacity")?,
        template: read_template(params)?,
        subnets: params.text("VPCZoneIdentifier").map(|list| {
            list.split(',')
                .map(|id| id.trim().to_owned())
                .filter(|id| !id.is_empty())
                .collect()
        }),
        health_check_type,
        grace: natural(params, "HealthCheckGracePeriod")?,
        cooldown: natural(params, "DefaultCooldown")?,
        warmup: read_warmup(params)?,
        max_lifetime: read_lifetime(params)?,
        protects_new: params.boolean("NewInstancesProtectedFromScaleIn")?,
        capacity_rebalance: params.boolean("CapacityRebalance")?,
        termination_policies: Some(policies).filter(|policies| !policies.is_empty()),
    };
    // The zones follow from the subnets; a caller may name them too.
    params.texts(&["AvailabilityZones"]);
    Ok(settings)
}

/// Seconds; -1 takes away what was set before.
fn read_warmup(params: &mut Params) -> Result<Option<i64>, ApiError> {
    match params.number("DefaultInstanceWarmup")? {
        Some(seconds) if seconds < -1 => Err(ApiError::validation(&format!(
            "Default instance warmup {seconds} is invalid: it must be -1 or greater"
        ))),
        warmup => Ok(warmup),
    }
}

/// Seconds: none, or a day at least.
fn read_lifetime(params: &mut Params) -> Result<Option<u32>, ApiError> {
    match natural(params, "MaxInstanceLifetime")? {
        Some(1..86_400) => Err(ApiError::validation(
            "Maximum instance lifetime must be 0, or equal to or greater than 86400 seconds",
        )),
        lifetime => Ok(lifetime),
    }
}

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let settings = read_settings(&mut params)?;
    let mut target_groups = params.texts(&["TargetGroupARNs"]);
    target_groups.extend(super::target_groups::read_sources(&mut params)?);
    let tags = tags::read(&mut params)?
        .into_iter()
        .map(|(_, key, tag)| (key, tag))
        .collect();
    params.finish()?;
    changes::create(
        account,
        NewGroup {
            name,
            settings,
            target_groups,
            tags,
        },
    )?;
    Ok(Node::map())
}

pub(super) fn update(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let settings = read_settings(&mut params)?;
    params.finish()?;
    changes::update(account, &name, settings)?;
    Ok(Node::map())
}

pub(super) fn set_desired(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let desired =
        natural(&mut params, "DesiredCapacity")?.ok_or_else(|| absent("DesiredCapacity"))?;
    params.boolean("HonorCooldown")?;
    params.finish()?;
    changes::set_desired(account, &name, desired)?;
    Ok(Node::map())
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let forced = params.boolean("ForceDelete")?.unwrap_or(false);
    params.finish()?;
    changes::delete(account, &name, forced)?;
    Ok(Node::map())
}

pub(super) fn suspend(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let processes = params.texts(&["ScalingProcesses"]);
    params.finish()?;
    processes::suspend(account, &name, &processes)?;
    Ok(Node::map())
}

pub(super) fn resume(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let processes = params.texts(&["ScalingProcesses"]);
    params.finish()?;
    processes::resume(account, &name, &processes)?;
    Ok(Node::map())
}

pub(super) fn describe_process_types(params: Params) -> Result<Node, ApiError> {
    params.finish()?;
    let processes = group::PROCESSES
        .iter()
        .map(|name| Node::map().put("ProcessName", *name));
    Ok(Node::map().put("Processes", Node::list(processes)))
}

/// An instance as a group shows it; DescribeAutoScalingInstances adds the group's name.
pub(super) fn show_member(account: &Account, id: &str, member: &Member) -> Node {
    let (template, name, version) = &member.template;
    Node::map()
        .put("InstanceId", id)
        .put("InstanceType", &member.instance_type)
        .put("AvailabilityZone", network::zone_name(account, member.zone))
        .put("LifecycleState", member.lifecycle.name())
        .put(
            "LaunchTemplate",
            Node::map()
                .put("LaunchTemplateId", template)
                .put("LaunchTemplateName", name)
                .put("Version", version.to_string()),
        )
        .put("ProtectedFromScaleIn", member.is_protected)
}

fn show(account: &Account, group: &Group) -> Node {
    let zones: BTreeSet<_> = group
        .subnets
        .iter()
        .filter_map(|id| network::subnet(account, id).ok())
        .map(|subnet| network::zone_name(account, subnet.zone))
        .collect();
    let target_groups: Vec<_> = group
        .attachments
        .iter()
        .map(|attachment| attachment.target_group.clone())
        .collect();
    let sources = target_groups
        .iter()
        .map(|arn| Node::map().put("Identifier", arn).put("Type", "elbv2"));
    let members = group.members.iter().map(|(id, member)| {
        let health = if member.unhealthy.is_some() {
            "Unhealthy"
        } else {
            "Healthy"
        };
        show_member(account, id, member).put("HealthStatus", health)
    });
    let suspended = group.suspended.iter().map(|(process, reason)| {
        Node::map()
            .put("ProcessName", process)
            .put("SuspensionReason", reason)
    });
    let template = Node::map()
        .put_some("LaunchTemplateId", group.template.id.as_ref())
        .put_some("LaunchTemplateName", group.template.name.as_ref())
        .put_some("Version", group.template.version.as_ref());
    Node::map()
        .put("AutoScalingGroupName", &group.name)
        .put("AutoScalingGroupARN", &group.arn)
        .put("LaunchTemplate", template)
        .put("MinSize", group.min)
        .put("MaxSize", group.max)
        .put("DesiredCapacity", group.desired)
        .put("DefaultCooldown", group.cooldown)
        .put("AvailabilityZones", Node::list(zones))
        .put("LoadBalancerNames", Node::List(Vec::new()))
        .put("TargetGroupARNs", Node::list(&target_groups))
        .put("HealthCheckType", health_check_type(group))
        .put("HealthCheckGracePeriod", group.grace)
        .put("Instances", Node::list(members))
        .put("CreatedTime", group.created_at)
        .put("SuspendedProcesses", Node::list(suspended))
        .put("VPCZoneIdentifier", group.subnets.join(","))
        .put("EnabledMetrics", Node::List(Vec::new()))
        .put_some("Status", group.is_deleting.then_some("Delete in progress"))
        .put("Tags", tags::list(group))
        .put(
            "TerminationPolicies",
            Node::list(&group.termination_policies),
        )
        .put("NewInstancesProtectedFromScaleIn", group.protects_new)
        .put(
            "ServiceLinkedRoleARN",
            service_linked::arn(account, autoscaling::SERVICE),
        )
        .put_some("MaxInstanceLifetime", group.max_lifetime)
        .put("CapacityRebalance", group.capacity_rebalance)
        .put_some("DefaultInstanceWarmup", group.warmup)
        .put("TrafficSources", Node::list(sources))
}

fn health_check_type(group: &Group) -> &'static str {
    match group.health_check_type {
        HealthCheckType::Ec2 => "EC2",
        HealthCheckType::Elb => "ELB",
    }
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let names = params.texts(&["AutoScalingGroupNames"]);
    let with_instances = params.boolean("IncludeInstances")?.unwrap_or(true);
    let filters = params.filters()?;
    let page = page(&mut params)?;
    params.boolean("IncludeManagedResources")?;
    params.finish()?;
    for (name, _) in &filters {
        if !name.starts_with("tag:") && !["tag-key", "tag-value"].contains(&name.as_str()) {
            return Err(ApiError::validation(&format!(
                "Filter type {name} is not correct. Allowed Filter types are: tag-key, tag-value, tag:<key>"
            )));
        }
    }
    let found = account
        .autoscaling
        .groups
        .values()
        .filter(|group| names.is_empty() || names.contains(&group.name))
        .filter(|group| filters.iter().all(|filter| passes(group, filter)))
        .map(|group| {
            if with_instances {
                return show(account, group);
            }
            let mut without = group.clone();
            without.members.clear();
            show(account, &without)
        })
        .collect();
    Ok(paged("AutoScalingGroups", found, &page))
}

/// Whether a group passes one filter about its tags.
fn passes(group: &Group, (name, values): &(String, Vec<String>)) -> bool {
    group.tags.iter().any(|(key, tag)| match name.as_str() {
        "tag-key" => values.contains(key),
        "tag-value" => values.contains(&tag.value),
        name => name.strip_prefix("tag:") == Some(key) && values.contains(&tag.value),
    })
}
