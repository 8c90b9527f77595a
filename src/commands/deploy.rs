//! `deploy`: a release, from the inputs to the exit code.

use super::carry_out::{Order, carry_out};
use super::{Failure, Terminal, access};
use crate::cli;
use crate::config::{self, Config};
use crate::inputs::Inputs;
use crate::names::Release;
use crate::net::Network;
use crate::outcome::EXIT_OK;
use crate::plan::Decision;
use crate::prepare::prepare;
use crate::run::context::Context;
use crate::run::wait::Clock;

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Deploy,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, Failure> {
    let config = config::load(inputs)?;
    let release = wanted_release(&config)?;
    let network = Network::tcp();
    let aws = access::connect(&config, inputs, &network).await?;
    let prepared = prepare(&aws, &config, &release).await?;
    let plan = match prepared.decision {
        Decision::Release(plan) => plan,
        Decision::NothingToDo(release) => {
            say_nothing_to_do(options, terminal, &config, &release);
            return Ok(EXIT_OK);
        }
        Decision::Refused(reason) => return Err(Failure::refused(reason)),
    };
    let cx = Context::new(aws, network, Clock::real());
    let order = Order {
        plan: &plan,
        bundle: prepared.bundle.file.path(),
        report_dir: &command.report_dir,
        command: "deploy",
        by: inputs.ci.actor.clone(),
        url: inputs.ci.run_url.clone(),
    };
    let (finished, code) = carry_out(&cx, &order, terminal, || None).await?;
    if options.json {
        terminal.say(&serde_json::json!(finished.outcome).to_string());
    }
    Ok(code)
}

/// The release that the app has to answer with; without one nothing could be proved.
pub(super) fn wanted_release(config: &Config) -> Result<Release, Failure> {
    config.release.clone().ok_or_else(|| {
        Failure::bad_input(format!(
            "--release: which release is this? pass what {} of the artifact answers, such as --release 1.4.2 \
             (in GitHub Actions the commit is taken by itself)",
            config.service.version_path
        ))
    })
}

/// What is live already needs no release.
pub(super) fn say_nothing_to_do(
    options: &cli::Options,
    terminal: &Terminal,
    config: &Config,
    release: &Release,
) {
    if options.json {
        let outcome = crate::outcome::Outcome::NothingToDo {
            release: release.clone(),
        };
        terminal.say(&serde_json::json!(outcome).to_string());
    } else {
        terminal.say(&format!(
            "nothing to do: {release} is live already in {} ({})",
            config.environment, config.app
        ));
    }
}
