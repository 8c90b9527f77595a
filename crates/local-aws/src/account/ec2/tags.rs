//! Tags of EC2's resources, whatever their kind.

use crate::account::lag::Eye;
use crate::account::{Account, ApiError, Tags};

/// The tags of a resource, as policies know it, or the error that EC2 has for what is not there, an instance or an image that is not
/// seen yet among that. Whether a policy knows a group or a template by its tags before every call does, AWS does not say.
pub fn tags_of<'a>(account: &'a mut Account, id: &str) -> Result<&'a mut Tags, ApiError> {
    let now = account.now();
    let ec2 = &mut account.ec2;
    let (found, code) = match id.split_once('-').map(|(prefix, _)| prefix) {
        Some("i") => (
            ec2.instances
                .get_mut(id)
                .filter(|instance| instance.visible_at <= now)
                .map(|instance| &mut instance.tags),
            "InvalidInstanceID.NotFound",
        ),
        Some("ami") => (
            ec2.images
                .get_mut(id)
                .filter(|image| image.visible_at <= now)
                .map(|image| &mut image.tags),
            "InvalidAMIID.NotFound",
        ),
        Some("snap") => (
            ec2.snapshots
                .get_mut(id)
                .filter(|snapshot| snapshot.visible_at <= now)
                .map(|snapshot| &mut snapshot.tags),
            "InvalidSnapshot.NotFound",
        ),
        Some("lt") => (
            ec2.launch_templates
                .get_mut(id)
                .map(|template| &mut template.tags),
            "InvalidLaunchTemplateId.NotFound",
        ),
        Some("sg") => (
            ec2.security_groups.get_mut(id).map(|group| &mut group.tags),
            "InvalidGroup.NotFound",
        ),
        Some("vpc") => (
            ec2.vpcs.get_mut(id).map(|vpc| &mut vpc.tags),
            "InvalidVpcID.NotFound",
        ),
        Some("subnet") => (
            ec2.subnets.get_mut(id).map(|subnet| &mut subnet.tags),
            "InvalidSubnetID.NotFound",
        ),
        Some("vol") => (
            ec2.instances
                .values_mut()
                .find(|instance| instance.volume.id == id && instance.visible_at <= now)
                .map(|instance| &mut instance.volume.tags),
            "InvalidVolume.NotFound",
        ),
        _ => (None, "InvalidID"),
    };
    found.ok_or_else(|| not_found(code, id))
}

fn not_found(code: &str, id: &str) -> ApiError {
    ApiError::refused(code, &format!("The ID '{id}' does not exist"))
}

/// The same for a call that changes them, and may not see what was just made.
fn tags_to_change<'a>(account: &'a mut Account, id: &str) -> Result<&'a mut Tags, ApiError> {
    let code = match id.starts_with("lt-") {
        true => "InvalidLaunchTemplateId.NotFound",
        false => "InvalidGroup.NotFound",
    };
    if !account.sees(Eye::Change, id) {
        return Err(not_found(code, id));
    }
    tags_of(account, id)
}

/// Refuses tags that EC2 would refuse.
pub fn check(tags: &Tags) -> Result<(), ApiError> {
    for (key, value) in tags {
        if key.starts_with("aws:") {
            return Err(ApiError::refused(
                "InvalidParameterValue",
                &format!("Tag keys starting with 'aws:' are reserved for internal use: {key}"),
            ));
        }
        if key.is_empty() || key.chars().count() > 127 || value.chars().count() > 255 {
            return Err(ApiError::refused(
                "InvalidParameterValue",
                "Tag keys are at most 127 characters long, their values at most 255",
            ));
        }
    }
    Ok(())
}

/// Adds tags to each resource, or to none.
pub fn create(account: &mut Account, ids: &[String], tags: &Tags) -> Result<(), ApiError> {
    check(tags)?;
    for id in ids {
        let held = tags_to_change(account, id)?;
        let new = tags.keys().filter(|key| !held.contains_key(*key)).count();
        if held.keys().filter(|key| !key.starts_with("aws:")).count() + new > 50 {
            return Err(ApiError::refused(
                "TagLimitExceeded",
                "The maximum number of Tags for a resource has been reached.",
            ));
        }
    }
    for id in ids {
        tags_to_change(account, id)?.extend(tags.clone());
    }
    Ok(())
}

/// Removes tags: all but AWS's own when none is named, else those of a key (and value, where one is given).
pub fn delete(
    account: &mut Account,
    ids: &[String],
    tags: &[(String, Option<String>)],
) -> Result<(), ApiError> {
    for id in ids {
        tags_to_change(account, id)?;
    }
    for id in ids {
        tags_to_change(account, id)?.retain(|key, value| {
            let named = tags.is_empty()
                || tags.iter().any(|(gone, only)| {
                    gone == key && only.as_ref().is_none_or(|only| only == value)
                });
            key.starts_with("aws:") || !named
        });
    }
    Ok(())
}
