//! Listeners, and what they do where no rule matches.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, Listener, ProtocolEnum,
};

use super::rules::Rule;
use super::{empty, tags};
use crate::aws::error::{About as _, Failure};
use crate::aws::{Aws, Tags};
use crate::names::LISTENER;

/// Whether an ARN is that of a listener, and not of one of its rules: `arn:aws:elasticloadbalancing:...:listener/app/...`
pub(super) fn is_listener(arn: &str) -> bool {
    arn.contains(LISTENER)
}

/// The listener on this port, its ARN.
pub async fn find_listener(
    aws: &Aws,
    load_balancer: &str,
    port: u16,
) -> Result<Option<String>, Failure> {
    let answer = aws
        .elbv2
        .describe_listeners()
        .load_balancer_arn(load_balancer)
        .send()
        .await
        .about("DescribeListeners", load_balancer)?;
    Ok(answer
        .listeners
        .unwrap_or_default()
        .into_iter()
        .find(|listener| listener.port == Some(port.into()))
        .and_then(|listener| listener.listener_arn))
}

/// Makes an HTTP listener that answers 503 where no rule matches.
pub async fn create_listener(
    aws: &Aws,
    load_balancer: &str,
    port: u16,
    with_tags: &Tags,
) -> Result<String, Failure> {
    let nothing_here = FixedResponseActionConfig::builder()
        .status_code("503")
        .content_type("text/plain")
        .message_body("no release serves this request")
        .build();
    let action = Action::builder()
        .r#type(ActionTypeEnum::FixedResponse)
        .fixed_response_config(nothing_here)
        .build();
    let answer = aws
        .elbv2
        .create_listener()
        .load_balancer_arn(load_balancer)
        .protocol(ProtocolEnum::Http)
        .port(port.into())
        .default_actions(action)
        .set_tags(Some(tags(with_tags)))
        .send()
        .await
        .about("CreateListener", format!("port {port}"))?;
    let made = answer.listeners.unwrap_or_default().into_iter().next();
    made.and_then(|listener| listener.listener_arn)
        .ok_or_else(|| empty("CreateListener", load_balancer))
}

/// The default actions of these listeners, in this order; all must exist.
pub(super) async fn describe_default_actions(
    aws: &Aws,
    listeners: &[String],
) -> Result<Vec<Rule>, Failure> {
    let answer = aws
        .elbv2
        .describe_listeners()
        .set_listener_arns(Some(listeners.to_vec()))
        .send()
        .await
        .about("DescribeListeners", listeners.join(", "))?;
    let mut found = answer.listeners.unwrap_or_default();
    let in_order = listeners.iter().map(|arn| {
        let of_it = |listener: &Listener| listener.listener_arn.as_ref() == Some(arn);
        let listener = found.swap_remove(found.iter().position(of_it)?);
        let actions = listener.default_actions.unwrap_or_default();
        Some(Rule::default_action(arn.clone(), actions))
    });
    let actions: Option<Vec<_>> = in_order.collect();
    actions.ok_or_else(|| empty("DescribeListeners", &listeners.join(", ")))
}

pub(super) async fn modify_default_action(
    aws: &Aws,
    listener: &str,
    action: Action,
) -> Result<(), Failure> {
    aws.elbv2
        .modify_listener()
        .listener_arn(listener)
        .default_actions(action)
        .send()
        .await
        .about("ModifyListener", listener)?;
    Ok(())
}
