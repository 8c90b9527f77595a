//! Every fault that a rehearsal can have, once: its name, its help, where it strikes, how the release has to end, and why.
//!
//! The command line, its help, README's table and the rehearsal itself are made from this list, and `tests/faults.rs`
//! takes each of its lines through a release to its ending. What a fault does to the sample app or to the local cloud
//! stands there ([`local_aws::sample_app::AppFault`], [`local_aws::Fault`]); here is only that it is set.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use local_aws::LocalAws;
use local_aws::sample_app::{AppFault, Settings};

use crate::config::Config;
use crate::outcome::{EXIT_OK, EXIT_REFUSED, EXIT_ROLLED_BACK};

/// What `slow-after-shift` takes three times.
const SLOWEST: Duration = Duration::from_millis(100);
/// How long `slow-start` takes to start, on AWS's clock.
const SLOW_START: Duration = Duration::from_secs(60);

/// What `bake-script-fails` has the builder run.
const FAILING_SCRIPT: &str = "#!/bin/sh\necho 'installing libfoo 2.3'\necho 'error: libfoo 2.3 is not to be had' >&2\nexit 3\n";

/// What goes wrong in a rehearsal on purpose.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Its name on the command line.
    pub name: &'static str,
    /// What goes wrong, for the help.
    pub help: &'static str,
    /// Where it strikes.
    pub place: Place,
    /// Plants it.
    pub plant: fn(&mut Scene<'_>) -> Result<()>,
    /// How the release has to end.
    pub ending: Ending,
    /// Why it ends so, for a tired person.
    pub why: &'static str,
}

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the app: one of the user's own can't have it.
    App,
    /// On the builder.
    Builder,
    /// In AWS.
    Aws,
}

/// How a release has to end: in the new release or in the old one, and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Deployed, and no visitor noticed.
    Deployed,
    /// Rolled back before any visitor was answered by the new release: nobody noticed.
    KeptAway,
    /// Refused: nothing was begun, and nobody noticed.
    Refused,
    /// Rolled back after the new release had traffic: visitors noticed, and the previous release serves all of it again.
    TakenBack,
}

impl Ending {
    /// The exit code.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Deployed => EXIT_OK,
            Self::Refused => EXIT_REFUSED,
            Self::KeptAway | Self::TakenBack => EXIT_ROLLED_BACK,
        }
    }
}

/// What a fault is planted in, before the release.
#[derive(Debug)]
pub struct Scene<'a> {
    /// How the sample app of the new release behaves.
    pub app: &'a mut Settings,
    /// What is released.
    pub config: &'a mut Config,
    /// The local cloud that it is released to.
    pub cloud: &'a LocalAws,
    /// A folder for files, which outlives the release.
    pub folder: &'a Path,
    /// How many times faster than AWS the release runs.
    pub speed: f64,
}

