//! One colour of a stack as it stands: its group, its targets, and how they are checked.

use std::collections::BTreeMap;
use std::time::SystemTime;

use anyhow::Result;
use futures_util::future::try_join_all;

use super::Automations;
use crate::aws::Aws;
use crate::aws::autoscaling::{Group, Member};
use crate::aws::elbv2::{self, HealthCheck, Target, TargetGroup};
use crate::aws::error::Failure;
use crate::names::Colour;
use crate::stack::Names;

/// One colour as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Its group.
    pub group: Group,
    /// Its targets.
    pub targets: Vec<Target>,
    /// How its target group checks them; `None` when that does not exist.
    pub check: Option<HealthCheck>,
    /// The automation that is to scale it in.
    pub scale_in: Option<String>,
    /// When AWS is to scale it in, if nobody is led to it by then: it is retained until then.
    pub scale_in_at: Option<SystemTime>,
}

impl Stack {
    /// How many of its targets are healthy.
    pub fn healthy(&self) -> u32 {
        let healthy = self
            .targets
            .iter()
            .filter(|target| target.state == "healthy");
        u32::try_from(healthy.count()).unwrap_or(u32::MAX)
    }

    /// Whether it is to have instances.
    pub fn is_up(&self) -> bool {
        self.group.capacity.desired > 0
    }

    /// Whether it has instances, and every one was started from this template version.
    pub fn runs_only(&self, version: i64) -> bool {
        let members = &self.group.members;
        let is_of_it = |member: &Member| member.template_version == Some(version);
        !members.is_empty() && members.iter().all(is_of_it)
    }
}

/// The colours whose group exists.
pub(super) async fn find(
    aws: &Aws,
    names: &Names,
    groups: Vec<Group>,
    target_groups: &Option<[TargetGroup; 2]>,
    automations: &Automations,
) -> Result<BTreeMap<Colour, Stack>> {
    let each = Colour::BOTH.map(async |colour| {
        let name = names.group(colour);
        let Some(group) = groups.iter().find(|group| group.name == name) else {
            return Ok::<_, Failure>(None);
        };
        let mut named = target_groups.iter().flatten();
        let target_group = named.find(|group| group.name == names.target_group(colour));
        let targets = Box::pin(targets(aws, target_group.map(|group| group.arn.as_str())));
        let scale_in = automations.scale_in_of(names, colour);
        let stack = Stack {
            targets: targets.await?,
            check: target_group.map(|group| group.check.clone()),
            scale_in: scale_in.map(|due| due.id.clone()),
            scale_in_at: scale_in.map(|due| due.at),
            group: group.clone(),
        };
        Ok(Some((colour, stack)))
    });
    let stacks = try_join_all(each).await?;
    Ok(stacks.into_iter().flatten().collect())
}

async fn targets(aws: &Aws, target_group: Option<&str>) -> Result<Vec<Target>, Failure> {
    match target_group {
        Some(target_group) => elbv2::describe_targets(aws, target_group).await,
        None => Ok(Vec::new()),
    }
}
