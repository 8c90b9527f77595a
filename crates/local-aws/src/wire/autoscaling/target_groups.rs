//! The target groups of a group on the wire, under both names AWS has for them.

use super::{page, paged, required};
use crate::account::autoscaling::{self, attachments};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

/// Reads `TrafficSources`: only target groups are among them.
pub(super) fn read_sources(params: &mut Params) -> Result<Vec<String>, ApiError> {
    params
        .structures(&["TrafficSources"])
        .into_iter()
        .map(|mut source| {
            let identifier = required(&mut source, "Identifier")?;
            let kind = source.text("Type");
            source.finish()?;
            match kind.as_deref() {
                None | Some("elbv2") => Ok(identifier),
                Some(other) => Err(ApiError::validation(&format!(
                    "The traffic source type {other} is not supported by the local cloud: it has elbv2"
                ))),
            }
        })
        .collect()
}

pub(super) fn attach(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let arns = params.texts(&["TargetGroupARNs"]);
    params.finish()?;
    attachments::attach(account, &name, &arns)?;
    Ok(Node::map())
}

pub(super) fn detach(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let arns = params.texts(&["TargetGroupARNs"]);
    params.finish()?;
    attachments::detach(account, &name, &arns)?;
    Ok(Node::map())
}

pub(super) fn attach_sources(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let arns = read_sources(&mut params)?;
    params.finish()?;
    attachments::attach(account, &name, &arns)?;
    Ok(Node::map())
}

pub(super) fn detach_sources(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let arns = read_sources(&mut params)?;
    params.finish()?;
    attachments::detach(account, &name, &arns)?;
    Ok(Node::map())
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let page = page(&mut params)?;
    params.finish()?;
    let found = autoscaling::group(account, &name)?
        .attachments
        .iter()
        .map(|attachment| {
            Node::map()
                .put("LoadBalancerTargetGroupARN", &attachment.target_group)
                .put("State", attachment.state.name())
        })
        .collect();
    Ok(paged("LoadBalancerTargetGroups", found, &page))
}

pub(super) fn describe_sources(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let name = required(&mut params, "AutoScalingGroupName")?;
    let kind = params.text("TrafficSourceType");
    let page = page(&mut params)?;
    params.finish()?;
    let found = autoscaling::group(account, &name)?
        .attachments
        .iter()
        .filter(|_| kind.as_deref().is_none_or(|kind| kind == "elbv2"))
        .map(|attachment| {
            Node::map()
                .put("TrafficSource", &attachment.target_group)
                .put("Identifier", &attachment.target_group)
                .put("Type", "elbv2")
                .put("State", attachment.state.name())
        })
        .collect();
    Ok(paged("TrafficSources", found, &page))
}
