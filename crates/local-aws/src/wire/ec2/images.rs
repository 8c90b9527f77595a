//! Images and snapshots on the wire.

use super::filters::Filters;
use super::{done, launch_data, page, tag_list, tag_specifications};
use crate::account::ec2::images::{self, AMAZON, Image, NewImage, Snapshot};
use crate::account::{Account, ApiError, Tags};
use crate::wire::node::{Node, iso8601};
use crate::wire::params::Params;

const IMAGE_FILTERS: &[&str] = &[
    "architecture",
    "block-device-mapping.snapshot-id",
    "creation-date",
    "description",
    "image-id",
    "image-type",
    "is-public",
    "name",
    "owner-alias",
    "owner-id",
    "root-device-type",
    "source-instance-id",
    "state",
    "virtualization-type",
];

const SNAPSHOT_FILTERS: &[&str] = &[
    "description",
    "encrypted",
    "owner-id",
    "progress",
    "snapshot-id",
    "status",
    "volume-id",
    "volume-size",
];

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let instance = params.required("InstanceId")?;
    let name = params.required("Name")?;
    let description = params.text("Description").unwrap_or_default();
    let without_reboot = params.boolean("NoReboot")?.unwrap_or(false);
    let specifications = tag_specifications(&mut params, &["image", "snapshot"])?;
    launch_data::read_block_devices(&mut params)?;
    params.finish()?;
    let tags_for = |kind: &str| -> Tags {
        specifications
            .iter()
            .filter(|(of, _)| of == kind)
            .flat_map(|(_, tags)| tags.clone())
            .collect()
    };
    let new = NewImage {
        instance,
        name,
        description,
        without_reboot,
        image_tags: tags_for("image"),
        snapshot_tags: tags_for("snapshot"),
    };
    let id = images::create(account, new)?;
    Ok(Node::map().put("ImageId", id))
}

fn state(image: &Image) -> &'static str {
    match (image.is_available, image.has_failed) {
        (true, _) => "available",
        (false, true) => "failed",
        (false, false) => "pending",
    }
}

fn owner<'a>(account: &'a Account, image: &Image) -> &'a str {
    if image.is_amazon { AMAZON } else { &account.id }
}

fn creation_date(image: &Image) -> String {
    image
        .created_at
        .map_or_else(|| "2025-11-17T18:04:11.000Z".to_owned(), iso8601)
}

fn show(account: &Account, image: &Image) -> Node {
    let owner = owner(account, image);
    let disk = Node::map().put("DeviceName", "/dev/xvda").put(
        "Ebs",
        Node::map()
            .put("DeleteOnTermination", true)
            .put("SnapshotId", &image.snapshot)
            .put("VolumeSize", image.size)
            .put("VolumeType", "gp3")
            .put("Encrypted", image.key.is_some()),
    );
    Node::map()
        .put("ImageId", &image.id)
        .put("ImageLocation", format!("{owner}/{}", image.name))
        .put_as("State", "imageState", state(image))
        .put_as("OwnerId", "imageOwnerId", owner)
        .put("CreationDate", creation_date(image))
        .put_as("Public", "isPublic", image.is_amazon)
        .put("Architecture", image.architecture)
        .put("ImageType", "machine")
        .put("PlatformDetails", "Linux/UNIX")
        .put("UsageOperation", "RunInstances")
        .put("Name", &image.name)
        .put("Description", &image.description)
        .put_some("ImageOwnerAlias", image.is_amazon.then_some("amazon"))
        .put("RootDeviceName", "/dev/xvda")
        .put("RootDeviceType", "ebs")
        .put("VirtualizationType", "hvm")
        .put("Hypervisor", "xen")
        .put("EnaSupport", true)
        .put("ImdsSupport", "v2.0")
        .put_some("SourceInstanceId", image.source_instance.as_ref())
        .put_as(
            "BlockDeviceMappings",
            "blockDeviceMapping",
            Node::list([disk]),
        )
        .put_as("Tags", "tagSet", tag_list(&image.tags))
}

