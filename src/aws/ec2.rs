//! Amazon EC2: the network a stack stands in, security groups, instances.

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, LocationType, ResourceType, Tag, TagSpecification,
    UserIdGroupPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::{About as _, ErrorKind, Failure};
use super::{Aws, Tags};

/// A subnet, as far as a stack needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet-...`
    pub id: String,
    /// Its availability zone.
    pub zone: String,
    /// Its VPC.
    pub vpc: String,
    /// How many addresses are left.
    pub free: i32,
    /// Whether instances get a public address that ask for none.
    pub gives_public_address: bool,
    /// The account that it belongs to.
    pub owner: String,
}

/// A type of instance that the region has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// `t3.micro`
    pub name: String,
    /// What it runs.
    pub architectures: Vec<String>,
    /// How many virtual CPUs it has.
    pub vcpus: u32,
}

/// What a security group lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// From and to; `None`: every port.
    pub ports: Option<(i32, i32)>,
    /// Whom: other security groups.
    pub groups: Vec<String>,
    /// Whom: addresses, and lists of them.
    pub ranges: Vec<String>,
}

impl Ingress {
    /// Whether this port is among those that are let in.
    pub fn covers(&self, port: u16) -> bool {
        let port = i32::from(port);
        self.ports
            .is_none_or(|(from, to)| (from..=to).contains(&port))
    }
}

/// Whom a security group's rule lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// An address range.
    Range(String),
    /// The members of another group.
    Group(String),
}

/// An instance, as far as cleaning up and telling need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `i-...`
    pub id: String,
    /// `running`, `terminated`, ...
    pub state: String,
    /// The image it was started from.
    pub image: String,
    /// Its tags.
    pub tags: Tags,
}

impl Instance {
    /// Whether a bake's runbook has launched it, to make an image of it.
    pub fn is_builder(&self) -> bool {
        let name = self.tags.get("Name");
        name.is_some_and(|name| name.starts_with("bg-deploy builder"))
    }
}

pub(super) fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

pub(super) fn tag_specification(kind: ResourceType, tags: &Tags) -> TagSpecification {
    let tags = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(tags))
        .build()
}

pub(super) fn read_tags(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default()
        .into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}

/// The account's default VPC in this region.
pub async fn find_default_vpc(aws: &Aws) -> Result<Option<String>, Failure> {
    let answer = aws
        .ec2
        .describe_vpcs()
        .filters(filter("is-default", "true"))
        .send()
        .await
        .about("DescribeVpcs", "the default VPC")?;
    Ok(answer
        .vpcs
        .unwrap_or_default()
        .into_iter()
        .find_map(|vpc| vpc.vpc_id))
}

/// The subnets of a VPC, or those named.
pub async fn describe_subnets(
    aws: &Aws,
    vpc: &str,
    named: &[String],
) -> Result<Vec<Subnet>, Failure> {
    let mut request = aws.ec2.describe_subnets();
    if named.is_empty() {
        request = request.filters(filter("vpc-id", vpc));
    } else {
        request = request.set_subnet_ids(Some(named.to_vec()));
    }
    let answer = request.send().await.about("DescribeSubnets", vpc)?;
    let mut subnets: Vec<_> = answer
        .subnets
        .unwrap_or_default()
        .into_iter()
        .filter_map(|subnet| {
            Some(Subnet {
                id: subnet.subnet_id?,
                zone: subnet.availability_zone.unwrap_or_default(),
                vpc: subnet.vpc_id.unwrap_or_default(),
                free: subnet.available_ip_address_count.unwrap_or_default(),
                gives_public_address: subnet.map_public_ip_on_launch.unwrap_or_default(),
                owner: subnet.owner_id.unwrap_or_default(),
            })
        })
        .collect();
    subnets.sort_by(|a, b| a.zone.cmp(&b.zone).then_with(|| a.id.cmp(&b.id)));
    Ok(subnets)
}

/// The zones of this region that have instances of this type.
pub async fn find_zones_with(aws: &Aws, instance_type: &str) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut pages = aws
        .ec2
        .describe_instance_type_offerings()
        .location_type(LocationType::AvailabilityZone)
        .filters(filter("instance-type", instance_type))
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeInstanceTypeOfferings", instance_type)?;
        let offerings = page.instance_type_offerings.unwrap_or_default();
        found.extend(offerings.into_iter().filter_map(|one| one.location));
    }
    Ok(found)
}

/// Those of these types that the region has.
pub async fn describe_types(aws: &Aws, names: &[String]) -> Result<Vec<Offered>, Failure> {
    let answer = aws
        .ec2
        .describe_instance_types()
        .filters(
            Filter::builder()
                .name("instance-type")
                .set_values(Some(names.to_vec()))
                .build(),
        )
        .send()
        .await
        .about("DescribeInstanceTypes", names.join(", "))?;
    let found = answer.instance_types.unwrap_or_default().into_iter();
    let read = found.filter_map(|one| {
        let processor = one.processor_info?.supported_architectures?;
        let vcpus = one.v_cpu_info.and_then(|info| info.default_v_cpus);
        Some(Offered {
            name: one.instance_type?.as_str().to_owned(),
            architectures: processor.iter().map(|it| it.as_str().to_owned()).collect(),
            vcpus: vcpus.and_then(|it| it.try_into().ok()).unwrap_or_default(),
        })
    });
    Ok(read.collect())
}

