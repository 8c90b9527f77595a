//! How a bake is ended: its automation, the builder that it may have left, and what it made.

use std::time::Duration;

use anyhow::Result;

use super::images_in_use::{self, Published};
use crate::aws::images::{self, Image};
use crate::aws::launch_templates::Version;
use crate::aws::witness::Contradiction;
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

/// Ends the builder and removes the image, as far as they can be seen.
pub(super) async fn remove_what_it_made(
    cx: Undoing<'_>,
    app: &str,
    deployment: &str,
    undone: &mut Vec<String>,
) -> Result<()> {
    let aws = cx.aws();
    for builder in end_builders(aws, deployment).await? {
        undone.push(format!("ended builder {builder}"));
    }
    let images = images::find_images_by_tag(aws, TAG_DEPLOYMENT, deployment).await?;
    if !images.is_empty() && !may_remove(aws, (app, deployment), &images, undone).await? {
        return Ok(());
    }
    for image in images {
        images::remove_image(aws, &image).await?;
        undone.push(format!("removed image {}", image.id));
    }
    // Of an image that was removed by whoever was stopped before its snapshot was.
    images::remove_snapshots_by_tag(aws, TAG_DEPLOYMENT, deployment).await?;
    Ok(())
}

/// Whether no template version starts instances from these images; one of another run is a reason to leave them, one of
/// this run should be gone by now.
async fn may_remove(
    aws: &Aws,
    (app, deployment): (&str, &str),
    images: &[Image],
    undone: &mut Vec<String>,
) -> Result<bool> {
    let mut left_by_this = None;
    for Published { template, versions } in images_in_use::published(aws, app).await? {
        let of_these = |version: &&Version| images.iter().any(|it| it.id == version.image);
        for version in versions.iter().filter(of_these) {
            if version.tags.get(TAG_DEPLOYMENT).map(String::as_str) != Some(deployment) {
                let image = &version.image;
                undone.push(format!("left image {image}, which another release uses"));
                return Ok(false);
            }
            left_by_this = Some(Contradiction::InUse {
                what: version.image.clone(),
                by: format!("version {} of {template}", version.number),
            });
        }
    }
    match left_by_this {
        Some(left) => Err(left.into()),
        None => Ok(true),
    }
}
