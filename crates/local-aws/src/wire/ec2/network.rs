//! VPCs, subnets, zones and regions on the wire.

use super::filters::Filters;
use super::{page, tag_list};
use crate::account::ec2::network::{self, Subnet};
use crate::account::regions::REGIONS;
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

pub(super) fn describe_vpcs(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = params.texts(&["VpcIds", "VpcId"]);
    let filters = Filters::read(
        &mut params,
        &[
            "cidr",
            "cidr-block-association.cidr-block",
            "is-default",
            "isDefault",
            "owner-id",
            "state",
            "vpc-id",
        ],
    )?;
    let page = page(&mut params)?;
    params.finish()?;
    for id in &ids {
        network::vpc(account, id)?;
    }
    let found = account
        .ec2
        .vpcs
        .values()
        .filter(|vpc| ids.is_empty() || ids.contains(&vpc.id))
        .filter(|vpc| {
            filters.admit(&vpc.tags, |name| {
                vec![match name {
                    "cidr" | "cidr-block-association.cidr-block" => vpc.cidr.clone(),
                    "is-default" | "isDefault" => vpc.is_default.to_string(),
                    "owner-id" => account.id.clone(),
                    "state" => "available".to_owned(),
                    _ => vpc.id.clone(),
                }]
            })
        })
        .map(|vpc| {
            Node::map()
                .put("VpcId", &vpc.id)
                .put("OwnerId", &account.id)
                .put("State", "available")
                .put("CidrBlock", &vpc.cidr)
                .put("DhcpOptionsId", "dopt-0a1b2c3d4e5f60000")
                .put("InstanceTenancy", "default")
                .put("IsDefault", vpc.is_default)
                .put_as("Tags", "tagSet", tag_list(&vpc.tags))
        })
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("Vpcs", "vpcSet", Node::List(found))
        .put_some("NextToken", token))
}

fn show_subnet(account: &Account, subnet: &Subnet) -> Node {
    Node::map()
        .put("SubnetId", &subnet.id)
        .put(
            "SubnetArn",
            account.arn("ec2", &format!("subnet/{}", subnet.id)),
        )
        .put("State", "available")
        .put("VpcId", &subnet.vpc)
        .put("OwnerId", &account.id)
        .put("CidrBlock", subnet.cidr())
        .put("AvailableIpAddressCount", subnet.free_addresses())
        .put("AvailabilityZone", network::zone_name(account, subnet.zone))
        .put("AvailabilityZoneId", zone_id(account, subnet.zone))
        .put("DefaultForAz", subnet.is_default)
        .put("MapPublicIpOnLaunch", subnet.gives_public_address)
        .put_as("Tags", "tagSet", tag_list(&subnet.tags))
}

/// The name that a zone has in every account; the account's own letters are another order of them.
pub(super) fn zone_id(account: &Account, zone: char) -> String {
    // `eu-central-1` is `euc1`, `ap-southeast-2` is `apse2`.
    let short: String = account
        .region
        .split('-')
        .map(|word| match word {
            "northeast" => "ne".to_owned(),
            "northwest" => "nw".to_owned(),
            "southeast" => "se".to_owned(),
            "southwest" => "sw".to_owned(),
            word if word.len() > 2 => word[..1].to_owned(),
            word => word.to_owned(),
        })
        .collect();
    let number = match zone {
        'a' => 2,
        'b' => 3,
        _ => 1,
    };
    format!("{short}-az{number}")
}

pub(super) fn describe_subnets(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let ids = params.texts(&["SubnetIds", "SubnetId"]);
    let filters = Filters::read(
        &mut params,
        &[
            "availability-zone",
            "availabilityZone",
            "availability-zone-id",
            "cidr-block",
            "default-for-az",
            "map-public-ip-on-launch",
            "owner-id",
            "state",
            "subnet-id",
            "vpc-id",
        ],
    )?;
    let page = page(&mut params)?;
    params.finish()?;
    for id in &ids {
        network::subnet(account, id)?;
    }
    let found = account
        .ec2
        .subnets
        .values()
        .filter(|subnet| ids.is_empty() || ids.contains(&subnet.id))
        .filter(|subnet| {
            filters.admit(&subnet.tags, |name| {
                vec![match name {
                    "availability-zone" | "availabilityZone" => {
                        network::zone_name(account, subnet.zone)
                    }
                    "availability-zone-id" => zone_id(account, subnet.zone),
                    "cidr-block" => subnet.cidr(),
                    "default-for-az" => subnet.is_default.to_string(),
                    "map-public-ip-on-launch" => subnet.gives_public_address.to_string(),
                    "owner-id" => account.id.clone(),
                    "state" => "available".to_owned(),
                    "subnet-id" => subnet.id.clone(),
                    _ => subnet.vpc.clone(),
                }]
            })
        })
        .map(|subnet| show_subnet(account, subnet))
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("Subnets", "subnetSet", Node::List(found))
        .put_some("NextToken", token))
}

