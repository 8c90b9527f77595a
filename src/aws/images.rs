//! Amazon machine images and their snapshots.

use aws_sdk_ec2::types::Snapshot;

use super::ec2::{filter, read_tags};
use super::error::{About as _, ErrorKind, Failure};
use super::{Aws, Tags};

/// An image, as far as a release needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// `ami-...`
    pub id: String,
    /// Its name: the recipe's address.
    pub name: String,
    /// `available`, `pending`, `failed`, ...
    pub state: String,
    /// `x86_64`, `arm64`, ...
    pub architecture: String,
    /// When it was made, as AWS writes it (sorts by time).
    pub created: String,
    /// Its tags.
    pub tags: Tags,
    /// The snapshots behind it.
    pub snapshots: Vec<String>,
}

impl Image {
    fn read(image: aws_sdk_ec2::types::Image) -> Self {
        Self {
            id: image.image_id.unwrap_or_default(),
            name: image.name.unwrap_or_default(),
            state: image
                .state
                .map(|state| state.as_str().to_owned())
                .unwrap_or_default(),
            architecture: image
                .architecture
                .map(|architecture| architecture.as_str().to_owned())
                .unwrap_or_default(),
            created: image.creation_date.unwrap_or_default(),
            tags: read_tags(image.tags),
            snapshots: image
                .block_device_mappings
                .unwrap_or_default()
                .into_iter()
                .filter_map(|mapping| mapping.ebs?.snapshot_id)
                .collect(),
        }
    }
}

async fn own_images(aws: &Aws, name: &str, value: &str) -> Result<Vec<Image>, Failure> {
    let mut images = Vec::new();
    let mut pages = aws
        .ec2
        .describe_images()
        .owners("self")
        .filters(filter(name, value))
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeImages", value)?;
        images.extend(page.images.unwrap_or_default().into_iter().map(Image::read));
    }
    images.sort_by(|a, b| b.created.cmp(&a.created));
    Ok(images)
}

/// Our image of this name.
pub async fn find_image_by_name(aws: &Aws, name: &str) -> Result<Option<Image>, Failure> {
    Ok(own_images(aws, "name", name).await?.into_iter().next())
}

/// Our images with this tag, the newest first.
pub async fn find_images_by_tag(aws: &Aws, key: &str, value: &str) -> Result<Vec<Image>, Failure> {
    own_images(aws, &format!("tag:{key}"), value).await
}

/// The image of this id, ours or anybody's.
pub async fn find_image(aws: &Aws, id: &str) -> Result<Option<Image>, Failure> {
    let answer = aws
        .ec2
        .describe_images()
        .image_ids(id)
        .send()
        .await
        .about("DescribeImages", id);
    match answer {
        Ok(answer) => Ok(answer
            .images
            .unwrap_or_default()
            .into_iter()
            .next()
            .map(Image::read)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes an image, and not its snapshots; it may be gone already.
pub async fn deregister_image(aws: &Aws, id: &str) -> Result<(), Failure> {
    let answer = aws
        .ec2
        .deregister_image()
        .image_id(id)
        .send()
        .await
        .about("DeregisterImage", id);
    let is_there = async || Ok(find_image(aws, id).await?.is_some());
    unless_gone(answer, is_there).await
}

/// Removes an image and its snapshots; they may be gone already.
pub async fn remove_image(aws: &Aws, image: &Image) -> Result<(), Failure> {
    deregister_image(aws, &image.id).await?;
    for snapshot in &image.snapshots {
        delete_snapshot(aws, snapshot).await?;
    }
    Ok(())
}

/// Removes our snapshots with this tag: nothing but their tag leads to them once their image is gone.
pub async fn remove_snapshots_by_tag(aws: &Aws, key: &str, value: &str) -> Result<(), Failure> {
    let tags = Tags::from([(key.to_owned(), value.to_owned())]);
    for snapshot in find_snapshots(aws, &tags).await? {
        delete_snapshot(aws, &snapshot).await?;
    }
    Ok(())
}

/// The account's snapshots that bear all these tags.
pub async fn find_snapshots(aws: &Aws, tags: &Tags) -> Result<Vec<String>, Failure> {
    let found = describe_snapshots(aws, tags).await?;
    let ids = found
        .into_iter()
        .filter_map(|snapshot| snapshot.snapshot_id);
    Ok(ids.collect())
}

async fn describe_snapshots(aws: &Aws, tags: &Tags) -> Result<Vec<Snapshot>, Failure> {
    let filters = tags
        .iter()
        .map(|(key, value)| filter(&format!("tag:{key}"), value));
    let answer = aws
        .ec2
        .describe_snapshots()
        .owner_ids("self")
        .set_filters(Some(filters.collect()))
        .send()
        .await
        .about("DescribeSnapshots", format!("{tags:?}"))?;
    Ok(answer.snapshots.unwrap_or_default())
}

/// By which keys the account's snapshots with these tags are encrypted.
pub async fn find_keys(aws: &Aws, tags: &Tags) -> Result<Vec<String>, Failure> {
    let found = describe_snapshots(aws, tags).await?;
    let keys = found.into_iter().filter_map(|snapshot| snapshot.kms_key_id);
    Ok(keys.collect())
}

/// The key that encrypts a disk for which none is named.
pub async fn find_default_key(aws: &Aws) -> Result<Option<String>, Failure> {
    let answer = aws
        .ec2
        .get_ebs_default_kms_key_id()
        .send()
        .await
        .about("GetEbsDefaultKmsKeyId", "")?;
    Ok(answer.kms_key_id)
}

/// Deletes a snapshot; it may be gone already.
pub async fn delete_snapshot(aws: &Aws, snapshot: &str) -> Result<(), Failure> {
    let answer = aws
        .ec2
        .delete_snapshot()
        .snapshot_id(snapshot)
        .send()
        .await
        .about("DeleteSnapshot", snapshot);
    unless_gone(answer, async || has_snapshot(aws, snapshot).await).await
}

/// Whether an image is there, or a snapshot of it.
pub async fn is_any_left(aws: &Aws, image: &Image) -> Result<bool, Failure> {
    let mut is_left = find_image(aws, &image.id).await?.is_some();
    for snapshot in &image.snapshots {
        is_left = is_left || has_snapshot(aws, snapshot).await?;
    }
    Ok(is_left)
}

/// Whether a snapshot is there.
pub async fn has_snapshot(aws: &Aws, snapshot: &str) -> Result<bool, Failure> {
    let answer = aws
        .ec2
        .describe_snapshots()
        .snapshot_ids(snapshot)
        .send()
        .await
        .about("DescribeSnapshots", snapshot);
    match answer {
        Ok(answer) => Ok(!answer.snapshots.unwrap_or_default().is_empty()),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What came of a removal: what is not there was removed. What is gone bears no tag any more, and may be refused only for that.
async fn unless_gone<T>(
    answer: Result<T, Failure>,
    is_there: impl AsyncFnOnce() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    match answer {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind == ErrorKind::Denied => match is_there().await? {
            true => Err(error),
            false => Ok(()),
        },
        answer => answer.map(drop),
    }
}
