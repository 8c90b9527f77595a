//! A group's capacity: launching what is missing, in balance over the zones, and choosing what goes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::activity::{self, Begin, Status, moment};
use super::group::{Group, Lifecycle, Member, propagated_tags};
use super::members;
use crate::account::ec2::launch::{self, Launch};
use crate::account::ec2::{encryption, lives, network};
use crate::account::{Account, ApiError};

/// How long a group waits after a failed launch; twice as long after each further one.
const RETRY: Duration = Duration::from_secs(30);
/// How long a zone in which a launch failed is left for the others.
const AVOIDED: Duration = Duration::from_secs(300);

/// Launches what is missing, or begins to terminate what is too much.
pub(super) fn mend(account: &mut Account, group: &mut Group) {
    begin_rebalance(account, group);
    let wanted = group.desired as usize + usize::from(group.is_rebalancing);
    let active = group.active();
    if active < wanted {
        scale_out(account, group, wanted);
    } else {
        if active > wanted {
            scale_in(account, group, wanted);
        }
        group.replacing = 0;
        group.reason = None;
    }
}

/// The instances that count, by zone; zones of the group's subnets without any are there too.
fn by_zone(account: &Account, group: &Group) -> BTreeMap<char, usize> {
    let mut zones: BTreeMap<char, usize> = group
        .subnets
        .iter()
        .filter_map(|id| network::subnet(account, id).ok())
        .map(|subnet| (subnet.zone, 0))
        .collect();
    for member in group.members.values() {
        if !member.lifecycle.is_leaving() {
            *zones.entry(member.zone).or_default() += 1;
        }
    }
    zones
}

/// Decides whether one more instance is launched for balance, and ends that when it serves.
fn begin_rebalance(account: &Account, group: &mut Group) {
    let settled = group
        .members
        .values()
        .all(|member| member.lifecycle == Lifecycle::InService);
    if group.is_rebalancing {
        // The one that is too many goes, from the fullest zone, once all serve.
        group.is_rebalancing = !(settled && group.active() > group.desired as usize);
        return;
    }
    let suspended = ["AZRebalance", "Launch", "Terminate"]
        .iter()
        .any(|process| group.is_suspended(process));
    let mut zones = by_zone(account, group);
    // Where nothing can be launched, no balance can be had.
    zones.retain(|zone, _| !group.avoids(*zone, account.now()));
    let spread = zones.values().max().unwrap_or(&0) - zones.values().min().unwrap_or(&0);
    group.is_rebalancing =
        !suspended && settled && group.active() == group.desired as usize && spread > 1;
}

/// The subnet in which the next instance is launched: of the zone with the fewest, of those that had one for the last launch.
fn next_subnet(account: &Account, group: &Group) -> Option<(String, char)> {
    let zones = by_zone(account, group);
    group
        .subnets
        .iter()
        .filter_map(|id| network::subnet(account, id).ok())
        .filter(|subnet| !group.avoids(subnet.zone, account.now()))
        .min_by_key(|subnet| zones[&subnet.zone])
        .map(|subnet| (subnet.id.clone(), subnet.zone))
}

fn scale_out(account: &mut Account, group: &mut Group, wanted: usize) {
    if group.is_suspended("Launch") || account.now() < group.retry_at {
        return;
    }
    let before = group.active();
    for _ in before..wanted {
        if !launch_somewhere(account, group, (before, wanted)) {
            return;
        }
    }
    group.reason = None;
}

/// Launches one in the zone with the fewest, or where that has none for it in the next (`balanced-best-effort`); where no
/// zone has, the group waits.
fn launch_somewhere(account: &mut Account, group: &mut Group, from_to: (usize, usize)) -> bool {
    while let Some((subnet, zone)) = next_subnet(account, group) {
        let cause = launch_cause(account, group, from_to.0, from_to.1);
        match launch_one(account, group, &subnet) {
            Ok(id) => {
                group.failures = 0;
                group.replacing = group.replacing.saturating_sub(1);
                let begin = Begin {
                    description: format!("Launching a new EC2 instance: {id}"),
                    cause,
                    status: Status::PreInService,
                    zone: network::zone_name(account, zone),
                    subnet,
                    message: None,
                };
                let activity = activity::begin(account, group, begin);
                let member = members::launched(account, group, &id, zone, activity);
                group.members.insert(id, member);
                return true;
            }
            Err(message) => {
                failed(account, group, cause, message, (subnet, zone));
                group.avoided.insert(zone, account.now() + AVOIDED);
            }
        }
    }
    group.avoided.clear();
    group.retry_at = account.now() + RETRY * (1 << group.failures.min(4));
    group.failures += 1;
    false
}

