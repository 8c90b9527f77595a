//! `hold`, `release-hold` and `unlock`: what a person says about whose turn it is.

use super::clock::clock;
use super::turn::place;
use super::{EarlyExit, Terminal, access};
use crate::aws::Aws;
use crate::aws::lease::Place;
use crate::cli;
use crate::config::{self, Config};
use crate::inputs::Inputs;
use crate::lease::by_hand::{self, Said};
use crate::outcome::EXIT_OK;
use crate::stack::Names;
use net_clock::{Clock, Network};

/// What all three need.
struct Desk {
    config: Config,
    aws: Aws,
    clock: Clock,
    place: Place,
}

impl Desk {
    async fn open(options: &cli::Options, inputs: &Inputs) -> Result<Self, EarlyExit> {
        let config = config::load_without_artifact(inputs)?;
        let network = Network::tcp();
        let clock = clock(options, inputs, &network).await?;
        let aws = access::connect(&config, inputs, &network, &clock).await?;
        let place = place(&aws, &Names::new(&config.app, &config.environment)).await?;
        Ok(Self {
            config,
            aws,
            clock,
            place,
        })
    }

    /// For people: `hello in prod`.
    fn what(&self) -> String {
        format!("{} in {}", self.config.app, self.config.environment)
    }
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
    (key, value): (&str, bool),
    words: &str,
) -> Result<u8, EarlyExit> {
    match options.json {
        true => terminal.say(&serde_json::json!({ key: value }).to_string()),
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
    let desk = Desk::open(options, inputs).await?;
    let said = said(command, inputs);
    by_hand::hold(&desk.aws, &desk.clock, &desk.place, Some(&said)).await?;
    let words = format!(
        "releases of {} are on hold; a run that is under way goes on, and rollbacks are possible\nto let them go on: bg-deploy \
         release-hold --environment {}",
        desk.what(),
        desk.config.environment
    );
    answer(options, terminal, ("held", true), &words)
}

/// Lets releases go on.
pub(super) async fn release_hold(
    options: &cli::Options,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let desk = Desk::open(options, inputs).await?;
    let before = by_hand::hold(&desk.aws, &desk.clock, &desk.place, None).await?;
    let words = match before {
        Some(before) => format!(
            "releases of {} may go on; the hold was {}",
            desk.what(),
            before.words()
        ),
        None => format!("releases of {} were not on hold", desk.what()),
    };
    answer(options, terminal, ("held", false), &words)
}

/// Makes the lease free.
pub(super) async fn unlock(
    options: &cli::Options,
    command: &cli::ByHand,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let desk = Desk::open(options, inputs).await?;
    let said = said(command, inputs);
    let whose = by_hand::unlock(&desk.aws, &desk.clock, &desk.place, &said).await?;
    let words = match whose {
        Some(whose) => format!(
            "{} is free; it was held by a {whose}, which changes nothing any more; the next run brings what it left to its end",
            desk.what()
        ),
        None => format!("{} is free", desk.what()),
    };
    answer(options, terminal, ("unlocked", true), &words)
}
