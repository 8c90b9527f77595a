//! What `--fix` does: what can harm nobody, each after a look right before it, with the witnesses that every run needs for
//! the same act. The turn is taken before, and what an earlier run left half done was brought to its end with it.

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use super::finding::{Finding, Fix};
use crate::aws::autoscaling;
use crate::aws::ec2::{self, Instance};
use crate::aws::elbv2::{PreviewRule, describe_traffic};
use crate::aws::ssm;
use crate::config::Config;
use crate::inventory::Inventory;
use crate::kept::TAG_KEPT_UNTIL;
use crate::names::{Colour, human};
use crate::plan::{Decision, FROZEN, Plan, is_frozen};
use crate::prepare::{draw, look};
use crate::run::context::Context;
use crate::stack::{Names, TAG_APP};
use crate::steps::left_by_bakes::{self, Left};
use crate::steps::open_preview::PreviewRoute;
use crate::steps::prune_images::{Removed, find_surplus};
use crate::steps::scale_in::ScaleIn;

/// What came of one finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mended {
    /// The finding.
    pub what: &'static str,
    /// What was done.
    pub done: Option<String>,
    /// Why it was not.
    pub failed: Option<String>,
}

impl Mended {
    /// What taking the turn has done.
    pub fn by_turn(what: &'static str) -> Self {
        let done = match what {
            "run-unfinished" => "the earlier run is at its end, as told above",
            "holder-gone" => "the lease is free",
            _ => "it ended with its run",
        };
        Self {
            what,
            done: Some(done.to_owned()),
            failed: None,
        }
    }

    /// For people.
    pub fn words(&self) -> String {
        match (&self.done, &self.failed) {
            (Some(done), _) => format!("mended {}: {done}", self.what),
            (None, Some(why)) => format!("not mended {}: {why}", self.what),
            (None, None) => format!("left {}", self.what),
        }
    }
}