pub(super) fn describe_zones(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let names = params.texts(&["ZoneNames", "ZoneName"]);
    let ids = params.texts(&["ZoneIds", "ZoneId"]);
    let filters = Filters::read(
        &mut params,
        &[
            "opt-in-status",
            "region-name",
            "state",
            "zone-id",
            "zone-name",
            "zone-type",
        ],
    )?;
    params.boolean("AllAvailabilityZones")?;
    params.finish()?;
    let is_one = |name: &String| {
        network::ZONES.into_iter().any(|zone| {
            *name == network::zone_name(account, zone) || *name == zone_id(account, zone)
        })
    };
    if let Some(unknown) = names.iter().chain(&ids).find(|name| !is_one(name)) {
        return Err(ApiError::refused(
            "InvalidParameterValue",
            &format!("Invalid availability zone: [{unknown}]"),
        ));
    }
    let found = network::ZONES
        .into_iter()
        .filter(|zone| {
            let name = network::zone_name(account, *zone);
            (names.is_empty() || names.contains(&name))
                && (ids.is_empty() || ids.iter().any(|id| *id == zone_id(account, *zone)))
        })
        .filter(|zone| {
            filters.admit(&Default::default(), |name| {
                vec![match name {
                    "opt-in-status" => "opt-in-not-required".to_owned(),
                    "region-name" => account.region.clone(),
                    "state" => "available".to_owned(),
                    "zone-id" => zone_id(account, *zone),
                    "zone-type" => "availability-zone".to_owned(),
                    _ => network::zone_name(account, *zone),
                }]
            })
        })
        .map(|zone| {
            Node::map()
                .put_as("State", "zoneState", "available")
                .put("OptInStatus", "opt-in-not-required")
                .put("RegionName", &account.region)
                .put("ZoneName", network::zone_name(account, zone))
                .put("ZoneId", zone_id(account, zone))
                .put("GroupName", format!("{}-zg-1", account.region))
                .put("NetworkBorderGroup", &account.region)
                .put("ZoneType", "availability-zone")
        })
        .collect();
    Ok(Node::map().put_as(
        "AvailabilityZones",
        "availabilityZoneInfo",
        Node::List(found),
    ))
}

pub(super) fn describe_regions(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let names = params.texts(&["RegionNames", "RegionName"]);
    let filters = Filters::read(&mut params, &["endpoint", "opt-in-status", "region-name"])?;
    params.boolean("AllRegions")?;
    params.finish()?;
    if let Some(other) = names.iter().find(|name| !account.has_region(name)) {
        return Err(ApiError::refused(
            "InvalidParameterValue",
            &format!("Invalid value '{other}' for region name."),
        ));
    }
    let endpoint = |region: &str| format!("ec2.{region}.amazonaws.com");
    let regions = REGIONS
        .into_iter()
        .filter(|region| names.is_empty() || names.iter().any(|name| name == region))
        .filter(|region| {
            filters.admit(&Default::default(), |name| {
                vec![match name {
                    "endpoint" => endpoint(region),
                    "opt-in-status" => "opt-in-not-required".to_owned(),
                    _ => (*region).to_owned(),
                }]
            })
        })
        .map(|region| {
            Node::map()
                .put("OptInStatus", "opt-in-not-required")
                .put("RegionName", region)
                .put_as("Endpoint", "regionEndpoint", endpoint(region))
        });
    let regions = regions.collect();
    Ok(Node::map().put_as("Regions", "regionInfo", Node::List(regions)))
}
