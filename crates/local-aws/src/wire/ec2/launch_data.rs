//! What a launch says, as RunInstances and launch templates send it, and as a launch template shows it.

use super::{tag_list, tag_specifications};
use crate::account::ApiError;
use crate::account::ec2::launch_data::{
    BlockDevice, Interface, LaunchData, MetadataOptions, Profile, TemplateChoice,
};
use crate::wire::node::Node;
use crate::wire::params::Params;

/// Reads the members that RunInstances and launch templates share.
pub(super) fn read(params: &mut Params) -> Result<LaunchData, ApiError> {
    let mut data = LaunchData {
        image: params.text("ImageId"),
        instance_type: params.text("InstanceType"),
        key_name: params.text("KeyName"),
        security_groups: params.texts(&["SecurityGroupIds", "SecurityGroupId"]),
        user_data: params.text("UserData"),
        shutdown_behaviour: params.text("InstanceInitiatedShutdownBehavior"),
        ebs_optimized: params.boolean("EbsOptimized")?,
        tags: tag_specifications(
            params,
            &[
                "instance",
                "volume",
                "network-interface",
                "spot-instances-request",
            ],
        )?,
        ..LaunchData::default()
    };
    if let Some(other) = data
        .shutdown_behaviour
        .as_deref()
        .filter(|given| !["stop", "terminate"].contains(given))
    {
        return Err(ApiError::refused(
            "InvalidParameterValue",
            &format!("Value ({other}) for parameter instanceInitiatedShutdownBehavior is invalid."),
        ));
    }
    if let Some(mut profile) = params.structure(&["IamInstanceProfile"]) {
        let (arn, name) = (profile.text("Arn"), profile.text("Name"));
        profile.finish()?;
        data.profile = arn.map(Profile::Arn).or(name.map(Profile::Name));
    }
    if let Some(mut monitoring) = params.structure(&["Monitoring"]) {
        data.monitored = monitoring.boolean("Enabled")?;
        monitoring.finish()?;
    }
    if let Some(mut credits) = params.structure(&["CreditSpecification"]) {
        data.cpu_credits = credits.text("CpuCredits");
        credits.finish()?;
    }
    if let Some(mut options) = params.structure(&["MetadataOptions"]) {
        data.metadata = Some(MetadataOptions {
            tokens: options.text("HttpTokens"),
            hop_limit: options.number("HttpPutResponseHopLimit")?,
            endpoint: options.text("HttpEndpoint"),
            instance_tags: options.text("InstanceMetadataTags"),
        });
        options.finish()?;
    }
    data.block_devices = read_block_devices(params)?;
    data.interfaces = read_interfaces(params)?;
    Ok(data)
}

/// Reads `BlockDeviceMappings`.
pub(super) fn read_block_devices(params: &mut Params) -> Result<Vec<BlockDevice>, ApiError> {
    params
        .structures(&["BlockDeviceMappings", "BlockDeviceMapping"])
        .into_iter()
        .map(|mut mapping| {
            let mut disk = BlockDevice {
                device: mapping.required("DeviceName")?,
                ..BlockDevice::default()
            };
            if let Some(mut ebs) = mapping.structure(&["Ebs"]) {
                disk.size = ebs.number("VolumeSize")?;
                disk.kind = ebs.text("VolumeType");
                disk.iops = ebs.number("Iops")?;
                disk.throughput = ebs.number("Throughput")?;
                disk.encrypted = ebs.boolean("Encrypted")?;
                disk.key = ebs.text("KmsKeyId");
                disk.delete_on_termination = ebs.boolean("DeleteOnTermination")?;
                ebs.finish()?;
            }
            mapping.finish()?;
            Ok(disk)
        })
        .collect()
}

fn read_interfaces(params: &mut Params) -> Result<Vec<Interface>, ApiError> {
    params
        .structures(&["NetworkInterfaces", "NetworkInterface"])
        .into_iter()
        .map(|mut given| {
            let interface = Interface {
                index: given.number("DeviceIndex")?,
                subnet: given.text("SubnetId"),
                groups: given.texts(&["Groups", "SecurityGroupId"]),
                public_ip: given.boolean("AssociatePublicIpAddress")?,
                delete_on_termination: given.boolean("DeleteOnTermination")?,
            };
            given.finish()?;
            Ok(interface)
        })
        .collect()
}

