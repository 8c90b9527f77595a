//! What `deploy`, `rollback` and `verify` have in common: they look, and carry out the plan that comes of it, or publish
//! why there is none.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::carry_out::{Order, carry_out, state_file};
use super::clock::clock;
use super::live_already::{live_already, put_right};
use super::now::now;
use super::publish::Publisher;
use super::reports::Reports;
use super::signals::unless_cancelled;
use super::turn::{Asking, Settled};
use super::{EarlyExit, Terminal, access, answer};
use crate::announce::Announcer;
use crate::aws::Aws;
use crate::aws::credentials::Life;
use crate::cli;
use crate::command_line::Next;
use crate::config::Config;
use crate::ending::Finished;
use crate::inputs::Inputs;
use crate::lease::give_back;
use crate::lease::{Done, Lease, Patience};
use crate::names::{Release, utc};
use crate::outcome::Outcome;
use crate::plan::durations::Needed;
use crate::plan::{Decision, Plan};
use crate::preflight::Concern;
use crate::prepare::hold_credentials;
use crate::run::beginning::Beginning;
use crate::run::context::Context;
use crate::stack::Names;
use net_clock::Clock;
use net_clock::Network;

/// A command that plans, and carries out what it has planned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned<'a> {
    /// What it is called.
    pub(super) name: &'static str,
    /// How long its run needs credentials.
    pub(super) needed: fn(&Plan) -> Needed,
    pub(super) options: &'a cli::Options,
    pub(super) inputs: &'a Inputs,
    pub(super) terminal: &'a Terminal,
    /// Where the reports go.
    pub(super) report_dir: &'a Path,
    /// How it waits for its turn.
    pub(super) patience: Patience,
    /// Where the run's state is kept, if it was said.
    pub(super) state: Option<&'a Path>,
}

/// A decision, and what was seen on the way to it.
pub(super) struct Looked<Brought> {
    pub(super) decision: Decision,
    /// What would stop its run halfway, if it is refused for that, or make it slower.
    pub(super) concerns: Vec<Concern>,
    /// What it is carried out with.
    pub(super) brought: Brought,
}

/// A decision, and what it is carried out with.
struct Decided<Brought> {
    aws: Aws,
    clock: Clock,
    decision: Decision,
    concerns: Vec<Concern>,
    /// What the decision brought along; `None` when it needed no look.
    brought: Option<Brought>,
    lease: Option<Lease>,
    /// The release whose run was undone instead.
    undid: Option<Release>,
}

