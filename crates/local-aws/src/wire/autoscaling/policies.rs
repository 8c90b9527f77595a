//! Scaling policies on the wire.

use super::{page, paged, required};
use crate::account::autoscaling::policies::{self, Policy, Step, TargetTracking};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

fn read_target(params: &mut Params) -> Result<Option<TargetTracking>, ApiError> {
    let Some(mut given) = params.structure(&["TargetTrackingConfiguration"]) else {
        return Ok(None);
    };
    let mut target = TargetTracking {
        value: required(&mut given, "TargetValue")?,
        disable_scale_in: given.boolean("DisableScaleIn")?.unwrap_or(false),
        ..TargetTracking::default()
    };
    if let Some(mut metric) = given.structure(&["PredefinedMetricSpecification"]) {
        target.metric = required(&mut metric, "PredefinedMetricType")?;
        target.label = metric.text("ResourceLabel");
        metric.finish()?;
    }
    given.finish()?;
    Ok(Some(target))
}

fn read_steps(params: &mut Params) -> Result<Vec<Step>, ApiError> {
    params
        .structures(&["StepAdjustments"])
        .into_iter()
        .map(|mut step| {
            let lower = step.text("MetricIntervalLowerBound");
            let upper = step.text("MetricIntervalUpperBound");
            let by = step.number("ScalingAdjustment")?.unwrap_or(0);
            step.finish()?;
            Ok((lower, upper, by))
        })
        .collect()
}

pub(super) fn put(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let group = required(&mut params, "AutoScalingGroupName")?;
    let policy = Policy {
        name: required(&mut params, "PolicyName")?,
        arn: String::new(),
        kind: params
            .text("PolicyType")
            .unwrap_or_else(|| "SimpleScaling".to_owned()),
        adjustment_type: params.text("AdjustmentType"),
        scaling_adjustment: params.number("ScalingAdjustment")?,
        min_adjustment_magnitude: params.number("MinAdjustmentMagnitude")?,
        cooldown: params.number("Cooldown")?,
        metric_aggregation: params.text("MetricAggregationType"),
        warmup: params.number("EstimatedInstanceWarmup")?,
        steps: read_steps(&mut params)?,
        target: read_target(&mut params)?,
        is_enabled: params.boolean("Enabled")?.unwrap_or(true),
    };
    params.finish()?;
    let policy = policies::put(account, &group, policy)?;
    Ok(Node::map()
        .put("PolicyARN", &policy.arn)
        .put("Alarms", alarms(account, &group, &policy)))
}

fn alarms(account: &Account, group: &str, policy: &Policy) -> Node {
    Node::list(policy.alarms(group).into_iter().map(|name| {
        let arn = account.arn("cloudwatch", &format!("alarm:{name}"));
        Node::map().put("AlarmName", name).put("AlarmARN", arn)
    }))
}

fn show(account: &Account, group: &str, policy: &Policy) -> Node {
    let steps = policy.steps.iter().map(|(lower, upper, by)| {
        Node::map()
            .put_some("MetricIntervalLowerBound", lower.as_ref())
            .put_some("MetricIntervalUpperBound", upper.as_ref())
            .put("ScalingAdjustment", *by)
    });
    let node = Node::map()
        .put("AutoScalingGroupName", group)
        .put("PolicyName", &policy.name)
        .put("PolicyARN", &policy.arn)
        .put("PolicyType", &policy.kind)
        .put_some("AdjustmentType", policy.adjustment_type.as_ref())
        .put_some("MinAdjustmentMagnitude", policy.min_adjustment_magnitude)
        .put_some("ScalingAdjustment", policy.scaling_adjustment)
        .put_some("Cooldown", policy.cooldown)
        .put("StepAdjustments", Node::list(steps))
        .put_some("MetricAggregationType", policy.metric_aggregation.as_ref())
        .put_some("EstimatedInstanceWarmup", policy.warmup)
        .put("Alarms", alarms(account, group, policy))
        .put("Enabled", policy.is_enabled);
    let Some(target) = &policy.target else {
        return node;
    };
    node.put(
        "TargetTrackingConfiguration",
        Node::map()
            .put(
                "PredefinedMetricSpecification",
                Node::map()
                    .put("PredefinedMetricType", &target.metric)
                    .put_some("ResourceLabel", target.label.as_ref()),
            )
            .put("TargetValue", &target.value)
            .put("DisableScaleIn", target.disable_scale_in),
    )
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let group = params.text("AutoScalingGroupName");
    let names = params.texts(&["PolicyNames"]);
    let kinds = params.texts(&["PolicyTypes"]);
    let page = page(&mut params)?;
    params.boolean("IncludeManagedResources")?;
    params.finish()?;
    let mut found = Vec::new();
    for held in account.autoscaling.groups.values() {
        for policy in held.policies.values() {
            if group.as_ref().is_none_or(|name| *name == held.name)
                && (names.is_empty() || names.contains(&policy.name) || names.contains(&policy.arn))
                && (kinds.is_empty() || kinds.contains(&policy.kind))
            {
                found.push(show(account, &held.name, policy));
            }
        }
    }
    Ok(paged("ScalingPolicies", found, &page))
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let group = params.text("AutoScalingGroupName");
    let policy = required(&mut params, "PolicyName")?;
    params.finish()?;
    policies::delete(account, group.as_deref(), &policy)?;
    Ok(Node::map())
}
