//! The tags of what stands: who took them off took the right to change it from every role that is limited to them.
//!
//! Guarantees: what is another stack's was refused before ([`Names::owner_but_us`](crate::stack::Names::owner_but_us)).

use anyhow::Result;

use crate::aws::autoscaling::{self, Group};
use crate::aws::{Tags, bear, elbv2};
use crate::run::context::Context;

/// Gives load balancers, listeners, rules and target groups the tags that they have not.
pub(super) async fn ensure_of_load_balancing(
    cx: &Context,
    wanted: &[(String, Tags)],
) -> Result<()> {
    let arns: Vec<_> = wanted.iter().map(|(arn, _)| arn.clone()).collect();
    let described = elbv2::describe_tags(&cx.aws, &arns).await?;
    for (arn, wanted) in wanted {
        let held = described.iter().find(|(of, _)| of == arn);
        if held.is_some_and(|(_, held)| !bear(held, wanted)) {
            elbv2::add_tags(&cx.aws, arn, wanted).await?;
        }
    }
    Ok(())
}

/// Gives a group the tags that it has not.
pub(super) async fn ensure_of_group(cx: &Context, group: &Group, wanted: &Tags) -> Result<()> {
    if !bear(&group.tags, wanted) {
        autoscaling::tag_group(&cx.aws, &group.name, wanted).await?;
    }
    Ok(())
}
