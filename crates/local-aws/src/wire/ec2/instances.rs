//! Instances on the wire.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::filters::Filters;
use super::shown_instance::{facts, reservation, state, zone};
use super::{count, done, launch_data, page};
use crate::account::ec2::console;
use crate::account::ec2::instances::{self, Instance, Lifecycle};
use crate::account::ec2::launch::{self, Launch};
use crate::account::ec2::lives::{self, Change};
use crate::account::{Account, ApiError};
use crate::wire::node::{Node, iso8601};
use crate::wire::params::Params;

const FILTERS: &[&str] = &[
    "architecture",
    "availability-zone",
    "client-token",
    "iam-instance-profile.arn",
    "image-id",
    "instance-id",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "instance.group-id",
    "instance.group-name",
    "key-name",
    "network-interface.group-id",
    "owner-id",
    "private-dns-name",
    "private-ip-address",
    "reservation-id",
    "subnet-id",
    "vpc-id",
];

const STATUS_FILTERS: &[&str] = &[
    "availability-zone",
    "instance-state-code",
    "instance-state-name",
    "instance-status.status",
    "instance-status.reachability",
    "system-status.status",
    "system-status.reachability",
];

pub(super) fn run(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let (min, max) = (
        count(&mut params, "MinCount")?,
        count(&mut params, "MaxCount")?,
    );
    let mut data = launch_data::read(&mut params)?;
    data.subnet = params.text("SubnetId");
    let launch = Launch {
        data,
        template: launch_data::read_template(&mut params)?,
        min,
        max,
        client_token: params.text("ClientToken").filter(|token| !token.is_empty()),
        ..Launch::default()
    };
    params.finish()?;
    let ids = launch::launch(account, &launch)?;
    let launched: Vec<_> = ids
        .iter()
        .filter_map(|id| account.ec2.instances.get(id))
        .collect();
    Ok(reservation(account, &launched))
}

fn visible<'a>(
    account: &'a Account,
    ids: &'a [String],
) -> Result<impl Iterator<Item = &'a Instance>, ApiError> {
    instances::check_visible(account, ids)?;
    let now = account.now();
    Ok(account.ec2.instances.values().filter(move |instance| {
        instance.visible_at <= now && (ids.is_empty() || ids.contains(&instance.id))
    }))
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = params.texts(&["InstanceIds", "InstanceId"]);
    let filters = Filters::read(&mut params, FILTERS)?;
    let page = page(&mut params)?;
    params.boolean("IncludeManagedResources")?;
    params.finish()?;
    let found: Vec<_> = visible(account, &ids)?
        .filter(|instance| filters.admit(&instance.tags, |name| facts(account, instance, name)))
        .collect();
    let (found, token) = page.cut(found);
    let mut by_reservation: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
    for instance in found {
        by_reservation
            .entry(&instance.reservation)
            .or_default()
            .push(instance);
    }
    Ok(Node::map()
        .put_as(
            "Reservations",
            "reservationSet",
            Node::list(
                by_reservation
                    .values()
                    .map(|instances| reservation(account, instances)),
            ),
        )
        .put_some("NextToken", token))
}

/// The verdict of AWS's two status checks: they take a while after a start.
fn status(instance: &Instance) -> &'static str {
    match instance.state {
        Lifecycle::Running if instance.is_up => "ok",
        Lifecycle::Running => "initializing",
        _ => "not-applicable",
    }
}

fn reachability(instance: &Instance) -> &'static str {
    if instance.is_up {
        "passed"
    } else {
        "initializing"
    }
}

pub(super) fn describe_status(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = params.texts(&["InstanceIds", "InstanceId"]);
    let all = params.boolean("IncludeAllInstances")?.unwrap_or(false);
    let filters = Filters::read(&mut params, STATUS_FILTERS)?;
    let page = page(&mut params)?;
    params.boolean("IncludeManagedResources")?;
    params.finish()?;
    let found: Vec<_> = visible(account, &ids)?
        .filter(|instance| all || instance.state == Lifecycle::Running)
        .filter(|instance| {
            filters.admit(&instance.tags, |name| match name {
                "instance-status.status" | "system-status.status" => {
                    vec![status(instance).to_owned()]
                }
                "instance-status.reachability" | "system-status.reachability" => {
                    vec![reachability(instance).to_owned()]
                }
                name => facts(account, instance, name),
            })
        })
        .map(|instance| {
            let summary = |instance: &Instance| {
                let node = Node::map().put("Status", status(instance));
                if instance.state == Lifecycle::Running {
                    let detail = Node::map()
                        .put("Name", "reachability")
                        .put("Status", reachability(instance));
                    return node.put("Details", Node::list([detail]));
                }
                node
            };
            Node::map()
                .put("AvailabilityZone", zone(account, instance))
                .put("InstanceId", &instance.id)
                .put("InstanceState", state(instance.state))
                .put("InstanceStatus", summary(instance))
                .put("SystemStatus", summary(instance))
        })
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("InstanceStatuses", "instanceStatusSet", Node::List(found))
        .put_some("NextToken", token))
}

fn instance_ids(params: &mut Params) -> Result<Vec<String>, ApiError> {
    let ids = params.texts(&["InstanceIds", "InstanceId"]);
    if ids.is_empty() {
        return Err(ApiError::missing(
            "The request must contain the parameter InstanceId",
        ));
    }
    Ok(ids)
}

fn changes(changed: Vec<Change>) -> Node {
    Node::list(changed.into_iter().map(|(id, before, after)| {
        Node::map()
            .put("InstanceId", id)
            .put("CurrentState", state(after))
            .put("PreviousState", state(before))
    }))
}

pub(super) fn start(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = instance_ids(&mut params)?;
    params.finish()?;
    let changed = lives::start(account, &ids)?;
    Ok(Node::map().put_as("StartingInstances", "instancesSet", changes(changed)))
}

pub(super) fn stop(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = instance_ids(&mut params)?;
    params.boolean("Force")?;
    params.boolean("SkipOsShutdown")?;
    if params.boolean("Hibernate")? == Some(true) {
        return Err(ApiError::refused(
            "UnsupportedHibernationConfiguration",
            "The instance is not configured for hibernation.",
        ));
    }
    params.finish()?;
    let changed = lives::stop(account, &ids)?;
    Ok(Node::map().put_as("StoppingInstances", "instancesSet", changes(changed)))
}

pub(super) fn reboot(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = instance_ids(&mut params)?;
    params.finish()?;
    lives::reboot(account, &ids)?;
    Ok(done())
}

pub(super) fn terminate(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = instance_ids(&mut params)?;
    params.boolean("Force")?;
    params.boolean("SkipOsShutdown")?;
    params.finish()?;
    let changed = lives::terminate(account, &ids)?;
    Ok(Node::map().put_as("TerminatingInstances", "instancesSet", changes(changed)))
}

pub(super) fn console_output(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = params.required("InstanceId")?;
    let latest = params.boolean("Latest")?.unwrap_or(false);
    params.finish()?;
    instances::check_visible(account, std::slice::from_ref(&id))?;
    let (at, text) = console::output(account, &id, latest)?;
    let text = (!text.is_empty()).then(|| STANDARD.encode(text));
    Ok(Node::map()
        .put("InstanceId", id)
        .put("Timestamp", iso8601(at))
        .put_some("Output", text))
}
