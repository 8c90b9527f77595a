//! From a config to a decision: packs the bundle, asks AWS what it holds, decides. Nothing is changed.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};

use crate::aws::Aws;
use crate::aws::credentials::Life;
use crate::aws::sts::{self, Caller};
use crate::bake::bundle::{self, Bundle};
use crate::bake::service_unit::service_unit;
use crate::config::Config;
use crate::inventory::{self, Extent, Inventory, VerifyParts};
use crate::kept;
use crate::lease::Done;
use crate::names::Release;
use crate::plan::durations::Needed;
use crate::plan::{Change, Decision, Draw, Plan};
use crate::preflight::{self, Concern};
use crate::random::random_token;
use crate::secret::Secret;
use crate::stack::TAG_COMMIT;

/// A decision, and the bundle it is about.
#[derive(Debug)]
pub struct Prepared {
    /// Who asks.
    pub caller: Caller,
    /// The packed bundle.
    pub bundle: Bundle,
    /// The commit that is live, if that was written down.
    pub live_commit: Option<String>,
    /// What a release changes of what is live.
    pub changes: Vec<Change>,
    /// What would stop it, if it is refused for that, and what would make it slower, or leave it fewer places.
    pub concerns: Vec<Concern>,
    /// What there is to do.
    pub decision: Decision,
}

/// Packs, looks and decides a release.
pub async fn prepare(aws: &Aws, config: &Config, release: &Release) -> Result<Prepared> {
    let (bundle, inventory) = pack_and_look(aws, config).await?;
    let decision = Plan::decide(config, &inventory, release, &draw()?);
    held(aws, config, (bundle, inventory), decision).await
}

/// Packs, looks and decides a verification.
pub async fn prepare_verification(
    aws: &Aws,
    config: &Config,
    release: &Release,
) -> Result<Prepared> {
    let (bundle, inventory) = pack_and_look(aws, config).await?;
    let draw = draw()?;
    let fleet = VerifyParts::find(aws, config, &inventory.routes).await?;
    let decision = Plan::decide_verification(config, &inventory, &fleet, release, &draw);
    held(aws, config, (bundle, inventory), decision).await
}

/// The decision, unless something would end its run later, with what it is about.
async fn held(
    aws: &Aws,
    config: &Config,
    (bundle, inventory): (Bundle, Inventory),
    decision: Decision,
) -> Result<Prepared> {
    let decision = hold_kept(aws, decision).await;
    let (decision, concerns) = hold_preflight(aws, config, &inventory, decision).await?;
    Ok(Prepared {
        concerns,
        live_commit: live_commit(&inventory),
        changes: changes(&decision, config, &inventory),
        caller: inventory.caller,
        bundle,
        decision,
    })
}

fn changes(decision: &Decision, config: &Config, inventory: &Inventory) -> Vec<Change> {
    match decision {
        Decision::Release(plan) => plan.changes(config, inventory),
        _ => Vec::new(),
    }
}

/// Looks and decides a rollback, to `to` or to what was live before, by the `runs` that are remembered; there is nothing to
/// pack.
pub async fn prepare_rollback(
    aws: &Aws,
    config: &Config,
    runs: &[Done],
    to: Option<&Release>,
) -> Result<Decision> {
    let inventory = look_to_launch(aws, config).await?;
    Ok(Plan::go_back(config, &inventory, runs, to, &draw()?))
}

/// The decision, or why its run would outlive the credentials.
pub fn hold_credentials(
    decision: Decision,
    life: Life,
    now: SystemTime,
    needed: impl Fn(&Plan) -> Needed,
) -> Decision {
    let (Decision::Release(plan), Life::Until(end)) = (&decision, life) else {
        return decision;
    };
    let left = end.duration_since(now).unwrap_or_default();
    match needed(plan).too_short(left, Duration::ZERO) {
        Some(why) => Decision::Refused(why),
        None => decision,
    }
}

/// The decision, or why nothing of its candidate could be kept, where that is wanted: who asks for it wants to look.
async fn hold_kept(aws: &Aws, decision: Decision) -> Decision {
    let plan = match &decision {
        Decision::Release(plan) if !plan.retain.failed_for.is_zero() => plan,
        _ => return decision,
    };
    match Box::pin(kept::version(aws, plan)).await {
        Ok(_) => decision,
        Err(why) => Decision::Refused(format!("{why:#}")),
    }
}

/// The decision, or everything that would end its run minutes after it began; with all that was seen.
async fn hold_preflight(
    aws: &Aws,
    config: &Config,
    inventory: &Inventory,
    decision: Decision,
) -> Result<(Decision, Vec<Concern>)> {
    let Decision::Release(plan) = &decision else {
        return Ok((decision, Vec::new()));
    };
    let looking = preflight::concerns(aws, config, inventory, plan);
    let concerns = Box::pin(looking).await?;
    Ok(match preflight::refusal(&concerns) {
        Some(why) => (Decision::Refused(why), concerns),
        None => (decision, concerns),
    })
}

/// What AWS holds now, as far as it takes to tell of it.
pub async fn look(aws: &Aws, config: &Config) -> Result<Inventory> {
    take(aws, sts::known_caller(aws).await?, config, Extent::Telling).await
}

/// What AWS holds now, as far as a run needs it that bakes nothing.
pub(crate) async fn look_to_launch(aws: &Aws, config: &Config) -> Result<Inventory> {
    take(
        aws,
        sts::known_caller(aws).await?,
        config,
        Extent::Launching,
    )
    .await
}

async fn take(aws: &Aws, caller: Caller, config: &Config, extent: Extent<'_>) -> Result<Inventory> {
    Box::pin(inventory::take(aws, caller, config, extent))
        .await
        .context("looking at what AWS holds")
}

async fn pack_and_look(aws: &Aws, config: &Config) -> Result<(Bundle, Inventory)> {
    let caller = sts::known_caller(aws).await?;
    let unit = service_unit(&config.app, &config.service)?;
    let script = config.bake.script.as_deref();
    let bundle = bundle::pack(&config.service.artifact, &unit, script)?;
    let inventory = take(aws, caller, config, Extent::Baking(&bundle.sha256)).await?;
    Ok((bundle, inventory))
}

/// The commit of the release that has all the traffic, if that was written down.
fn live_commit(inventory: &Inventory) -> Option<String> {
    let live = inventory.version_of(inventory.weights()?.live()?)?;
    live.tags.get(TAG_COMMIT).cloned()
}

/// A run's id and the secret of its preview route.
pub(crate) fn draw() -> Result<Draw> {
    let id = random_token()?;
    Ok(Draw {
        deployment: format!("d-{}", &id[..12]),
        preview_token: Secret::new(random_token()?),
    })
}
