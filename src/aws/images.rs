//! Amazon machine images and their snapshots.

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

/// Removes an image and its snapshots; they may be gone already.
pub async fn remove_image(aws: &Aws, image: &Image) -> Result<(), Failure> {
    let answer = aws
        .ec2
        .deregister_image()
        .image_id(&image.id)
        .send()
        .await
        .about("DeregisterImage", &image.id);
    match answer {
        Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for snapshot in &image.snapshots {
        delete_snapshot(aws, snapshot).await?;
    }
    Ok(())
}

/// Removes our snapshots with this tag: nothing but their tag leads to them once their image is gone.
pub async fn remove_snapshots_by_tag(aws: &Aws, key: &str, value: &str) -> Result<(), Failure> {
    for snapshot in find_snapshots_by_tag(aws, key, value).await? {
        delete_snapshot(aws, &snapshot).await?;
    }
    Ok(())
}

/// Our snapshots with this tag.
pub async fn find_snapshots_by_tag(
    aws: &Aws,
    key: &str,
    value: &str,
) -> Result<Vec<String>, Failure> {
    let answer = aws
        .ec2
        .describe_snapshots()
        .owner_ids("self")
        .filters(
            aws_sdk_ec2::types::Filter::builder()
                .name(format!("tag:{key}"))
                .values(value)
                .build(),
        )
        .send()
        .await
        .about("DescribeSnapshots", value)?;
    let snapshots = answer.snapshots.unwrap_or_default().into_iter();
    let ids = snapshots.filter_map(|snapshot| snapshot.snapshot_id);
    Ok(ids.collect())
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
    match answer {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
