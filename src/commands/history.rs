//! `history`: the releases that stand in AWS, which of them can be gone back to, and how the latest runs ended; changes
//! nothing.

use super::reached::Reached;
use super::status::not_provisioned;
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::history::{RunLine, lines, runs_text, text};
use crate::inputs::Inputs;
use crate::lease::{self, Record};
use crate::outcome::EXIT_OK;
use crate::plan::past::releases;
use crate::stack::Names;
use crate::standing;

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::History,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let reached = Reached::reach(options, inputs).await?;
    let verified = Box::pin(lease::read(&reached.aws, &reached.verify_lease())).await;
    let Reached {
        config,
        aws,
        caller,
        ..
    } = reached;
    let standing = standing::look(&aws, caller, &config).await;
    let inventory = standing.inventory?;
    let names = Names::new(&config.app, &config.environment);
    if inventory.template.is_none() || inventory.owner_but(&names).is_some() {
        return Err(not_provisioned(&config));
    }
    // What is written down of runs is worth less than the releases that stand: without it, those are told all the same.
    let record = standing.lease.ok().flatten();
    let mut runs = record.map(|record| record.past_runs()).unwrap_or_default();
    let weights = inventory.weights();
    let all = releases(&inventory, &runs);
    let verified = verified.ok().flatten().map(|(_, record)| record);
    runs.extend(verified.iter().flat_map(Record::past_runs));
    runs.sort_by(|one, other| other.ended.cmp(&one.ended));
    let known = all.len();
    let limit = usize::try_from(command.limit).unwrap_or(usize::MAX);
    let lines = lines(all, limit);
    runs.truncate(limit);
    if options.json {
        let runs: Vec<_> = runs.iter().map(RunLine::of).collect();
        let answer = serde_json::json!({"releases": lines, "runs": runs});
        terminal.say(&format!("{answer:#}"));
        return Ok(EXIT_OK);
    }
    if lines.is_empty() {
        terminal.say(&format!(
            "{} has no release in {} yet",
            config.app, config.environment
        ));
    } else {
        let more = known - lines.len();
        terminal.say(&text(&lines, &config.command_line, weights, more));
    }
    if !runs.is_empty() {
        terminal.say(&format!("\nruns, the latest first:\n{}", runs_text(&runs)));
    }
    Ok(EXIT_OK)
}
