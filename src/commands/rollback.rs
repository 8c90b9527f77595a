//! `rollback`: back to a release that was live before; no artifact, no bake.

use super::planned::{Looked, Planned};
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::config;
use crate::inputs::Inputs;
use crate::lease::Patience;
use crate::names::Release;
use crate::plan::Plan;
use crate::prepare::prepare_rollback;
use crate::rollback::rollback;

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Rollback,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let config = config::load_without_artifact(inputs)?;
    let to = command.to.clone().map(Release);
    let planned = Planned {
        name: "rollback",
        needed: Plan::needed,
        options,
        inputs,
        terminal,
        report_dir: &command.report_dir,
        patience: match command.take_over {
            true => Patience::Overtakes,
            false => Patience::Waits(config.lease.wait),
        },
        state: command.state.as_deref(),
    };
    let wanted = to.clone().unwrap_or_else(|| Release(String::new()));
    planned
        .run(
            &config,
            &wanted,
            async |aws, runs| {
                Ok(Looked {
                    decision: prepare_rollback(aws, &config, runs, to.as_ref()).await?,
                    concerns: Vec::new(),
                    brought: (),
                })
            },
            async |cx, plan, (), ledger| rollback(cx, plan, Some(ledger)).await,
        )
        .await
}
