//! An instance as EC2 shows it, and what filters ask of it.

use super::tag_list;
use crate::account::ec2::instances::{Instance, Lifecycle};
use crate::account::ec2::network;
use crate::account::{Account, iam};
use crate::wire::node::Node;

/// The instances of one reservation.
pub(super) fn reservation(account: &Account, instances: &[&Instance]) -> Node {
    let id = instances
        .first()
        .map(|first| first.reservation.clone())
        .unwrap_or_default();
    Node::map()
        .put("ReservationId", id)
        .put("OwnerId", &account.id)
        .put_as("Groups", "groupSet", Node::List(Vec::new()))
        .put_as(
            "Instances",
            "instancesSet",
            Node::list(instances.iter().map(|instance| show(account, instance))),
        )
}

pub(super) fn state(of: Lifecycle) -> Node {
    Node::map().put("Code", of.code()).put("Name", of.name())
}

pub(super) fn zone(account: &Account, instance: &Instance) -> String {
    network::subnet(account, &instance.subnet)
        .map(|subnet| network::zone_name(account, subnet.zone))
        .unwrap_or_default()
}

fn vpc(account: &Account, instance: &Instance) -> String {
    network::subnet(account, &instance.subnet)
        .map(|subnet| subnet.vpc.clone())
        .unwrap_or_default()
}

fn groups(account: &Account, instance: &Instance) -> Node {
    Node::list(instance.security_groups.iter().map(|id| {
        let name = account
            .ec2
            .security_groups
            .get(id)
            .map(|group| group.name.clone());
        Node::map().put("GroupId", id).put_some("GroupName", name)
    }))
}

fn show(account: &Account, instance: &Instance) -> Node {
    let mut node = Node::map()
        .put("InstanceId", &instance.id)
        .put("ImageId", &instance.image)
        .put_as("State", "instanceState", state(instance.state))
        .put_as(
            "StateTransitionReason",
            "reason",
            &instance.transition_reason,
        )
        .put_some("KeyName", instance.key_name.as_ref())
        .put("AmiLaunchIndex", instance.launch_index)
        .put("InstanceType", &instance.instance_type)
        .put("LaunchTime", instance.launched_at)
        .put(
            "Placement",
            Node::map()
                .put("AvailabilityZone", zone(account, instance))
                .put("GroupName", "")
                .put("Tenancy", "default"),
        )
        .put(
            "Monitoring",
            Node::map().put(
                "State",
                if instance.monitored {
                    "enabled"
                } else {
                    "disabled"
                },
            ),
        )
        .put("Architecture", &instance.architecture)
        .put("RootDeviceType", "ebs")
        .put("RootDeviceName", "/dev/xvda")
        .put("VirtualizationType", "hvm")
        .put("Hypervisor", "xen")
        .put("EnaSupport", true)
        .put("EbsOptimized", false)
        .put("ClientToken", &instance.client_token)
        .put("PlatformDetails", "Linux/UNIX")
        .put_as("Tags", "tagSet", tag_list(&instance.tags));
    if let Some((code, message)) = instance.state_reason {
        node = node.put(
            "StateReason",
            Node::map().put("Code", code).put("Message", message),
        );
    }
    if let Some(name) = &instance.profile {
        let profile = iam::instance_profile(&account.iam, name);
        if let Some(profile) = profile {
            node = node.put(
                "IamInstanceProfile",
                Node::map().put("Arn", &profile.arn).put("Id", &profile.id),
            );
        }
    }
    if instance.holds_network() {
        node = show_network(node, account, instance);
    }
    node
}

/// The members that a terminated instance has no longer.
fn show_network(node: Node, account: &Account, instance: &Instance) -> Node {
    let options = &instance.metadata;
    let or =
        |given: &Option<String>, default: &str| given.clone().unwrap_or_else(|| default.to_owned());
    let disk = Node::map().put("DeviceName", "/dev/xvda").put(
        "Ebs",
        Node::map()
            .put("VolumeId", &instance.volume.id)
            .put("Status", "attached")
            .put("AttachTime", instance.launched_at)
            .put("DeleteOnTermination", true),
    );
    node.put("SubnetId", &instance.subnet)
        .put("VpcId", vpc(account, instance))
        .put("PrivateIpAddress", &instance.private_ip)
        .put("PrivateDnsName", instance.private_dns(&account.region))
        .put_as("PublicDnsName", "dnsName", "")
        .put_as("SecurityGroups", "groupSet", groups(account, instance))
        .put_as(
            "BlockDeviceMappings",
            "blockDeviceMapping",
            Node::list([disk]),
        )
        .put(
            "MetadataOptions",
            Node::map()
                .put("State", "applied")
                .put("HttpTokens", or(&options.tokens, "optional"))
                .put("HttpPutResponseHopLimit", options.hop_limit.unwrap_or(1))
                .put("HttpEndpoint", or(&options.endpoint, "enabled"))
                .put(
                    "InstanceMetadataTags",
                    or(&options.instance_tags, "disabled"),
                ),
        )
}

/// What a filter of this name looks at.
pub(super) fn facts(account: &Account, instance: &Instance, name: &str) -> Vec<String> {
    let one = match name {
        "architecture" => instance.architecture.clone(),
        "availability-zone" => zone(account, instance),
        "client-token" => instance.client_token.clone(),
        "iam-instance-profile.arn" => instance
            .profile
            .as_deref()
            .and_then(|name| iam::instance_profile(&account.iam, name))
            .map(|profile| profile.arn.clone())
            .unwrap_or_default(),
        "image-id" => instance.image.clone(),
        "instance-id" => instance.id.clone(),
        "instance-state-code" => instance.state.code().to_string(),
        "instance-state-name" => instance.state.name().to_owned(),
        "instance-type" => instance.instance_type.clone(),
        "key-name" => instance.key_name.clone().unwrap_or_default(),
        "owner-id" => account.id.clone(),
        "private-dns-name" => instance.private_dns(&account.region),
        "private-ip-address" => instance.private_ip.clone(),
        "reservation-id" => instance.reservation.clone(),
        "subnet-id" if instance.holds_network() => instance.subnet.clone(),
        "vpc-id" if instance.holds_network() => vpc(account, instance),
        "instance.group-id" | "network-interface.group-id" => {
            return instance.security_groups.clone();
        }
        "instance.group-name" => {
            return instance
                .security_groups
                .iter()
                .filter_map(|id| account.ec2.security_groups.get(id))
                .map(|group| group.name.clone())
                .collect();
        }
        _ => return Vec::new(),
    };
    vec![one]
}
