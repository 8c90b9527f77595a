//! What bakes left that did not end as they should: a builder that outlived its runbook, a snapshot whose image is gone.

use anyhow::Result;

use crate::aws::ec2::{self, Instance};
use crate::aws::{Aws, images, ssm};
use crate::stack::{Names, TAG_APP};

/// It.
#[derive(Debug)]
pub(crate) struct Left {
    /// Builders that no runbook will end.
    pub(crate) builders: Vec<Instance>,
    /// Snapshots that nothing but their tags leads to.
    pub(crate) snapshots: Vec<String>,
}

/// What bakes of the environment left; `None` while one is under way, whose it may be.
pub(crate) async fn find(aws: &Aws, names: &Names) -> Result<Option<Left>> {
    let mut builders = ec2::find_builders(aws, TAG_APP, &names.app).await?;
    builders.retain(|builder| names.made(&builder.tags));
    let snapshots = find_orphans(aws, names).await?;
    let is_nothing = builders.is_empty() && snapshots.is_empty();
    // The bakes last: one that began meanwhile is seen, and what was seen before it is not its own. The names of the runbooks of
    // verifications begin like those of releases.
    if !is_nothing && !ssm::list_under_way(aws, &names.runbook()).await?.is_empty() {
        return Ok(None);
    }
    Ok(Some(Left {
        builders,
        snapshots,
    }))
}

/// The environment's snapshots that no image of the app's has.
pub(crate) async fn find_orphans(aws: &Aws, names: &Names) -> Result<Vec<String>> {
    // The snapshots first: of one that is made meanwhile the image is seen.
    let mut snapshots = images::find_snapshots(aws, &names.tags()).await?;
    let images = images::find_images_by_tag(aws, TAG_APP, &names.app).await?;
    snapshots.retain(|id| !images.iter().any(|image| image.snapshots.contains(id)));
    Ok(snapshots)
}
