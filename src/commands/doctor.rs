//! `doctor`: what would make the next release fail or lie, and what is left over. Changes nothing without `--fix`, and with
//! it only what is safe, in a turn of its own.

use std::time::Duration;

use super::clock::clock;
use super::turn::{Asking, give_back};
use super::{EarlyExit, Terminal, access};
use crate::aws::Aws;
use crate::aws::sts::{self, Caller};
use crate::cli;
use crate::config::{self, Config};
use crate::doctor::{Diagnosis, Finding, Fix, Mended, Turn, findings, look, mend, whose_turn};
use crate::inputs::Inputs;
use crate::lease::{Patience, TTL};
use crate::names::Release;
use crate::run::context::Context;
use crate::stack::Names;
use net_clock::{Clock, Network};

/// How long `--fix` waits for its turn: until a holder that is gone has lost it.
const PATIENCE: Duration = TTL.saturating_add(Duration::from_secs(30));

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Doctor,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let config = config::load_without_artifact(inputs)?;
    let network = Network::tcp();
    let clock = clock(options, inputs, &network).await?;
    let aws = access::connect(&config, inputs, &network, &clock).await?;
    let caller = sts::caller(&aws).await.map_err(anyhow::Error::from)?;
    let consulting = Consulting {
        config: &config,
        inputs,
        terminal,
        network: &network,
        clock: &clock,
        aws: &aws,
        caller: &caller,
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
    config: &'a Config,
    inputs: &'a Inputs,
    terminal: &'a Terminal,
    network: &'a Network,
    clock: &'a Clock,
    aws: &'a Aws,
    caller: &'a Caller,
}

impl Consulting<'_> {
    /// What there is, and the run that is under way.
    async fn diagnosis(&self, mended: Vec<Mended>) -> Diagnosis {
        let place = self.names().lease(&self.caller.account, &self.aws.region);
        let tell = |words: &str| self.terminal.tell(words);
        let turn = whose_turn(self.aws, self.clock, &place, tell).await;
        let found = self.found(turn.clone()).await;
        let under_way = match turn {
            Turn::UnderWay(holder) => Some(holder),
            Turn::Free | Turn::Gone(_) => None,
        };
        Diagnosis::new(self.config, under_way, mended, found)
    }

    async fn found(&self, turn: Turn) -> Vec<Finding> {
        let now = self.clock.utc();
        let seen = look(self.aws, self.caller.clone(), self.config, turn, now);
        let seen = Box::pin(seen).await;
        findings(self.config, &seen, now)
    }

    fn names(&self) -> Names {
        Names::new(&self.config.app, &self.config.environment)
    }

    /// Does what is safe, in a turn of its own; answers with what is left after it.
    async fn mend(&self) -> Result<Diagnosis, EarlyExit> {
        let before = self.diagnosis(Vec::new()).await;
        if before.findings.iter().all(|finding| finding.fix.is_none()) {
            return Ok(before);
        }
        let asking = Asking {
            aws: self.aws,
            network: self.network,
            clock: self.clock,
            inputs: self.inputs,
            terminal: self.terminal,
            command: "doctor",
            release: &Release::default(),
        };
        let patience = Patience::Waits(PATIENCE);
        let mut turn = asking.turn(&self.names(), patience).await?;
        asking.settle(&mut turn).await?;
        let by_turn = before
            .findings
            .iter()
            .filter(|finding| finding.fix == Some(Fix::TakeTurn));
        let mut mended: Vec<_> = by_turn
            .map(|finding| Mended::by_turn(finding.what))
            .collect();
        let mut cx = Context::new(self.aws.clone(), self.network.clone(), self.clock.lap());
        cx.lease = turn.lease;
        // What an unfinished run had left is not there any more.
        let found = self.found(Turn::Free).await;
        mended.extend(cx.keep_lease(mend(&cx, self.config, &found)).await);
        // What is written down of a run that nobody could read stays.
        give_back(cx.lease.as_ref(), false).await;
        Ok(self.diagnosis(mended).await)
    }
}
