//! What the app's bucket holds of the environment, in all its versions: bundles, and what runs said of themselves. The lease is
//! there, so it goes last; and the bucket with it, if nothing else is in it.

use std::collections::BTreeSet;

use anyhow::Result;

use super::removal::Removal;
use super::{Left, not_ours};
use crate::aws::Aws;
use crate::aws::error::{ErrorKind, Failure};
use crate::aws::lease::Place;
use crate::aws::s3::removal::{Version, delete_bucket, delete_versions, find_tags, find_versions};
use crate::aws::s3::{Bucket, has_bucket};
use crate::run::context::Context;
use crate::stack::{Names, TAG_APP};

/// How often a page of versions is asked for: a thousand each, of a lease that is written every few seconds, and kept for a week.
const MOST_PAGES: usize = 1_000;

/// Where the environment's objects are.
fn prefixes(names: &Names) -> [String; 2] {
    let environment = &names.environment;
    ["bundles", "state"].map(|folder| format!("{folder}/{environment}/"))
}

/// What is there to be removed, for people.
pub(super) async fn look(
    aws: &Aws,
    names: &Names,
    bucket: &Bucket,
    strangers: &mut Vec<Left>,
) -> Result<Option<String>> {
    if !is_ours(aws, names, bucket, strangers).await? {
        return Ok(None);
    }
    let mut found = Vec::new();
    for prefix in prefixes(names) {
        if !find_versions(aws, bucket, &prefix).await?.is_empty() {
            found.push(prefix);
        }
    }
    Ok(Some(match found.is_empty() {
        true if others(aws, bucket).await?.is_empty() => format!("bucket {}", bucket.name),
        true => return Ok(None),
        false => format!(
            "{} in bucket {}, and the bucket if nothing else is in it",
            found.join(" and "),
            bucket.name
        ),
    }))
}

/// Whether it is there, and bears the app's tag.
async fn is_ours(
    aws: &Aws,
    names: &Names,
    bucket: &Bucket,
    strangers: &mut Vec<Left>,
) -> Result<bool> {
    if !has_bucket(aws, bucket).await? {
        return Ok(false);
    }
    let tags = find_tags(aws, bucket).await?.unwrap_or_default();
    let is_ours = tags.get(TAG_APP) == Some(&names.app);
    if !is_ours {
        strangers.push(not_ours(format!("bucket {}", bucket.name)));
    }
    Ok(is_ours)
}

/// The first keys of the bucket.
async fn others(aws: &Aws, bucket: &Bucket) -> Result<Vec<String>, Failure> {
    let all = find_versions(aws, bucket, "").await?;
    let keys: BTreeSet<_> = all.into_iter().map(|version| version.key).collect();
    Ok(keys.into_iter().collect())
}

/// Removes all that is the environment's but the lease, which is held meanwhile.
pub(super) async fn empty(cx: &Context, names: &Names, place: &Place) -> Result<()> {
    for prefix in prefixes(names) {
        let is_spared = |version: &Version| version.key == place.key && version.is_latest;
        clear(cx, &place.bucket, &prefix, is_spared).await?;
    }
    Ok(())
}

/// Removes the lease. It was held a moment ago: nobody else takes it before its time has passed.
pub(super) async fn remove_lease(cx: &Context, place: &Place) -> Result<()> {
    cx.still_held().await?;
    if let Some(lease) = &cx.lease {
        lease.dissolve();
    }
    let all = find_versions(&cx.aws, &place.bucket, &place.key).await?;
    delete_all(&cx.aws, &place.bucket, &all).await?;
    Ok(())
}

async fn clear(
    cx: &Context,
    bucket: &Bucket,
    prefix: &str,
    is_spared: impl Fn(&Version) -> bool,
) -> Result<()> {
    for _ in 0..MOST_PAGES {
        let mut page = find_versions(&cx.aws, bucket, prefix).await?;
        page.retain(|version| !is_spared(version));
        if page.is_empty() {
            return Ok(());
        }
        cx.still_held().await?;
        delete_all(&cx.aws, bucket, &page).await?;
    }
    anyhow::bail!("{prefix} of bucket {} does not become empty", bucket.name)
}

async fn delete_all(aws: &Aws, bucket: &Bucket, all: &[Version]) -> Result<(), Failure> {
    match all {
        [] => Ok(()),
        all => delete_versions(aws, bucket, all).await,
    }
}

/// Removes the bucket, if nothing is in it any more.
pub(super) async fn remove(removal: &mut Removal<'_>, cx: &Context, place: &Place) -> Result<()> {
    let bucket = &place.bucket;
    let what = format!("bucket {}", bucket.name);
    let held = others(&cx.aws, bucket).await?;
    if !held.is_empty() {
        tell_others(removal, what, &held);
        return Ok(());
    }
    match delete_bucket(&cx.aws, bucket).await {
        Ok(()) => removal.removed(what),
        // Somebody was faster.
        Err(error) if error.code == "BucketNotEmpty" => {
            let held = others(&cx.aws, bucket).await?;
            tell_others(removal, what, &held);
        }
        Err(error) if error.kind == ErrorKind::Denied && !has_bucket(&cx.aws, bucket).await? => {
            removal.removed(what);
        }
        Err(error) => removal.left(Left {
            what,
            why: error.to_string(),
        }),
    }
    Ok(())
}

fn tell_others(removal: &mut Removal<'_>, what: String, held: &[String]) {
    let environment = |key: &String| {
        let mut parts = key.split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("bundles" | "state"), Some(environment), Some(_)) => Some(environment.to_owned()),
            _ => None,
        }
    };
    let environments: BTreeSet<_> = held.iter().filter_map(environment).collect();
    let strange = held.iter().find(|key| environment(key).is_none());
    match strange {
        Some(key) => removal.left(Left {
            what,
            why: format!("{key} is in it, which is not bg-deploy's"),
        }),
        None => {
            let environments: Vec<_> = environments.into_iter().collect();
            let why = format!("it is that of {} as well", environments.join(" and "));
            removal.kept(Left { what, why });
        }
    }
}
