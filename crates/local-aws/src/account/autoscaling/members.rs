//! The instances of a group on their way in and out.

use super::activity::{self, Begin, Status, moment};
use super::group::{Group, Lifecycle, Member};
use crate::account::ec2::instances::Lifecycle as Ec2;
use crate::account::ec2::lives::{self, Reason};
use crate::account::ec2::network;
use crate::account::{Account, ApiError, elbv2};

fn ec2_state(account: &Account, id: &str) -> Option<Ec2> {
    account.ec2.instances.get(id).map(|instance| instance.state)
}

fn ids(group: &Group, lifecycle: Lifecycle) -> Vec<String> {
    group
        .members
        .iter()
        .filter(|(_, member)| member.lifecycle == lifecycle)
        .map(|(id, _)| id.clone())
        .collect()
}

/// Takes running instances into service, and registers them with the target groups.
pub(super) fn finish_launches(account: &mut Account, group: &mut Group) {
    for id in ids(group, Lifecycle::Pending) {
        match ec2_state(account, &id) {
            Some(Ec2::Pending) => {}
            Some(Ec2::Running) => enter_service(account, group, &id),
            _ => {
                let member = group.members.remove(&id).expect("its id is from the list");
                let message = "Instance failed to complete user's Lifecycle Action: the instance was terminated while it was pending.";
                activity::advance(
                    account,
                    group,
                    &member.activity,
                    Status::Failed,
                    Some(message.to_owned()),
                );
            }
        }
    }
}

fn enter_service(account: &mut Account, group: &mut Group, id: &str) {
    if !group.is_suspended("AddToLoadBalancer") {
        for target_group in group.target_groups() {
            elbv2::register(account, &target_group, id);
        }
    }
    let member = group
        .members
        .get_mut(id)
        .expect("the caller has its id from the group");
    member.lifecycle = Lifecycle::InService;
    member.in_service_at = Some(account.now());
    let activity = member.activity.clone();
    activity::advance(account, group, &activity, Status::Successful, None);
    account.reached(account.now(), "in service", id);
}

/// Ends the instances that the load balancers have let go, and forgets those that are gone.
pub(super) fn finish_terminations(account: &mut Account, group: &mut Group) {
    for id in ids(group, Lifecycle::Terminating) {
        let activity = group.members[&id].activity.clone();
        match ec2_state(account, &id) {
            None | Some(Ec2::Terminated) => {
                group.members.remove(&id);
                activity::advance(account, group, &activity, Status::Successful, None);
            }
            Some(Ec2::ShuttingDown) => {}
            Some(_) if is_drained(account, group, &id) => {
                lives::begin_terminate(account, &id, Reason::Caller);
                activity::advance(account, group, &activity, Status::InProgress, None);
            }
            Some(_) => {}
        }
    }
}

fn is_drained(account: &Account, group: &Group, id: &str) -> bool {
    group.is_deleting
        || group
            .attachments
            .iter()
            .all(|attachment| elbv2::is_deregistered(account, &attachment.target_group, id))
}

/// Takes an instance out of service; answers the activity.
pub(super) fn begin_termination(
    account: &mut Account,
    group: &mut Group,
    id: &str,
    cause: String,
) -> String {
    deregister(account, group, id);
    let runs = ec2_state(account, id) == Some(Ec2::Running);
    let waits = runs && !is_drained(account, group, id);
    let status = match waits {
        true => Status::WaitingForDrain,
        false => Status::InProgress,
    };
    let activity = leave(account, group, id, (Lifecycle::Terminating, status), cause);
    if !waits {
        lives::begin_terminate(account, id, Reason::Caller);
    }
    activity
}

/// Forgets the instances that the load balancers have let go, and that live on.
pub(super) fn finish_detaching(account: &mut Account, group: &mut Group) {
    for id in ids(group, Lifecycle::Detaching) {
        let is_gone = !matches!(ec2_state(account, &id), Some(Ec2::Running | Ec2::Pending));
        if is_gone || is_drained(account, group, &id) {
            let activity = group.members[&id].activity.clone();
            group.members.remove(&id);
            activity::advance(account, group, &activity, Status::Successful, None);
        }
    }
}

/// As many as may be detached at once.
const MOST_DETACHED: usize = 20;

/// Takes instances out of a group, which live on, and lowers the desired capacity or has them replaced.
pub fn detach(
    account: &mut Account,
    name: &str,
    instances: &[String],
    lowers_desired: bool,
) -> Result<Vec<activity::Activity>, ApiError> {
    let held = super::group::living(account, name)?;
    if instances.len() > MOST_DETACHED {
        return Err(ApiError::validation(
            "List exceeds the maximum number of instances to detach. Please retry your request with fewer instances.",
        ));
    }
    for id in instances {
        match held.members.get(id).map(|member| member.lifecycle) {
            None => {
                return Err(ApiError::validation(&format!(
                    "The instance {id} is not part of Auto Scaling group {name}."
                )));
            }
            Some(Lifecycle::InService) => {}
            Some(_) => {
                return Err(ApiError::validation(&format!(
                    "The instance {id} is not in InService or Standby."
                )));
            }
        }
    }
    let number = u32::try_from(instances.len()).unwrap_or(u32::MAX);
    if lowers_desired && held.desired < held.min.saturating_add(number) {
        let plural = if number == 1 { "" } else { "s" };
        return Err(ApiError::validation(&format!(
            "AutoScalingGroup {name} has min-size={}, max-size={}, and desired-size={}. To detach {number} instance{plural}, please update the AutoScalingGroup sizes appropriately.",
            held.min, held.max, held.desired
        )));
    }
    let arn = held.arn.clone();
    let mut held = super::take(account, name, &arn).expect("it was found just above");
    let mut begun = Vec::new();
    for id in instances {
        let id = begin_detaching(account, &mut held, id, lowers_desired);
        begun.extend(held.activities.iter().find(|one| one.id == id).cloned());
    }
    account.autoscaling.groups.insert(name.to_owned(), held);
    Ok(begun)
}