/// Mends what can be; one that fails keeps no other from being tried.
pub async fn mend(cx: &Context, config: &Config, findings: &[Finding]) -> Vec<Mended> {
    let mut mended = Vec::new();
    for finding in findings {
        let Some(fix) = &finding.fix else {
            continue;
        };
        // Whoever holds the turn has done that.
        if *fix == Fix::TakeTurn {
            continue;
        }
        let (done, failed) = match Box::pin(carry_out(cx, config, fix)).await {
            Ok(done) => (Some(done), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        mended.push(Mended {
            what: finding.what,
            done,
            failed,
        });
    }
    mended
}

async fn carry_out(cx: &Context, config: &Config, fix: &Fix) -> Result<String> {
    // What is to be mended is looked at again: somebody may have been faster.
    let inventory = look(&cx.aws, config).await?;
    let names = Names::new(&config.app, &config.environment);
    match fix {
        Fix::TakeTurn => Ok("it is this command's turn".to_owned()),
        Fix::Thaw(colour) => thaw(cx, &inventory, *colour).await,
        Fix::Floor(colour) => floor(cx, config, &inventory, *colour).await,
        Fix::ClosePreview => close_preview(cx, &inventory).await,
        Fix::ArmScaleIn(colour) => arm_scale_in(cx, config, &inventory, *colour).await,
        Fix::TakeBackScaleIn(colour) => take_back(cx, &inventory, &names, *colour).await,
        Fix::EndBuilder(id) => end_builder(cx, config, &inventory, id).await,
        Fix::EndKept(id) => end_kept(cx, config, id).await,
        Fix::PruneImages => prune(cx, config, &inventory).await,
        Fix::DeleteSnapshots => delete_snapshots(cx, config, &inventory).await,
    }
}

/// The group of the colour that has all the traffic, if it is this one still.
fn live_group(inventory: &Inventory, colour: Colour) -> Result<&autoscaling::Group> {
    let live = inventory.weights().and_then(|weights| weights.live());
    match inventory.stacks.get(&colour) {
        Some(stack) if live == Some(colour) => Ok(&stack.group),
        _ => bail!("{colour} is not live alone any more"),
    }
}

async fn thaw(cx: &Context, inventory: &Inventory, colour: Colour) -> Result<String> {
    let group = live_group(inventory, colour)?;
    if !is_frozen(group) {
        bail!("{} is not frozen any more", group.name);
    }
    let frozen = FROZEN.map(str::to_owned);
    autoscaling::resume_processes(&cx.aws, cx.held().await?, &group.name, &frozen).await?;
    Ok(format!("{} scales again", group.name))
}

async fn floor(
    cx: &Context,
    config: &Config,
    inventory: &Inventory,
    colour: Colour,
) -> Result<String> {
    let group = live_group(inventory, colour)?;
    let floor = i32::try_from(config.fleet.min)?;
    let most = group.capacity.max;
    autoscaling::set_floor(&cx.aws, cx.held().await?, &group.name, floor, most).await?;
    Ok(format!("the minimum of {} is {floor} again", group.name))
}

async fn close_preview(cx: &Context, inventory: &Inventory) -> Result<String> {
    let (Some(rule), Some(groups)) = (&inventory.preview_rule, &inventory.target_groups) else {
        bail!("there is no preview rule any more");
    };
    let live = inventory.weights().and_then(|weights| weights.live());
    let idle = live.map_or(Colour::Blue, Colour::other);
    let route = PreviewRoute::new(PreviewRule::new(&rule.arn), groups.clone(), idle);
    route.close(cx).await?;
    Ok("the preview route is closed".to_owned())
}

async fn arm_scale_in(
    cx: &Context,
    config: &Config,
    inventory: &Inventory,
    colour: Colour,
) -> Result<String> {
    let plan = match Plan::go_back(config, inventory, &[], None, &draw()?) {
        Decision::Release(plan) if plan.idle == colour => plan,
        Decision::Refused(why) => bail!("{why}"),
        _ => bail!("{colour} is not what a rollback would go back to"),
    };
    if plan.idle_before.scale_in_at.is_some() {
        bail!("it is there by now");
    }
    let keep = config.retain.previous_for;
    let scale_in = ScaleIn::of(&plan, colour);
    let id = scale_in.arm(cx, plan.previous.weights, keep).await?;
    ScaleIn::await_sleep(cx, "doctor", &id).await?;
    Ok(format!("AWS scales {colour} in, in {}", human(keep)))
}

async fn take_back(
    cx: &Context,
    inventory: &Inventory,
    names: &Names,
    colour: Colour,
) -> Result<String> {
    let Some(due) = inventory.automations.scale_in_of(names, colour) else {
        bail!("it is gone by now");
    };
    let (Some(rules), Some(groups)) = (inventory.traffic_rules(), &inventory.target_groups) else {
        bail!("there is no traffic rule");
    };
    cx.held().await?;
    let each = describe_traffic(&cx.aws, &rules).await?.each(groups);
    if each.is_none_or(|each| each.iter().all(|weights| weights.of(colour) == 0)) {
        bail!("{colour} does not serve any more");
    }
    ssm::cancel_automation(&cx.aws, &due.id).await?;
    Ok(format!("{colour} is not scaled in ({})", due.id))
}

/// Of a bake builder, image and snapshot may be.
fn no_bake(inventory: &Inventory) -> Result<()> {
    match inventory.automations.bakes.first() {
        Some(bake) => bail!("a bake is under way ({})", bake.id),
        None => Ok(()),
    }
}

/// The same, looked at after what is left: a bake that has begun meanwhile may own that.
async fn left_by_bakes(cx: &Context, config: &Config) -> Result<Left> {
    let names = Names::new(&config.app, &config.environment);
    let left = left_by_bakes::find(&cx.aws, &names).await?;
    left.context("a bake is under way")
}

async fn end_builder(
    cx: &Context,
    config: &Config,
    inventory: &Inventory,
    id: &str,
) -> Result<String> {
    no_bake(inventory)?;
    let left = left_by_bakes(cx, config).await?;
    if !left.builders.iter().any(|builder| builder.id == id) {
        bail!("{id} is gone by now");
    }
    cx.held().await?;
    ec2::terminate_instance(&cx.aws, id).await?;
    Ok(format!("ended the builder {id}"))
}

async fn end_kept(cx: &Context, config: &Config, id: &str) -> Result<String> {
    let ours = ec2::find_instances(&cx.aws, TAG_APP, &config.app).await?;
    let names = Names::new(&config.app, &config.environment);
    let is_kept = |one: &Instance| {
        one.id == id && one.tags.contains_key(TAG_KEPT_UNTIL) && names.made(&one.tags)
    };
    if !ours.iter().any(is_kept) {
        bail!("{id} is gone by now");
    }
    cx.held().await?;
    ec2::terminate_instance(&cx.aws, id).await?;
    Ok(format!("ended {id}"))
}

async fn prune(cx: &Context, config: &Config, inventory: &Inventory) -> Result<String> {
    no_bake(inventory)?;
    let mut removed = Removed::default();
    let ours = inventory.template.as_deref().unwrap_or_default();
    let names = Names::new(&config.app, &config.environment);
    let (stack, keep) = ((&names, ours), config.retain.images);
    for image in find_surplus(&cx.aws, stack, keep, None, cx.clock.utc()).await? {
        cx.held().await?;
        removed.image(&cx.aws, image).await;
    }
    let (images, _) = removed.complete()?;
    Ok(format!("removed {}", images.join(", ")))
}

async fn delete_snapshots(cx: &Context, config: &Config, inventory: &Inventory) -> Result<String> {
    no_bake(inventory)?;
    let orphans = left_by_bakes(cx, config).await?.snapshots;
    let mut removed = Removed::default();
    for snapshot in &orphans {
        cx.held().await?;
        removed.snapshot(&cx.aws, snapshot).await;
    }
    let (_, snapshots) = removed.complete()?;
    Ok(format!("deleted {}", snapshots.join(", ")))
}
