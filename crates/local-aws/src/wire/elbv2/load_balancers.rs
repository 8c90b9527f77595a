//! Load balancers on the wire.

use std::collections::BTreeSet;

use super::{Page, read_attributes, read_tags, select, show_attributes};
use crate::account::elbv2::hosted_zones;
use crate::account::elbv2::load_balancers::{self, LoadBalancer, Settings, Zone};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    let subnets = read_subnets(&mut params)?;
    let security_groups = params.texts(&["SecurityGroups"]).into_iter().collect();
    let scheme = params
        .text("Scheme")
        .unwrap_or_else(|| "internet-facing".to_owned());
    let ip_address_type = params
        .text("IpAddressType")
        .unwrap_or_else(|| "ipv4".to_owned());
    let kind = params
        .text("Type")
        .unwrap_or_else(|| "application".to_owned());
    let tags = read_tags(&mut params)?;
    params.finish()?;
    if !matches!(scheme.as_str(), "internet-facing" | "internal") {
        return Err(ApiError::refused(
            "InvalidScheme",
            &format!("Scheme '{scheme}' is not valid"),
        ));
    }
    if kind != "application" || ip_address_type != "ipv4" {
        return Err(ApiError::refused(
            "InvalidConfigurationRequest",
            &format!(
                "the local cloud has application load balancers with IPv4 addresses only, not {kind} with {ip_address_type}"
            ),
        ));
    }
    let settings = Settings {
        scheme,
        ip_address_type,
        subnets,
        security_groups,
    };
    let arn = load_balancers::create(account, &name, settings, tags)?;
    let shown = show(account, load_balancers::find(account, &arn)?);
    Ok(Node::map().put("LoadBalancers", Node::List(vec![shown])))
}

fn read_subnets(params: &mut Params) -> Result<BTreeSet<String>, ApiError> {
    let mut subnets: BTreeSet<_> = params.texts(&["Subnets"]).into_iter().collect();
    for mut mapping in params.structures(&["SubnetMappings"]) {
        subnets.insert(mapping.required("SubnetId")?);
        mapping.finish()?;
    }
    Ok(subnets)
}

pub(super) fn describe(account: &Account, mut params: Params) -> Result<Node, ApiError> {
    let mut wanted = params.texts(&["LoadBalancerArns"]);
    wanted.extend(params.texts(&["Names"]));
    let page = Page::read(&mut params)?;
    params.finish()?;
    let found = select(
        account.elbv2.load_balancers.values(),
        &wanted,
        |held| vec![held.arn.clone(), held.name.clone()],
        |unknown| {
            ApiError::refused(
                "LoadBalancerNotFound",
                &format!("Load balancers '[{unknown}]' not found"),
            )
        },
    )?;
    let shown = found.into_iter().map(|held| show(account, held)).collect();
    Ok(page.of("LoadBalancers", shown))
}

fn show(account: &Account, held: &LoadBalancer) -> Node {
    let mut state = Node::map();
    state = match (load_balancers::failure(account, &held.arn), held.is_active) {
        (Some(why), _) => state.put("Code", "failed").put("Reason", why),
        (None, true) => state.put("Code", "active"),
        (None, false) => state.put("Code", "provisioning"),
    };
    Node::map()
        .put("LoadBalancerArn", &held.arn)
        .put("DNSName", &held.dns_name)
        .put_some("CanonicalHostedZoneId", hosted_zones::of(&account.region))
        .put("CreatedTime", held.created)
        .put("LoadBalancerName", &held.name)
        .put("Scheme", &held.settings.scheme)
        .put("VpcId", &held.vpc)
        .put("State", state)
        .put("Type", "application")
        .put("AvailabilityZones", show_zones(&held.zones))
        .put("SecurityGroups", Node::list(&held.security_groups))
        .put("IpAddressType", &held.settings.ip_address_type)
}

fn show_zones(zones: &[Zone]) -> Node {
    Node::list(zones.iter().map(|zone| {
        Node::map()
            .put("ZoneName", &zone.name)
            .put("SubnetId", &zone.subnet)
            .put("LoadBalancerAddresses", Node::List(Vec::new()))
    }))
}

pub(super) fn modify_attributes(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let arn = params.required("LoadBalancerArn")?;
    let changes = read_attributes(&mut params)?;
    params.finish()?;
    let attributes = load_balancers::modify_attributes(account, &arn, &changes)?;
    Ok(show_attributes(&attributes))
}

pub(super) fn describe_attributes(account: &Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("LoadBalancerArn")?;
    params.finish()?;
    Ok(show_attributes(
        &load_balancers::find(account, &arn)?.attributes,
    ))
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("LoadBalancerArn")?;
    params.finish()?;
    load_balancers::delete(account, &arn)?;
    Ok(Node::map())
}

pub(super) fn set_security_groups(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let arn = params.required("LoadBalancerArn")?;
    let groups = params.texts(&["SecurityGroups"]).into_iter().collect();
    params.finish()?;
    let held = load_balancers::set_security_groups(account, &arn, groups)?;
    Ok(Node::map().put("SecurityGroupIds", Node::list(&held)))
}

pub(super) fn set_subnets(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("LoadBalancerArn")?;
    let subnets = read_subnets(&mut params)?;
    params.finish()?;
    let zones = load_balancers::set_subnets(account, &arn, subnets)?;
    Ok(Node::map()
        .put("AvailabilityZones", show_zones(&zones))
        .put("IpAddressType", "ipv4"))
}
