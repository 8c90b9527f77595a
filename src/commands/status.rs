//! `status`: who serves what now, and what a rollback would find; changes nothing.

use super::clock::clock;
use super::{EarlyExit, Terminal, access};
use crate::aws::ssm;
use crate::cli;
use crate::config::{self, Config};
use crate::inputs::Inputs;
use crate::lease;
use crate::outcome::EXIT_OK;
use crate::prepare::{draw, look};
use crate::stack::Names;
use crate::status::Status;
use net_clock::Network;

pub(super) async fn run(
    options: &cli::Options,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let config = config::load_without_artifact(inputs)?;
    let network = Network::tcp();
    let clock = clock(options, inputs, &network).await?;
    let aws = access::connect(&config, inputs, &network, &clock).await?;
    let inventory = look(&aws, &config).await?;
    let names = Names::new(&config.app, &config.environment);
    let place = names.lease(&inventory.caller.account, &aws.region);
    let lease = lease::read(&aws, &place).await;
    let lease = lease
        .map(|read| read.map(|(_, record)| record))
        .map_err(|error| format!("{error:#}"));
    let runbook = names.runbook();
    let bakes = ssm::find_automations_under_way(&aws, &runbook)
        .await
        .map_err(anyhow::Error::from)?;
    let status = Status::of(&config, &inventory, &bakes, clock.utc(), &draw()?)
        .ok_or_else(|| not_provisioned(&config))?
        .with_lease(lease);
    if options.json {
        terminal.say(&format!("{:#}", serde_json::json!(status)));
    } else {
        terminal.say(&status.text());
    }
    Ok(EXIT_OK)
}

/// There is nothing to tell about.
pub(super) fn not_provisioned(config: &Config) -> EarlyExit {
    EarlyExit::refused(format!(
        "nothing is provisioned for {} in {}; run: bg-deploy provision --environment {}",
        config.app, config.environment, config.environment
    ))
}
