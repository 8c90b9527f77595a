//! `finish` where no state file is: what the environment's lease knows of a run that did not come to its end, whichever
//! runner it was on.
//!
//! A step that always runs calls it after runs that never began, too, without a config or credentials: then, and while
//! another run has its turn, there is nothing to finish.

use anyhow::Result;

use super::reached::Reached;
use super::turn::{Asking, give_back};
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::inputs::Inputs;
use crate::lease::{self, Patience};
use crate::names::Release;
use crate::outcome::Outcome;
use crate::run::state::State;

/// How an earlier run was brought to its end, if there was one.
pub(super) async fn run(
    options: &cli::Options,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<Option<Outcome>, EarlyExit> {
    let reached = match Reached::reach(options, inputs).await {
        Ok(reached) => reached,
        Err(refused) => return Ok(not_seen(terminal, &refused.text)),
    };
    let seen = async {
        let record = lease::read(&reached.aws, &reached.lease()).await?;
        let run = record.and_then(|(_, record)| record.run);
        let run = run.and_then(|run| State::of_value(run).ok());
        anyhow::Ok(run.is_some_and(|run| run.is_unfinished()))
    };
    let is_left = match seen.await {
        Ok(is_left) => is_left,
        Err(error) => return Ok(not_seen(terminal, &format!("{error:#}"))),
    };
    if !is_left {
        return Ok(None);
    }
    let asking = Asking {
        aws: &reached.aws,
        network: &reached.network,
        clock: &reached.clock,
        inputs,
        terminal,
        command: "finish",
        release: &Release::default(),
    };
    let mut turn = match asking
        .turn_or_busy(&reached.names(), Patience::UntilASign)
        .await?
    {
        Ok(turn) => turn,
        Err(busy) => {
            let holder = busy.holder.words();
            terminal.tell(&format!("that run goes on, and ends by itself: {holder}"));
            return Ok(None);
        }
    };
    let settled = asking.settle(&mut turn).await?;
    give_back(turn.lease.as_ref(), false).await;
    Ok(settled.map(|settled| settled.outcome))
}

fn not_seen(terminal: &Terminal, why: &str) -> Option<Outcome> {
    terminal.tell(&format!(
        "whether a run on another runner was stopped before its end could not be looked at: {why}"
    ));
    None
}
