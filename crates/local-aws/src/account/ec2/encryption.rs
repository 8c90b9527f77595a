//! Which key encrypts a disk: the one that is said, the account's default one, or that of the image it is made of
//! (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html>).

use std::collections::BTreeSet;

use super::launch_data::{BlockDevice, LaunchData};
use crate::account::{Account, ApiError};

/// The root device of every image here.
pub const ROOT: &str = "/dev/xvda";
/// The id of the key that EBS has for the account, which `alias/aws/ebs` names.
pub const DEFAULT_KEY: &str = "key/0e0b0000-0000-4000-8000-000000000000";

/// How a region encrypts what nobody says a key for.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Every new disk is encrypted, whether or not that is asked for.
    pub always: bool,
    /// The account's own key for it, by ARN; `None`: the one that EBS has.
    pub key: Option<String>,
    /// Keys of the account's own, by ARN, that do not let Auto Scaling's service-linked role use them
    /// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>).
    pub closed_to_groups: BTreeSet<String>,
}

/// What GetEbsDefaultKmsKeyId answers.
pub fn default_key(account: &Account) -> String {
    let own = account.ec2.encryption.key.clone();
    own.unwrap_or_else(|| "alias/aws/ebs".to_owned())
}

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
    let is_asked_for = root.is_some_and(|disk| disk.encrypted == Some(true));
    let named = root.and_then(|disk| disk.key.as_deref());
    key_of(account, (is_asked_for, named), image)
}

/// The key of a disk made of an image, where encryption is asked for or not, by a key that may be named.
pub(crate) fn key_of(
    account: &Account,
    (is_asked_for, named): (bool, Option<&str>),
    image: &str,
) -> Option<String> {
    let held = account.ec2.images.get(image);
    let of_image = held.and_then(|image| image.key.clone());
    let default = || arn(account, &default_key(account));
    match (is_asked_for, named) {
        (true, Some(named)) => Some(arn(account, named)),
        (true, None) => Some(of_image.unwrap_or_else(default)),
        _ => of_image.or_else(|| account.ec2.encryption.always.then(default)),
    }
}

/// Whether the disk of an instance is encrypted by a key that Auto Scaling may not use.
pub(in crate::account) fn is_closed_to_groups(account: &Account, instance: &str) -> bool {
    let held = account.ec2.instances.get(instance);
    let key = held.and_then(|instance| instance.volume.key.as_ref());
    key.is_some_and(|key| account.ec2.encryption.closed_to_groups.contains(key))
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
