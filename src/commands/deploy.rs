//! `deploy`: a release, from the inputs to the exit code.

use super::clock::clock;
use super::gate::Gate;
use super::planned::{Looked, Planned};
use super::{EarlyExit, Terminal};
use crate::announce::Announcer;
use crate::cli;
use crate::config::{self, Config};
use crate::deploy::deploy;
use crate::inputs::Inputs;
use crate::lease::Patience;
use crate::names::Release;
use crate::plan::{Decision, Plan};
use crate::prepare::prepare;
use net_clock::{Clock, Network};

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Deploy,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let mut config = config::load(inputs)?;
    config.retain.failed_for = command.keep_failed.unwrap_or(config.retain.failed_for);
    let release = wanted_release(&config)?;
    let (network, wall) = (Network::tcp(), Clock::real());
    let gate = Gate {
        config: &config,
        command,
        clock: &clock(options, inputs, &network).await?,
        // GitHub answers on the wall's clock, whichever one AWS runs on.
        announcer: &Announcer::of(inputs, &network, &wall),
    };
    gate.hour()?;
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
    let decide = async |aws: &_, _: &[_]| {
        let prepared = prepare(aws, &config, &release).await?;
        let (decision, notes) = match prepared.decision {
            Decision::Release(plan) => match gate.pass(prepared.live_commit.as_deref()).await {
                Ok(notes) => (Decision::Release(plan), notes),
                Err(words) => (Decision::Refused(words), Vec::new()),
            },
            undecided => (undecided, Vec::new()),
        };
        Ok(Looked {
            decision,
            concerns: prepared.concerns,
            brought: (prepared.bundle, notes),
        })
    };
    planned
        .run(
            &config,
            &release,
            decide,
            async |cx, plan, (bundle, notes), ledger| {
                for note in notes {
                    cx.events.note(note);
                }
                deploy(cx, plan, bundle.file.path(), Some(ledger)).await
            },
        )
        .await
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
