//! Target groups on the wire.

use super::{Page, narrow, read_attributes, read_port, read_tags, select, show_attributes};
use crate::account::elbv2::load_balancers;
use crate::account::elbv2::target_groups::{self, HealthCheck, TargetGroup};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    let protocol = params.text("Protocol");
    let version = params.text("ProtocolVersion");
    let port = read_port(&mut params)?;
    let vpc = params.text("VpcId");
    let target_type = params.text("TargetType");
    let check = read_check(&mut params, HealthCheck::default())?;
    let address_type = params.text("IpAddressType");
    let tags = read_tags(&mut params)?;
    params.finish()?;
    only("Protocol", protocol.as_deref(), "HTTP")?;
    only(
        "ProtocolVersion",
        version.as_deref().or(Some("HTTP1")),
        "HTTP1",
    )?;
    only(
        "TargetType",
        target_type.as_deref().or(Some("instance")),
        "instance",
    )?;
    only(
        "IpAddressType",
        address_type.as_deref().or(Some("ipv4")),
        "ipv4",
    )?;
    let port = port.ok_or_else(|| ApiError::validation("A port must be specified"))?;
    let vpc = vpc.ok_or_else(|| ApiError::validation("A VPC ID must be specified"))?;
    let arn = target_groups::create(account, &name, port, &vpc, check, tags)?;
    answer(account, &arn)
}

/// A member of which the local cloud has one value only.
fn only(name: &str, value: Option<&str>, known: &str) -> Result<(), ApiError> {
    match value {
        None => Err(ApiError::validation(&format!("{name} must be specified"))),
        Some(value) if value == known => Ok(()),
        Some(other) => Err(ApiError::refused(
            "InvalidConfigurationRequest",
            &format!("the local cloud has target groups with {name} {known} only, not {other}"),
        )),
    }
}

/// What was sent of a health check; the rest as it was.
fn read_check(params: &mut Params, before: HealthCheck) -> Result<HealthCheck, ApiError> {
    let mut count = |name: &str, before: u32| match params.number(name)? {
        Some(value) => narrow(name, value),
        None => Ok(before),
    };
    let mut check = HealthCheck {
        interval_seconds: count("HealthCheckIntervalSeconds", before.interval_seconds)?,
        timeout_seconds: count("HealthCheckTimeoutSeconds", before.timeout_seconds)?,
        healthy_threshold: count("HealthyThresholdCount", before.healthy_threshold)?,
        unhealthy_threshold: count("UnhealthyThresholdCount", before.unhealthy_threshold)?,
        ..before
    };
    only(
        "HealthCheckProtocol",
        params
            .text("HealthCheckProtocol")
            .as_deref()
            .or(Some("HTTP")),
        "HTTP",
    )?;
    if params.boolean("HealthCheckEnabled")? == Some(false) {
        return Err(ApiError::refused(
            "InvalidConfigurationRequest",
            "Health check enabled must be true for target groups with target type 'instance'",
        ));
    }
    if let Some(path) = params.text("HealthCheckPath") {
        check.path = path;
    }
    if let Some(port) = params.text("HealthCheckPort") {
        check.port = port;
    }
    if let Some(mut matcher) = params.structure(&["Matcher"]) {
        if let Some(codes) = matcher.text("HttpCode") {
            check.matcher = codes;
        }
        matcher.finish()?;
    }
    Ok(check)
}

fn answer(account: &Account, arn: &str) -> Result<Node, ApiError> {
    let shown = show(target_groups::find(account, arn)?);
    Ok(Node::map().put("TargetGroups", Node::List(vec![shown])))
}

fn show(group: &TargetGroup) -> Node {
    let check = &group.check;
    Node::map()
        .put("TargetGroupArn", &*group.arn)
        .put("TargetGroupName", &group.name)
        .put("Protocol", "HTTP")
        .put("Port", group.port)
        .put("VpcId", &group.vpc)
        .put("HealthCheckProtocol", "HTTP")
        .put("HealthCheckPort", &check.port)
        .put("HealthCheckEnabled", true)
        .put("HealthCheckIntervalSeconds", check.interval_seconds)
        .put("HealthCheckTimeoutSeconds", check.timeout_seconds)
        .put("HealthyThresholdCount", check.healthy_threshold)
        .put("UnhealthyThresholdCount", check.unhealthy_threshold)
        .put("HealthCheckPath", &check.path)
        .put("Matcher", Node::map().put("HttpCode", &check.matcher))
        .put("LoadBalancerArns", Node::list(&group.load_balancers))
        .put("TargetType", "instance")
        .put("ProtocolVersion", &group.protocol_version)
        .put("IpAddressType", "ipv4")
}

pub(super) fn describe(account: &Account, mut params: Params) -> Result<Node, ApiError> {
    let load_balancer = params.text("LoadBalancerArn");
    let mut wanted = params.texts(&["TargetGroupArns"]);
    wanted.extend(params.texts(&["Names"]));
    let page = Page::read(&mut params)?;
    params.finish()?;
    if let Some(arn) = &load_balancer {
        load_balancers::find(account, arn)?;
    }
    let found = select(
        account.elbv2.target_groups.values(),
        &wanted,
        |held| vec![held.arn.to_string(), held.name.clone()],
        |_| ApiError::refused("TargetGroupNotFound", "One or more target groups not found"),
    )?;
    let of_it = |held: &&&TargetGroup| {
        load_balancer
            .as_ref()
            .is_none_or(|arn| held.load_balancers.contains(arn))
    };
    let shown = found.iter().filter(of_it).map(|held| show(held)).collect();
    Ok(page.of("TargetGroups", shown))
}

pub(super) fn modify(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("TargetGroupArn")?;
    let before = target_groups::find(account, &arn)?.check.clone();
    let check = read_check(&mut params, before)?;
    params.finish()?;
    target_groups::modify(account, &arn, check)?;
    answer(account, &arn)
}

pub(super) fn modify_attributes(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let arn = params.required("TargetGroupArn")?;
    let changes = read_attributes(&mut params)?;
    params.finish()?;
    let attributes = target_groups::modify_attributes(account, &arn, &changes)?;
    Ok(show_attributes(&attributes))
}

pub(super) fn describe_attributes(account: &Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("TargetGroupArn")?;
    params.finish()?;
    Ok(show_attributes(
        &target_groups::find(account, &arn)?.attributes,
    ))
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("TargetGroupArn")?;
    params.finish()?;
    target_groups::delete(account, &arn)?;
    Ok(Node::map())
}
