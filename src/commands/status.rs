//! `status`: who serves what now, and what a rollback would find; changes nothing.

use super::reached::Reached;
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::command_line::Next;
use crate::config::Config;
use crate::inputs::Inputs;
use crate::prepare::draw;
use crate::standing;
use crate::status::Status;

pub(super) async fn run(
    options: &cli::Options,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let Reached {
        config,
        clock,
        aws,
        caller,
        ..
    } = Reached::reach(options, inputs).await?;
    let standing = standing::look(&aws, caller, &config).await;
    let status = Status::of(&config, standing, clock.utc(), &draw()?)?
        .ok_or_else(|| not_provisioned(&config))?;
    if options.json {
        terminal.say(&format!("{:#}", serde_json::json!(status)));
    } else {
        terminal.say(&status.text());
    }
    Ok(status.condition.exit_code())
}

/// There is nothing to tell about.
pub(super) fn not_provisioned(config: &Config) -> EarlyExit {
    EarlyExit::refused(format!(
        "nothing is provisioned for {} in {}; run: {}",
        config.app,
        config.environment,
        config.next(Next::Provision)
    ))
}
