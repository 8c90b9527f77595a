//! `history`: the releases that stand in AWS, and which of them can be gone back to; changes nothing.

use super::clock::clock;
use super::status::not_provisioned;
use super::{EarlyExit, Terminal, access};
use crate::cli;
use crate::config;
use crate::history::{lines, text};
use crate::inputs::Inputs;
use crate::outcome::EXIT_OK;
use crate::plan::past::releases;
use crate::prepare::look;
use net_clock::Network;

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::History,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let config = config::load_without_artifact(inputs)?;
    let network = Network::tcp();
    let clock = clock(options, inputs, &network).await?;
    let aws = access::connect(&config, inputs, &network, &clock).await?;
    let inventory = look(&aws, &config).await?;
    if inventory.template.is_none() {
        return Err(not_provisioned(&config));
    }
    let all = releases(&inventory);
    let known = all.len();
    let limit = usize::try_from(command.limit).unwrap_or(usize::MAX);
    let lines = lines(all, limit);
    if options.json {
        terminal.say(&format!("{:#}", serde_json::json!(lines)));
    } else if lines.is_empty() {
        terminal.say(&format!(
            "{} has no release in {} yet",
            config.app, config.environment
        ));
    } else {
        let more = known - lines.len();
        terminal.say(&text(&lines, &config.environment, more));
    }
    Ok(EXIT_OK)
}
