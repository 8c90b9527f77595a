//! Changes of how many instances a group has, and of what they are started from.
//!
//! Guarantees: what could take capacity from visitors, or change what they would get, takes the witness that the group
//! has none ([`NoWeight`]). Where a group may have visitors, capacity only grows ([`raise`]), in single fields, over what
//! stands now; and its floor is given back without touching what it has ([`set_floor`]).

use anyhow::Result;

use super::{Capacity, Group, describe_group, template_specification};
use crate::aws::Aws;
use crate::aws::elbv2::{Routes, Target, describe_targets};
use crate::aws::error::{About as _, Failure};
use crate::aws::witness::{Able, Contradiction, Held, NoWeight, Seen};

/// Nothing leads visitors to this group now: looks at every listener of the load balancer behind its target groups.
pub async fn see_no_weight(aws: &Aws, group: &str) -> Result<NoWeight> {
    let target_groups = describe_group(aws, group).await?.target_groups;
    let routes = Routes::look(aws, &target_groups).await?;
    let carrying = routes.to(&target_groups);
    if carrying.is_empty() {
        return Ok(NoWeight::seen(group));
    }
    let routes = carrying.into_iter().map(|route| route.words()).collect();
    Err(Contradiction::Carries {
        group: group.to_owned(),
        routes,
    }
    .into())
}

/// A group, and the health of what is behind its target group, looked at side by side.
#[derive(Debug)]
pub struct Fleet {
    /// The group.
    pub group: Group,
    /// What is behind the target group.
    pub targets: Vec<Target>,
    target_group: String,
    at: Seen,
}

impl Fleet {
    /// Looks.
    pub async fn look(aws: &Aws, group: &str, target_group: &str) -> Result<Self, Failure> {
        let at = Seen::now();
        let (group, targets) = tokio::try_join!(
            Box::pin(describe_group(aws, group)),
            Box::pin(describe_targets(aws, target_group)),
        )?;
        Ok(Self {
            group,
            targets,
            target_group: target_group.to_owned(),
            at,
        })
    }

    /// Its instances in service that were started from this template version.
    pub fn in_service(&self, version: i64) -> Vec<String> {
        let members = self.group.members.iter();
        let of_it = members.filter(|member| {
            member.lifecycle == "InService" && member.template_version == Some(version)
        });
        of_it.map(|member| member.id.clone()).collect()
    }

    /// At least so many of its instances that were started from this template version were healthy then.
    pub fn able(&self, version: i64, wanted: usize) -> Result<Able, Contradiction> {
        let is_healthy = |id: &String| {
            let mut targets = self.targets.iter();
            targets.any(|target| target.id == *id && target.is_healthy())
        };
        let of_it = self.in_service(version);
        let (group, healthy) = (
            &self.group.name,
            of_it.iter().filter(|id| is_healthy(id)).count(),
        );
        Able::seen_at(self.at, &self.target_group, group, healthy, wanted)
    }
}

/// Sets the capacity of a group without visitors and, with it, the template version that instances are started from.
pub async fn change_idle(
    aws: &Aws,
    held: Held,
    idle: NoWeight,
    capacity: Capacity,
    template: Option<(&str, i64)>,
) -> Result<()> {
    let name = idle.spend()?;
    held.spend()?;
    aws.autoscaling
        .update_auto_scaling_group()
        .auto_scaling_group_name(&name)
        .min_size(capacity.min)
        .max_size(capacity.max)
        .desired_capacity(capacity.desired)
        .set_launch_template(
            template.map(|(template, version)| template_specification(template, version)),
        )
        .send()
        .await
        .about("UpdateAutoScalingGroup", &name)?;
    Ok(())
}

/// Takes an instance out of a group without visitors, which wants one less then. It lives on, behind no target group.
pub async fn detach(aws: &Aws, held: Held, idle: NoWeight, instance: &str) -> Result<()> {
    let name = idle.spend()?;
    held.spend()?;
    aws.autoscaling
        .detach_instances()
        .auto_scaling_group_name(&name)
        .instance_ids(instance)
        .should_decrement_desired_capacity(true)
        .send()
        .await
        .about("DetachInstances", instance)?;
    Ok(())
}

/// Keeps the processes of a group without visitors from acting.
pub async fn freeze(aws: &Aws, held: Held, idle: NoWeight, processes: &[&str]) -> Result<()> {
    let name = idle.spend()?;
    held.spend()?;
    aws.autoscaling
        .suspend_processes()
        .auto_scaling_group_name(&name)
        .set_scaling_processes(Some(processes.iter().map(|&p| p.to_owned()).collect()))
        .send()
        .await
        .about("SuspendProcesses", &name)?;
    Ok(())
}

/// What [`raise`] found and what it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// As it was.
    pub before: Capacity,
    /// As it is now.
    pub now: Capacity,
}

/// Has a group have at least this much, and not be scaled in below: nothing of what it has is taken from it, whoever
/// gave it that since. Writes only what differs.
pub async fn raise(aws: &Aws, held: Held, name: &str, least: i32) -> Result<Floor> {
    let now = describe_group(aws, name).await?;
    raise_over(aws, held, &now, least).await
}

/// The same over what was just looked at.
pub async fn raise_over(aws: &Aws, held: Held, group: &Group, least: i32) -> Result<Floor> {
    let (name, before) = (&group.name, group.capacity);
    let now = before.with_room_for(least);
    if now != before {
        held.spend()?;
        let changed = |from: i32, to: i32| (from != to).then_some(to);
        aws.autoscaling
            .update_auto_scaling_group()
            .auto_scaling_group_name(name)
            .set_min_size(changed(before.min, now.min))
            .set_max_size(changed(before.max, now.max))
            .set_desired_capacity(changed(before.desired, now.desired))
            .send()
            .await
            .about("UpdateAutoScalingGroup", name)?;
    }
    Ok(Floor { before, now })
}

/// Gives a group back to its policies: they may scale it in to `least` and out to `most`. What it has now stays, and both
/// bounds leave room for it.
pub async fn set_floor(aws: &Aws, held: Held, name: &str, least: i32, most: i32) -> Result<()> {
    let now = describe_group(aws, name).await?.capacity;
    let min = least.min(now.desired.max(now.min));
    let max = most.max(now.desired);
    if (min, max) == (now.min, now.max) {
        return Ok(());
    }
    held.spend()?;
    aws.autoscaling
        .update_auto_scaling_group()
        .auto_scaling_group_name(name)
        .set_min_size((min != now.min).then_some(min))
        .set_max_size((max != now.max).then_some(max))
        .send()
        .await
        .about("UpdateAutoScalingGroup", name)?;
    Ok(())
}

/// Keeps a group from being scaled in below what it has now.
pub async fn pin(aws: &Aws, held: Held, name: &str) -> Result<Floor> {
    let now = describe_group(aws, name).await?;
    raise_over(aws, held, &now, now.capacity.desired).await
}

/// Lets processes of a group act again.
pub async fn resume_processes(
    aws: &Aws,
    held: Held,
    name: &str,
    processes: &[String],
) -> Result<()> {
    if processes.is_empty() {
        // An empty list would mean all of them.
        return Ok(());
    }
    held.spend()?;
    aws.autoscaling
        .resume_processes()
        .auto_scaling_group_name(name)
        .set_scaling_processes(Some(processes.to_vec()))
        .send()
        .await
        .about("ResumeProcesses", name)?;
    Ok(())
}
