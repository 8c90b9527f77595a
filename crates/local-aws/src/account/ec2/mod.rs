//! EC2 in the pretend account: network, instances, images and launch templates, each in its own module.
//!
//! Guarantees: a new instance, image or snapshot cannot be seen by its id or in a describe until the pace's
//! visibility delay is over, as EC2 is eventually consistent (groups and templates: [`super::lag`]); a timer set in one life of an instance (between two
//! starts or stops) never acts on the next.

pub mod console;
pub mod default_network;
mod disks;
pub mod encryption;
pub mod images;
pub mod instances;
pub mod launch;
pub mod launch_data;
pub mod launch_templates;
pub mod lives;
pub mod network;
pub mod quotas;
mod room;
pub mod routes;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod types;

use std::collections::BTreeMap;
use std::time::Duration;

use self::images::{Image, Snapshot};
use self::instances::Instance;
use self::launch_templates::LaunchTemplate;
use self::network::{SecurityGroup, Subnet, Vpc};
use self::routes::{Endpoint, RouteTable};
use super::{Account, ApiError};

/// What happens later in EC2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timed {
    /// A pending instance runs.
    Running {
        /// The instance.
        instance: String,
        /// The life in which the timer was set.
        life: u32,
    },
    /// A running instance has booted: its first user process starts.
    Booted {
        /// The instance.
        instance: String,
        /// The life in which the timer was set.
        life: u32,
    },
    /// A stopping instance is stopped.
    Stopped {
        /// The instance.
        instance: String,
        /// The life in which the timer was set.
        life: u32,
    },
    /// An instance that shuts down is terminated.
    Terminated {
        /// The instance.
        instance: String,
    },
    /// What a boot wrote to the console is shown.
    ConsolePosted {
        /// The instance.
        instance: String,
    },
    /// A terminated instance is no longer shown.
    Forgotten {
        /// The instance.
        instance: String,
    },
    /// A pending image is available, and its snapshot complete.
    ImageAvailable {
        /// The image.
        image: String,
    },
}

/// Everything EC2 holds, each kind by its id.
#[derive(Debug, Default)]
pub struct State {
    /// Networks.
    pub vpcs: BTreeMap<String, Vpc>,
    /// Subnets.
    pub subnets: BTreeMap<String, Subnet>,
    /// Route tables.
    pub route_tables: BTreeMap<String, RouteTable>,
    /// Endpoints of services.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Security groups.
    pub security_groups: BTreeMap<String, SecurityGroup>,
    /// Instances, terminated ones for an hour.
    pub instances: BTreeMap<String, Instance>,
    /// Images, AWS's public ones included.
    pub images: BTreeMap<String, Image>,
    /// Snapshots of images.
    pub snapshots: BTreeMap<String, Snapshot>,
    /// Launch templates.
    pub launch_templates: BTreeMap<String, LaunchTemplate>,
    /// What each client token of RunInstances stood for: a digest of the request, and the instances it made.
    pub launch_tokens: BTreeMap<String, (String, Vec<String>)>,
    /// How disks are encrypted of which nobody says it; changed by a Rust test only.
    pub encryption: encryption::Defaults,
}

impl State {
    /// A default VPC with two subnets in two zones, its default security group, and Amazon Linux; `id` says what each is called
    /// here.
    pub fn with_default_network(id: &dyn Fn(&str) -> String) -> Self {
        let mut state = Self::default();
        default_network::add_default(&mut state, id);
        routes::add_default(&mut state, id);
        images::add_public(&mut state, id);
        state
    }
}

/// Lets a timed event happen.
pub fn fire(account: &mut Account, event: Timed) {
    match event {
        Timed::Running { instance, life } => lives::run(account, &instance, life),
        Timed::Booted { instance, life } => lives::boot(account, &instance, life),
        Timed::Stopped { instance, life } => lives::stopped(account, &instance, life),
        Timed::Terminated { instance } => lives::terminated(account, &instance),
        Timed::ConsolePosted { instance } => console::post(account, &instance),
        Timed::Forgotten { instance } => {
            account.ec2.instances.remove(&instance);
        }
        Timed::ImageAvailable { image } => images::become_available(account, &image),
    }
}

/// The local port at which the instance's app listens, when it runs.
pub fn app_port(account: &Account, instance: &str) -> Option<u16> {
    account.ec2.instances.get(instance)?.app_port
}

/// Whether the instance is `running`.
pub fn is_running(account: &Account, instance: &str) -> bool {
    account
        .ec2
        .instances
        .get(instance)
        .is_some_and(|instance| instance.state == instances::Lifecycle::Running)
}

/// Called by the machine behind an instance when its app's port is known (or, with `None`, gone).
pub fn set_app_port(account: &mut Account, instance: &str, port: Option<u16>) {
    if let Some(instance) = account.ec2.instances.get_mut(instance) {
        instance.app_port = port.filter(|_| instance.state == instances::Lifecycle::Running);
    }
}

/// Called by the machine behind an instance when its app has ended because it was told to.
pub fn app_ended(account: &mut Account, instance: &str, end: instances::AppEnd) {
    if let Some(instance) = account.ec2.instances.get_mut(instance) {
        instance.app_end = Some(end);
    }
}

/// Called by the machine behind an instance for each line that it writes to its serial console.
pub fn console_wrote(account: &mut Account, instance: &str, line: &str) {
    console::wrote(account, instance, line);
}

/// Called by the machine behind an instance when it shut itself down from the inside (`shutdown -h`).
pub fn shut_down_from_inside(account: &mut Account, instance: &str) {
    let Some(found) = account.ec2.instances.get(instance) else {
        return;
    };
    if found.state != instances::Lifecycle::Running {
        return;
    }
    let why = lives::Reason::Inside;
    if found.terminates_on_shutdown {
        lives::begin_terminate(account, instance, why);
    } else {
        lives::begin_stop(account, instance, why);
    }
}

/// When something created now can first be seen.
fn first_seen(account: &mut Account) -> Duration {
    let pace = account.pace.ec2_visibility;
    account.now() + account.draw(pace)
}

/// Refuses an id that does not look like one of its kind.
pub fn check_id(id: &str, prefix: &str, code: &str) -> Result<(), ApiError> {
    let good = id
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|hex| {
            matches!(hex.len(), 8 | 17) && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
    if good {
        return Ok(());
    }
    let expecting = if prefix == "i" {
        String::new()
    } else {
        format!(" (expecting \"{prefix}-...\")")
    };
    Err(ApiError::refused(
        code,
        &format!("Invalid id: \"{id}\"{expecting}"),
    ))
}
