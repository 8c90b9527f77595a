//! The end of a group.

use anyhow::Result;

use super::describe_group;
use crate::aws::Aws;
use crate::aws::elbv2::Routes;
use crate::aws::error::{About as _, ErrorKind};
use crate::aws::witness::{Contradiction, Held, NoWeight};

/// Nothing leads visitors to this group now, of whose target groups some may be gone: to those nothing leads.
pub async fn see_no_way(aws: &Aws, group: &str) -> Result<NoWeight> {
    let mut carrying = Vec::new();
    for target_group in describe_group(aws, group).await?.target_groups {
        let one = [target_group];
        match Routes::look(aws, &one).await {
            Ok(routes) => carrying.extend(routes.to(&one).into_iter().map(|it| it.words())),
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    match carrying.is_empty() {
        true => Ok(NoWeight::seen(group)),
        false => Err(Contradiction::Carries {
            group: group.to_owned(),
            routes: carrying,
        }
        .into()),
    }
}

/// Begins to delete a group without visitors, with all its instances, whatever protects them from a scale-in; it may be gone
/// already. Its hooks, policies and scheduled actions go with it.
pub async fn delete_group(aws: &Aws, held: Option<Held>, idle: NoWeight) -> Result<()> {
    let name = idle.spend()?;
    held.map(Held::spend).transpose()?;
    let answer = aws
        .autoscaling
        .delete_auto_scaling_group()
        .auto_scaling_group_name(&name)
        .force_delete(true)
        .send()
        .await
        .about("DeleteAutoScalingGroup", &name);
    match answer {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
