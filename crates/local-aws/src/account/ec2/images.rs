//! Images and their snapshots.

use std::time::{Duration, SystemTime};

use super::instances::{self, Lifecycle};
use super::{State, Timed, check_id, first_seen, lives};
use crate::account::machine::MachineOrder;
use crate::account::{self, Account, ApiError, Tags};

/// The id of Amazon Linux 2023 for x86_64.
pub const AMAZON_LINUX: &str = "ami-0a1b2c3d4e5f60001";
/// The id of Amazon Linux 2023 for arm64.
pub const AMAZON_LINUX_ARM: &str = "ami-0a1b2c3d4e5f60002";
/// The account that publishes Amazon's images.
pub const AMAZON: &str = "137112412989";

/// An image.
#[derive(Clone, Debug)]
pub struct Image {
    /// `ami-...`
    pub id: String,
    /// Unique in its owner's account.
    pub name: String,
    /// In words.
    pub description: String,
    /// Whether it can be launched: "pending" before.
    pub is_available: bool,
    /// Whether it never will be: "failed".
    pub has_failed: bool,
    /// Whether Amazon published it; else it is this account's.
    pub is_amazon: bool,
    /// "x86_64" or "arm64".
    pub architecture: &'static str,
    /// When it was made; Amazon's: long ago.
    pub created_at: Option<SystemTime>,
    /// The snapshot of its disk.
    pub snapshot: String,
    /// In GiB.
    pub size: i64,
    /// The key that encrypts it, by ARN; `None`: it is not encrypted.
    pub key: Option<String>,
    /// The instance it was made from.
    pub source_instance: Option<String>,
    /// From when on describes show it.
    pub visible_at: Duration,
    /// Its tags.
    pub tags: Tags,
}

/// A snapshot of a disk.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// `snap-...`
    pub id: String,
    /// The volume it was made of.
    pub volume: String,
    /// In words.
    pub description: String,
    /// Whether it is complete: "pending" before.
    pub is_complete: bool,
    /// In GiB.
    pub size: i64,
    /// The key that encrypts it, by ARN; `None`: it is not encrypted.
    pub key: Option<String>,
    /// When it was begun.
    pub started_at: SystemTime,
    /// From when on describes show it.
    pub visible_at: Duration,
    /// Its tags.
    pub tags: Tags,
}

/// What CreateImage is asked for.
#[derive(Clone, Debug, Default)]
pub struct NewImage {
    /// The instance.
    pub instance: String,
    /// The image's name.
    pub name: String,
    /// In words.
    pub description: String,
    /// Whether the instance runs on.
    pub without_reboot: bool,
    /// Tags of the image.
    pub image_tags: Tags,
    /// Tags of its snapshot.
    pub snapshot_tags: Tags,
}

/// Adds the images that Amazon publishes.
pub(super) fn add_public(state: &mut State, id: &dyn Fn(&str) -> String) {
    for (known, architecture) in [(AMAZON_LINUX, "x86_64"), (AMAZON_LINUX_ARM, "arm64")] {
        let image = Image {
            id: id(known),
            name: format!("al2023-ami-2023.9.20251117.1-kernel-6.1-{architecture}"),
            description: format!(
                "Amazon Linux 2023 AMI 2023.9.20251117.1 {architecture} HVM kernel-6.1"
            ),
            is_available: true,
            has_failed: false,
            is_amazon: true,
            architecture,
            created_at: None,
            snapshot: id(known).replace("ami-", "snap-"),
            size: 8,
            key: None,
            source_instance: None,
            visible_at: Duration::ZERO,
            tags: Tags::new(),
        };
        state.images.insert(image.id.clone(), image);
    }
}

/// An image that exists and can be seen.
pub fn visible<'a>(account: &'a Account, id: &str) -> Result<&'a Image, ApiError> {
    check_id(id, "ami", "InvalidAMIID.Malformed")?;
    account
        .ec2
        .images
        .get(id)
        .filter(|image| image.visible_at <= account.now())
        .ok_or_else(|| {
            ApiError::refused(
                "InvalidAMIID.NotFound",
                &format!("The image id '[{id}]' does not exist"),
            )
        })
}

/// An image that can be launched.
pub fn launchable<'a>(account: &'a Account, id: &str) -> Result<&'a Image, ApiError> {
    let image = visible(account, id)?;
    if image.is_available {
        return Ok(image);
    }
    Err(ApiError::refused(
        "InvalidAMIID.Unavailable",
        &format!("The image ID '{id}' is not available"),
    ))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "()[] ./-'@_".contains(letter);
    if (3..=128).contains(&name.chars().count()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(ApiError::refused(
        "InvalidAMIName.Malformed",
        "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '[', ']', ' ', '.', '/', '-', ''', '@' and '_'",
    ))
}

