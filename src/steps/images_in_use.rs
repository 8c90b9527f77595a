//! Which images must stand: those that any environment of the app starts instances from, or may have to.
//!
//! An environment may take what another one has baked (`bake.take-from`). So whoever removes an image looks at the templates of
//! all of them first.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::aws::Aws;
use crate::aws::autoscaling::find_versions_in_use;
use crate::aws::launch_templates::{Version, describe_versions, find_templates_by_tag};
use crate::stack::TAG_APP;

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
    let mut images = BTreeSet::new();
    for Published { template, versions } in published(aws, app).await? {
        let by_a_group = find_versions_in_use(aws, &template).await?;
        let counts = |version: &Version| {
            by_a_group.contains(&version.number) || (template != ours && is_young(version, now))
        };
        let counting = versions.into_iter().filter(counts);
        images.extend(counting.map(|version| version.image));
    }
    Ok(images)
}

/// The same of the other environments alone; what is `ours` is gone, or is to go.
pub(crate) async fn in_use_by_others(
    aws: &Aws,
    app: &str,
    ours: &[String],
    now: SystemTime,
) -> Result<BTreeSet<String>> {
    let mut images = BTreeSet::new();
    for Published { template, versions } in published(aws, app).await? {
        if ours.contains(&template) {
            continue;
        }
        let by_a_group = find_versions_in_use(aws, &template).await?;
        let counting = versions
            .into_iter()
            .filter(|version| by_a_group.contains(&version.number) || is_young(version, now));
        images.extend(counting.map(|version| version.image));
    }
    Ok(images)
}

fn is_young(version: &Version, now: SystemTime) -> bool {
    now.duration_since(version.created)
        .is_ok_and(|age| age < YOUNG)
}

/// A launch template of an environment.
pub(super) struct Published {
    /// Its name.
    pub(super) template: String,
    /// Its versions.
    pub(super) versions: Vec<Version>,
}

/// What was published for the app, in all its environments.
pub(super) async fn published(aws: &Aws, app: &str) -> Result<Vec<Published>> {
    let mut all = Vec::new();
    for template in find_templates_by_tag(aws, TAG_APP, app).await? {
        let versions = describe_versions(aws, &template).await?;
        all.push(Published { template, versions });
    }
    Ok(all)
}
