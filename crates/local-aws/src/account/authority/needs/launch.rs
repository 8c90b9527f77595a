//! A launch, be it asked for or through a group's launch template: whoever gives a group a version of one needs the right to
//! launch what it says
//! (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html>).

use super::ec2::{arn, keys_of, tag_on_create};
use super::{Keys, key, request, request_keys};
use crate::account::ec2::encryption;
use crate::account::ec2::launch_data::{LaunchData, Profile};
use crate::account::policy::Request;
use crate::account::{Account, Tags, iam};

/// What a launch is about.
#[derive(Default)]
pub(super) struct Launch {
    pub(super) image: Option<String>,
    pub(super) security_groups: Vec<String>,
    pub(super) subnet: Option<String>,
    pub(super) profile: Option<Profile>,
    pub(super) instance_tags: Tags,
    pub(super) volume_tags: Tags,
    /// Whether the metadata service wants tokens, where that is said.
    pub(super) tokens: Option<String>,
    /// The root disk is encrypted, by this key where it is not EBS's own.
    pub(super) encrypted: bool,
    pub(super) key: Option<String>,
    /// The launch template that all of it is from.
    pub(super) template: Option<String>,
}

impl Launch {
    /// What a template says.
    pub(super) fn of_template(id: &str, data: &LaunchData) -> Self {
        let tags = |kind: &str| {
            let mut of_kind = data.tags.iter().filter(|(of, _)| of == kind);
            of_kind.next().map(|(_, tags)| tags.clone())
        };
        let of_interfaces = data.interfaces.iter().flat_map(|it| it.groups.clone());
        Self {
            image: data.image.clone(),
            security_groups: data
                .security_groups
                .iter()
                .cloned()
                .chain(of_interfaces)
                .collect(),
            subnet: None,
            profile: data.profile.clone(),
            instance_tags: tags("instance").unwrap_or_default(),
            volume_tags: tags("volume").unwrap_or_default(),
            tokens: data.metadata.as_ref().and_then(|it| it.tokens.clone()),
            encrypted: data
                .block_devices
                .iter()
                .any(|it| it.encrypted == Some(true)),
            key: data.block_devices.iter().find_map(|it| it.key.clone()),
            template: Some(id.to_owned()),
        }
    }
}

pub(super) fn needs(account: &mut Account, launch: &Launch) -> Vec<Request> {
    const ACTION: &str = "ec2:RunInstances";
    // Every part of the launch knows the template that it is from.
    let template = launch.template.as_ref();
    let template = template.map(|id| (id, arn(account, "launch-template", id)));
    let from = |mut keys: Keys| {
        if let Some((_, arn)) = &template {
            keys.insert("ec2:LaunchTemplate".to_owned(), vec![arn.clone()]);
        }
        keys
    };
    let mut needs = Vec::new();
    let subnet = launch.subnet.clone().unwrap_or_else(|| "*".to_owned());
    let groups = launch.security_groups.iter();
    let parts = groups.map(|id| ("security-group", id.clone()));
    let parts = parts.chain([("subnet", subnet)]);
    let parts = parts.chain(launch.image.iter().map(|id| ("image", id.clone())));
    for (kind, id) in parts {
        let keys = from(keys_of(account, &id));
        needs.push(request(ACTION, arn(account, kind, &id), keys));
    }
    let interface = arn(account, "network-interface", "*");
    needs.push(request(ACTION, interface, from(Keys::new())));
    for (kind, tags) in [
        ("instance", &launch.instance_tags),
        ("volume", &launch.volume_tags),
    ] {
        let arn = arn(account, kind, "*");
        let mut keys = request_keys(tags);
        keys.extend(match kind {
            "volume" => key("ec2:Encrypted", launch.encrypted.to_string()),
            _ => launch
                .tokens
                .iter()
                .flat_map(|it| key("ec2:MetadataHttpTokens", it))
                .collect(),
        });
        needs.push(request(ACTION, arn.clone(), from(keys)));
        needs.extend(tag_on_create(arn, tags, "RunInstances"));
    }
    if let Some((id, arn)) = &template {
        needs.push(request(ACTION, arn.clone(), keys_of(account, id)));
    }
    needs.extend(key_of_disk(account, launch).map_or_else(Vec::new, |key| of_key(account, &key)));
    needs.extend(pass_role(account, launch.profile.as_ref()));
    needs
}

/// The key of the disk, as far as whoever asks has to have the use of it: what a group launches is Auto Scaling's to encrypt, whoever
/// gave it the template.
fn key_of_disk(account: &Account, launch: &Launch) -> Option<String> {
    let named = launch.key.as_deref();
    if launch.template.is_some() {
        let named = named.filter(|_| launch.encrypted)?;
        return Some(encryption::arn(account, named));
    }
    let image = launch.image.as_deref().unwrap_or_default();
    encryption::key_of(account, (launch.encrypted, named), image)
}

/// What EBS does with a key in the name of whoever launches; with its own it needs no leave
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>).
fn of_key(account: &Account, arn: &str) -> Vec<Request> {
    if arn.ends_with(encryption::DEFAULT_KEY) {
        return Vec::new();
    }
    let via = format!("ec2.{}.amazonaws.com", account.region);
    let actions = [
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKeyWithoutPlaintext",
    ];
    let needed = |action: &str| {
        let mut keys = key("kms:ViaService", &*via);
        if action == "kms:CreateGrant" {
            keys.extend(key("kms:GrantIsForAWSResource", "true"));
        }
        request(action, arn, keys)
    };
    actions.into_iter().map(needed).collect()
}

/// The right to hand a role to EC2.
fn pass_role(account: &Account, profile: Option<&Profile>) -> Option<Request> {
    let (Profile::Name(named) | Profile::Arn(named)) = profile?;
    let role = iam::role_of_profile(&account.iam, named)?;
    let to = key("iam:PassedToService", "ec2.amazonaws.com");
    Some(request("iam:PassRole", role.arn.clone(), to))
}
