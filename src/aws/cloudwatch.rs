//! CloudWatch: how many requests the load balancer has sent to a target group, whatever led them there.
//!
//! By GetMetricData, not GetMetricStatistics: one call for any number of metrics, and it says of each whether all of its
//! figures are in the answer. It costs a cent for a thousand metrics.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StandardUnit, StatusCode,
};

use super::Aws;
use super::elbv2::load_balancers;
use super::error::{About as _, ErrorKind, Failure};

/// What a load balancer counts by.
pub const MINUTE: Duration = Duration::from_secs(60);

const OPERATION: &str = "GetMetricData";

/// How many requests a target group got in each minute that had any, by the minute's beginning.
pub type RequestsByMinute = BTreeMap<SystemTime, u64>;

/// The requests that a target group got from `since` on, as far as AWS shows them by now. A minute without any has no
/// figure, and neither has one that AWS does not show yet.
pub async fn requests_by_minute(
    aws: &Aws,
    target_group: &str,
    since: SystemTime,
) -> Result<RequestsByMinute, Failure> {
    let balancers = load_balancers(aws, &[target_group.to_owned()]).await?;
    if balancers.is_empty() {
        return Ok(RequestsByMinute::new());
    }
    let numbered = balancers.iter().enumerate();
    let queries = numbered.map(|(nth, balancer)| query(nth, balancer, target_group));
    let mut pages = aws
        .cloudwatch
        .get_metric_data()
        .set_metric_data_queries(Some(queries.collect()))
        .start_time(DateTime::from(since))
        // As much as two clocks may differ: what is newer is not there anyway.
        .end_time(DateTime::from(since + WINDOW))
        .into_paginator()
        .send();
    let mut by_minute = RequestsByMinute::new();
    while let Some(page) = pages.next().await {
        let page = page.about(OPERATION, target_group)?;
        for result in page.metric_data_results.unwrap_or_default() {
            add(&mut by_minute, result, target_group)?;
        }
    }
    Ok(by_minute)
}

/// How long after `since` is asked for: an hour, of which only the past has figures.
const WINDOW: Duration = Duration::from_secs(3600);

fn query(nth: usize, balancer: &str, target_group: &str) -> MetricDataQuery {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace("AWS/ApplicationELB")
        .metric_name("RequestCount")
        .dimensions(dimension(
            "LoadBalancer",
            resource(balancer, "loadbalancer/"),
        ))
        .dimensions(dimension("TargetGroup", resource(target_group, "")))
        .build();
    let stat = MetricStat::builder()
        .metric(metric)
        .period(60)
        .stat("Sum")
        .unit(StandardUnit::Count)
        .build();
    MetricDataQuery::builder()
        .id(format!("requests_{nth}"))
        .metric_stat(stat)
        .build()
}

/// An ARN as a dimension has it: what stands after the last colon, without this.
fn resource<'a>(arn: &'a str, without: &str) -> &'a str {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    resource.strip_prefix(without).unwrap_or(resource)
}

fn add(
    by_minute: &mut RequestsByMinute,
    result: MetricDataResult,
    target_group: &str,
) -> Result<(), Failure> {
    // `PartialData` has the rest on the next page.
    if let Some(status @ (StatusCode::Forbidden | StatusCode::InternalError)) = &result.status_code
    {
        let kind = match status {
            StatusCode::Forbidden => ErrorKind::Denied,
            _ => ErrorKind::Unknown,
        };
        return Err(Failure {
            kind,
            operation: OPERATION.into(),
            resource: target_group.to_owned(),
            code: status.as_str().to_owned(),
            message: "no figures".to_owned(),
            request_id: None,
        });
    }
    let timestamps = result.timestamps.unwrap_or_default();
    for (at, value) in timestamps
        .into_iter()
        .zip(result.values.unwrap_or_default())
    {
        let Ok(at) = SystemTime::try_from(at) else {
            continue;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of requests"
        )]
        let requests = value.round() as u64;
        if requests > 0 {
            *by_minute.entry(at).or_default() += requests;
        }
    }
    Ok(())
}
