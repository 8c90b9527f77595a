//! Instances on the wire.

use std::collections::BTreeMap;

use super::filters::Filters;
use super::{count, done, launch_data, page, tag_list};
use crate::account::ec2::instances::{self, Change, Instance, Lifecycle};
use crate::account::ec2::launch::{self, Launch, architecture};
use crate::account::ec2::network;
use crate::account::{Account, ApiError, iam};
use crate::wire::node::Node;
use crate::wire::params::Params;

const FILTERS: &[&str] = &[
    "architecture",
    "availability-zone",
    "client-token",
    "iam-instance-profile.arn",
    "image-id",
    "instance-id",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "instance.group-id",
    "instance.group-name",
    "key-name",
    "network-interface.group-id",
    "owner-id",
    "private-dns-name",
    "private-ip-address",
    "reservation-id",
    "subnet-id",
    "vpc-id",
];

const STATUS_FILTERS: &[&str] = &[
    "availability-zone",
    "instance-state-code",
    "instance-state-name",
    "instance-status.status",
    "instance-status.reachability",
    "system-status.status",
    "system-status.reachability",
];

pub(super) fn run(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let (min, max) = (
        count(&mut params, "MinCount")?,
        count(&mut params, "MaxCount")?,
    );
    let mut data = launch_data::read(&mut params)?;
    data.subnet = params.text("SubnetId");
    let launch = Launch {
        data,
        template: launch_data::read_template(&mut params)?,
        min,
        max,
        client_token: params.text("ClientToken").filter(|token| !token.is_empty()),
        ..Launch::default()
    };
    params.finish()?;
    let ids = launch::launch(account, &launch)?;
    let launched: Vec<_> = ids
        .iter()
        .filter_map(|id| account.ec2.instances.get(id))
        .collect();
    Ok(reservation(account, &launched))
}

/// The instances of one reservation.
fn reservation(account: &Account, instances: &[&Instance]) -> Node {
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

fn state(of: Lifecycle) -> Node {
    Node::map().put("Code", of.code()).put("Name", of.name())
}

fn zone(account: &Account, instance: &Instance) -> String {
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
fn facts(account: &Account, instance: &Instance, name: &str) -> Vec<String> {
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

fn visible<'a>(
    account: &'a Account,
    ids: &'a [String],
) -> Result<impl Iterator<Item = &'a Instance>, ApiError> {
    instances::check_visible(account, ids)?;
    let now = account.now();
    Ok(account.ec2.instances.values().filter(move |instance| {
        instance.visible_at <= now && (ids.is_empty() || ids.contains(&instance.id))
    }))
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = params.texts(&["InstanceIds", "InstanceId"]);
    let filters = Filters::read(&mut params, FILTERS)?;
    let page = page(&mut params)?;
    params.boolean("IncludeManagedResources")?;
    params.finish()?;
    let found: Vec<_> = visible(account, &ids)?
        .filter(|instance| filters.admit(&instance.tags, |name| facts(account, instance, name)))
        .collect();
    let (found, token) = page.cut(found);
    let mut by_reservation: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
    for instance in found {
        by_reservation
            .entry(&instance.reservation)
            .or_default()
            .push(instance);
    }
    Ok(Node::map()
        .put_as(
            "Reservations",
            "reservationSet",
            Node::list(
                by_reservation
                    .values()
                    .map(|instances| reservation(account, instances)),
            ),
        )
        .put_some("NextToken", token))
}

/// The verdict of AWS's two status checks: they take a while after a start.
fn status(instance: &Instance) -> &'static str {
    match instance.state {
        Lifecycle::Running if instance.is_up => "ok",
        Lifecycle::Running => "initializing",
        _ => "not-applicable",
    }
}

fn reachability(instance: &Instance) -> &'static str {
    if instance.is_up {
        "passed"
    } else {
        "initializing"
    }
}

pub(super) fn describe_status(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = params.texts(&["InstanceIds", "InstanceId"]);
    let all = params.boolean("IncludeAllInstances")?.unwrap_or(false);
    let filters = Filters::read(&mut params, STATUS_FILTERS)?;
    let page = page(&mut params)?;
    params.boolean("IncludeManagedResources")?;
    params.finish()?;
    let found: Vec<_> = visible(account, &ids)?
        .filter(|instance| all || instance.state == Lifecycle::Running)
        .filter(|instance| {
            filters.admit(&instance.tags, |name| match name {
                "instance-status.status" | "system-status.status" => {
                    vec![status(instance).to_owned()]
                }
                "instance-status.reachability" | "system-status.reachability" => {
                    vec![reachability(instance).to_owned()]
                }
                name => facts(account, instance, name),
            })
        })
        .map(|instance| {
            let summary = |instance: &Instance| {
                let node = Node::map().put("Status", status(instance));
                if instance.state == Lifecycle::Running {
                    let detail = Node::map()
                        .put("Name", "reachability")
                        .put("Status", reachability(instance));
                    return node.put("Details", Node::list([detail]));
                }
                node
            };
            Node::map()
                .put("AvailabilityZone", zone(account, instance))
                .put("InstanceId", &instance.id)
                .put("InstanceState", state(instance.state))
                .put("InstanceStatus", summary(instance))
                .put("SystemStatus", summary(instance))
        })
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("InstanceStatuses", "instanceStatusSet", Node::List(found))
        .put_some("NextToken", token))
}