/// Every fault, in the order of the help.
pub static FAULTS: [Fault; 11] = [
    Fault {
        name: "unhealthy",
        help: "The new release never becomes healthy",
        place: Place::App,
        plant: |scene| scene.misbehave(AppFault::Unhealthy),
        ending: Ending::KeptAway,
        why: "the new release never answers its health check, so it never gets traffic",
    },
    Fault {
        name: "wrong-version",
        help: "The new release answers with another version",
        place: Place::App,
        plant: |scene| scene.misbehave(AppFault::WrongVersion),
        ending: Ending::KeptAway,
        why: "the new release answers with another version than it was released as",
    },
    Fault {
        name: "crash-on-start",
        help: "The new release stops as soon as it is started",
        place: Place::App,
        plant: |scene| scene.misbehave(AppFault::CrashOnStart),
        ending: Ending::KeptAway,
        why: "the new release ends as soon as it is started, again and again, and is not waited for",
    },
    Fault {
        name: "drops-on-stop",
        help: "The app drops its requests when it is stopped",
        place: Place::App,
        plant: |scene| {
            // What is retained would not be stopped while anybody looks.
            scene.config.retain.previous_for = Duration::ZERO;
            scene.misbehave(AppFault::DropsOnStop)
        },
        ending: Ending::Deployed,
        why: "the app cuts its connections when it is stopped, and nobody is on them by then: \
              capacity goes only after the drain",
    },
    Fault {
        name: "keep-alive-too-short",
        help: "The app closes idle connections sooner than the load balancer",
        place: Place::App,
        plant: |scene| scene.misbehave(AppFault::KeepAliveTooShort),
        ending: Ending::TakenBack,
        why: "the app closes idle connections before the load balancer does, which \
              visitors see as 502",
    },
    Fault {
        name: "bake-script-fails",
        help: "The bake script fails on the builder",
        place: Place::Builder,
        plant: |scene| {
            let script = scene.folder.join("bake.sh");
            std::fs::write(&script, FAILING_SCRIPT)
                .with_context(|| format!("writing {}", script.display()))?;
            scene.config.bake.script = Some(script);
            Ok(())
        },
        ending: Ending::KeptAway,
        why: "the bake script fails on the builder, so there is no image",
    },
    Fault {
        name: "no-capacity",
        help: "AWS has no instances left",
        place: Place::Aws,
        plant: |scene| {
            scene.cloud.inject(local_aws::Fault::no_capacity());
            Ok(())
        },
        ending: Ending::KeptAway,
        why: "AWS has no instances of this type now, and says so in the scaling activity",
    },
    Fault {
        name: "slow-start",
        help: "The new release takes long to start",
        place: Place::App,
        plant: |scene| {
            let after = SLOW_START.div_f64(scene.speed).as_millis();
            scene.app.start_after_ms = u64::try_from(after).unwrap_or(u64::MAX);
            scene.misbehave(AppFault::SlowStart)
        },
        ending: Ending::Deployed,
        why: "the new release takes a minute to start, and is waited for",
    },
    Fault {
        name: "errors-after-shift",
        help: "The new release fails requests once it has traffic",
        place: Place::App,
        plant: |scene| scene.misbehave(AppFault::ErrorsAfterShift),
        ending: Ending::TakenBack,
        why: "the new release passes its tests and fails under traffic: the weights are restored",
    },
    Fault {
        name: "slow-after-shift",
        help: "The new release answers slowly once it has traffic",
        place: Place::App,
        plant: |scene| {
            scene.config.shift.slowest = Some(SLOWEST);
            scene.misbehave(AppFault::SlowAfterShift)
        },
        ending: Ending::TakenBack,
        why: "the new release passes its tests and takes three times as long under traffic as `shift.slowest` allows: the weights \
              are restored",
    },
    Fault {
        name: "nowhere-to-start",
        help: "Nine things are wrong with the account and the file, and all are known before anything begins",
        place: Place::Aws,
        plant: |scene| {
            scene.nowhere_to_start();
            Ok(())
        },
        ending: Ending::Refused,
        why: "what would end the release minutes from now is said at once, and nothing is begun",
    },
];

impl Scene<'_> {
    /// Another architecture than the base image's, subnets without addresses, a new account's quota, a zone without the type and one
    /// without the load balancer, and security groups that let nobody in.
    fn nowhere_to_start(&mut self) {
        const GRAVITON: &str = "t4g.small";
        self.config.fleet.instance_type = GRAVITON.to_owned();
        self.config.bake.instance_type = GRAVITON.to_owned();
        self.cloud.inject(local_aws::Fault::no_type_in('b'));
        let mut account = self.cloud.account();
        account.limits.vcpus = Some(5);
        for (subnet, left) in account.ec2.subnets.values_mut().zip([0, 1]) {
            subnet.leave_addresses(left);
        }
        for group in account.ec2.security_groups.values_mut() {
            group.ingress.clear();
        }
        for balancer in account.elbv2.load_balancers.values_mut() {
            balancer.zones.truncate(1);
        }
    }

    fn misbehave(&mut self, fault: AppFault) -> Result<()> {
        self.app.fault = Some(fault);
        Ok(())
    }
}

impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl ValueEnum for Fault {
    fn value_variants<'a>() -> &'a [Self] {
        &FAULTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name).help(self.help))
    }
}
