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
use super::operations::{self, Operations};
use super::paging::Page;
use super::params::Params;
use crate::account::ec2::encryption;
use crate::account::{Account, ApiError, Tags};

/// What EC2 is asked for.
pub(super) const OPERATIONS: &Operations = &[
    ("RunInstances", instances::run),
    ("DescribeInstances", instances::describe),
    ("DescribeInstanceStatus", instances::describe_status),
    ("StartInstances", instances::start),
    ("StopInstances", instances::stop),
    ("RebootInstances", instances::reboot),
    ("TerminateInstances", instances::terminate),
    ("GetConsoleOutput", instances::console_output),
    (
        "DescribeInstanceTypeOfferings",
        instance_types::describe_offerings,
    ),
    ("DescribeInstanceTypes", |_, params| {
        instance_types::describe_types(params)
    }),
    ("CreateImage", images::create),
    ("DescribeImages", images::describe),
    ("DeregisterImage", images::deregister),
    ("DescribeSnapshots", images::describe_snapshots),
    ("DeleteSnapshot", images::delete_snapshot),
    ("CreateTags", tags::create),
    ("DeleteTags", tags::delete),
    ("DescribeTags", tags::describe),
    ("CreateLaunchTemplate", launch_templates::create),
    (
        "CreateLaunchTemplateVersion",
        launch_templates::create_version,
    ),
    ("DescribeLaunchTemplates", launch_templates::describe),
    (
        "DescribeLaunchTemplateVersions",
        launch_templates::describe_versions,
    ),
    ("ModifyLaunchTemplate", launch_templates::modify),
    (
        "DeleteLaunchTemplateVersions",
        launch_templates::delete_versions,
    ),
    ("DeleteLaunchTemplate", launch_templates::delete),
    ("DescribeVpcs", network::describe_vpcs),
    ("DescribeSubnets", network::describe_subnets),
    ("DescribeAvailabilityZones", network::describe_zones),
    ("DescribeRegions", network::describe_regions),
    ("GetEbsDefaultKmsKeyId", |account, params| {
        params.finish()?;
        let key = encryption::default_key(account);
        Ok(Node::map().put_as("KmsKeyId", "kmsKeyId", key))
    }),
    ("GetEbsEncryptionByDefault", |account, params| {
        params.finish()?;
        let always = account.ec2.encryption.always;
        Ok(Node::map().put_as("EbsEncryptionByDefault", "ebsEncryptionByDefault", always))
    }),
    ("DescribeRouteTables", routes::describe_tables),
    ("DescribeVpcEndpoints", routes::describe_endpoints),
    ("DescribeSecurityGroups", security_groups::describe_groups),
    ("CreateSecurityGroup", security_groups::create_group),
    (
        "AuthorizeSecurityGroupIngress",
        security_groups::authorize_ingress,
    ),
    (
        "AuthorizeSecurityGroupEgress",
        security_groups::authorize_egress,
    ),
    (
        "RevokeSecurityGroupIngress",
        security_groups::revoke_ingress,
    ),
    ("RevokeSecurityGroupEgress", security_groups::revoke_egress),
    ("DeleteSecurityGroup", security_groups::delete_group),
];

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
    operations::call("ec2", OPERATIONS, account, operation, params)
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
