//! CloudWatch on the wire: the figures that load balancers send to it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::node::Node;
use super::operations::{self, Operations};
use super::params::Params;
use crate::account::cloudwatch::{MINUTE, RequestCount, request_counts};
use crate::account::{Account, ApiError};

/// How many queries one call may have.
const MOST_QUERIES: usize = 500;

/// What CloudWatch is asked for.
pub(super) const OPERATIONS: &Operations = &[("GetMetricData", |account, params| {
    get_metric_data(account, params)
})];

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    operations::call("cloudwatch", OPERATIONS, account, operation, params)
}

/// A query for one metric.
struct Query {
    id: String,
    label: Option<String>,
    of: RequestCount,
    period: Duration,
    is_returned: bool,
}

fn get_metric_data(account: &Account, mut params: Params) -> Result<Node, ApiError> {
    let from = moment(&mut params, "StartTime")?;
    let to = moment(&mut params, "EndTime")?;
    let is_ascending = match params.text("ScanBy").as_deref() {
        None | Some("TimestampDescending") => false,
        Some("TimestampAscending") => true,
        Some(other) => return Err(invalid("ScanBy", other)),
    };
    let queries = params.structures(&["MetricDataQueries"]);
    params.finish()?;
    if !(1..=MOST_QUERIES).contains(&queries.len()) {
        let words = format!("MetricDataQueries has to have 1 to {MOST_QUERIES} members");
        return Err(ApiError::validation(&words));
    }
    if from >= to {
        return Err(ApiError::validation(
            "The parameter StartTime must be less than the parameter EndTime.",
        ));
    }
    let mut ids = BTreeSet::new();
    let mut results = Vec::new();
    for query in queries {
        let query = read_query(query)?;
        if !ids.insert(query.id.clone()) {
            let words = format!(
                "The values for parameter id in MetricDataQueries are not unique: {}",
                query.id
            );
            return Err(ApiError::validation(&words));
        }
        if query.is_returned {
            results.push(result(account, query, (from, to), is_ascending));
        }
    }
    Ok(Node::map()
        .put("MetricDataResults", Node::List(results))
        .put("Messages", Node::List(Vec::new())))
}

fn result(
    account: &Account,
    query: Query,
    span: (SystemTime, SystemTime),
    is_ascending: bool,
) -> Node {
    let sums = request_counts(account, &query.of, span, query.period);
    let mut sums: Vec<_> = sums.into_iter().collect();
    if !is_ascending {
        sums.reverse();
    }
    #[expect(clippy::cast_precision_loss, reason = "nobody makes so many requests")]
    let values = sums.iter().map(|(_, sum)| Node::Double(*sum as f64));
    Node::map()
        .put("Id", query.id)
        .put(
            "Label",
            query.label.unwrap_or_else(|| "RequestCount".to_owned()),
        )
        .put("Timestamps", Node::list(sums.iter().map(|(at, _)| *at)))
        .put("Values", Node::List(values.collect()))
        .put("StatusCode", "Complete")
}

fn read_query(mut query: Params) -> Result<Query, ApiError> {
    let id = query.required("Id")?;
    let label = query.text("Label");
    let is_returned = query.boolean("ReturnData")?.unwrap_or(true);
    let stat = query.structure(&["MetricStat"]);
    query.finish()?;
    let is_named = id.starts_with(|letter: char| letter.is_ascii_lowercase())
        && id
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !is_named {
        return Err(invalid("MetricDataQueries.member.Id", &id));
    }
    let Some(mut stat) = stat else {
        let words = format!("The query {id} has neither an Expression nor a MetricStat");
        return Err(ApiError::validation(&words));
    };
    let period = stat.number("Period")?.unwrap_or_default();
    let kind = stat.required("Stat")?;
    let unit = stat.text("Unit");
    let metric = stat.structure(&["Metric"]);
    stat.finish()?;
    let period = u64::try_from(period).ok().map(Duration::from_secs);
    let period = period
        .filter(|period| *period >= MINUTE && period.as_secs() % MINUTE.as_secs() == 0)
        .ok_or_else(|| ApiError::validation("Period has to be a multiple of 60"))?;
    known("statistic", &kind, "Sum")?;
    known("unit", unit.as_deref().unwrap_or("Count"), "Count")?;
    Ok(Query {
        id,
        label,
        of: read_metric(metric.unwrap_or_default())?,
        period,
        is_returned,
    })
}

fn read_metric(mut metric: Params) -> Result<RequestCount, ApiError> {
    let namespace = metric.required("Namespace")?;
    let name = metric.required("MetricName")?;
    let dimensions = metric.structures(&["Dimensions"]);
    metric.finish()?;
    known("namespace", &namespace, "AWS/ApplicationELB")?;
    known("metric", &name, "RequestCount")?;
    let (mut load_balancer, mut target_group) = (None, None);
    for mut dimension in dimensions {
        let (name, value) = (dimension.required("Name")?, dimension.required("Value")?);
        dimension.finish()?;
        match name.as_str() {
            "LoadBalancer" => load_balancer = Some(value),
            "TargetGroup" => target_group = Some(value),
            other => known("dimension", other, "LoadBalancer")?,
        }
    }
    // AWS has nothing under a target group alone, and answers with no figure, which looks like silence.
    let load_balancer = load_balancer
        .ok_or_else(|| unknown("the metric RequestCount without the dimension LoadBalancer"))?;
    Ok(RequestCount {
        load_balancer,
        target_group,
    })
}

/// A moment: seconds since 1970, or a date and time in a form.
fn moment(params: &mut Params, name: &str) -> Result<SystemTime, ApiError> {
    let text = params.required(name)?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
            .ok_or_else(|| invalid(name, &text));
    }
    time::OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc3339)
        .map(SystemTime::from)
        .map_err(|_| invalid(name, &text))
}

fn invalid(name: &str, value: &str) -> ApiError {
    ApiError::validation(&format!(
        "The value {value} for parameter {name} is not valid."
    ))
}

/// Refuses what is not the only one of its kind that is kept here.
fn known(kind: &str, asked: &str, only: &str) -> Result<(), ApiError> {
    match asked == only {
        true => Ok(()),
        false => Err(unknown(&format!("the {kind} {asked}"))),
    }
}

fn unknown(what: &str) -> ApiError {
    ApiError::refused(
        "UnknownParameter",
        &format!("the local cloud does not know {what}"),
    )
}