/// What these security groups let in by TCP.
pub async fn describe_ingress(aws: &Aws, groups: &[String]) -> Result<Vec<Ingress>, Failure> {
    let answer = aws
        .ec2
        .describe_security_groups()
        .set_group_ids(Some(groups.to_vec()))
        .send()
        .await
        .about("DescribeSecurityGroups", groups.join(", "))?;
    let groups = answer.security_groups.unwrap_or_default().into_iter();
    let rules = groups.flat_map(|group| group.ip_permissions.unwrap_or_default());
    let by_tcp = rules.filter(|rule| matches!(rule.ip_protocol(), Some("tcp" | "6" | "-1")));
    let read = by_tcp.map(|rule| {
        let peers = rule.user_id_group_pairs.iter().flatten();
        let ranges = rule.ip_ranges.iter().flatten();
        let ranges = ranges.filter_map(|range| range.cidr_ip.clone());
        let lists = rule.prefix_list_ids.iter().flatten();
        let lists = lists.filter_map(|list| list.prefix_list_id.clone());
        Ingress {
            ports: rule.from_port.zip(rule.to_port),
            groups: peers.filter_map(|peer| peer.group_id.clone()).collect(),
            ranges: ranges.chain(lists).collect(),
        }
    });
    Ok(read.collect())
}

/// The security group of this name in the VPC.
pub async fn find_security_group(
    aws: &Aws,
    vpc: &str,
    name: &str,
) -> Result<Option<String>, Failure> {
    let answer = aws
        .ec2
        .describe_security_groups()
        .filters(filter("vpc-id", vpc))
        .filters(filter("group-name", name))
        .send()
        .await
        .about("DescribeSecurityGroups", name)?;
    Ok(answer
        .security_groups
        .unwrap_or_default()
        .into_iter()
        .find_map(|group| group.group_id))
}

/// Makes a security group.
pub async fn create_security_group(
    aws: &Aws,
    vpc: &str,
    name: &str,
    about: &str,
    tags: &Tags,
) -> Result<String, Failure> {
    let answer = aws
        .ec2
        .create_security_group()
        .vpc_id(vpc)
        .group_name(name)
        .description(about)
        .tag_specifications(tag_specification(ResourceType::SecurityGroup, tags))
        .send()
        .await
        .about("CreateSecurityGroup", name)?;
    Ok(answer.group_id.unwrap_or_default())
}

/// Lets `from` reach `port`; it may be so already.
pub async fn ensure_ingress(aws: &Aws, group: &str, port: u16, from: &From) -> Result<(), Failure> {
    let permission = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(port.into())
        .to_port(port.into());
    let permission = match from {
        From::Range(range) => permission.ip_ranges(IpRange::builder().cidr_ip(range).build()),
        From::Group(id) => {
            permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(id).build())
        }
    };
    let answer = aws
        .ec2
        .authorize_security_group_ingress()
        .group_id(group)
        .ip_permissions(permission.build())
        .send()
        .await
        .about("AuthorizeSecurityGroupIngress", group);
    match answer {
        Err(error) if error.kind != ErrorKind::Conflict => Err(error),
        _ => Ok(()),
    }
}

/// The builders with this tag that are not ending.
pub async fn find_builders(aws: &Aws, key: &str, value: &str) -> Result<Vec<Instance>, Failure> {
    let mut all = find_instances(aws, key, value).await?;
    all.retain(|one| one.is_builder() && one.state != "shutting-down");
    Ok(all)
}

/// The instances with this tag that are not terminated.
pub async fn find_instances(aws: &Aws, key: &str, value: &str) -> Result<Vec<Instance>, Failure> {
    find_instances_by(aws, filter(&format!("tag:{key}"), value), value).await
}

/// The instance of this id, if it is not terminated.
pub async fn find_instance(aws: &Aws, id: &str) -> Result<Option<Instance>, Failure> {
    let found = find_instances_by(aws, filter("instance-id", id), id).await?;
    Ok(found.into_iter().next())
}

async fn find_instances_by(aws: &Aws, by: Filter, value: &str) -> Result<Vec<Instance>, Failure> {
    let mut found = Vec::new();
    let mut pages = aws
        .ec2
        .describe_instances()
        .filters(by)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeInstances", value)?;
        for instance in page
            .reservations
            .unwrap_or_default()
            .into_iter()
            .flat_map(|reservation| reservation.instances.unwrap_or_default())
        {
            let state = instance
                .state
                .and_then(|state| state.name)
                .map(|name| name.as_str().to_owned())
                .unwrap_or_default();
            if state != "terminated" {
                found.push(Instance {
                    id: instance.instance_id.unwrap_or_default(),
                    state,
                    image: instance.image_id.unwrap_or_default(),
                    tags: read_tags(instance.tags),
                });
            }
        }
    }
    Ok(found)
}

/// Tags an instance.
pub async fn tag_instance(aws: &Aws, id: &str, key: &str, value: &str) -> Result<(), Failure> {
    aws.ec2
        .create_tags()
        .resources(id)
        .tags(Tag::builder().key(key).value(value).build())
        .send()
        .await
        .about("CreateTags", id)?;
    Ok(())
}

/// Ends an instance; it may be gone already.
pub async fn terminate_instance(aws: &Aws, id: &str) -> Result<(), Failure> {
    let answer = aws
        .ec2
        .terminate_instances()
        .instance_ids(id)
        .send()
        .await
        .about("TerminateInstances", id);
    match answer {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What an instance wrote to its serial console, as far as AWS shows it.
pub async fn console_output(aws: &Aws, id: &str) -> Result<String, Failure> {
    let ask = |latest: bool| {
        let request = aws.ec2.get_console_output().instance_id(id);
        request.set_latest(latest.then_some(true)).send()
    };
    let answer = match ask(true).await.about("GetConsoleOutput", id) {
        // Instances that are not of the Nitro system have what was posted after the boot, and no later one.
        Err(error) if error.code == "UnsupportedOperation" => {
            ask(false).await.about("GetConsoleOutput", id)?
        }
        other => other?,
    };
    let bytes = STANDARD.decode(answer.output.unwrap_or_default());
    Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
}
