//! Which images must stand: those that any environment of the app starts instances from, or may have to.
//!
//! Environments share images: what one baked, another takes when its recipe is the same. So whoever removes an image looks
//! at the templates of all of them first.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::aws::autoscaling::find_versions_in_use;
use crate::aws::launch_templates::{Version, describe_versions, find_templates_by_tag};
use crate::aws::{Aws, Tags};
use crate::stack::{TAG_APP, TAG_DEPLOYMENT};

/// Longer than a run takes from the version that it publishes to the group that starts from it.
const YOUNG: Duration = Duration::from_secs(3600);

/// The images that a group of the app can start an instance from, in any environment, or is about to in another one than
/// that of the template `ours`, whose turn the caller has.
pub(super) async fn in_use(
    aws: &Aws,
    app: &str,
    ours: &str,
    now: SystemTime,
) -> Result<BTreeSet<String>> {
    let is_young = |version: &Version| {
        now.duration_since(version.created)
            .is_ok_and(|age| age < YOUNG)
    };
    named(aws, app, |template, version, by_a_group| {
        by_a_group || (template != ours && is_young(version))
    })
    .await
}

/// The images that a deployment other than this one has released from, or is about to.
pub(super) async fn of_others(aws: &Aws, app: &str, deployment: &str) -> Result<BTreeSet<String>> {
    let is_ours = |tags: &Tags| tags.get(TAG_DEPLOYMENT).is_some_and(|of| of == deployment);
    named(aws, app, |_, version, _| !is_ours(&version.tags)).await
}

/// The images of those template versions for which `counts` holds, which is told of the template, of the version, and whether
/// a group names it.
async fn named(
    aws: &Aws,
    app: &str,
    counts: impl Fn(&str, &Version, bool) -> bool,
) -> Result<BTreeSet<String>> {
    let mut images = BTreeSet::new();
    for template in find_templates_by_tag(aws, TAG_APP, app).await? {
        let versions = describe_versions(aws, &template).await?;
        let by_a_group = find_versions_in_use(aws, &template).await?;
        images.extend(
            versions
                .into_iter()
                .filter(|version| counts(&template, version, by_a_group.contains(&version.number)))
                .map(|version| version.image),
        );
    }
    Ok(images)
}
