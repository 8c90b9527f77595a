//! Targets and their health on the wire.

use super::read_port;
use crate::account::elbv2::target_state::{TargetState, state_of};
use crate::account::elbv2::{target_groups, targets};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

fn read_targets(params: &mut Params) -> Result<Vec<(String, Option<u16>)>, ApiError> {
    params
        .structures(&["Targets"])
        .into_iter()
        .map(|mut target| {
            let id = target.required("Id")?;
            let port = read_port(&mut target)?;
            target.finish()?;
            Ok((id, port))
        })
        .collect()
}

pub(super) fn register(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let group = params.required("TargetGroupArn")?;
    let wanted = read_targets(&mut params)?;
    params.finish()?;
    targets::register_all(account, &group, &wanted)?;
    Ok(Node::map())
}

pub(super) fn deregister(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let group = params.required("TargetGroupArn")?;
    let wanted = read_targets(&mut params)?;
    params.finish()?;
    targets::deregister_all(account, &group, &wanted)?;
    Ok(Node::map())
}

pub(super) fn describe_health(account: &Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("TargetGroupArn")?;
    let wanted = read_targets(&mut params)?;
    // Anomaly detection is for the weighted random algorithm only, and finds nothing here.
    params.texts(&["Include"]);
    params.finish()?;
    let group = target_groups::find(account, &arn)?;
    let is_wanted = |instance: &str, at: u16| {
        wanted.is_empty()
            || wanted
                .iter()
                .any(|(id, port)| id == instance && port.is_none_or(|port| port == at))
    };
    let mut shown: Vec<_> = group
        .targets
        .iter()
        .filter(|(key, _)| is_wanted(&key.instance, key.port))
        .map(|(key, target)| {
            show(
                &key.instance,
                key.port,
                state_of(account, group, key, target),
            )
        })
        .collect();
    for (id, port) in &wanted {
        let is_registered = group
            .targets
            .keys()
            .any(|key| *key.instance == **id && port.is_none_or(|port| port == key.port));
        if !is_registered {
            let port = port.unwrap_or(group.port);
            shown.push(show(id, port, TargetState::not_registered()));
        }
    }
    Ok(Node::map().put("TargetHealthDescriptions", Node::List(shown)))
}

fn show(instance: &str, port: u16, state: TargetState) -> Node {
    let health = Node::map()
        .put("State", state.name)
        .put_some("Reason", state.reason)
        .put_some("Description", state.description);
    Node::map()
        .put("Target", Node::map().put("Id", instance).put("Port", port))
        .put("HealthCheckPort", port.to_string())
        .put("TargetHealth", health)
}
