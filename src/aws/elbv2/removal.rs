//! The end of what divides traffic. What is gone already was removed.
//!
//! Elastic Load Balancing answers a removal of a load balancer, and of a target group, as done where there is none.

use super::routes::listeners;
use crate::aws::Aws;
use crate::aws::error::{About as _, ErrorKind, Failure};

/// The load balancer's own guard against removal.
const PROTECTION: &str = "deletion_protection.enabled";

/// What was removed, or was not there any more.
fn unless_gone<T>(answer: Result<T, Failure>) -> Result<(), Failure> {
    match answer {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The listeners of a load balancer, with their ports.
pub async fn describe_listeners(aws: &Aws, balancer: &str) -> Result<Vec<(String, i32)>, Failure> {
    listeners(aws, balancer).await
}

/// Whether somebody has protected a load balancer from its removal.
pub async fn is_protected(aws: &Aws, balancer: &str) -> Result<bool, Failure> {
    let answer = aws
        .elbv2
        .describe_load_balancer_attributes()
        .load_balancer_arn(balancer)
        .send()
        .await
        .about("DescribeLoadBalancerAttributes", balancer)?;
    let mut attributes = answer.attributes.unwrap_or_default().into_iter();
    Ok(attributes.any(|one| one.key() == Some(PROTECTION) && one.value() == Some("true")))
}

/// Deletes a rule: whoever it led somewhere is led by what comes after it.
pub async fn delete_rule(aws: &Aws, rule: &str) -> Result<(), Failure> {
    let request = aws.elbv2.delete_rule().rule_arn(rule);
    unless_gone(request.send().await.about("DeleteRule", rule))
}

/// Deletes a listener, and with it all its rules.
pub async fn delete_listener(aws: &Aws, listener: &str) -> Result<(), Failure> {
    let request = aws.elbv2.delete_listener().listener_arn(listener);
    unless_gone(request.send().await.about("DeleteListener", listener))
}

/// Deletes a target group that nothing leads to.
pub async fn delete_target_group(aws: &Aws, group: &str) -> Result<(), Failure> {
    let request = aws.elbv2.delete_target_group().target_group_arn(group);
    unless_gone(request.send().await.about("DeleteTargetGroup", group))
}

/// Deletes a load balancer, and with it all its listeners.
pub async fn delete_load_balancer(aws: &Aws, balancer: &str) -> Result<(), Failure> {
    let request = aws.elbv2.delete_load_balancer().load_balancer_arn(balancer);
    unless_gone(request.send().await.about("DeleteLoadBalancer", balancer))
}
