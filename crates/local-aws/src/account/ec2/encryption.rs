//! Which key encrypts a disk: the one that is said, the account's default one, or that of the image it is made of
//! (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html>).

use super::launch_data::{BlockDevice, LaunchData};
use crate::account::{Account, ApiError};

/// The root device of every image here.
pub const ROOT: &str = "/dev/xvda";
/// The id of the key that EBS has for the account, which `alias/aws/ebs` names.
pub const DEFAULT_KEY: &str = "key/0e0b0000-0000-4000-8000-000000000000";

/// Refuses disks that AWS would not make.
pub(super) fn check(data: &LaunchData) -> Result<(), ApiError> {
    let is_wrong = |disk: &BlockDevice| disk.key.is_some() && disk.encrypted != Some(true);
    match data.block_devices.iter().any(is_wrong) {
        true => Err(ApiError::refused(
            "InvalidParameterDependency",
            "The parameter KmsKeyId requires the parameter Encrypted to be set.",
        )),
        false => Ok(()),
    }
}

/// The key of the root disk of a launch from an image.
pub(crate) fn key_of_root(account: &Account, data: &LaunchData, image: &str) -> Option<String> {
    let mut disks = data.block_devices.iter();
    let root = disks.find(|disk| disk.device == ROOT);
    let of_image = account.ec2.images.get(image)?.key.clone();
    match root {
        Some(disk) if disk.encrypted == Some(true) => {
            let default = || of_image.unwrap_or_else(|| account.arn("kms", DEFAULT_KEY));
            let given = disk.key.as_deref();
            Some(given.map_or_else(default, |key| arn(account, key)))
        }
        _ => of_image,
    }
}

/// A key by its ARN, its id or an alias.
pub(crate) fn arn(account: &Account, key: &str) -> String {
    match key {
        "alias/aws/ebs" => account.arn("kms", DEFAULT_KEY),
        key if key.starts_with("arn:") => key.to_owned(),
        key if key.starts_with("alias/") => account.arn("kms", key),
        id => account.arn("kms", &format!("key/{id}")),
    }
}
