//! The lives of instances: what calls and time do to them.
//!
//! What a machine has to do leaves as an order; Systems Manager and load balancers hear of an instance that has
//! booted or gone.

use std::time::Duration;

use super::Timed;
use super::console;
use super::instances::{Instance, Lifecycle, check_visible};
use super::launch_data::decoded;
use super::routes;
use crate::account::iam;
use crate::account::machine::MachineOrder;
use crate::account::{self, Account, ApiError};

/// What became of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::account) enum InstanceNews {
    /// Its user processes run; its agent can register only with a role that allows it.
    Booted { may_register: bool },
    /// Its user processes have ended.
    Down,
    /// It stops or terminates: load balancers must not send it requests.
    Leaving,
}

/// How long a terminated instance is still shown.
const SHOWN_AFTER_TERMINATION: Duration = Duration::from_secs(3600);

/// Why an instance stops or terminates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody called the API.
    Caller,
    /// It shut itself down.
    Inside,
    /// Whoever launched it may not use its disk's key.
    NoKey,
}

/// What AWS says of a launch whose disk's key may not be used.
pub const NO_KEY: &str = "Client.InternalError: Client error on launch";

/// A state before and after a call.
pub type Change = (String, Lifecycle, Lifecycle);

fn wrong_state(id: &str, wanted: &str) -> ApiError {
    ApiError::refused(
        "IncorrectInstanceState",
        &format!("The instance '{id}' is not in a state from which it can be {wanted}."),
    )
}

fn change_all(
    account: &mut Account,
    ids: &[String],
    change: impl Fn(&mut Account, &str),
) -> Vec<Change> {
    ids.iter()
        .map(|id| {
            let before = account.ec2.instances[id].state;
            change(account, id);
            (id.clone(), before, account.ec2.instances[id].state)
        })
        .collect()
}

/// Starts stopped instances.
pub fn start(account: &mut Account, ids: &[String]) -> Result<Vec<Change>, ApiError> {
    check_visible(account, ids)?;
    for id in ids {
        match account.ec2.instances[id].state {
            Lifecycle::Stopped | Lifecycle::Running | Lifecycle::Pending => {}
            _ => return Err(wrong_state(id, "started")),
        }
    }
    Ok(change_all(account, ids, |account, id| {
        let now = account.utc();
        let instance = account.ec2.instances.get_mut(id).expect("checked above");
        if instance.state == Lifecycle::Stopped {
            instance.state = Lifecycle::Pending;
            instance.state_reason = None;
            instance.transition_reason.clear();
            instance.launched_at = now;
            instance.life += 1;
            begin_run(account, id);
        }
    }))
}

/// Stops running instances.
pub fn stop(account: &mut Account, ids: &[String]) -> Result<Vec<Change>, ApiError> {
    check_visible(account, ids)?;
    for id in ids {
        match account.ec2.instances[id].state {
            Lifecycle::Stopped | Lifecycle::Running | Lifecycle::Stopping => {}
            _ => return Err(wrong_state(id, "stopped")),
        }
    }
    Ok(change_all(account, ids, |account, id| {
        if account.ec2.instances[id].state == Lifecycle::Running {
            begin_stop(account, id, Reason::Caller);
        }
    }))
}

/// Terminates instances; those that are gone already stay gone.
pub fn terminate(account: &mut Account, ids: &[String]) -> Result<Vec<Change>, ApiError> {
    check_visible(account, ids)?;
    Ok(change_all(account, ids, |account, id| {
        begin_terminate(account, id, Reason::Caller);
    }))
}

/// Boots running instances again.
pub fn reboot(account: &mut Account, ids: &[String]) -> Result<(), ApiError> {
    check_visible(account, ids)?;
    for id in ids {
        if account.ec2.instances[id].state != Lifecycle::Running {
            return Err(wrong_state(id, "rebooted"));
        }
    }
    for id in ids {
        take_down(account, id);
        boot_again(account, id);
    }
    Ok(())
}

/// Boots a running instance that was taken down.
pub(super) fn boot_again(account: &mut Account, id: &str) {
    if let Some(instance) = account.ec2.instances.get_mut(id) {
        instance.life += 1;
        begin_boot(account, id);
    }
}

/// Has a pending instance run after a while.
pub(super) fn begin_run(account: &mut Account, id: &str) {
    let pace = account.pace.instance_pending;
    let delay = account.draw(pace);
    let event = Timed::Running {
        instance: id.to_owned(),
        life: account.ec2.instances[id].life,
    };
    account.after(delay, account::Timed::Ec2(event));
}

/// Has a running instance boot.
fn begin_boot(account: &mut Account, id: &str) {
    let pace = account.pace.instance_boot;
    let delay = account.draw(pace);
    let event = Timed::Booted {
        instance: id.to_owned(),
        life: account.ec2.instances[id].life,
    };
    account.after(delay, account::Timed::Ec2(event));
}

/// The instance, if it still is in this life.
fn in_life<'a>(account: &'a mut Account, id: &str, life: u32) -> Option<&'a mut Instance> {
    account
        .ec2
        .instances
        .get_mut(id)
        .filter(|instance| instance.life == life)
}

