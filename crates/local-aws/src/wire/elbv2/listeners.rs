//! Listeners on the wire.

use super::{Page, actions, read_port, read_tags, select};
use crate::account::elbv2::listeners::{self, Listener};
use crate::account::elbv2::load_balancers;
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let load_balancer = params.required("LoadBalancerArn")?;
    let protocol = params.text("Protocol");
    let port = read_port(&mut params)?;
    let action = actions::read(params.structures(&["DefaultActions"]))?;
    let tags = read_tags(&mut params)?;
    params.finish()?;
    check_protocol(protocol.as_deref())?;
    let (Some(_), Some(port)) = (protocol, port) else {
        return Err(ApiError::validation(
            "A listener protocol and port must be specified",
        ));
    };
    let action = action
        .ok_or_else(|| ApiError::validation("A listener default action must be specified"))?;
    let arn = listeners::create(account, &load_balancer, port, action, tags)?;
    answer(account, &arn)
}

/// The local cloud's load balancers speak HTTP, not TLS.
fn check_protocol(protocol: Option<&str>) -> Result<(), ApiError> {
    match protocol {
        None | Some("HTTP") => Ok(()),
        Some(other) => Err(ApiError::refused(
            "UnsupportedProtocol",
            &format!("the local cloud's listeners speak HTTP only, not {other}"),
        )),
    }
}

fn answer(account: &Account, arn: &str) -> Result<Node, ApiError> {
    let shown = show(listeners::find(account, arn)?);
    Ok(Node::map().put("Listeners", Node::List(vec![shown])))
}

fn show(listener: &Listener) -> Node {
    Node::map()
        .put("ListenerArn", &listener.arn)
        .put("LoadBalancerArn", &listener.load_balancer)
        .put("Port", listener.port)
        .put("Protocol", "HTTP")
        .put(
            "DefaultActions",
            actions::show(&listener.rules.latest().default.action),
        )
}

pub(super) fn describe(account: &Account, mut params: Params) -> Result<Node, ApiError> {
    let load_balancer = params.text("LoadBalancerArn");
    let arns = params.texts(&["ListenerArns"]);
    let page = Page::read(&mut params)?;
    params.finish()?;
    if load_balancer.is_none() && arns.is_empty() {
        return Err(ApiError::validation(
            "You must specify either listener ARNs or a load balancer ARN",
        ));
    }
    if let Some(arn) = &load_balancer {
        load_balancers::find(account, arn)?;
    }
    let found = select(
        account.elbv2.listeners.values(),
        &arns,
        |held| vec![held.arn.clone()],
        |_| ApiError::refused("ListenerNotFound", "One or more listeners not found"),
    )?;
    let of_it = |held: &&&Listener| {
        load_balancer
            .as_ref()
            .is_none_or(|arn| held.load_balancer == *arn)
    };
    let shown = found.iter().filter(of_it).map(|held| show(held)).collect();
    Ok(page.of("Listeners", shown))
}

pub(super) fn modify(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("ListenerArn")?;
    let protocol = params.text("Protocol");
    let port = read_port(&mut params)?;
    let action = actions::read(params.structures(&["DefaultActions"]))?;
    params.finish()?;
    check_protocol(protocol.as_deref())?;
    listeners::modify(account, &arn, port, action)?;
    answer(account, &arn)
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("ListenerArn")?;
    params.finish()?;
    listeners::delete(account, &arn)?;
    Ok(Node::map())
}
