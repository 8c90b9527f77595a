//! Elastic Load Balancing: where traffic is divided, and who is healthy behind it.

mod by_hand;
pub mod limits;
mod listeners;
mod removal;
pub mod routes;
pub mod rules;
pub mod target_groups;
pub mod traffic;

use aws_sdk_elasticloadbalancingv2::types::{LoadBalancerAttribute, LoadBalancerSchemeEnum, Tag};

use super::error::{About as _, ErrorKind, Failure};
use super::{Aws, Tags, bear};

pub use by_hand::{describe_by_hand, modify_rules_by_hand};
pub use listeners::{create_listener, find_listener};
pub use removal::{
    delete_listener, delete_load_balancer, delete_rule, delete_target_group, describe_listeners,
    is_protected,
};
pub(in crate::aws) use routes::Known as KnownListeners;
pub(in crate::aws) use routes::load_balancers;
pub use routes::{Route, Routes};
pub use rules::{
    Condition, PreviewRule, Rule, create_rule, create_rule_to, describe_rules, write_preview,
};
pub use target_groups::{
    HealthCheck, Target, TargetGroup, TargetGroups, create_target_group, describe_targets,
    find_target_group, find_target_groups, see_able, set_deregistration_delay, set_health_check,
};
pub use traffic::{
    Traffic, TrafficRules, describe_traffic, name_both, see_weights, see_weights_among,
    write_weights,
};

/// The most resources whose tags are described in one call:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html>
const TAGS_AT_A_TIME: usize = 20;

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Its ARN.
    pub arn: String,
    /// The name its traffic comes to.
    pub dns_name: String,
    /// `active`, `provisioning`, `failed`, ...
    pub state: String,
    /// The zones it stands in.
    pub zones: Vec<String>,
    /// Its security groups.
    pub security_groups: Vec<String>,
}

/// The load balancer of this name.
pub async fn find_load_balancer(aws: &Aws, name: &str) -> Result<Option<LoadBalancer>, Failure> {
    let answer = aws
        .elbv2
        .describe_load_balancers()
        .names(name)
        .send()
        .await
        .about("DescribeLoadBalancers", name);
    let answer = match answer {
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    Ok(answer
        .load_balancers
        .unwrap_or_default()
        .into_iter()
        .next()
        .map(read_load_balancer))
}

fn read_load_balancer(
    balancer: aws_sdk_elasticloadbalancingv2::types::LoadBalancer,
) -> LoadBalancer {
    LoadBalancer {
        arn: balancer.load_balancer_arn.unwrap_or_default(),
        dns_name: balancer.dns_name.unwrap_or_default(),
        state: balancer
            .state
            .and_then(|state| state.code)
            .map(|code| code.as_str().to_owned())
            .unwrap_or_default(),
        zones: balancer
            .availability_zones
            .unwrap_or_default()
            .into_iter()
            .filter_map(|zone| zone.zone_name)
            .collect(),
        security_groups: balancer.security_groups.unwrap_or_default(),
    }
}

fn tags(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// Which of these resources bear all these tags.
pub async fn find_tagged(
    aws: &Aws,
    arns: &[String],
    wanted: &Tags,
) -> Result<Vec<String>, Failure> {
    let described = describe_tags(aws, arns).await?.into_iter();
    let found = described.filter(|(_, tags)| bear(tags, wanted));
    Ok(found.map(|(arn, _)| arn).collect())
}

/// The tags of these resources, each by its ARN.
pub async fn describe_tags(aws: &Aws, arns: &[String]) -> Result<Vec<(String, Tags)>, Failure> {
    let mut found = Vec::new();
    for some in arns.chunks(TAGS_AT_A_TIME) {
        let answer = aws
            .elbv2
            .describe_tags()
            .set_resource_arns(Some(some.to_vec()))
            .send()
            .await
            .about("DescribeTags", some.join(", "))?;
        let described = answer.tag_descriptions.unwrap_or_default().into_iter();
        found.extend(described.filter_map(|one| {
            let tags = one.tags.unwrap_or_default().into_iter();
            let tags = tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
            Some((one.resource_arn?, tags.collect()))
        }));
    }
    Ok(found)
}

/// Gives something these tags beside those that it has.
pub async fn add_tags(aws: &Aws, arn: &str, with_tags: &Tags) -> Result<(), Failure> {
    aws.elbv2
        .add_tags()
        .resource_arns(arn)
        .set_tags(Some(tags(with_tags)))
        .send()
        .await
        .about("AddTags", arn)?;
    Ok(())
}

/// Makes an application load balancer.
pub async fn create_load_balancer(
    aws: &Aws,
    name: &str,
    subnets: &[String],
    security_group: &str,
    public: bool,
    with_tags: &Tags,
) -> Result<LoadBalancer, Failure> {
    let scheme = if public {
        LoadBalancerSchemeEnum::InternetFacing
    } else {
        LoadBalancerSchemeEnum::Internal
    };
    let answer = aws
        .elbv2
        .create_load_balancer()
        .name(name)
        .set_subnets(Some(subnets.to_vec()))
        .security_groups(security_group)
        .scheme(scheme)
        .set_tags(Some(tags(with_tags)))
        .send()
        .await
        .about("CreateLoadBalancer", name)?;
    let made = answer.load_balancers.unwrap_or_default().into_iter().next();
    made.map(read_load_balancer)
        .ok_or_else(|| empty("CreateLoadBalancer", name))
}

/// Drops requests with malformed headers, and sets the idle timeout that apps' keep-alive has to exceed.
pub async fn set_load_balancer_attributes(aws: &Aws, arn: &str) -> Result<(), Failure> {
    let attribute = |key: &str, value: &str| {
        LoadBalancerAttribute::builder()
            .key(key)
            .value(value)
            .build()
    };
    aws.elbv2
        .modify_load_balancer_attributes()
        .load_balancer_arn(arn)
        .attributes(attribute(
            "routing.http.drop_invalid_header_fields.enabled",
            "true",
        ))
        .attributes(attribute("idle_timeout.timeout_seconds", "60"))
        .send()
        .await
        .about("ModifyLoadBalancerAttributes", arn)?;
    Ok(())
}

fn empty(operation: &'static str, resource: &str) -> Failure {
    Failure {
        kind: ErrorKind::Other,
        operation: operation.into(),
        resource: resource.to_owned(),
        code: String::new(),
        message: "AWS's answer names nothing".to_owned(),
        request_id: None,
    }
}
