//! Tags of load balancers, listeners, rules and target groups.

use super::{not_found, rules};
use crate::account::{Account, ApiError, Tags};

/// AWS's most tags of one resource.
const MOST_TAGS: usize = 50;

/// Refuses tags that AWS would refuse.
pub fn check(tags: &Tags) -> Result<(), ApiError> {
    if tags.len() > MOST_TAGS {
        return Err(ApiError::refused(
            "TooManyTags",
            "The maximum number of tags for this resource has been reached",
        ));
    }
    if tags.keys().any(|key| key.starts_with("aws:")) {
        return Err(ApiError::validation("Tag keys cannot begin with 'aws:'"));
    }
    if tags
        .iter()
        .any(|(key, value)| key.chars().count() > 128 || value.chars().count() > 256)
    {
        return Err(ApiError::validation(
            "Tag keys are at most 128 characters long, their values at most 256",
        ));
    }
    Ok(())
}

/// The tags of a resource.
pub fn of<'a>(account: &'a mut Account, arn: &str) -> Result<&'a mut Tags, ApiError> {
    let elbv2 = &mut account.elbv2;
    let kind = arn
        .splitn(6, ':')
        .nth(5)
        .and_then(|rest| rest.split('/').next());
    match kind {
        Some("loadbalancer") => elbv2
            .load_balancers
            .get_mut(arn)
            .map(|found| &mut found.tags)
            .ok_or_else(|| not_found("LoadBalancerNotFound", "load balancers")),
        Some("targetgroup") => elbv2
            .target_groups
            .get_mut(arn)
            .map(|found| &mut found.tags)
            .ok_or_else(|| not_found("TargetGroupNotFound", "target groups")),
        Some("listener") => elbv2
            .listeners
            .get_mut(arn)
            .map(|found| &mut found.tags)
            .ok_or_else(|| not_found("ListenerNotFound", "listeners")),
        Some("listener-rule") => rules::listener_of(arn)
            .and_then(|listener| elbv2.listeners.get_mut(&listener)?.rule_tags.get_mut(arn))
            .ok_or_else(|| not_found("RuleNotFound", "rules")),
        _ => Err(ApiError::validation(&format!("'{arn}' is not a valid ARN"))),
    }
}

/// Adds tags to each resource, or to none.
pub fn add(account: &mut Account, arns: &[String], tags: &Tags) -> Result<(), ApiError> {
    for arn in arns {
        let mut together = of(account, arn)?.clone();
        together.extend(tags.clone());
        check(&together)?;
    }
    for arn in arns {
        of(account, arn)?.extend(tags.clone());
    }
    Ok(())
}

/// Removes tags from each resource, or from none.
pub fn remove(account: &mut Account, arns: &[String], keys: &[String]) -> Result<(), ApiError> {
    for arn in arns {
        of(account, arn)?;
    }
    for arn in arns {
        of(account, arn)?.retain(|key, _| !keys.contains(key));
    }
    Ok(())
}