/// Takes an instance out of service that lives on; answers the activity.
fn begin_detaching(
    account: &mut Account,
    group: &mut Group,
    id: &str,
    lowers_desired: bool,
) -> String {
    deregister(account, group, id);
    let cause = asked_for(account, group, id, ("detached", lowers_desired));
    let to = (Lifecycle::Detaching, Status::InProgress);
    leave(account, group, id, to, cause)
}

/// Has the load balancers let an instance go.
fn deregister(account: &mut Account, group: &Group, id: &str) {
    for attachment in &group.attachments {
        elbv2::deregister(account, &attachment.target_group, id);
    }
}

/// Why an instance goes that somebody asked for; the desired capacity is lowered with it, if that is wanted.
fn asked_for(
    account: &Account,
    group: &mut Group,
    id: &str,
    (what, lowers_desired): (&str, bool),
) -> String {
    let before = group.desired;
    let mut cause = format!(
        "At {} instance {id} was {what} in response to a user request",
        moment(account)
    );
    if lowers_desired {
        group.desired -= 1;
        cause.push_str(&format!(
            ", shrinking the capacity from {before} to {}",
            group.desired
        ));
    }
    cause.push('.');
    cause
}

/// Has an instance be on its way out, and begins the activity that says so; answers that.
fn leave(
    account: &mut Account,
    group: &mut Group,
    id: &str,
    (lifecycle, status): (Lifecycle, Status),
    cause: String,
) -> String {
    let member = group
        .members
        .get_mut(id)
        .expect("the caller has its id from the group");
    member.lifecycle = lifecycle;
    let (subnet, zone) = (member.subnet.clone(), member.zone);
    let begin = Begin {
        description: format!("{} EC2 instance: {id}", lifecycle.name()),
        cause,
        status,
        subnet,
        zone: network::zone_name(account, zone),
        message: None,
    };
    let activity = activity::begin(account, group, begin);
    if let Some(member) = group.members.get_mut(id) {
        member.activity.clone_from(&activity);
    }
    activity
}

/// Terminates everything a deleted group still has.
pub(super) fn terminate_all(account: &mut Account, group: &mut Group) {
    let living: Vec<_> = group
        .members
        .iter()
        .filter(|(_, member)| !member.lifecycle.is_leaving())
        .map(|(id, _)| id.clone())
        .collect();
    for id in living {
        let cause = format!(
            "At {} an instance was taken out of service in response to the AutoScalingGroup being deleted.",
            moment(account)
        );
        begin_termination(account, group, &id, cause);
    }
}

/// Terminates one instance because a caller wants it, and lowers the desired capacity or has it replaced.
pub fn terminate_one(
    account: &mut Account,
    instance: &str,
    lowers_desired: bool,
) -> Result<activity::Activity, ApiError> {
    let held = super::group_of(account, instance)?;
    if lowers_desired && held.desired <= held.min {
        return Err(ApiError::validation(&format!(
            "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
            held.min
        )));
    }
    if held.members[instance].lifecycle == Lifecycle::Terminating {
        return Err(ApiError::refused(
            "ScalingActivityInProgress",
            &format!("Instance {instance} is already being terminated"),
        ));
    }
    let (name, arn) = (held.name.clone(), held.arn.clone());
    let mut held = super::take(account, &name, &arn).expect("it was found just above");
    let what = ("taken out of service", lowers_desired);
    let cause = asked_for(account, &mut held, instance, what);
    let id = begin_termination(account, &mut held, instance, cause);
    let begun = held
        .activities
        .iter()
        .find(|activity| activity.id == id)
        .cloned()
        .expect("it was begun just above");
    account.autoscaling.groups.insert(name, held);
    Ok(begun)
}

/// Protects instances from scale-in, or no longer.
pub fn protect(
    account: &mut Account,
    group: &str,
    instances: &[String],
    is_protected: bool,
) -> Result<(), ApiError> {
    let held = super::group::living(account, group)?;
    if let Some(unknown) = instances.iter().find(|id| !held.members.contains_key(*id)) {
        return Err(ApiError::validation(&format!(
            "The instance {unknown} is not part of Auto Scaling group {group}."
        )));
    }
    for id in instances {
        if let Some(member) = held.members.get_mut(id) {
            member.is_protected = is_protected;
        }
    }
    Ok(())
}

/// A member that has just been launched.
pub(super) fn launched(
    account: &Account,
    group: &Group,
    id: &str,
    zone: char,
    activity: String,
) -> Member {
    let instance = &account.ec2.instances[id];
    let template = instance.launch_template.clone().unwrap_or_default();
    Member {
        lifecycle: Lifecycle::Pending,
        unhealthy: None,
        is_protected: group.protects_new,
        zone,
        subnet: instance.subnet.clone(),
        instance_type: instance.instance_type.clone(),
        template: (
            template.0,
            group.template.name.clone().unwrap_or_default(),
            template.1,
        ),
        launched_at: account.now(),
        in_service_at: None,
        activity,
    }
}
