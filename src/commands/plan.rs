//! `plan`: every decision of a release, what it changes of live, the AWS calls to come, and what would stop it; changes
//! nothing, and waits for nobody.

mod shown;

use anyhow::Result;
use serde_json::{Value, json};
use shown::Shown;

use super::clock::clock;
use super::deploy::wanted_release;
use super::outlook::{Met, of_commits, of_concern, of_lease, of_windows, text};
use super::{EarlyExit, Terminal, access};
use crate::announce::Announcer;
use crate::aws::Aws;
use crate::cli;
use crate::config::{self, Config};
use crate::history::proof_of;
use crate::inputs::Inputs;
use crate::lease::{self, Done, Record};
use crate::names::Release;
use crate::outcome::{EXIT_OK, Outcome};
use crate::plan::Decision;
use crate::prepare::{Prepared, prepare};
use crate::stack::Names;
use net_clock::{Clock, Network};

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
    let record = record(&aws, &config, &prepared).await;
    // GitHub answers on the wall's clock, whichever one AWS runs on.
    let announcer = Announcer::of(inputs, &network, &Clock::real());
    let mut met = Vec::from_iter(of_windows(&config.windows, clock.utc()));
    met.extend(commits(&config, &announcer, &prepared).await);
    met.extend(prepared.concerns.iter().map(of_concern));
    match &record {
        Ok(Some(record)) => met.extend(of_lease(record, config.lease.wait, &config.command_line)),
        Ok(None) => {}
        Err(error) => terminal.notice(&format!("whose turn it is can't be seen: {error:#}")),
    }
    let past = match &record {
        Ok(Some(record)) => record.past_runs(),
        _ => Vec::new(),
    };
    let said = match (prepared.decision, options.json) {
        (Decision::Release(plan), is_json) => {
            let shown = Shown::of(&plan, prepared.changes, &past, met);
            match is_json {
                true => format!("{:#}", json!(shown)),
                false => shown.to_string(),
            }
        }
        (Decision::NothingToDo(release), is_json) => {
            let proof = proof_of(&past, &release).map(Done::words);
            match is_json {
                true => live_as_json(&release, &proof, &met),
                false => live_as_text(&config, &release, &proof, &met),
            }
        }
        (Decision::Refused(reason), _) => {
            return Err(EarlyExit::refused(reason).for_reasons(prepared.concerns));
        }
    };
    terminal.say(&said);
    Ok(EXIT_OK)
}

/// What the lease says; `None` without a bucket for it.
async fn record(aws: &Aws, config: &Config, prepared: &Prepared) -> Result<Option<Record>> {
    let names = Names::new(&config.app, &config.environment);
    let place = names.lease(&prepared.caller.account, &aws.region);
    let read = Box::pin(lease::read(aws, &place)).await?;
    Ok(read.map(|(_, record)| record))
}

/// How the commits stand to each other, where both are known: a deploy from here may be none of a job's.
async fn commits(config: &Config, announcer: &Announcer, prepared: &Prepared) -> Option<Met> {
    let (ours, live) = (config.commit.as_deref()?, prepared.live_commit.as_deref()?);
    if !matches!(prepared.decision, Decision::Release(_)) {
        return None;
    }
    let order = announcer.order(live, Some(ours)).await;
    of_commits(&order, ours, live)
}

/// A release that is live already, for programs.
fn live_as_json(release: &Release, proof: &Result<String, String>, met: &[Met]) -> String {
    let outcome = Outcome::NothingToDo {
        release: release.clone(),
    };
    let mut said = json!(outcome);
    let (key, words) = match proof {
        Ok(words) => ("proved_by", words),
        Err(why) => ("not_proven", why),
    };
    said[key] = Value::from(words.as_str());
    said["gate"] = json!(met);
    said.to_string()
}

/// The same for people.
fn live_as_text(
    config: &Config,
    release: &Release,
    proof: &Result<String, String>,
    met: &[Met],
) -> String {
    let (app, environment) = (&config.app, &config.environment);
    let first = match proof {
        Ok(words) => format!(
            "nothing to do: {release} is live already in {environment} ({app}), and was proved by {words}"
        ),
        Err(why) => format!(
            "{release} is live already in {environment} ({app}), and not proven: {why}\n\
             deploy would ask live traffic for a while, and change nothing"
        ),
    };
    format!("{first}\n{}", text(met))
}