impl Planned<'_> {
    /// Decides by looking, which a signal ends at once; `sequence` is the page, given what the decision brought along and
    /// where the ledger goes. `wanted` is empty when only the plan knows the release.
    pub(super) async fn run<Brought>(
        self,
        config: &Config,
        wanted: &Release,
        decide: impl AsyncFnOnce(&Aws, &[Done]) -> anyhow::Result<Looked<Brought>>,
        sequence: impl AsyncFnOnce(&Context, &Plan, &Brought, PathBuf) -> Finished,
    ) -> Result<u8, EarlyExit> {
        let (inputs, network) = (self.inputs, Network::tcp());
        // Others are told on the wall's clock, whichever one AWS runs on.
        let announcer = Announcer::of(inputs, &network, &Clock::real());
        let publisher = Publisher {
            inputs,
            terminal: self.terminal,
            reports: &Reports::among(self.report_dir, self.name),
            announcer: Some(&announcer),
        };
        let Decided {
            aws,
            clock,
            decision,
            concerns,
            brought,
            lease,
            undid,
        } = self.decide(config, wanted, &network, decide).await?;
        let (outcome, code) = match decision {
            Decision::Release(plan) => {
                if aws.life() == Life::Unknown {
                    self.terminal.notice(&unknown_life(&(self.needed)(&plan)));
                }
                let order = Order {
                    plan: &plan,
                    command: self.name,
                    by: inputs.ci.asked_by(),
                    at: utc(Clock::real().utc()),
                    before: clock.wall(),
                    url: inputs.ci.run_url.clone(),
                    state: Some(state_file(self.state, inputs, self.report_dir)),
                    publisher,
                    unsaid: |_| false,
                };
                let brought = brought.context("a plan without what it was made from")?;
                let page = async |cx: &Context, ledger| {
                    for slow in &concerns {
                        cx.events.note(slow.to_string());
                    }
                    sequence(cx, &plan, &brought, ledger).await
                };
                let mut cx = Context::new(aws, network, clock.lap()).typed(&config.command_line);
                cx.lease = lease;
                let (finished, code) = carry_out(&cx, &order, page, || None).await?;
                (finished.outcome, code)
            }
            undecided => {
                let mut cx = Context::new(aws, network, clock.lap()).typed(&config.command_line);
                cx.lease = lease;
                let mut beginning = self.beginning(config, wanted);
                beginning.undid = undid;
                let was_looked = brought.is_some();
                self.without_a_plan(&cx, config, (undecided, was_looked), beginning, &publisher)
                    .await?
            }
        };
        self.terminal
            .answer(|| answer::of_run(self.name, &outcome, &concerns).to_string());
        Ok(code)
    }

    /// Publishes a decision that leads to no step; of what is live already, `was_looked` says that nothing was undone to come to it.
    async fn without_a_plan(
        &self,
        cx: &Context,
        config: &Config,
        (undecided, was_looked): (Decision, bool),
        beginning: Beginning,
        publisher: &Publisher<'_>,
    ) -> Result<(Outcome, u8), EarlyExit> {
        match undecided {
            Decision::NothingToDo(release) if was_looked => {
                return live_already(cx, config, &release, beginning, publisher).await;
            }
            // The way back of a run that was stopped is told as it was.
            Decision::NothingToDo(_) => {
                if let Err(why) = put_right(cx, config, self.terminal).await {
                    self.terminal.notice(&why);
                }
            }
            _ => {}
        }
        give_back(cx.lease.as_ref(), true).await;
        let now = match undecided {
            Decision::Refused(_) => now(cx, config).await,
            _ => None,
        };
        Ok(publisher.undecided(&beginning, undecided, now).await)
    }

    /// Takes the turn, brings what an earlier run left to its end, looks, and decides.
    async fn decide<Brought>(
        &self,
        config: &Config,
        wanted: &Release,
        network: &Network,
        decide: impl AsyncFnOnce(&Aws, &[Done]) -> anyhow::Result<Looked<Brought>>,
    ) -> Result<Decided<Brought>, EarlyExit> {
        let inputs = self.inputs;
        // What is decided has to stay true: nobody else's turn comes between the look and the last word.
        let held = RefCell::new(None);
        let looking = async {
            let clock = clock(self.options, inputs, network).await?;
            let aws = access::connect(config, inputs, network, &clock).await?;
            let asking = Asking {
                aws: &aws,
                network,
                clock: &clock,
                inputs,
                terminal: self.terminal,
                command: self.name,
                verifies: self.name == "verify",
                release: wanted,
                command_line: &config.command_line,
            };
            let names = Names::new(&config.app, &config.environment);
            let mut turn = match asking.turn_or_not(&names, self.patience).await? {
                Ok(turn) => turn,
                // As any other refusal: with a report, and who serves.
                Err(why) => {
                    let refused = Decision::Refused(asking.refusal(&names, &why).text);
                    return Ok((aws, clock, Ok((refused, Vec::new(), None))));
                }
            };
            let settled = asking.settle(&mut turn).await?;
            let runs = match &turn.lease {
                Some(lease) => lease.past_runs().await,
                None => Vec::new(),
            };
            *held.borrow_mut() = turn.lease;
            if let Some(went_back) = settled.filter(|it| self.is_done_by(it, wanted)) {
                return Ok((aws, clock, Err(went_back)));
            }
            let looked = decide(&aws, &runs).await?;
            let decision = hold_credentials(looked.decision, aws.life(), clock.utc(), self.needed);
            let decided = (decision, looked.concerns, Some(looked.brought));
            Ok((aws, clock, Ok(decided)))
        };
        let looked = unless_cancelled(looking).await;
        let lease = held.into_inner();
        let (aws, clock, decided) = match looked {
            Ok(looked) => looked,
            Err(early) => {
                give_back(lease.as_ref(), true).await;
                return Err(early);
            }
        };
        let (decision, concerns, brought, undid) = match decided {
            Ok((decision, concerns, brought)) => (decision, concerns, brought, None),
            // The way back was the end of the run that was stopped.
            Err(settled) => {
                let serving = serving(&settled.outcome);
                let nothing = Decision::NothingToDo(serving);
                (nothing, Vec::new(), None, Some(settled.release))
            }
        };
        let (decision, lease) = match (decision, lease) {
            (Decision::Release(_), None) => (no_bucket(config), None),
            other => other,
        };
        Ok(Decided {
            aws,
            clock,
            decision,
            concerns,
            brought,
            lease,
            undid,
        })
    }

    /// Whether a rollback is done once a run that had begun to move the traffic was undone.
    fn is_done_by(&self, settled: &Settled, wanted: &Release) -> bool {
        self.name == "rollback" && settled.is_moved_back && wanted.0.is_empty()
    }

    /// What a run is about before anything is known of AWS.
    fn beginning(&self, config: &Config, wanted: &Release) -> Beginning {
        Beginning {
            command: self.name.to_owned(),
            app: config.app.clone(),
            environment: config.environment.clone(),
            release: wanted.clone(),
            previous: None,
            was_down: false,
            undid: None,
            by: self.inputs.ci.asked_by(),
            url: config.probe.url.clone(),
            at: Some(utc(Clock::real().utc())),
            command_line: Box::new(config.command_line.clone()),
        }
    }
}

/// What nobody can hold against the plan.
fn unknown_life(needed: &Needed) -> String {
    let minutes = (needed.before + needed.after).as_secs().div_ceil(60);
    format!(
        "these AWS credentials end with a session, and nobody said when (AWS_CREDENTIAL_EXPIRATION); this run may take \
         {minutes} minutes, and could not be undone after their end; in GitHub Actions, role-arn has sessions renewed"
    )
}

/// Who serves after a run was undone.
fn serving(outcome: &Outcome) -> Release {
    match outcome {
        Outcome::RolledBack { serving, .. }
        | Outcome::Cancelled { serving, .. }
        | Outcome::Stopped { serving, .. } => serving.clone().unwrap_or_default(),
        Outcome::Unproven { release, .. } | Outcome::Deployed { release, .. } => release.clone(),
        _ => Release::default(),
    }
}

/// Nothing is changed without the lease, and there is nowhere to keep it.
fn no_bucket(config: &Config) -> Decision {
    Decision::Refused(format!(
        "the bucket of {} in {} does not exist, which keeps two runs from each other; run: {}",
        config.app,
        config.environment,
        config.next(Next::Provision)
    ))
}