fn launch_cause(account: &Account, group: &Group, before: usize, wanted: usize) -> String {
    let now = moment(account);
    if group.is_rebalancing {
        return format!("At {now} an instance was launched to aid in balancing the group's zones.");
    }
    if group.replacing > 0 {
        return format!(
            "At {now} an instance was launched in response to an unhealthy instance needing to be replaced."
        );
    }
    let reason = match &group.reason {
        Some(reason) => format!("{reason}  "),
        None => String::new(),
    };
    format!(
        "{reason}At {now} an instance was started in response to a difference between desired and actual capacity, increasing the capacity from {before} to {wanted}."
    )
}

/// Launches one instance; the error is the status message of the failed activity.
fn launch_one(account: &mut Account, group: &Group, subnet: &str) -> Result<String, String> {
    let mut launch = Launch {
        template: Some(group.template.clone()),
        min: 1,
        max: 1,
        system_tags: propagated_tags(group),
        ..Launch::default()
    };
    // The template is looked up by its id alone, as a caller has to.
    if let Some(template) = &mut launch.template {
        template.name = None;
    }
    launch.data.subnet = Some(subnet.to_owned());
    let id = launch::launch(account, &launch)
        .map(|ids| ids.concat())
        .map_err(|error| format!("{} Launching EC2 instance failed.", error.message))?;
    if encryption::is_closed_to_groups(account, &id) {
        lives::begin_terminate(account, &id, lives::Reason::NoKey);
        return Err(format!(
            "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: {}",
            lives::NO_KEY
        ));
    }
    Ok(id)
}

fn failed(
    account: &mut Account,
    group: &mut Group,
    cause: String,
    message: String,
    (subnet, zone): (String, char),
) {
    let begin = Begin {
        description: format!("Launching a new EC2 instance.  Status Reason: {message}"),
        cause,
        status: Status::Failed,
        zone: network::zone_name(account, zone),
        subnet,
        message: Some(message),
    };
    activity::begin(account, group, begin);
}

fn scale_in(account: &mut Account, group: &mut Group, wanted: usize) {
    if group.is_suspended("Terminate") {
        return;
    }
    let before = group.active();
    for _ in wanted..before {
        let Some(id) = next_victim(account, group) else {
            return;
        };
        let now = moment(account);
        let reason = match &group.reason {
            Some(reason) => format!("{reason}  "),
            None => String::new(),
        };
        let cause = format!(
            "{reason}At {now} an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from {before} to {wanted}.  At {now} instance {id} was selected for termination."
        );
        members::begin_termination(account, group, &id, cause);
    }
}

/// The instance that goes next: of the zone with the most, then by the group's termination policies.
fn next_victim(account: &Account, group: &Group) -> Option<String> {
    let candidates: Vec<(&String, &Member)> = group
        .members
        .iter()
        .filter(|(_, member)| !member.lifecycle.is_leaving() && !member.is_protected)
        .collect();
    let zones = by_zone(account, group);
    let fullest = candidates
        .iter()
        .map(|(_, member)| zones[&member.zone])
        .max()?;
    let policy = group
        .termination_policies
        .first()
        .map_or("Default", String::as_str);
    candidates
        .into_iter()
        .filter(|(_, member)| zones[&member.zone] == fullest)
        .min_by_key(|(id, member)| {
            let age = member.launched_at.as_nanos();
            let order = match policy {
                "NewestInstance" => (0, u128::MAX - age),
                "OldestInstance" | "ClosestToNextInstanceHour" => (0, age),
                _ => (member.template.2, age),
            };
            (order, (*id).clone())
        })
        .map(|(id, _)| id.clone())
}

/// The policies a group may name.
pub const TERMINATION_POLICIES: [&str; 7] = [
    "AllocationStrategy",
    "ClosestToNextInstanceHour",
    "Default",
    "NewestInstance",
    "OldestInstance",
    "OldestLaunchConfiguration",
    "OldestLaunchTemplate",
];

/// Refuses a termination policy that AWS does not have.
pub fn check_policies(policies: &[String]) -> Result<(), ApiError> {
    match policies
        .iter()
        .find(|policy| !TERMINATION_POLICIES.contains(&policy.as_str()))
    {
        Some(unknown) => Err(ApiError::validation(&format!(
            "Invalid termination policy: {unknown}"
        ))),
        None => Ok(()),
    }
}
