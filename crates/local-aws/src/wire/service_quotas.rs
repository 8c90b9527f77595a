//! Service Quotas: how many virtual CPUs may run in the region, of each kind of instances.

use super::node::Node;
use super::operations::{self, Operations};
use super::paging::Page;
use super::params::Params;
use crate::account::ec2::quotas::{QUOTAS, Quota};
use crate::account::{Account, ApiError};
use crate::limits::DEFAULT_VCPUS;

/// What Service Quotas is asked for.
pub(super) const OPERATIONS: &Operations = &[
    ("GetAWSDefaultServiceQuota", default_quota),
    ("ListServiceQuotas", list),
];

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    let answer = operations::call("service-quotas", OPERATIONS, account, operation, params);
    answer.map_err(|error| match error.code.as_str() {
        "MissingParameter" | "ValidationError" => ApiError {
            code: "IllegalArgumentException".to_owned(),
            ..error
        },
        _ => error,
    })
}

/// What holds where nothing was set for the account.
fn default_quota(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let service = params.required("ServiceCode")?;
    let code = params.required("QuotaCode")?;
    params.finish()?;
    let mut known = QUOTAS.iter().filter(|_| service == "ec2");
    let quota = known.find(|quota| quota.code == code).ok_or_else(|| {
        ApiError::refused(
            "NoSuchResourceException",
            "The request failed because the specified service quota does not exist.",
        )
    })?;
    Ok(Node::map().put("Quota", shown(account, quota, DEFAULT_VCPUS)))
}

/// Those that were set.
fn list(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let service = params.required("ServiceCode")?;
    let code = params.text("QuotaCode");
    let page = Page::read(
        &mut params,
        "MaxResults",
        "NextToken",
        "InvalidPaginationTokenException",
    )?;
    params.finish()?;
    if service != "ec2" {
        return Err(ApiError::refused(
            "NoSuchResourceException",
            "The request failed because the specified service does not exist.",
        ));
    }
    let all = QUOTAS.iter();
    let all = all.filter(|quota| code.as_ref().is_none_or(|code| code == quota.code));
    let all = all.filter_map(|quota| Some(shown(account, quota, account.limits.vcpus?)));
    let (found, token) = page.cut(all.collect());
    Ok(Node::map()
        .put("Quotas", Node::List(found))
        .put_some("NextToken", token))
}

fn shown(account: &Account, quota: &Quota, value: u32) -> Node {
    let arn = account.arn("servicequotas", &format!("ec2/{}", quota.code));
    Node::map()
        .put("ServiceCode", "ec2")
        .put("ServiceName", "Amazon Elastic Compute Cloud (Amazon EC2)")
        .put("QuotaArn", arn)
        .put("QuotaCode", quota.code)
        .put("QuotaName", quota.name)
        .put("Value", Node::Double(value.into()))
        .put("Unit", "None")
        .put("Adjustable", true)
        .put("GlobalQuota", false)
        .put("QuotaAppliedAtLevel", "ACCOUNT")
}
