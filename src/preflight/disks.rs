//! By which key disks are to be encrypted, and whether those can use it that make them.
//!
//! The builder's disk is always encrypted, so that whether the region encrypts everything is of no account; by which key is, where the
//! file names none. An image has the key of its builder's disk, and Auto Scaling launches by it in the name of its own role: with EBS's own
//! key anybody may, with a key of the account's own whoever its policy lets in
//! (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>).

use anyhow::Result;

use super::Concern;
use super::look::seen;
use crate::aws::sts::Caller;
use crate::aws::{Aws, Tags, images, partition_of};
use crate::command_line::aws as by_hand;

/// The role of Auto Scaling's own.
const OF_GROUPS: &str =
    "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
/// What it does with a key.
const OPERATIONS: &str = "Encrypt Decrypt ReEncryptFrom ReEncryptTo GenerateDataKey GenerateDataKeyWithoutPlaintext DescribeKey CreateGrant";
/// The key that EBS has for an account.
const OF_EBS: &str = "alias/aws/ebs";

/// A region, and an account in it.
struct Place<'a> {
    region: &'a str,
    account: &'a str,
}

/// What is in the way of images encrypted by the key that the file names, or by the region's, for the stack of these tags;
/// of none, there is no stack yet.
pub(crate) async fn concerns(
    aws: &Aws,
    named: Option<&str>,
    caller: &Caller,
    tags: Option<&Tags>,
) -> Result<Vec<Concern>> {
    let default = match named {
        Some(_) => None,
        // Of a release nothing depends on that being told: where it is not, AWS says the same to whoever launches.
        None => Box::pin(images::find_default_key(aws)).await.ok().flatten(),
    };
    let default = default.filter(|key| !key.ends_with(OF_EBS));
    if named.is_none() && default.is_none() {
        return Ok(Vec::new());
    }
    let used = match tags {
        Some(tags) => seen(Box::pin(images::find_keys(aws, tags))).await?,
        None => None,
    };
    let place = Place {
        region: &aws.region,
        account: &caller.account,
    };
    let used = used.unwrap_or_default();
    Ok(judge(&place, named, default.as_deref(), &used))
}

/// The same, from the key that is named or the account's own that is the default, and those by which images of the stack are.
fn judge(
    place: &Place<'_>,
    named: Option<&str>,
    default: Option<&str>,
    used: &[String],
) -> Vec<Concern> {
    let Some(key) = named.or(default) else {
        return Vec::new();
    };
    let region = place.region;
    if named.is_some_and(|key| key.split(':').nth(3) != Some(region)) {
        return vec![Concern {
            about: "disks' key",
            seen: format!("{key} is not of {region}, and a disk takes a key of its own region"),
            remedy: format!("name one of {region}: volume-key in [encryption], then provision"),
            slows: false,
        }];
    }
    // One by which an image stands was good for a builder and its group.
    if used.iter().any(|it| it == key) {
        return Vec::new();
    }
    let mut all = Vec::new();
    if named.is_none() {
        all.push(Concern {
            about: "builder's disk",
            seen: format!(
                "this region encrypts by {key}, which the file does not name: the role that bakes is given no right to it"
            ),
            remedy: format!("name it: volume-key = \"{key}\" in [encryption], then provision"),
            slows: false,
        });
    }
    let partition = partition_of(region);
    let role = format!("arn:{partition}:iam::{}:{OF_GROUPS}", place.account);
    let grant = by_hand(
        Some(region),
        "kms create-grant",
        &format!("--key-id {key} --grantee-principal {role} --operations {OPERATIONS}"),
    );
    all.push(Concern {
        about: "instances' disks",
        seen: format!(
            "no image of this stack is encrypted by {key} yet; where it does not let Auto Scaling's role in, each launch of the \
             group ends with Client.InternalError"
        ),
        remedy: format!("let it in, unless the key's policy does: {grant}"),
        slows: true,
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1";
    const PLACE: Place<'_> = Place {
        region: "eu-central-1",
        account: "123456789012",
    };

    #[test]
    fn a_key_of_the_account_s_own_is_of_concern_until_an_image_stands_by_it() {
        let used = [KEY.to_owned()];
        let elsewhere = KEY.replace("eu-central-1", "eu-west-1");
        let other = [elsewhere.clone()];
        const BUILDER: (&str, bool) = ("builder's disk", false);
        const INSTANCES: (&str, bool) = ("instances' disks", true);
        for (named, default, used, expected) in [
            (None, None, &[][..], &[][..]),
            (None, Some(KEY), &[], &[BUILDER, INSTANCES]),
            (None, Some(KEY), &other, &[BUILDER, INSTANCES]),
            (None, Some(KEY), &used, &[]),
            (Some(KEY), None, &[], &[INSTANCES]),
            (Some(KEY), None, &used, &[]),
            (Some(&*elsewhere), None, &other, &[("disks' key", false)]),
        ] {
            let found = judge(&PLACE, named, default, used);
            let found: Vec<_> = found.iter().map(|it| (it.about, it.slows)).collect();
            assert_eq!(found, expected, "{named:?} {default:?} {used:?}");
        }
    }
}
