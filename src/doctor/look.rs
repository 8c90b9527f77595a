//! What a doctor looks at: how things stand, and beyond that runbooks, builders, images and snapshots. Each look may come to
//! nothing by itself.

use std::time::SystemTime;

use anyhow::Result;
use net_clock::Clock;
use serde_json::Value;

use crate::aws::Aws;
use crate::aws::autoscaling;
use crate::aws::cloudwatch::RequestsByMinute;
use crate::aws::credentials::Life;
use crate::aws::ec2::{self, Instance};
use crate::aws::error::{ErrorKind, kind};
use crate::aws::lease::Place;
use crate::aws::ssm::{self, Document};
use crate::aws::sts::Caller;
use crate::config::Config;
use crate::inventory::Inventory;
use crate::kept::{self, TAG_KEPT_UNTIL};
use crate::lease::{self, Holder};
use crate::stack::{Names, TAG_APP};
use crate::standing::{self, Standing};
use crate::steps::left_by_bakes::find_orphans;
use crate::steps::prune_images::find_surplus;
use crate::steps::request_count::lately;
use crate::{bake, guard, scale_in};

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// Who asks.
    pub caller: Caller,
    /// How things stand.
    pub standing: Standing,
    /// Whose turn it is.
    pub turn: Turn,
    /// Whose turn it is of verifications.
    pub verifies: Turn,
    /// The runbooks, by name.
    pub runbooks: Vec<(String, Result<Document>)>,
    /// Builders that have not ended.
    pub builders: Result<Vec<Instance>>,
    /// How many instances the fleet of verifications has, or is to have.
    pub verified: Result<usize>,
    /// Instances of releases that failed, kept to be looked at.
    pub kept: Vec<Instance>,
    /// Images beyond those that are kept.
    pub surplus: Result<Vec<String>>,
    /// Snapshots whose image is gone.
    pub snapshots: Result<Vec<String>>,
    /// The latest requests to the colour that has no weight, where it is up.
    pub idle_requests: Result<RequestsByMinute>,
    /// How long the credentials live.
    pub life: Life,
}

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nobody's.
    Free,
    /// A run's that lives: its holder in words.
    UnderWay(String),
    /// A run's that says nothing any more.
    Gone(String),
}

/// Looks at everything, when the turn is as it was just seen to be.
pub async fn look(
    aws: &Aws,
    caller: Caller,
    config: &Config,
    (turn, verifies): (Turn, Turn),
    now: SystemTime,
) -> Seen {
    let (app, keep) = (config.app.as_str(), config.retain.images);
    let names = Names::new(app, &config.environment);
    let standing = Box::pin(standing::look(aws, caller.clone(), config)).await;
    let inventory = standing.inventory.as_ref().ok();
    let template = inventory.and_then(|inventory| inventory.template.clone());
    let stack = (&names, template.as_deref().unwrap_or_default());
    let guards = guard::runbook::runbook();
    let key = config.encryption.volume_key.as_deref();
    let (bakes, bakes_to_verify) = (
        bake::runbook::runbook(key),
        bake::runbook::verify_runbook(key),
    );
    let verified = Box::pin(verified(aws, &names)).await;
    let (bakes, guards, scale_ins, instances, surplus, snapshots, idle_requests) = tokio::join!(
        Box::pin(runbook(aws, names.runbook(), bakes)),
        Box::pin(runbook(aws, names.guard_runbook(), guards)),
        Box::pin(runbook(aws, names.scale_in_runbook(), scale_in::runbook())),
        Box::pin(ec2::find_instances(aws, TAG_APP, app)),
        Box::pin(find_surplus(aws, stack, keep, None, now)),
        Box::pin(find_orphans(aws, &names)),
        Box::pin(requests_to_idle(aws, inventory, now)),
    );
    let surplus = surplus.map(|all| all.into_iter().map(|image| image.id).collect());
    let mut runbooks = vec![bakes, guards, scale_ins];
    let to_verify = Box::pin(runbook(aws, names.verify_runbook(), bakes_to_verify)).await;
    // A release needs none of it, nor the right to look at it.
    let may_look = |error: &anyhow::Error| kind(error) != Some(ErrorKind::Denied);
    if to_verify.1.as_ref().err().is_none_or(may_look) {
        runbooks.push(to_verify);
    }
    if !config.retain.failed_for.is_zero() {
        let ends_kept = runbook(aws, names.kept_runbook(), kept::runbook());
        runbooks.push(Box::pin(ends_kept).await);
    }
    let instances = instances.map(|mut all| {
        all.retain(|one| one.state != "shutting-down" && names.made(&one.tags));
        all.into_iter().partition(Instance::is_builder)
    });
    let (builders, others): (_, Vec<_>) = match instances {
        Ok((builders, others)) => (Ok(builders), others),
        Err(error) => (Err(error.into()), Vec::new()),
    };
    let is_kept = |one: &Instance| one.tags.contains_key(TAG_KEPT_UNTIL);
    Seen {
        caller,
        standing,
        turn,
        verifies,
        runbooks,
        builders,
        verified,
        kept: others.into_iter().filter(is_kept).collect(),
        surplus,
        snapshots,
        idle_requests,
        life: aws.life(),
    }
}

/// Whose turn it is; `tell` is told that a holder is waited for to say something, for some two minutes. What can't be
/// read is told by whoever looks at the lease itself.
pub async fn whose_turn(aws: &Aws, clock: &Clock, place: &Place, tell: impl Fn(&str)) -> Turn {
    let Ok(Some((_, record))) = lease::read(aws, place).await else {
        return Turn::Free;
    };
    let Some(holder) = record.holder.as_ref().map(Holder::words) else {
        return Turn::Free;
    };
    tell(&format!(
        "the lease is held: {holder}; whether that run lives is seen in some two minutes"
    ));
    match lease::is_silent(aws, clock, place).await {
        true => Turn::Gone(holder),
        false => Turn::UnderWay(holder),
    }
}

/// How many instances the fleet of verifications has, or is to have.
async fn verified(aws: &Aws, names: &Names) -> Result<usize> {
    let groups = autoscaling::find_groups(aws, &[names.verify_fleet()]).await?;
    let each = groups.iter().map(|group| {
        let wanted = usize::try_from(group.capacity.desired).unwrap_or_default();
        group.members.len().max(wanted)
    });
    Ok(each.sum())
}

async fn requests_to_idle(
    aws: &Aws,
    inventory: Option<&Inventory>,
    now: SystemTime,
) -> Result<RequestsByMinute> {
    let target_group = inventory.and_then(|inventory| {
        let idle = inventory.weights()?.live()?.other();
        let groups = inventory.target_groups.as_ref()?;
        let is_up = inventory.stacks.get(&idle)?.is_up();
        is_up.then(|| groups.of(idle))
    });
    match target_group {
        Some(target_group) => Ok(lately(aws, target_group, now).await?),
        None => Ok(RequestsByMinute::new()),
    }
}

async fn runbook(aws: &Aws, name: String, ours: Value) -> (String, Result<Document>) {
    let compared = ssm::compare_document(aws, &name, &ours).await;
    (name, compared.map_err(anyhow::Error::from))
}
