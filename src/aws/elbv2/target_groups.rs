//! Target groups, their health checks, and the health of their targets.

use aws_sdk_elasticloadbalancingv2::types::{ProtocolEnum, TargetGroupAttribute, TargetTypeEnum};

use super::{empty, tags};
use crate::aws::error::{About as _, ErrorKind, Failure};
use crate::aws::witness::{Able, Held, NoWeight};
use crate::aws::{Aws, Tags};
use crate::names::Colour;

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// How it checks its targets.
    pub check: HealthCheck,
}

/// A target and its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `i-...`
    pub id: String,
    /// `healthy`, `initial`, `unhealthy`, `draining`, `unused`, `unavailable`.
    pub state: String,
    /// AWS's words about it.
    pub description: String,
    /// AWS's code for why it is not healthy; empty when it is.
    pub reason: String,
}

impl Target {
    /// Whether the load balancer takes it for healthy.
    pub fn is_healthy(&self) -> bool {
        self.state == "healthy"
    }
}

/// The two target groups, blue first.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TargetGroups {
    /// ARN of blue's.
    pub blue: String,
    /// ARN of green's.
    pub green: String,
}

impl TargetGroups {
    /// The ARN of a colour's.
    pub fn of(&self, colour: Colour) -> &str {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }
}

/// The target group of this name.
pub async fn find_target_group(aws: &Aws, name: &str) -> Result<Option<TargetGroup>, Failure> {
    let found = find_target_groups(aws, &[name.to_owned()]).await?;
    Ok(found.into_iter().next())
}

/// The target groups of these names; none of them unless all exist.
pub async fn find_target_groups(aws: &Aws, names: &[String]) -> Result<Vec<TargetGroup>, Failure> {
    let answer = aws
        .elbv2
        .describe_target_groups()
        .set_names(Some(names.to_vec()))
        .send()
        .await
        .about("DescribeTargetGroups", names.join(", "));
    let answer = match answer {
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let read = |group: aws_sdk_elasticloadbalancingv2::types::TargetGroup| TargetGroup {
        arn: group.target_group_arn.unwrap_or_default(),
        name: group.target_group_name.unwrap_or_default(),
        check: HealthCheck {
            port: u16::try_from(group.port.unwrap_or_default()).unwrap_or_default(),
            path: group.health_check_path.unwrap_or_default(),
            interval: group.health_check_interval_seconds.unwrap_or_default(),
            timeout: group.health_check_timeout_seconds.unwrap_or_default(),
            healthy: group.healthy_threshold_count.unwrap_or_default(),
            unhealthy: group.unhealthy_threshold_count.unwrap_or_default(),
        },
    };
    let groups = answer.target_groups.unwrap_or_default().into_iter();
    Ok(groups.map(read).collect())
}

/// How a target group checks its targets.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HealthCheck {
    /// The app's port.
    pub port: u16,
    /// What has to answer 200.
    pub path: String,
    /// Seconds between checks.
    pub interval: i32,
    /// Seconds an answer may take.
    pub timeout: i32,
    /// Good answers that make an unhealthy target healthy.
    pub healthy: i32,
    /// Bad answers that make it unhealthy.
    pub unhealthy: i32,
}

/// Makes a target group for instances.
pub async fn create_target_group(
    aws: &Aws,
    name: &str,
    vpc: &str,
    check: &HealthCheck,
    with_tags: &Tags,
) -> Result<String, Failure> {
    let answer = aws
        .elbv2
        .create_target_group()
        .name(name)
        .vpc_id(vpc)
        .protocol(ProtocolEnum::Http)
        .port(check.port.into())
        .target_type(TargetTypeEnum::Instance)
        .health_check_path(&check.path)
        .health_check_interval_seconds(check.interval)
        .health_check_timeout_seconds(check.timeout)
        .healthy_threshold_count(check.healthy)
        .unhealthy_threshold_count(check.unhealthy)
        .set_tags(Some(tags(with_tags)))
        .send()
        .await
        .about("CreateTargetGroup", name)?;
    let made = answer.target_groups.unwrap_or_default().into_iter().next();
    made.and_then(|group| group.target_group_arn)
        .ok_or_else(|| empty("CreateTargetGroup", name))
}

/// Sets how the target group of an Auto Scaling group without visitors checks its targets: another check can make every
/// target unhealthy within seconds, and Auto Scaling replace them, again and again.
pub async fn set_health_check(
    aws: &Aws,
    held: Held,
    idle: NoWeight,
    arn: &str,
    check: &HealthCheck,
) -> anyhow::Result<()> {
    idle.spend()?;
    held.spend()?;
    aws.elbv2
        .modify_target_group()
        .target_group_arn(arn)
        .health_check_path(&check.path)
        .health_check_interval_seconds(check.interval)
        .health_check_timeout_seconds(check.timeout)
        .healthy_threshold_count(check.healthy)
        .unhealthy_threshold_count(check.unhealthy)
        .send()
        .await
        .about("ModifyTargetGroup", arn)?;
    Ok(())
}

const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";

/// Sets how long requests in flight may go on once a target is deregistered.
pub async fn set_deregistration_delay(aws: &Aws, arn: &str, seconds: u64) -> Result<(), Failure> {
    let attribute = TargetGroupAttribute::builder()
        .key(DEREGISTRATION_DELAY)
        .value(seconds.to_string())
        .build();
    aws.elbv2
        .modify_target_group_attributes()
        .target_group_arn(arn)
        .attributes(attribute)
        .send()
        .await
        .about("ModifyTargetGroupAttributes", arn)?;
    Ok(())
}

/// At least so many targets of a group are healthy now, whatever they run.
pub async fn see_able(aws: &Aws, group: &str, wanted: usize) -> anyhow::Result<Able> {
    let targets = describe_targets(aws, group).await?;
    let healthy = targets.iter().filter(|target| target.is_healthy()).count();
    Ok(Able::seen(group, name_of(group), healthy, wanted)?)
}

/// The name in a target group's ARN: `arn:...:targetgroup/NAME/ID`.
fn name_of(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}

/// The health of a group's targets.
pub async fn describe_targets(aws: &Aws, group: &str) -> Result<Vec<Target>, Failure> {
    let answer = aws
        .elbv2
        .describe_target_health()
        .target_group_arn(group)
        .send()
        .await
        .about("DescribeTargetHealth", group)?;
    Ok(answer
        .target_health_descriptions
        .unwrap_or_default()
        .into_iter()
        .map(|described| {
            let health = described.target_health;
            Target {
                id: described
                    .target
                    .and_then(|target| target.id)
                    .unwrap_or_default(),
                state: health
                    .as_ref()
                    .and_then(|health| health.state.as_ref())
                    .map(|state| state.as_str().to_owned())
                    .unwrap_or_default(),
                reason: health
                    .as_ref()
                    .and_then(|health| health.reason.as_ref())
                    .map(|reason| reason.as_str().to_owned())
                    .unwrap_or_default(),
                description: health
                    .and_then(|health| health.description)
                    .unwrap_or_default(),
            }
        })
        .collect())
}
