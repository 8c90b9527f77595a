//! Service Quotas, and what counts against one: instances that run.

use aws_sdk_ec2::types::{Filter, Instance, InstanceStateName, Tenancy};
use aws_sdk_servicequotas::types::ServiceQuota;

use super::Aws;
use super::error::{About as _, ErrorKind, Failure};

/// An on-demand instance that runs, or is about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// `i-...`
    pub id: String,
    /// `t3.micro`
    pub instance_type: String,
}

/// Every on-demand instance of the region that runs: neither spot instances nor those on hosts of the account's own, which count
/// against other quotas (<https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html>).
pub async fn find_running(aws: &Aws) -> Result<Vec<Running>, Failure> {
    let states = Filter::builder()
        .name("instance-state-name")
        .values(InstanceStateName::Pending.as_str())
        .values(InstanceStateName::Running.as_str())
        .build();
    let mut found = Vec::new();
    let mut pages = aws
        .ec2
        .describe_instances()
        .filters(states)
        .into_paginator()
        .page_size(1000)
        .send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeInstances", "what runs")?;
        let all = page.reservations.unwrap_or_default().into_iter();
        let all = all.flat_map(|reservation| reservation.instances.unwrap_or_default());
        found.extend(all.filter(is_on_demand).filter_map(|one| {
            Some(Running {
                id: one.instance_id?,
                instance_type: one.instance_type?.as_str().to_owned(),
            })
        }));
    }
    Ok(found)
}

fn is_on_demand(instance: &Instance) -> bool {
    let tenancy = instance
        .placement
        .as_ref()
        .and_then(|it| it.tenancy.as_ref());
    instance.instance_lifecycle.is_none() && tenancy != Some(&Tenancy::Host)
}

/// The value of a quota: the one that was applied for the account, else AWS's default. `None`, where Service Quotas has neither.
pub async fn find_quota(aws: &Aws, service: &str, code: &str) -> Result<Option<f64>, Failure> {
    let applied = aws
        .quotas
        .list_service_quotas()
        .service_code(service)
        .quota_code(code)
        .send()
        .await
        .about("ListServiceQuotas", code)?;
    let mut applied = applied.quotas.unwrap_or_default().into_iter();
    if let Some(quota) = applied.find(|quota| quota.quota_code() == Some(code)) {
        return Ok(value(quota));
    }
    let default = aws
        .quotas
        .get_aws_default_service_quota()
        .service_code(service)
        .quota_code(code)
        .send()
        .await
        .about("GetAWSDefaultServiceQuota", code);
    match default {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        answer => Ok(answer?.quota.and_then(value)),
    }
}

/// A quota that Service Quotas could not find out bears the reason.
fn value(quota: ServiceQuota) -> Option<f64> {
    quota.value.filter(|_| quota.error_reason.is_none())
}
