//! `hold`, `release-hold` and `unlock`: what a person says about whose turn it is.

use anyhow::anyhow;

use super::reached::Reached;
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::command_line::Next;
use crate::config::Config;
use crate::inputs::Inputs;
use crate::lease::Hold;
use crate::lease::by_hand::{self, NoBucket, Said};
use crate::outcome::EXIT_OK;

/// For people: `hello in prod`.
fn what(config: &Config) -> String {
    format!("{} in {}", config.app, config.environment)
}

fn said(command: &cli::ByHand, inputs: &Inputs) -> Said {
    Said {
        reason: command.reason.clone(),
        by: inputs.ci.asked_by(),
    }
}

fn answer(
    options: &cli::Options,
    terminal: &Terminal,
    result: &str,
    words: &str,
) -> Result<u8, EarlyExit> {
    match options.json {
        true => {
            terminal.say(&serde_json::json!({ "result": result, "exit_code": EXIT_OK }).to_string())
        }
        false => terminal.say(words),
    }
    Ok(EXIT_OK)
}

/// Stops releases, until `release-hold`.
pub(super) async fn hold(
    options: &cli::Options,
    command: &cli::ByHand,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let reached = Reached::reach(options, inputs).await?;
    let said = said(command, inputs);
    write_hold(&reached, Some(&said)).await?;
    let words = format!(
        "releases of {} are on hold; a run that is under way goes on, and rollbacks are possible\nto let them go on: {}",
        what(&reached.config),
        reached.config.next(Next::ReleaseHold)
    );
    answer(options, terminal, "held", &words)
}

async fn write_hold(reached: &Reached, said: Option<&Said>) -> anyhow::Result<Option<Hold>> {
    let written = by_hand::hold(&reached.aws, &reached.clock, &reached.lease(), said).await;
    written.map_err(|why| match why.is::<NoBucket>() {
        true => anyhow!("{why}; run: {}", reached.config.next(Next::Provision)),
        false => why,
    })
}

/// Lets releases go on.
pub(super) async fn release_hold(
    options: &cli::Options,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let reached = Reached::reach(options, inputs).await?;
    let before = write_hold(&reached, None).await?;
    let words = match before {
        Some(before) => format!(
            "releases of {} may go on; the hold was {}",
            what(&reached.config),
            before.words()
        ),
        None => format!("releases of {} were not on hold", what(&reached.config)),
    };
    answer(options, terminal, "let-go", &words)
}

/// Makes the lease free.
pub(super) async fn unlock(
    options: &cli::Options,
    command: &cli::ByHand,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let reached = Reached::reach(options, inputs).await?;
    let said = said(command, inputs);
    let whose = by_hand::unlock(&reached.aws, &reached.clock, &reached.lease(), &said).await?;
    let words = match whose {
        Some(whose) => format!(
            "{} is free; it was held by a {whose}, which changes nothing any more; the next run brings what it left to its end",
            what(&reached.config)
        ),
        None => format!("{} is free", what(&reached.config)),
    };
    answer(options, terminal, "unlocked", &words)
}
