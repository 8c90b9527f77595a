//! `plan`: every decision of a release, the AWS calls to come, and what would stop it; changes nothing, and waits for nobody.

use anyhow::Result;
use serde_json::{Value, json};

use super::clock::clock;
use super::deploy::wanted_release;
use super::outlook::{Met, of_commits, of_lease, of_windows, text};
use super::{EarlyExit, Terminal, access};
use crate::announce::Announcer;
use crate::aws::Aws;
use crate::cli;
use crate::config::{self, Config};
use crate::history::{proof_of, words_of};
use crate::inputs::Inputs;
use crate::lease::{self, Record};
use crate::names::Release;
use crate::outcome::{EXIT_OK, Outcome};
use crate::plan::{Choice, Decision, Plan, Source};
use crate::prepare::{Prepared, prepare};
use crate::run::step_id::StepId;
use crate::stack::Names;
use crate::steps;
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
    match &record {
        Ok(Some(record)) => met.extend(of_lease(record, config.lease.wait, &config.command_line)),
        Ok(None) => {}
        Err(error) => terminal.notice(&format!("whose turn it is can't be seen: {error:#}")),
    }
    let said = match (prepared.decision, options.json) {
        (Decision::Release(plan), true) => as_json(&plan, &met),
        (Decision::Release(plan), false) => as_text(&plan, &met),
        (Decision::NothingToDo(release), is_json) => {
            let past = record.ok().flatten().map(|record| record.past_runs());
            let proof = proof_of(past.as_deref().unwrap_or_default(), &release).map(words_of);
            match is_json {
                true => live_as_json(&release, &proof, &met),
                false => live_as_text(&config, &release, &proof, &met),
            }
        }
        (Decision::Refused(reason), _) => return Err(EarlyExit::refused(reason)),
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

/// The plan for programs.
fn as_json(plan: &Plan, met: &[Met]) -> String {
    let steps: Vec<_> = steps::TABLE
        .iter()
        .map(|step| json!({"step": step.name, "zone": step.zone, "calls": step.calls}))
        .collect();
    let mut plan = json!(plan);
    // What instances are told at boot has the values of `service.variables`: they are nobody's who reads a log.
    if let Some(told) = plan.pointer_mut("/version/user_data") {
        *told = Value::from("left out: it has the values of service.variables");
    }
    format!("{:#}", json!({"plan": plan, "steps": steps, "gate": met}))
}

/// The plan for people.
fn as_text(plan: &Plan, met: &[Met]) -> String {
    let mut said = format!(
        "{} in {}: {} would be released. Nothing was changed.\n{}\nDecisions\n",
        plan.app,
        plan.environment,
        plan.release,
        text(met)
    );
    for Choice { what, value, why } in plan.choices() {
        said.push_str(&format!("  {what:<16} {value}  ({why})\n"));
    }
    said.push_str("\nSteps, and the AWS calls that change something\n");
    for step in steps::TABLE {
        let calls = match (spared(plan, step.id), step.calls) {
            (Some(why), _) => format!("changes nothing: {why}"),
            (None, []) => "changes nothing".to_owned(),
            (None, calls) => calls.join(", "),
        };
        said.push_str(&format!("  {:<24} {calls}\n", step.name));
    }
    said
}

/// Why a step has nothing to do, as far as the plan knows.
fn spared(plan: &Plan, step: StepId) -> Option<&'static str> {
    let is_baked = matches!(&plan.source, Source::Artifact(bake) if bake.existing.is_some());
    let is_first = plan.previous.release.is_none();
    match step {
        StepId::BakeImage if is_baked => Some("the image stands"),
        StepId::ClearIdle if plan.idle_before.capacity.desired == 0 => Some("it is empty"),
        StepId::ArmGuard | StepId::DisarmGuard if is_first => Some("nothing is live yet"),
        _ => None,
    }
}

/// A release that is live already, for programs.
fn live_as_json(release: &Release, proof: &Result<String, String>, met: &[Met]) -> String {
    let outcome = Outcome::NothingToDo {
        release: release.clone(),
    };
    let mut said = json!(outcome);
    let (key, words) = match proof {
        Ok(words) => ("proved-by", words),
        Err(why) => ("not-proven", why),
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
