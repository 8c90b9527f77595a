//! `status`: who serves what now, and what a rollback would find; changes nothing.

use super::clock::clock;
use super::{EarlyExit, Terminal, access};
use crate::aws::sts;
use crate::cli;
use crate::config::{self, Config};
use crate::inputs::Inputs;
use crate::outcome::EXIT_OK;
use crate::prepare::draw;
use crate::standing;
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
    let caller = sts::caller(&aws).await.map_err(anyhow::Error::from)?;
    let standing = standing::look(&aws, caller, &config).await;
    let status = Status::of(&config, standing, clock.utc(), &draw()?)?
        .ok_or_else(|| not_provisioned(&config))?;
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
