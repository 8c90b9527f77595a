//! `deploy`: a release, from the inputs to the exit code.

use super::clock::clock;
use super::planned::Planned;
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::config::{self, Closed, Config};
use crate::deploy::deploy;
use crate::inputs::Inputs;
use crate::lease::Patience;
use crate::names::Release;
use crate::outcome::Outcome;
use crate::plan::{Decision, Plan};
use crate::prepare::prepare;
use net_clock::Network;

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Deploy,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let config = config::load(inputs)?;
    let release = wanted_release(&config)?;
    let clock = clock(options, inputs, &Network::tcp()).await?;
    let closed = || config.windows.closed(clock.utc());
    let refusal = || {
        let closed = closed().filter(|_| !command.ignore_windows)?;
        Some(out_of_hours(&closed, &config.environment))
    };
    if let Some(words) = refusal() {
        return Err(EarlyExit::refused(words));
    }
    let planned = Planned {
        name: "deploy",
        needed: Plan::needed,
        options,
        inputs,
        terminal,
        report_dir: &command.report_dir,
        patience: Patience::Waits(config.lease.wait),
        state: command.state.as_deref(),
    };
    let decide = async |aws: &_| {
        let prepared = prepare(aws, &config, &release).await?;
        // The window may have closed while this run waited for its turn.
        let decision = match (prepared.decision, refusal()) {
            (Decision::Release(_), Some(words)) => Decision::Refused(words),
            (decision, _) => decision,
        };
        Ok((decision, prepared.bundle))
    };
    planned
        .run(
            &config,
            &release,
            decide,
            async |cx, plan, bundle, ledger| {
                if let Some(closed) = closed() {
                    cx.events.note(format!(
                        "--ignore-windows was given: this release is {closed}"
                    ));
                }
                deploy(cx, plan, bundle.file.path(), Some(ledger)).await
            },
        )
        .await
}

/// Why nothing is released now, and what may be done about it.
fn out_of_hours(closed: &Closed, environment: &str) -> String {
    format!(
        "{closed}; nothing was changed\n\
         to release all the same: bg-deploy deploy --environment {environment} --ignore-windows\n\
         to go back to the previous release, at any time: bg-deploy rollback --environment {environment}"
    )
}

/// The release that the app has to answer with; without one nothing could be proved.
pub(super) fn wanted_release(config: &Config) -> Result<Release, EarlyExit> {
    config.release.clone().ok_or_else(|| {
        EarlyExit::bad_input(format!(
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
        let outcome = Outcome::NothingToDo {
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
