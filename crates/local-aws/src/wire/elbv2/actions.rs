//! The actions of rules on the wire.

use std::sync::Arc;

use super::narrow;
use crate::account::ApiError;
use crate::account::elbv2::actions::{Action, ActionKind, FixedResponse, Forward, Redirect};
use crate::wire::node::Node;
use crate::wire::params::Params;

/// What a weight that was not sent becomes.
const WEIGHT_BY_DEFAULT: i64 = 1;

/// The one action of a list; none when the list was not sent.
pub(super) fn read(sent: Vec<Params>) -> Result<Option<Action>, ApiError> {
    let mut actions = sent.into_iter();
    let Some(first) = actions.next() else {
        return Ok(None);
    };
    if actions.next().is_some() {
        return Err(invalid(
            "A rule of the local cloud has exactly one action: forward, redirect or fixed-response",
        ));
    }
    read_one(first).map(Some)
}

fn invalid(message: &str) -> ApiError {
    ApiError::refused("InvalidLoadBalancerAction", message)
}

fn read_one(mut params: Params) -> Result<Action, ApiError> {
    let kind = params.required("Type")?;
    let order = match params.number("Order")? {
        Some(order) => Some(narrow("Order", order)?),
        None => None,
    };
    let kind = match kind.as_str() {
        "forward" => ActionKind::Forward(read_forward(&mut params)?),
        "fixed-response" => ActionKind::FixedResponse(read_fixed_response(&mut params)?),
        "redirect" => ActionKind::Redirect(read_redirect(&mut params)?),
        other => {
            return Err(invalid(&format!(
                "the local cloud does not have actions of type '{other}'"
            )));
        }
    };
    params.finish()?;
    Ok(Action { order, kind })
}

fn read_forward(params: &mut Params) -> Result<Forward, ApiError> {
    let single = params.text("TargetGroupArn");
    let mut forward = match params.structure(&["ForwardConfig"]) {
        Some(config) => read_forward_config(config)?,
        None => Forward {
            groups: Vec::new(),
            is_sticky: false,
            sticky_seconds: None,
        },
    };
    if let Some(single) = single {
        match forward.groups.as_slice() {
            [] => forward.groups.push((single.into(), 1)),
            [(group, _)] if **group == *single => {}
            _ => {
                return Err(invalid(
                    "You cannot specify a target group ARN and a forward config with other target groups",
                ));
            }
        }
    }
    Ok(forward)
}

fn read_forward_config(mut config: Params) -> Result<Forward, ApiError> {
    let mut groups = Vec::new();
    for mut group in config.structures(&["TargetGroups"]) {
        let arn: Arc<str> = group.required("TargetGroupArn")?.into();
        let weight = group.number("Weight")?.unwrap_or(WEIGHT_BY_DEFAULT);
        group.finish()?;
        groups.push((arn, narrow("Weight", weight)?));
    }
    let (mut is_sticky, mut sticky_seconds) = (false, None);
    if let Some(mut stickiness) = config.structure(&["TargetGroupStickinessConfig"]) {
        is_sticky = stickiness.boolean("Enabled")?.unwrap_or(false);
        sticky_seconds = match stickiness.number("DurationSeconds")? {
            Some(seconds) => Some(narrow("DurationSeconds", seconds)?),
            None => None,
        };
        stickiness.finish()?;
    }
    config.finish()?;
    Ok(Forward {
        groups,
        is_sticky,
        sticky_seconds,
    })
}

fn read_fixed_response(params: &mut Params) -> Result<FixedResponse, ApiError> {
    let mut config = params
        .structure(&["FixedResponseConfig"])
        .ok_or_else(|| invalid("A fixed-response action must have a fixed response config"))?;
    let status = config.required("StatusCode")?;
    let content_type = config.text("ContentType");
    let body = config.text("MessageBody");
    config.finish()?;
    let status = status.parse().map_err(|_| {
        ApiError::validation(&format!(
            "The fixed-response status code '{status}' is not valid"
        ))
    })?;
    if body.as_ref().is_some_and(|body| body.len() > 1024) {
        return Err(ApiError::validation(
            "The fixed-response message body can be at most 1024 characters long",
        ));
    }
    Ok(FixedResponse {
        status,
        content_type,
        body,
    })
}

fn read_redirect(params: &mut Params) -> Result<Redirect, ApiError> {
    let mut config = params
        .structure(&["RedirectConfig"])
        .ok_or_else(|| invalid("A redirect action must have a redirect config"))?;
    let mut part =
        |name: &str, default: &str| config.text(name).unwrap_or_else(|| default.to_owned());
    let protocol = part("Protocol", "#{protocol}");
    let host = part("Host", "#{host}");
    let port = part("Port", "#{port}");
    let path = part("Path", "/#{path}");
    let query = part("Query", "#{query}");
    let status = match config.required("StatusCode")?.as_str() {
        "HTTP_301" => 301,
        "HTTP_302" => 302,
        other => {
            return Err(ApiError::validation(&format!(
                "The redirect status code '{other}' is not valid"
            )));
        }
    };
    config.finish()?;
    Ok(Redirect {
        protocol,
        host,
        port,
        path,
        query,
        status,
    })
}

/// A rule's actions as AWS shows them.
pub(super) fn show(action: &Action) -> Node {
    let node = Node::map();
    let node = match &action.kind {
        ActionKind::Forward(forward) => show_forward(node.put("Type", "forward"), forward),
        ActionKind::FixedResponse(fixed) => node.put("Type", "fixed-response").put(
            "FixedResponseConfig",
            Node::map()
                .put("StatusCode", fixed.status.to_string())
                .put_some("ContentType", fixed.content_type.as_ref())
                .put_some("MessageBody", fixed.body.as_ref()),
        ),
        ActionKind::Redirect(redirect) => node.put("Type", "redirect").put(
            "RedirectConfig",
            Node::map()
                .put("Protocol", &redirect.protocol)
                .put("Port", &redirect.port)
                .put("Host", &redirect.host)
                .put("Path", &redirect.path)
                .put("Query", &redirect.query)
                .put("StatusCode", format!("HTTP_{}", redirect.status)),
        ),
    };
    Node::List(vec![node.put_some("Order", action.order)])
}

fn show_forward(node: Node, forward: &Forward) -> Node {
    let single = match forward.groups.as_slice() {
        [(group, _)] => Some(&**group),
        _ => None,
    };
    let groups = forward.groups.iter().map(|(group, weight)| {
        Node::map()
            .put("TargetGroupArn", &**group)
            .put("Weight", *weight)
    });
    let stickiness = Node::map()
        .put("Enabled", forward.is_sticky)
        .put_some("DurationSeconds", forward.sticky_seconds);
    node.put_some("TargetGroupArn", single).put(
        "ForwardConfig",
        Node::map()
            .put("TargetGroups", Node::list(groups))
            .put("TargetGroupStickinessConfig", stickiness),
    )
}