/// Whether an image is among the owners a caller named: an account, `self` or `amazon`.
fn is_owned_by(account: &Account, image: &Image, owners: &[String]) -> bool {
    owners.is_empty()
        || owners.iter().any(|named| match named.as_str() {
            "self" => !image.is_amazon,
            "amazon" => image.is_amazon,
            id => id == owner(account, image),
        })
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = params.texts(&["ImageIds", "ImageId"]);
    let owners = params.texts(&["Owners", "Owner"]);
    let executable_by = params.texts(&["ExecutableUsers", "ExecutableBy"]);
    let filters = Filters::read(&mut params, IMAGE_FILTERS)?;
    let page = page(&mut params)?;
    params.boolean("IncludeDeprecated")?;
    params.boolean("IncludeDisabled")?;
    params.finish()?;
    for id in &ids {
        images::visible(account, id)?;
    }
    let found: Vec<_> = account
        .ec2
        .images
        .values()
        .filter(|image| image.visible_at <= account.now())
        .filter(|image| ids.is_empty() || ids.contains(&image.id))
        .filter(|image| is_owned_by(account, image, &owners))
        .filter(|image| {
            executable_by.is_empty()
                || executable_by.iter().any(|by| match by.as_str() {
                    "all" => image.is_amazon,
                    _ => !image.is_amazon,
                })
        })
        .filter(|image| {
            filters.admit(&image.tags, |name| {
                let fact = match name {
                    "architecture" => image.architecture.to_owned(),
                    "block-device-mapping.snapshot-id" => image.snapshot.clone(),
                    "creation-date" => creation_date(image),
                    "description" => image.description.clone(),
                    "image-id" => image.id.clone(),
                    "image-type" => "machine".to_owned(),
                    "is-public" => image.is_amazon.to_string(),
                    "name" => image.name.clone(),
                    "owner-alias" if image.is_amazon => "amazon".to_owned(),
                    "owner-id" => owner(account, image).to_owned(),
                    "root-device-type" => "ebs".to_owned(),
                    "source-instance-id" => image.source_instance.clone().unwrap_or_default(),
                    "state" => state(image).to_owned(),
                    "virtualization-type" => "hvm".to_owned(),
                    _ => return Vec::new(),
                };
                vec![fact]
            })
        })
        .map(|image| show(account, image))
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("Images", "imagesSet", Node::List(found))
        .put_some("NextToken", token))
}

pub(super) fn deregister(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = params.required("ImageId")?;
    let with_snapshots = params
        .boolean("DeleteAssociatedSnapshots")?
        .unwrap_or(false);
    params.finish()?;
    let deleted = images::deregister(account, &id, with_snapshots)?;
    Ok(done().put_as(
        "DeleteSnapshotResults",
        "deleteSnapshotResultSet",
        Node::list(deleted.into_iter().map(|(snapshot, code)| {
            Node::map()
                .put("SnapshotId", snapshot)
                .put("ReturnCode", code)
        })),
    ))
}

fn status(snapshot: &Snapshot) -> &'static str {
    if snapshot.is_complete {
        "completed"
    } else {
        "pending"
    }
}

fn progress(snapshot: &Snapshot) -> &'static str {
    if snapshot.is_complete { "100%" } else { "0%" }
}

fn show_snapshot(account: &Account, snapshot: &Snapshot) -> Node {
    Node::map()
        .put("SnapshotId", &snapshot.id)
        .put("VolumeId", &snapshot.volume)
        .put_as("State", "status", status(snapshot))
        .put("StartTime", snapshot.started_at)
        .put("Progress", progress(snapshot))
        .put("OwnerId", &account.id)
        .put("Description", &snapshot.description)
        .put("VolumeSize", snapshot.size)
        .put("Encrypted", snapshot.key.is_some())
        .put_some("KmsKeyId", snapshot.key.as_ref())
        .put("StorageTier", "standard")
        .put_as("Tags", "tagSet", tag_list(&snapshot.tags))
}

pub(super) fn describe_snapshots(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let ids = params.texts(&["SnapshotIds", "SnapshotId"]);
    let owners = params.texts(&["OwnerIds", "Owner"]);
    params.texts(&["RestorableByUserIds", "RestorableBy"]);
    let filters = Filters::read(&mut params, SNAPSHOT_FILTERS)?;
    let page = page(&mut params)?;
    params.finish()?;
    for id in &ids {
        images::visible_snapshot(account, id)?;
    }
    let ours = owners.is_empty()
        || owners
            .iter()
            .any(|owner| owner == "self" || *owner == account.id);
    let found: Vec<_> = account
        .ec2
        .snapshots
        .values()
        .filter(|snapshot| ours && snapshot.visible_at <= account.now())
        .filter(|snapshot| ids.is_empty() || ids.contains(&snapshot.id))
        .filter(|snapshot| {
            filters.admit(&snapshot.tags, |name| {
                let fact = match name {
                    "description" => snapshot.description.clone(),
                    "encrypted" => snapshot.key.is_some().to_string(),
                    "owner-id" => account.id.clone(),
                    "progress" => progress(snapshot).to_owned(),
                    "snapshot-id" => snapshot.id.clone(),
                    "status" => status(snapshot).to_owned(),
                    "volume-id" => snapshot.volume.clone(),
                    "volume-size" => snapshot.size.to_string(),
                    _ => return Vec::new(),
                };
                vec![fact]
            })
        })
        .map(|snapshot| show_snapshot(account, snapshot))
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("Snapshots", "snapshotSet", Node::List(found))
        .put_some("NextToken", token))
}

pub(super) fn delete_snapshot(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = params.required("SnapshotId")?;
    params.finish()?;
    images::delete_snapshot(account, &id)?;
    Ok(done())
}