fn instance_ids(params: &mut Params) -> Result<Vec<String>, ApiError> {
    let ids = params.texts(&["InstanceIds", "InstanceId"]);
    if ids.is_empty() {
        return Err(ApiError::missing(
            "The request must contain the parameter InstanceId",
        ));
    }
    Ok(ids)
}

fn changes(changed: Vec<Change>) -> Node {
    Node::list(changed.into_iter().map(|(id, before, after)| {
        Node::map()
            .put("InstanceId", id)
            .put("CurrentState", state(after))
            .put("PreviousState", state(before))
    }))
}

pub(super) fn start(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = instance_ids(&mut params)?;
    params.finish()?;
    let changed = instances::start(account, &ids)?;
    Ok(Node::map().put_as("StartingInstances", "instancesSet", changes(changed)))
}

pub(super) fn stop(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = instance_ids(&mut params)?;
    params.boolean("Force")?;
    params.boolean("SkipOsShutdown")?;
    if params.boolean("Hibernate")? == Some(true) {
        return Err(ApiError::refused(
            "UnsupportedHibernationConfiguration",
            "The instance is not configured for hibernation.",
        ));
    }
    params.finish()?;
    let changed = instances::stop(account, &ids)?;
    Ok(Node::map().put_as("StoppingInstances", "instancesSet", changes(changed)))
}

pub(super) fn reboot(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = instance_ids(&mut params)?;
    params.finish()?;
    instances::reboot(account, &ids)?;
    Ok(done())
}

pub(super) fn terminate(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = instance_ids(&mut params)?;
    params.boolean("Force")?;
    params.boolean("SkipOsShutdown")?;
    params.finish()?;
    let changed = instances::terminate(account, &ids)?;
    Ok(Node::map().put_as("TerminatingInstances", "instancesSet", changes(changed)))
}

/// The instance types it knows: name, virtual CPUs, memory in MiB.
const TYPES: [(&str, u32, u32); 16] = [
    ("c7g.large", 2, 4096),
    ("c7i.large", 2, 4096),
    ("m7g.large", 2, 8192),
    ("m7i.large", 2, 8192),
    ("t3.large", 2, 8192),
    ("t3.medium", 2, 4096),
    ("t3.micro", 2, 1024),
    ("t3.nano", 2, 512),
    ("t3.small", 2, 2048),
    ("t3.xlarge", 4, 16384),
    ("t3a.micro", 2, 1024),
    ("t3a.small", 2, 2048),
    ("t4g.large", 2, 8192),
    ("t4g.medium", 2, 4096),
    ("t4g.micro", 2, 1024),
    ("t4g.small", 2, 2048),
];

pub(super) fn describe_types(mut params: Params) -> Result<Node, ApiError> {
    let wanted = params.texts(&["InstanceTypes", "InstanceType"]);
    let filters = Filters::read(
        &mut params,
        &[
            "instance-type",
            "processor-info.supported-architecture",
            "current-generation",
        ],
    )?;
    let page = page(&mut params)?;
    params.finish()?;
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !TYPES.iter().any(|(known, ..)| known == name))
    {
        return Err(ApiError::refused(
            "InvalidInstanceType",
            &format!("The following supplied instance types do not exist: [{unknown}]"),
        ));
    }
    let found = TYPES
        .iter()
        .filter(|(name, ..)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name))
        .filter(|(name, ..)| {
            filters.admit(&Default::default(), |filter| match filter {
                "instance-type" => vec![(*name).to_owned()],
                "current-generation" => vec!["true".to_owned()],
                _ => vec![architecture(name).to_owned()],
            })
        })
        .map(|(name, cores, memory)| {
            Node::map()
                .put("InstanceType", *name)
                .put("CurrentGeneration", true)
                .put("BurstablePerformanceSupported", name.starts_with('t'))
                .put("Hypervisor", "nitro")
                .put(
                    "ProcessorInfo",
                    Node::map().put("SupportedArchitectures", Node::list([architecture(name)])),
                )
                .put_as(
                    "VCpuInfo",
                    "vCpuInfo",
                    Node::map().put_as("DefaultVCpus", "defaultVCpus", *cores),
                )
                .put(
                    "MemoryInfo",
                    Node::map().put_as("SizeInMiB", "sizeInMiB", *memory),
                )
        })
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("InstanceTypes", "instanceTypeSet", Node::List(found))
        .put_some("NextToken", token))
}
