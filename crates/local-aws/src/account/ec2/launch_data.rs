//! What a launch says, be it in RunInstances or in a template.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::account::Tags;

/// What a launch says. What it does not say comes from the template below it, or is AWS's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaunchData {
    /// The image, or `resolve:ssm:NAME`.
    pub image: Option<String>,
    /// "t3.micro", ...
    pub instance_type: Option<String>,
    /// The key pair.
    pub key_name: Option<String>,
    /// Security groups by id.
    pub security_groups: Vec<String>,
    /// The subnet (a launch only, never a template).
    pub subnet: Option<String>,
    /// Base64.
    pub user_data: Option<String>,
    /// The instance profile.
    pub profile: Option<Profile>,
    /// What `shutdown` inside does: "stop" or "terminate".
    pub shutdown_behaviour: Option<String>,
    /// The metadata service.
    pub metadata: Option<MetadataOptions>,
    /// Disks.
    pub block_devices: Vec<BlockDevice>,
    /// Network interfaces.
    pub interfaces: Vec<Interface>,
    /// Detailed monitoring.
    pub monitored: Option<bool>,
    /// Optimised for EBS.
    pub ebs_optimized: Option<bool>,
    /// Credits of burstable types: "standard" or "unlimited".
    pub cpu_credits: Option<String>,
    /// Tags by the type of the resource they are for.
    pub tags: Vec<(String, Tags)>,
}

/// An instance profile, by one of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Its name.
    Name(String),
    /// Its ARN.
    Arn(String),
}

/// The settings of an instance's metadata service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataOptions {
    /// "required" or "optional".
    pub tokens: Option<String>,
    /// How far its answers travel.
    pub hop_limit: Option<i64>,
    /// "enabled" or "disabled".
    pub endpoint: Option<String>,
    /// "enabled" or "disabled".
    pub instance_tags: Option<String>,
}

/// A disk of a launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockDevice {
    /// "/dev/xvda"
    pub device: String,
    /// In GiB.
    pub size: Option<i64>,
    /// "gp3", ...
    pub kind: Option<String>,
    /// Operations a second.
    pub iops: Option<i64>,
    /// MiB a second.
    pub throughput: Option<i64>,
    /// Whether it is encrypted.
    pub encrypted: Option<bool>,
    /// By which key.
    pub key: Option<String>,
    /// Whether it goes with its instance.
    pub delete_on_termination: Option<bool>,
}

/// A network interface of a launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its place; the first is 0.
    pub index: Option<i64>,
    /// Its subnet.
    pub subnet: Option<String>,
    /// Its security groups.
    pub groups: Vec<String>,
    /// Whether it has a public address.
    pub public_ip: Option<bool>,
    /// Whether it goes with its instance.
    pub delete_on_termination: Option<bool>,
}

/// A template by id or name, and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateChoice {
    /// `lt-...`
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// A number, `$Latest` or `$Default`; the default one when nothing is said.
    pub version: Option<String>,
}

impl LaunchData {
    /// This, and from `below` what this does not say.
    pub fn over(self, below: Self) -> Self {
        fn or<T>(list: Vec<T>, below: Vec<T>) -> Vec<T> {
            if list.is_empty() { below } else { list }
        }
        Self {
            image: self.image.or(below.image),
            instance_type: self.instance_type.or(below.instance_type),
            key_name: self.key_name.or(below.key_name),
            security_groups: or(self.security_groups, below.security_groups),
            subnet: self.subnet.or(below.subnet),
            user_data: self.user_data.or(below.user_data),
            profile: self.profile.or(below.profile),
            shutdown_behaviour: self.shutdown_behaviour.or(below.shutdown_behaviour),
            metadata: self.metadata.or(below.metadata),
            block_devices: or(self.block_devices, below.block_devices),
            interfaces: or(self.interfaces, below.interfaces),
            monitored: self.monitored.or(below.monitored),
            ebs_optimized: self.ebs_optimized.or(below.ebs_optimized),
            cpu_credits: self.cpu_credits.or(below.cpu_credits),
            tags: {
                // Tags of a launch replace those of the template for the same type of resource.
                let mut tags = self.tags;
                for (kind, of_kind) in below.tags {
                    if !tags.iter().any(|(held, _)| *held == kind) {
                        tags.push((kind, of_kind));
                    }
                }
                tags
            },
        }
    }

    /// The tags for a type of resource.
    pub fn tags_for(&self, kind: &str) -> Tags {
        self.tags
            .iter()
            .filter(|(held, _)| held == kind)
            .flat_map(|(_, tags)| tags.clone())
            .collect()
    }
}

/// User data as the instance sees it.
pub(super) fn decoded(user_data: Option<&str>) -> String {
    user_data
        .and_then(|text| STANDARD.decode(text.trim()).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
