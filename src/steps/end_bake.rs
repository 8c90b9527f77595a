//! How a bake is ended: its automation, and the builder that it may have left.

use std::time::Duration;

use anyhow::Result;

use crate::aws::{Aws, ec2, ssm};
use crate::run::context::Undoing;
use crate::run::wait::{Limits, Look};
use crate::stack::TAG_DEPLOYMENT;

/// Ends every builder of this deployment that is not ending already; answers with the ids.
pub(super) async fn end_builders(aws: &Aws, deployment: &str) -> Result<Vec<String>> {
    let mut ended = Vec::new();
    for builder in ec2::find_builders(aws, TAG_DEPLOYMENT, deployment).await? {
        ec2::terminate_instance(aws, &builder.id).await?;
        ended.push(builder.id);
    }
    Ok(ended)
}

/// Ends an automation; false when it had ended already.
pub(super) async fn end_automation(cx: Undoing<'_>, automation: &str) -> Result<bool> {
    if ssm::describe_automation(cx.aws(), automation)
        .await?
        .has_ended()
    {
        return Ok(false);
    }
    ssm::cancel_automation(cx.aws(), automation).await?;
    // What onCancel may take.
    let limits = Limits::new(Duration::from_secs(300), Duration::from_secs(2))
        .growing_to(Duration::from_secs(5));
    cx.wait("the end of the cancelled bake", limits, || async {
        let state = ssm::describe_automation(cx.aws(), automation).await?;
        Ok(if state.has_ended() {
            Look::Ready(())
        } else {
            Look::NotYet(format!("it is {}", state.status))
        })
    })
    .await?;
    Ok(true)
}
