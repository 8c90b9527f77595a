//! EC2 Auto Scaling: the groups, and what they do.

mod activities;
mod capacity;
mod removal;

use aws_sdk_autoscaling::types::{LaunchTemplateSpecification, Tag};
use serde::{Deserialize, Serialize};

use super::error::{About as _, ErrorKind, Failure};
use super::{Aws, Tags};

pub use activities::{Activity, describe_activities};
pub use capacity::{
    Fleet, Floor, change_idle, detach, freeze, pin, raise, raise_over, resume_processes,
    see_no_weight, set_floor,
};
pub use removal::{delete_group, see_no_way};

/// How many instances a group may have and wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// At least.
    pub min: i32,
    /// At most.
    pub max: i32,
    /// Wanted.
    pub desired: i32,
}

impl Capacity {
    /// Nothing at all.
    pub const NONE: Self = Self {
        min: 0,
        max: 0,
        desired: 0,
    };

    /// The same with so many instances at least.
    pub fn with_room_for(self, desired: i32) -> Self {
        let desired = self.desired.max(desired);
        Self {
            min: self.min.max(desired),
            max: self.max.max(desired),
            desired,
        }
    }
}

/// An instance of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// `i-...`
    pub id: String,
    /// `InService`, `Pending`, ...
    pub lifecycle: String,
    /// The launch template version it was started from.
    pub template_version: Option<i64>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its capacity.
    pub capacity: Capacity,
    /// The launch template version it starts instances from, if that is a number.
    pub template_version: Option<i64>,
    /// Its instances.
    pub members: Vec<Member>,
    /// Suspended processes.
    pub suspended: Vec<String>,
    /// The target groups it registers with.
    pub target_groups: Vec<String>,
    /// The zones of its subnets.
    pub zones: Vec<String>,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Set while it is being deleted.
    pub deleting: bool,
    /// Its tags.
    pub tags: Tags,
}

#[cfg(test)]
mod tests {
    use super::Capacity;

    #[test]
    fn making_room_takes_nothing_from_what_a_group_has_grown_to() {
        let capacity = |min, max, desired| Capacity { min, max, desired };
        for (before, least, after) in [
            (capacity(2, 4, 2), 3, capacity(3, 4, 3)),
            (capacity(2, 12, 10), 2, capacity(10, 12, 10)),
            (capacity(2, 4, 2), 6, capacity(6, 6, 6)),
            (Capacity::NONE, 2, capacity(2, 2, 2)),
        ] {
            assert_eq!(before.with_room_for(least), after);
        }
    }
}

fn number(specification: Option<&LaunchTemplateSpecification>) -> Option<i64> {
    specification?.version()?.parse().ok()
}

/// The groups of these names that exist.
pub async fn find_groups(aws: &Aws, names: &[String]) -> Result<Vec<Group>, Failure> {
    let answer = aws
        .autoscaling
        .describe_auto_scaling_groups()
        .set_auto_scaling_group_names(Some(names.to_vec()))
        .send()
        .await
        .about("DescribeAutoScalingGroups", names.join(", "))?;
    let groups = answer.auto_scaling_groups.unwrap_or_default();
    Ok(groups.into_iter().map(read_group).collect())
}

fn read_group(group: aws_sdk_autoscaling::types::AutoScalingGroup) -> Group {
    Group {
        arn: group.auto_scaling_group_arn.unwrap_or_default(),
        template_version: number(group.launch_template.as_ref()),
        members: group
            .instances
            .unwrap_or_default()
            .into_iter()
            .map(|instance| Member {
                template_version: number(instance.launch_template.as_ref()),
                id: instance.instance_id.unwrap_or_default(),
                lifecycle: instance
                    .lifecycle_state
                    .map(|state| state.as_str().to_owned())
                    .unwrap_or_default(),
            })
            .collect(),
        suspended: group
            .suspended_processes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|process| process.process_name)
            .collect(),
        target_groups: group.target_group_arns.unwrap_or_default(),
        zones: group.availability_zones.unwrap_or_default(),
        subnets: group
            .vpc_zone_identifier
            .unwrap_or_default()
            .split(',')
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .collect(),
        deleting: group.status.is_some(),
        tags: group
            .tags
            .unwrap_or_default()
            .into_iter()
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
            .collect(),
        capacity: Capacity {
            min: group.min_size.unwrap_or_default(),
            max: group.max_size.unwrap_or_default(),
            desired: group.desired_capacity.unwrap_or_default(),
        },
        name: group.auto_scaling_group_name.unwrap_or_default(),
    }
}