/// Begins to make an image of an instance.
pub fn create(account: &mut Account, new: NewImage) -> Result<String, ApiError> {
    check_name(&new.name)?;
    super::tags::check(&new.image_tags)?;
    super::tags::check(&new.snapshot_tags)?;
    let instance = instances::visible(account, &new.instance)?.clone();
    if !matches!(instance.state, Lifecycle::Running | Lifecycle::Stopped) {
        return Err(ApiError::refused(
            "IncorrectState",
            "Instance is not in state 'running' or 'stopped'",
        ));
    }
    let taken = account
        .ec2
        .images
        .values()
        .find(|image| !image.is_amazon && image.name == new.name);
    if let Some(other) = taken {
        return Err(ApiError::refused(
            "InvalidAMIName.Duplicate",
            &format!(
                "AMI name {} is already in use by AMI {}",
                new.name, other.id
            ),
        ));
    }
    let id = account.resource_id("ami");
    let snapshot = account.resource_id("snap");
    let visible_at = first_seen(account);
    let now = account.utc();
    account.ec2.snapshots.insert(
        snapshot.clone(),
        Snapshot {
            id: snapshot.clone(),
            volume: instance.volume.id.clone(),
            description: format!("Created by CreateImage({}) for {id}", instance.id),
            is_complete: false,
            size: instance.volume.size,
            key: instance.volume.key.clone(),
            started_at: now,
            visible_at,
            tags: new.snapshot_tags,
        },
    );
    account.ec2.images.insert(
        id.clone(),
        Image {
            id: id.clone(),
            name: new.name,
            description: new.description,
            is_available: false,
            has_failed: false,
            is_amazon: false,
            architecture: super::launch::architecture(&instance.instance_type),
            created_at: Some(now),
            snapshot,
            size: instance.volume.size,
            key: instance.volume.key.clone(),
            source_instance: Some(instance.id.clone()),
            visible_at,
            tags: new.image_tags,
        },
    );
    copy_disk(account, &instance, &id, new.without_reboot);
    let pace = account.pace.image_create;
    let delay = account.draw(pace);
    let event = Timed::ImageAvailable { image: id.clone() };
    account.after(delay, account::Timed::Ec2(event));
    Ok(id)
}

/// Has the machine's disk copied, with its processes stopped unless the caller wants none of that.
fn copy_disk(
    account: &mut Account,
    instance: &instances::Instance,
    image: &str,
    without_reboot: bool,
) {
    let reboots = instance.state == Lifecycle::Running && !without_reboot;
    if reboots {
        lives::take_down(account, &instance.id);
    }
    account.order(MachineOrder::Snapshot {
        instance: instance.id.clone(),
        image: image.to_owned(),
    });
    if reboots {
        lives::boot_again(account, &instance.id);
    }
}

pub(super) fn become_available(account: &mut Account, id: &str) {
    let fails = account.faults.meet_image();
    let ec2 = &mut account.ec2;
    if let Some(image) = ec2.images.get_mut(id) {
        if fails {
            image.has_failed = true;
            account.reached(account.now(), "failed", id);
            return;
        }
        image.is_available = true;
        if let Some(snapshot) = ec2.snapshots.get_mut(&image.snapshot) {
            snapshot.is_complete = true;
        }
        account.reached(account.now(), "available", id);
    }
}

/// Deregisters an image; when asked to, deletes its snapshots, and answers what came of each. One that another image uses stays
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html>).
pub fn deregister(
    account: &mut Account,
    id: &str,
    with_snapshots: bool,
) -> Result<Vec<(String, &'static str)>, ApiError> {
    let image = visible(account, id)?.clone();
    if image.is_amazon {
        return Err(ApiError::refused(
            "AuthFailure",
            &format!("Not authorized for image:{id}"),
        ));
    }
    account.ec2.images.remove(id);
    account.order(MachineOrder::DropImage {
        image: id.to_owned(),
    });
    if !with_snapshots {
        return Ok(Vec::new());
    }
    let mut others = account.ec2.images.values();
    let code = match others.any(|other| other.snapshot == image.snapshot) {
        true => "skipped",
        false => {
            account.ec2.snapshots.remove(&image.snapshot);
            "success"
        }
    };
    Ok(vec![(image.snapshot, code)])
}

/// A snapshot that exists and can be seen.
pub fn visible_snapshot<'a>(account: &'a Account, id: &str) -> Result<&'a Snapshot, ApiError> {
    check_id(id, "snap", "InvalidSnapshotID.Malformed")?;
    account
        .ec2
        .snapshots
        .get(id)
        .filter(|snapshot| snapshot.visible_at <= account.now())
        .ok_or_else(|| {
            ApiError::refused(
                "InvalidSnapshot.NotFound",
                &format!("The snapshot '{id}' does not exist."),
            )
        })
}

/// Deletes a snapshot that no image uses.
pub fn delete_snapshot(account: &mut Account, id: &str) -> Result<(), ApiError> {
    visible_snapshot(account, id)?;
    let user = account
        .ec2
        .images
        .values()
        .find(|image| image.snapshot == id);
    if let Some(image) = user {
        return Err(ApiError::refused(
            "InvalidSnapshot.InUse",
            &format!("The snapshot {id} is currently in use by {}", image.id),
        ));
    }
    account.ec2.snapshots.remove(id);
    Ok(())
}
