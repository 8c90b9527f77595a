//! EC2's operations on the wire, by the noun they are about.

pub(in crate::wire) use self::launch_data::read_template;

pub(crate) mod filters;
mod images;
mod instance_types;
mod instances;
mod launch_data;
mod launch_templates;
mod network;
mod routes;
mod security_groups;
mod shown_instance;
mod tags;

use super::node::Node;
use super::paging::Page;
use super::params::Params;
use super::unknown_operation;
use crate::account::{Account, ApiError, Tags};

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    mut params: Params,
) -> Result<Node, ApiError> {
    if params.boolean("DryRun")? == Some(true) {
        return Err(ApiError::new(
            "DryRunOperation",
            412,
            "Request would have succeeded, but DryRun flag is set.",
        ));
    }
    match operation {
        "RunInstances" => instances::run(account, params),
        "DescribeInstances" => instances::describe(account, params),
        "DescribeInstanceStatus" => instances::describe_status(account, params),
        "StartInstances" => instances::start(account, params),
        "StopInstances" => instances::stop(account, params),
        "RebootInstances" => instances::reboot(account, params),
        "TerminateInstances" => instances::terminate(account, params),
        "GetConsoleOutput" => instances::console_output(account, params),
        "DescribeInstanceTypeOfferings" => instance_types::describe_offerings(account, params),
        "DescribeInstanceTypes" => instance_types::describe_types(params),
        "CreateImage" => images::create(account, params),
        "DescribeImages" => images::describe(account, params),
        "DeregisterImage" => images::deregister(account, params),
        "DescribeSnapshots" => images::describe_snapshots(account, params),
        "DeleteSnapshot" => images::delete_snapshot(account, params),
        "CreateTags" => tags::create(account, params),
        "DeleteTags" => tags::delete(account, params),
        "DescribeTags" => tags::describe(account, params),
        "CreateLaunchTemplate" => launch_templates::create(account, params),
        "CreateLaunchTemplateVersion" => launch_templates::create_version(account, params),
        "DescribeLaunchTemplates" => launch_templates::describe(account, params),
        "DescribeLaunchTemplateVersions" => launch_templates::describe_versions(account, params),
        "ModifyLaunchTemplate" => launch_templates::modify(account, params),
        "DeleteLaunchTemplateVersions" => launch_templates::delete_versions(account, params),
        "DeleteLaunchTemplate" => launch_templates::delete(account, params),
        "DescribeVpcs" => network::describe_vpcs(account, params),
        "DescribeSubnets" => network::describe_subnets(account, params),
        "DescribeAvailabilityZones" => network::describe_zones(account, params),
        "DescribeRegions" => network::describe_regions(account, params),
        "DescribeRouteTables" => routes::describe_tables(account, params),
        "DescribeVpcEndpoints" => routes::describe_endpoints(account, params),
        "DescribeSecurityGroups" => security_groups::describe_groups(account, params),
        "CreateSecurityGroup" => security_groups::create_group(account, params),
        "AuthorizeSecurityGroupIngress" => security_groups::authorize_ingress(account, params),
        "AuthorizeSecurityGroupEgress" => security_groups::authorize_egress(account, params),
        "RevokeSecurityGroupIngress" => security_groups::revoke_ingress(account, params),
        "RevokeSecurityGroupEgress" => security_groups::revoke_egress(account, params),
        "DeleteSecurityGroup" => security_groups::delete_group(account, params),
        _ => Err(unknown_operation("ec2", operation)),
    }
}

/// The page that a describe asks for.
fn page(params: &mut Params) -> Result<Page, ApiError> {
    Page::read(params, "MaxResults", "NextToken", "InvalidNextToken")
}

/// A list of tags.
fn tag_list(tags: &Tags) -> Node {
    Node::list(
        tags.iter()
            .map(|(key, value)| Node::map().put("Key", key).put("Value", value)),
    )
}

/// What a call without a result answers.
fn done() -> Node {
    Node::map().put("Return", true)
}

/// The `TagSpecifications` of a call that creates resources of the given types.
fn tag_specifications(
    params: &mut Params,
    allowed: &[&str],
) -> Result<Vec<(String, Tags)>, ApiError> {
    params
        .structures(&["TagSpecifications", "TagSpecification"])
        .into_iter()
        .map(|mut specification| {
            let kind = specification.required("ResourceType")?;
            let tags = specification.tags(&["Tags", "Tag"])?;
            specification.finish()?;
            if !allowed.contains(&kind.as_str()) {
                return Err(ApiError::refused(
                    "InvalidParameterValue",
                    &format!("'{kind}' is not a valid taggable resource type for this operation."),
                ));
            }
            Ok((kind, tags))
        })
        .collect()
}

/// The tags that a call gives to the one type of resource it creates.
fn tags_for(params: &mut Params, kind: &str) -> Result<Tags, ApiError> {
    let tags = tag_specifications(params, &[kind])?
        .into_iter()
        .flat_map(|(_, tags)| tags)
        .collect();
    crate::account::ec2::tags::check(&tags)?;
    Ok(tags)
}

/// An integer that has to fit where it goes.
fn count(params: &mut Params, name: &str) -> Result<usize, ApiError> {
    let number = params.number(name)?.ok_or_else(|| {
        ApiError::missing(&format!("The request must contain the parameter {name}"))
    })?;
    usize::try_from(number).map_err(|_| {
        ApiError::refused(
            "InvalidParameterValue",
            &format!("Value ({number}) for parameter {name} is invalid."),
        )
    })
}
