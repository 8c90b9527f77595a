//! `plan`: every decision of a release and the AWS calls to come; changes nothing.

use super::clock::clock;
use super::deploy::{say_nothing_to_do, wanted_release};
use super::{EarlyExit, Terminal, access};
use crate::cli;
use crate::config;
use crate::inputs::Inputs;
use crate::outcome::EXIT_OK;
use crate::plan::{Choice, Decision, Plan};
use crate::prepare::prepare;
use crate::steps;
use net_clock::Network;

pub(super) async fn run(
    options: &cli::Options,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let config = config::load(inputs)?;
    let release = wanted_release(&config)?;
    let network = Network::tcp();
    let clock = clock(options, inputs, &network).await?;
    let aws = access::connect(&config, inputs, &network, &clock).await?;
    let prepared = prepare(&aws, &config, &release).await?;
    match prepared.decision {
        Decision::Release(plan) if options.json => terminal.say(&as_json(&plan)),
        Decision::Release(plan) => terminal.say(&as_text(&plan)),
        Decision::NothingToDo(release) => say_nothing_to_do(options, terminal, &config, &release),
        Decision::Refused(reason) => return Err(EarlyExit::refused(reason)),
    }
    Ok(EXIT_OK)
}

/// The plan for programs.
fn as_json(plan: &Plan) -> String {
    let steps: Vec<_> = steps::TABLE
        .iter()
        .map(|step| serde_json::json!({"step": step.name, "zone": step.zone, "calls": step.calls}))
        .collect();
    format!("{:#}", serde_json::json!({"plan": plan, "steps": steps}))
}

/// The plan for people.
fn as_text(plan: &Plan) -> String {
    let mut text = format!(
        "{} in {}: {} would be released. Nothing was changed.\n\nDecisions\n",
        plan.app, plan.environment, plan.release
    );
    for Choice { what, value, why } in plan.choices() {
        text.push_str(&format!("  {what:<16} {value}  ({why})\n"));
    }
    text.push_str("\nSteps, and the AWS calls that change something\n");
    for step in steps::TABLE {
        let calls = match step.calls {
            [] => "changes nothing".to_owned(),
            calls => calls.join(", "),
        };
        text.push_str(&format!("  {:<24} {calls}\n", step.name));
    }
    text
}
