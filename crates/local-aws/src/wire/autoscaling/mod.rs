//! Auto Scaling's operations on the wire, by the noun they are about.

mod groups;
mod instances;
mod policies;
mod schedule;
mod tags;
mod target_groups;

use super::node::Node;
use super::paging::Page;
use super::params::Params;
use super::unknown_operation;
use crate::account::{Account, ApiError};

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    match operation {
        "CreateAutoScalingGroup" => groups::create(account, params),
        "DescribeAutoScalingGroups" => groups::describe(account, params),
        "UpdateAutoScalingGroup" => groups::update(account, params),
        "SetDesiredCapacity" => groups::set_desired(account, params),
        "DeleteAutoScalingGroup" => groups::delete(account, params),
        "SuspendProcesses" => groups::suspend(account, params),
        "ResumeProcesses" => groups::resume(account, params),
        "DescribeScalingProcessTypes" => groups::describe_process_types(params),
        "DescribeAutoScalingInstances" => instances::describe(account, params),
        "DescribeScalingActivities" => instances::describe_activities(account, params),
        "TerminateInstanceInAutoScalingGroup" => instances::terminate(account, params),
        "DetachInstances" => instances::detach(account, params),
        "SetInstanceProtection" => instances::protect(account, params),
        "SetInstanceHealth" => instances::set_health(account, params),
        "AttachLoadBalancerTargetGroups" => target_groups::attach(account, params),
        "DetachLoadBalancerTargetGroups" => target_groups::detach(account, params),
        "DescribeLoadBalancerTargetGroups" => target_groups::describe(account, params),
        "AttachTrafficSources" => target_groups::attach_sources(account, params),
        "DetachTrafficSources" => target_groups::detach_sources(account, params),
        "DescribeTrafficSources" => target_groups::describe_sources(account, params),
        "PutScheduledUpdateGroupAction" => schedule::put(account, params),
        "DescribeScheduledActions" => schedule::describe(account, params),
        "DeleteScheduledAction" => schedule::delete(account, params),
        "PutScalingPolicy" => policies::put(account, params),
        "DescribePolicies" => policies::describe(account, params),
        "DeletePolicy" => policies::delete(account, params),
        "CreateOrUpdateTags" => tags::create(account, params),
        "DescribeTags" => tags::describe(account, params),
        "DeleteTags" => tags::delete(account, params),
        _ => Err(unknown_operation("autoscaling", operation)),
    }
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