/// The group of this name; `None` when there is none, or it is being deleted.
pub async fn find_group(aws: &Aws, name: &str) -> Result<Option<Group>, Failure> {
    let found = find_groups(aws, &[name.to_owned()]).await?;
    Ok(found.into_iter().find(|group| !group.deleting))
}

/// The group of this name, which must exist.
pub async fn describe_group(aws: &Aws, name: &str) -> Result<Group, Failure> {
    find_groups(aws, &[name.to_owned()])
        .await?
        .into_iter()
        .next()
        .ok_or_else(|| Failure {
            kind: ErrorKind::NotFound,
            operation: "DescribeAutoScalingGroups".into(),
            resource: name.to_owned(),
            code: String::new(),
            message: "there is no Auto Scaling group of this name".to_owned(),
            request_id: None,
        })
}

/// What a new group is to be.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Its name.
    pub name: String,
    /// The launch template's id.
    pub template: String,
    /// The version's number.
    pub template_version: i64,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Its target group.
    pub target_group: String,
    /// Its tags; instances get theirs from the launch template.
    pub tags: Tags,
}

/// Tags of a group's own, which its instances do not get: they have theirs from the template.
fn tags_of_group(name: &str, tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| {
        Tag::builder()
            .key(key)
            .value(value)
            .resource_id(name)
            .resource_type("auto-scaling-group")
            .propagate_at_launch(false)
            .build()
    };
    tags.iter().map(tag).collect()
}

/// Gives a group these tags beside those that it has.
pub async fn tag_group(aws: &Aws, name: &str, tags: &Tags) -> Result<(), Failure> {
    aws.autoscaling
        .create_or_update_tags()
        .set_tags(Some(tags_of_group(name, tags)))
        .send()
        .await
        .about("CreateOrUpdateTags", name)?;
    Ok(())
}

/// Makes an empty group.
pub async fn create_group(aws: &Aws, group: &NewGroup) -> Result<(), Failure> {
    let tags = tags_of_group(&group.name, &group.tags);
    aws.autoscaling
        .create_auto_scaling_group()
        .auto_scaling_group_name(&group.name)
        .launch_template(template_specification(
            &group.template,
            group.template_version,
        ))
        .min_size(0)
        .max_size(0)
        .desired_capacity(0)
        .vpc_zone_identifier(group.subnets.join(","))
        .target_group_arns(&group.target_group)
        // ELB type replaces what stops answering; the grace period's default through the API is 0 seconds.
        .health_check_type("ELB")
        .health_check_grace_period(300)
        .set_tags(Some(tags))
        .send()
        .await
        .about("CreateAutoScalingGroup", &group.name)?;
    Ok(())
}

fn template_specification(template: &str, version: i64) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder()
        .launch_template_id(template)
        .version(version.to_string())
        .build()
}

/// The versions of a launch template that any group, or an instance of one, uses.
pub async fn find_versions_in_use(aws: &Aws, template: &str) -> Result<Vec<i64>, Failure> {
    let mut found = Vec::new();
    let mut pages = aws
        .autoscaling
        .describe_auto_scaling_groups()
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeAutoScalingGroups", template)?;
        for group in page.auto_scaling_groups.unwrap_or_default() {
            let of_group = group.launch_template.iter();
            let instances = group.instances.iter().flatten();
            let specifications =
                of_group.chain(instances.filter_map(|instance| instance.launch_template.as_ref()));
            found.extend(
                specifications
                    .filter(|specification| specification.launch_template_id() == Some(template))
                    .filter_map(|specification| number(Some(specification))),
            );
        }
    }
    Ok(found)
}
