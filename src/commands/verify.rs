//! `verify`: all of a release that comes before its shift, undone again.

use super::deploy::wanted_release;
use super::planned::{Looked, Planned};
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::config;
use crate::inputs::Inputs;
use crate::lease::Patience;
use crate::plan::Plan;
use crate::prepare::prepare_verification;
use crate::verify::verify;

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Verify,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let mut config = config::load(inputs)?;
    config.retain.failed_for = command.keep_failed.unwrap_or(config.retain.failed_for);
    let release = wanted_release(&config)?;
    let planned = Planned {
        name: "verify",
        needed: Plan::needed_to_verify,
        options,
        inputs,
        terminal,
        report_dir: &command.report_dir,
        patience: Patience::Waits(config.lease.wait),
        state: command.state.as_deref(),
    };
    let decide = async |aws: &_, _: &[_]| {
        let prepared = prepare_verification(aws, &config, &release).await?;
        Ok(Looked {
            decision: prepared.decision,
            concerns: prepared.concerns,
            brought: prepared.bundle,
        })
    };
    planned
        .run(&config, &release, decide, async |cx, plan, bundle, _| {
            verify(cx, plan, bundle.file.path()).await
        })
        .await
}
