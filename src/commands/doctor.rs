//! `doctor`: what would make the next release fail or lie, and what is left over. Changes nothing without `--fix`, and with
//! it only what is safe, in a turn of its own.

use std::time::Duration;

use super::reached::Reached;
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::doctor::{Diagnosis, Finding, Fix, Mended, Turn, findings, look, mend, whose_turn};
use crate::inputs::Inputs;
use crate::lease::give_back;
use crate::lease::{Patience, TTL};
use crate::run::context::Context;

/// How long `--fix` waits for its turn: until a holder that is gone has lost it.
const PATIENCE: Duration = TTL.saturating_add(Duration::from_secs(30));

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Doctor,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let reached = Reached::reach(options, inputs).await?;
    let consulting = Consulting {
        reached,
        inputs,
        terminal,
    };
    let diagnosis = match command.fix {
        false => consulting.diagnosis(Vec::new()).await,
        true => consulting.mend().await?,
    };
    if options.json {
        terminal.say(&format!("{:#}", serde_json::json!(diagnosis)));
    } else {
        terminal.say(&diagnosis.text());
    }
    Ok(diagnosis.exit_code())
}

/// What is looked at, and with what.
struct Consulting<'a> {
    reached: Reached,
    inputs: &'a Inputs,
    terminal: &'a Terminal,
}

impl Consulting<'_> {
    /// What there is, and the run that is under way.
    async fn diagnosis(&self, mended: Vec<Mended>) -> Diagnosis {
        let Reached { aws, clock, .. } = &self.reached;
        let (place, of_verifications) = (self.reached.lease(), self.reached.verify_lease());
        let tell = |words: &str| self.terminal.tell(words);
        let (turn, verifies) = tokio::join!(
            whose_turn(aws, clock, &place, tell),
            whose_turn(aws, clock, &of_verifications, tell),
        );
        let found = self.found(turn.clone(), verifies).await;
        let under_way = match turn {
            Turn::UnderWay(holder) => Some(holder),
            Turn::Free | Turn::Gone(_) => None,
        };
        Diagnosis::new(&self.reached.config, under_way, mended, found)
    }

    async fn found(&self, turn: Turn, verifies: Turn) -> Vec<Finding> {
        let Reached {
            config,
            clock,
            aws,
            caller,
            ..
        } = &self.reached;
        let now = clock.utc();
        let seen = look(aws, caller.clone(), config, (turn, verifies), now);
        let seen = Box::pin(seen).await;
        findings(config, &seen, now)
    }

    /// Does what is safe, in a turn of its own; answers with what is left after it.
    async fn mend(&self) -> Result<Diagnosis, EarlyExit> {
        let before = self.diagnosis(Vec::new()).await;
        if before.findings.iter().all(|finding| finding.fix.is_none()) {
            return Ok(before);
        }
        let Reached {
            config,
            network,
            clock,
            aws,
            ..
        } = &self.reached;
        let asking = self.reached.asking("doctor", self.inputs, self.terminal);
        let patience = Patience::Waits(PATIENCE);
        let mut turn = asking.turn(&self.reached.names(), patience).await?;
        asking.settle(&mut turn).await?;
        let by_turn = before
            .findings
            .iter()
            .filter(|finding| finding.fix == Some(Fix::TakeTurn));
        let mut mended: Vec<_> = by_turn
            .map(|finding| Mended::by_turn(finding.what))
            .collect();
        let mut cx =
            Context::new(aws.clone(), network.clone(), clock.lap()).typed(&config.command_line);
        cx.lease = turn.lease;
        // What an unfinished run had left is not there any more.
        let found = self.found(Turn::Free, Turn::Free).await;
        mended.extend(cx.keep_lease(mend(&cx, config, &found)).await);
        // What is written down of a run that nobody could read stays.
        give_back(cx.lease.as_ref(), false).await;
        Ok(self.diagnosis(mended).await)
    }
}
