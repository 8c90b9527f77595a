//! From a config to a decision: packs the bundle, asks AWS what it holds, decides. Nothing is changed.

use anyhow::{Context as _, Result};

use crate::aws::Aws;
use crate::aws::sts::{self, Caller};
use crate::bake::bundle::{self, Bundle};
use crate::bake::service_unit::service_unit;
use crate::config::Config;
use crate::inventory;
use crate::names::Release;
use crate::plan::{Decision, Draw, Plan, Secret};
use crate::provision::load_balancer::random_token;

/// A decision, and the bundle it is about.
#[derive(Debug)]
pub struct Prepared {
    /// Who asks.
    pub caller: Caller,
    /// The packed bundle.
    pub bundle: Bundle,
    /// What there is to do.
    pub decision: Decision,
}

/// Packs, looks and decides.
pub async fn prepare(aws: &Aws, config: &Config, release: &Release) -> Result<Prepared> {
    let caller = sts::caller(aws).await?;
    let unit = service_unit(&config.app, &config.service)?;
    let script = config.bake.script.as_deref();
    let bundle = bundle::pack(&config.service.artifact, &unit, script)?;
    let inventory = Box::pin(inventory::take(aws, caller.clone(), config, &bundle.sha256))
        .await
        .context("looking at what AWS holds")?;
    let decision = Plan::decide(config, &inventory, release, &draw()?);
    Ok(Prepared {
        caller,
        bundle,
        decision,
    })
}

/// A run's id and the secret of its preview route.
fn draw() -> Result<Draw> {
    let id = random_token()?;
    Ok(Draw {
        deployment: format!("d-{}", &id[..12]),
        preview_token: Secret::new(random_token()?),
    })
}