/// Reads a choice of a launch template under the first of `names`.
pub(in crate::wire) fn read_template(
    params: &mut Params,
) -> Result<Option<TemplateChoice>, ApiError> {
    params
        .structure(&["LaunchTemplate"])
        .map(|mut given| {
            let choice = TemplateChoice {
                id: given.text("LaunchTemplateId"),
                name: given.text("LaunchTemplateName"),
                version: given.text("Version").filter(|version| !version.is_empty()),
            };
            given.finish()?;
            Ok(choice)
        })
        .transpose()
}

/// What a template says, as DescribeLaunchTemplateVersions shows it.
pub(super) fn show(data: &LaunchData) -> Node {
    let mut node = Node::map()
        .put_some("ImageId", data.image.as_ref())
        .put_some("InstanceType", data.instance_type.as_ref())
        .put_some("KeyName", data.key_name.as_ref())
        .put_some("UserData", data.user_data.as_ref())
        .put_some("EbsOptimized", data.ebs_optimized)
        .put_some(
            "InstanceInitiatedShutdownBehavior",
            data.shutdown_behaviour.as_ref(),
        );
    if !data.security_groups.is_empty() {
        node = node.put_as(
            "SecurityGroupIds",
            "securityGroupIdSet",
            Node::list(&data.security_groups),
        );
    }
    if let Some(profile) = &data.profile {
        let profile = match profile {
            Profile::Arn(arn) => Node::map().put("Arn", arn),
            Profile::Name(name) => Node::map().put("Name", name),
        };
        node = node.put("IamInstanceProfile", profile);
    }
    if let Some(monitored) = data.monitored {
        node = node.put("Monitoring", Node::map().put("Enabled", monitored));
    }
    if let Some(credits) = &data.cpu_credits {
        node = node.put(
            "CreditSpecification",
            Node::map().put("CpuCredits", credits),
        );
    }
    if let Some(options) = &data.metadata {
        node = node.put(
            "MetadataOptions",
            Node::map()
                .put_some("HttpTokens", options.tokens.as_ref())
                .put_some("HttpPutResponseHopLimit", options.hop_limit)
                .put_some("HttpEndpoint", options.endpoint.as_ref())
                .put_some("InstanceMetadataTags", options.instance_tags.as_ref()),
        );
    }
    show_lists(node, data)
}

fn show_lists(mut node: Node, data: &LaunchData) -> Node {
    if !data.block_devices.is_empty() {
        node = node.put_as(
            "BlockDeviceMappings",
            "blockDeviceMappingSet",
            Node::list(data.block_devices.iter().map(show_block_device)),
        );
    }
    if !data.interfaces.is_empty() {
        node = node.put_as(
            "NetworkInterfaces",
            "networkInterfaceSet",
            Node::list(data.interfaces.iter().map(|interface| {
                Node::map()
                    .put_some("DeviceIndex", interface.index)
                    .put_some("SubnetId", interface.subnet.as_ref())
                    .put_some("AssociatePublicIpAddress", interface.public_ip)
                    .put_some("DeleteOnTermination", interface.delete_on_termination)
                    .put_as("Groups", "groupSet", group_ids(&interface.groups))
            })),
        );
    }
    if !data.tags.is_empty() {
        node = node.put_as(
            "TagSpecifications",
            "tagSpecificationSet",
            Node::list(data.tags.iter().map(|(kind, tags)| {
                Node::map()
                    .put("ResourceType", kind)
                    .put_as("Tags", "tagSet", tag_list(tags))
            })),
        );
    }
    node
}

/// The groups of an interface: the one list whose items EC2's XML calls `groupId`, hence written as members.
fn group_ids(groups: &[String]) -> Node {
    groups.iter().fold(Node::map(), |node, id| {
        node.put_as("GroupId", "groupId", id)
    })
}

fn show_block_device(disk: &BlockDevice) -> Node {
    Node::map().put("DeviceName", &disk.device).put(
        "Ebs",
        Node::map()
            .put_some("VolumeSize", disk.size)
            .put_some("VolumeType", disk.kind.as_ref())
            .put_some("Iops", disk.iops)
            .put_some("Throughput", disk.throughput)
            .put_some("Encrypted", disk.encrypted)
            .put_some("KmsKeyId", disk.key.as_ref())
            .put_some("DeleteOnTermination", disk.delete_on_termination),
    )
}
