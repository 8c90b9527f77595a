//! Auto Scaling's operations on the wire, by the noun they are about.

mod groups;
mod instances;
mod policies;
mod schedule;
mod tags;
mod target_groups;

use super::node::Node;
use super::operations::{self, Operations};
use super::paging::Page;
use super::params::Params;
use crate::account::autoscaling::contention;
use crate::account::{Account, ApiError, is_mutating};

/// What Auto Scaling is asked for.
pub(super) const OPERATIONS: &Operations = &[
    ("CreateAutoScalingGroup", groups::create),
    ("DescribeAutoScalingGroups", groups::describe),
    ("UpdateAutoScalingGroup", groups::update),
    ("SetDesiredCapacity", groups::set_desired),
    ("DeleteAutoScalingGroup", groups::delete),
    ("SuspendProcesses", groups::suspend),
    ("ResumeProcesses", groups::resume),
    ("DescribeScalingProcessTypes", |_, params| {
        groups::describe_process_types(params)
    }),
    ("DescribeAutoScalingInstances", instances::describe),
    ("DescribeScalingActivities", instances::describe_activities),
    ("TerminateInstanceInAutoScalingGroup", instances::terminate),
    ("DetachInstances", instances::detach),
    ("SetInstanceProtection", instances::protect),
    ("SetInstanceHealth", instances::set_health),
    ("AttachLoadBalancerTargetGroups", target_groups::attach),
    ("DetachLoadBalancerTargetGroups", target_groups::detach),
    ("DescribeLoadBalancerTargetGroups", target_groups::describe),
    ("AttachTrafficSources", target_groups::attach_sources),
    ("DetachTrafficSources", target_groups::detach_sources),
    ("DescribeTrafficSources", target_groups::describe_sources),
    ("PutScheduledUpdateGroupAction", schedule::put),
    ("DescribeScheduledActions", schedule::describe),
    ("DeleteScheduledAction", schedule::delete),
    ("PutScalingPolicy", policies::put),
    ("DescribePolicies", policies::describe),
    ("DeletePolicy", policies::delete),
    ("CreateOrUpdateTags", tags::create),
    ("DescribeTags", tags::describe),
    ("DeleteTags", tags::delete),
];

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    if is_mutating(operation) {
        let group = params.clone().text("AutoScalingGroupName");
        contention::meet(account, operation, group.as_deref())?;
    }
    operations::call("autoscaling", OPERATIONS, account, operation, params)
}

/// Auto Scaling's error for a member that had to be there.
fn absent(name: &str) -> ApiError {
    let mut member = name.to_owned();
    if let Some(first) = member.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    ApiError::validation(&format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// A string that must be there.
fn required(params: &mut Params, name: &str) -> Result<String, ApiError> {
    params.required(name).map_err(|_| absent(name))
}

/// A number that is not negative, if it is there.
fn natural(params: &mut Params, name: &str) -> Result<Option<u32>, ApiError> {
    params
        .number(name)?
        .map(|number| {
            u32::try_from(number).map_err(|_| {
                let mut member = name.to_owned();
                if let Some(first) = member.get_mut(..1) {
                    first.make_ascii_lowercase();
                }
                ApiError::validation(&format!(
                    "1 validation error detected: Value '{number}' at '{member}' failed to satisfy constraint: Member must have value greater than or equal to 0"
                ))
            })
        })
        .transpose()
}

/// The page that a describe asks for.
fn page(params: &mut Params) -> Result<Page, ApiError> {
    Page::read(params, "MaxRecords", "NextToken", "InvalidNextToken")
}

/// A list under `name`, with the token of the next page.
fn paged(name: &'static str, items: Vec<Node>, page: &Page) -> Node {
    let (items, token) = page.cut(items);
    Node::map()
        .put(name, Node::List(items))
        .put_some("NextToken", token)
}

/// A moment as a caller sends it.
fn time(params: &mut Params, name: &str) -> Result<Option<std::time::SystemTime>, ApiError> {
    params
        .text(name)
        .map(|text| {
            time::OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc3339)
                .map(std::time::SystemTime::from)
                .map_err(|_| {
                    ApiError::validation(&format!("{name} is not a date and time: {text}"))
                })
        })
        .transpose()
}
