//! Scaling policies. They are kept and shown; no metric ever fires one in the local cloud.

use super::group::living;
use crate::account::{Account, ApiError};

/// A scaling policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Unique in its group.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// "SimpleScaling", "StepScaling" or "TargetTrackingScaling".
    pub kind: String,
    /// "ChangeInCapacity", ...
    pub adjustment_type: Option<String>,
    /// By how much.
    pub scaling_adjustment: Option<i64>,
    /// By how much at least, for percentages.
    pub min_adjustment_magnitude: Option<i64>,
    /// In seconds.
    pub cooldown: Option<i64>,
    /// "Average", ...
    pub metric_aggregation: Option<String>,
    /// In seconds.
    pub warmup: Option<i64>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// What it keeps a metric at.
    pub target: Option<TargetTracking>,
    /// Whether it acts.
    pub is_enabled: bool,
}

/// A step: lower bound and upper bound as the caller wrote them, and the adjustment.
pub type Step = (Option<String>, Option<String>, i64);

/// A metric and the value it is kept at.
#[derive(Clone, Debug, Default)]
pub struct TargetTracking {
    /// "ASGAverageCPUUtilization", ...
    pub metric: String,
    /// Which load balancer and target group.
    pub label: Option<String>,
    /// The value, as the caller wrote it.
    pub value: String,
    /// Whether it only scales out.
    pub disable_scale_in: bool,
}

impl Policy {
    /// The alarms that a target tracking policy makes.
    pub fn alarms(&self, group: &str) -> Vec<String> {
        if self.target.is_none() {
            return Vec::new();
        }
        let id = self.arn.split(':').nth(6).unwrap_or_default();
        ["AlarmHigh", "AlarmLow"]
            .iter()
            .map(|end| format!("TargetTracking-{group}-{end}-{id}"))
            .collect()
    }
}

/// Refuses a policy that could not act
/// (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html>).
fn check(policy: &Policy) -> Result<(), ApiError> {
    let is_adjusted = policy.adjustment_type.is_some();
    let complaint = match policy.kind.as_str() {
        "SimpleScaling" if !is_adjusted || policy.scaling_adjustment.is_none() => {
            "AdjustmentType and ScalingAdjustment are required for policy type SimpleScaling"
        }
        "StepScaling" if !is_adjusted || policy.steps.is_empty() => {
            "AdjustmentType and StepAdjustments are required for policy type StepScaling"
        }
        "TargetTrackingScaling" if policy.target.is_none() => {
            "TargetTrackingConfiguration is required for policy type TargetTrackingScaling"
        }
        "SimpleScaling" | "StepScaling" | "TargetTrackingScaling" => return Ok(()),
        _ => {
            "PolicyType must be SimpleScaling, StepScaling or TargetTrackingScaling in the local cloud"
        }
    };
    Err(ApiError::validation(complaint))
}

/// Makes or replaces a policy; answers it as it is kept.
pub fn put(account: &mut Account, group: &str, mut policy: Policy) -> Result<Policy, ApiError> {
    check(&policy)?;
    let uuid = account.uuid();
    let arn = account.arn(
        "autoscaling",
        &format!(
            "scalingPolicy:{uuid}:autoScalingGroupName/{group}:policyName/{}",
            policy.name
        ),
    );
    let held = living(account, group)?;
    policy.arn = held
        .policies
        .get(&policy.name)
        .map_or(arn, |replaced| replaced.arn.clone());
    held.policies.insert(policy.name.clone(), policy.clone());
    Ok(policy)
}

/// Deletes a policy by name or ARN.
pub fn delete(account: &mut Account, group: Option<&str>, policy: &str) -> Result<(), ApiError> {
    if let Some(group) = group {
        living(account, group)?;
    }
    let found = account
        .autoscaling
        .groups
        .values_mut()
        .filter(|held| group.is_none_or(|name| held.name == name))
        .find_map(|held| {
            let name = held
                .policies
                .values()
                .find(|one| one.name == policy || one.arn == policy)?
                .name
                .clone();
            held.policies.remove(&name)
        });
    match found {
        Some(_) => Ok(()),
        None => Err(ApiError::validation(&format!(
            "Policy name not found - no such policy: {policy}"
        ))),
    }
}
