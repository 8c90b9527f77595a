//! How things stand, for `status` and `doctor`: what AWS holds, what the lease says, and whether a guard went off. Read,
//! never changed.

use std::time::SystemTime;

use anyhow::Result;

use crate::aws::sts::Caller;
use crate::aws::{Aws, ssm};
use crate::config::Config;
use crate::inventory::{self, Extent, Inventory};
use crate::lease::{self, Record};
use crate::run::state::State;
use crate::runbook::DEPLOYMENT;
use crate::stack::Names;

/// How things stand. What can't be seen says why.
#[derive(Debug)]
pub struct Standing {
    /// What AWS holds.
    pub inventory: Result<Inventory>,
    /// What the lease says; `None` without a bucket for it.
    pub lease: Result<Option<Record>>,
    /// A guard that went off for the run that the lease tells of.
    pub fired: Result<Option<Fired>>,
}

/// A guard whose time came: its run had vanished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// Its automation.
    pub id: String,
    /// When it was done.
    pub at: SystemTime,
}

/// Looks at all of it. What can't be seen is an error only for whoever needs it.
pub async fn look(aws: &Aws, caller: Caller, config: &Config) -> Standing {
    let names = Names::new(&config.app, &config.environment);
    let place = names.lease(&caller.account, &aws.region);
    let inventory = Box::pin(inventory::take(aws, caller, config, Extent::Telling));
    let lease = Box::pin(lease::read(aws, &place));
    let (inventory, lease) = tokio::join!(inventory, lease);
    let lease = lease.map(|read| read.map(|(_, record)| record));
    let run = lease
        .as_ref()
        .ok()
        .and_then(|lease| lease.as_ref()?.run.clone());
    let fired = match run.map(State::of_value) {
        Some(Ok(run)) => {
            let deployment = &run.plan.deployment;
            Box::pin(fired(aws, &names, deployment)).await
        }
        _ => Ok(None),
    };
    Standing {
        inventory,
        lease,
        fired,
    }
}

/// The guard of this deployment that came to its end by itself, if one did. One that is disarmed is cancelled.
async fn fired(aws: &Aws, names: &Names, deployment: &str) -> Result<Option<Fired>> {
    /// The guards of other runs that are looked at: a run that vanished is the latest, or nearly so.
    const LATEST: usize = 3;
    let done = ssm::list_done(aws, &names.guard_runbook()).await?;
    for one in done.into_iter().take(LATEST) {
        let started = ssm::describe_under_way(aws, one.id.clone()).await?;
        if started
            .parameters
            .get(DEPLOYMENT)
            .is_some_and(|of| of == deployment)
        {
            return Ok(Some(Fired {
                at: one.ended.unwrap_or(one.started),
                id: one.id,
            }));
        }
    }
    Ok(None)
}