pub(super) fn run(account: &mut Account, id: &str, life: u32) {
    if let Some(instance) = in_life(account, id, life) {
        instance.state = Lifecycle::Running;
        account.reached(account.now(), "running", id);
        begin_boot(account, id);
    }
}

pub(super) fn boot(account: &mut Account, id: &str, life: u32) {
    let Some(instance) = in_life(account, id, life) else {
        return;
    };
    let order = if instance.has_booted {
        MachineOrder::Restart {
            instance: id.to_owned(),
        }
    } else {
        MachineOrder::Boot {
            instance: id.to_owned(),
            image: instance.image.clone(),
            user_data: decoded(instance.user_data.as_deref()),
        }
    };
    instance.has_booted = true;
    instance.is_up = true;
    let profile = instance.profile.clone();
    let may_register = profile.is_some_and(|it| iam::lets_agent_in(account, &it))
        && routes::agent_reaches(account, id);
    console::post_later(account, id);
    account.reached(account.now(), "booted", id);
    account.order(order);
    account.tell(id, InstanceNews::Booted { may_register });
}

/// Ends the user processes of an instance that stays, and tells those who rely on them.
pub(super) fn take_down(account: &mut Account, id: &str) {
    let instance = account
        .ec2
        .instances
        .get_mut(id)
        .expect("only existing instances are taken down");
    instance.app_port = None;
    if std::mem::take(&mut instance.is_up) {
        account.order(MachineOrder::Stop {
            instance: id.to_owned(),
        });
    }
    account.tell(id, InstanceNews::Down);
}

/// When something happened, as EC2 writes it into its transition reasons.
fn transition_reason(account: &Account, why: Reason) -> String {
    let moment = time::OffsetDateTime::from(account.utc());
    let who = match why {
        Reason::Caller => "User initiated",
        Reason::Inside => "Instance initiated",
        Reason::NoKey => "Client.InternalError",
    };
    format!(
        "{who} ({} {:02}:{:02}:{:02} GMT)",
        moment.date(),
        moment.hour(),
        moment.minute(),
        moment.second()
    )
}

fn state_reason(why: Reason) -> (&'static str, &'static str) {
    match why {
        Reason::Caller => (
            "Client.UserInitiatedShutdown",
            "Client.UserInitiatedShutdown: User initiated shutdown",
        ),
        Reason::Inside => (
            "Client.InstanceInitiatedShutdown",
            "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
        ),
        Reason::NoKey => ("Client.InternalError", NO_KEY),
    }
}

/// Begins to stop a running instance.
pub(super) fn begin_stop(account: &mut Account, id: &str, why: Reason) {
    let words = transition_reason(account, why);
    take_down(account, id);
    let pace = account.pace.instance_stop;
    let delay = account.draw(pace);
    let instance = account
        .ec2
        .instances
        .get_mut(id)
        .expect("only existing instances are stopped");
    instance.state = Lifecycle::Stopping;
    instance.state_reason = Some(state_reason(why));
    instance.transition_reason = words;
    instance.life += 1;
    let event = Timed::Stopped {
        instance: id.to_owned(),
        life: instance.life,
    };
    account.after(delay, account::Timed::Ec2(event));
    account.tell(id, InstanceNews::Leaving);
}

pub(super) fn stopped(account: &mut Account, id: &str, life: u32) {
    if let Some(instance) = in_life(account, id, life) {
        instance.state = Lifecycle::Stopped;
        account.reached(account.now(), "stopped", id);
        console::post(account, id);
    }
}

/// Begins to terminate an instance, unless that has begun already.
pub(in crate::account) fn begin_terminate(account: &mut Account, id: &str, why: Reason) {
    let words = transition_reason(account, why);
    let Some(instance) = account.ec2.instances.get_mut(id) else {
        return;
    };
    if matches!(
        instance.state,
        Lifecycle::ShuttingDown | Lifecycle::Terminated
    ) {
        return;
    }
    instance.state = Lifecycle::ShuttingDown;
    instance.state_reason = Some(state_reason(why));
    instance.transition_reason = words;
    instance.life += 1;
    instance.app_port = None;
    instance.is_up = false;
    account.order(MachineOrder::Terminate {
        instance: id.to_owned(),
    });
    account.tell(id, InstanceNews::Down);
    account.tell(id, InstanceNews::Leaving);
    let pace = account.pace.instance_terminate;
    let delay = account.draw(pace);
    let event = Timed::Terminated {
        instance: id.to_owned(),
    };
    account.after(delay, account::Timed::Ec2(event));
}

pub(super) fn terminated(account: &mut Account, id: &str) {
    if let Some(instance) = account.ec2.instances.get_mut(id) {
        instance.state = Lifecycle::Terminated;
        account.reached(account.now(), "terminated", id);
        console::post(account, id);
        let event = Timed::Forgotten {
            instance: id.to_owned(),
        };
        account.after(SHOWN_AFTER_TERMINATION, account::Timed::Ec2(event));
    }
}
