//! What `deploy`, `rollback` and `verify` have in common: they look, and carry out the plan that comes of it, or publish
//! why there is none.

use std::path::{Path, PathBuf};

use super::carry_out::{Order, carry_out, state_file};
use super::clock::clock;
use super::publish::Publisher;
use super::signals::unless_cancelled;
use super::{EarlyExit, Terminal, access};
use crate::announce::Announcer;
use crate::aws::Aws;
use crate::aws::credentials::Life;
use crate::cli;
use crate::config::Config;
use crate::ending::Finished;
use crate::inputs::Inputs;
use crate::names::Release;
use crate::plan::durations::Needed;
use crate::plan::{Decision, Plan};
use crate::prepare::hold_credentials;
use crate::run::beginning::Beginning;
use crate::run::context::Context;
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
    /// Where the run's state is kept, if it was said.
    pub(super) state: Option<&'a Path>,
}

impl Planned<'_> {
    /// Decides by looking, which a signal ends at once; `sequence` is the page, given what the decision brought along and
    /// where the ledger goes. `wanted` is empty when only the plan knows the release.
    pub(super) async fn run<Brought>(
        self,
        config: &Config,
        wanted: &Release,
        decide: impl AsyncFnOnce(&Aws) -> anyhow::Result<(Decision, Brought)>,
        sequence: impl AsyncFnOnce(&Context, &Plan, &Brought, PathBuf) -> Finished,
    ) -> Result<u8, EarlyExit> {
        let (inputs, network) = (self.inputs, Network::tcp());
        // Others are told on the wall's clock, whichever one AWS runs on.
        let announcer = Announcer::of(inputs, &network, &Clock::real());
        let publisher = Publisher {
            inputs,
            terminal: self.terminal,
            report_dir: self.report_dir,
            announcer: Some(&announcer),
        };
        let looking = async {
            let clock = clock(self.options, inputs, &network).await?;
            let aws = access::connect(config, inputs, &network, &clock).await?;
            let (decision, brought) = decide(&aws).await?;
            let decision = hold_credentials(decision, aws.life(), clock.utc(), self.needed);
            Ok((aws, clock, (decision, brought)))
        };
        let (aws, clock, (decision, brought)) = unless_cancelled(looking).await?;
        let (outcome, code) = match decision {
            Decision::Release(plan) => {
                if aws.life() == Life::Unknown {
                    self.terminal.notice(&unknown_life(&(self.needed)(&plan)));
                }
                let order = Order {
                    plan: &plan,
                    command: self.name,
                    by: inputs.ci.asked_by(),
                    url: inputs.ci.run_url.clone(),
                    state: Some(state_file(self.state, inputs, self.report_dir)),
                    publisher,
                };
                let page = async |cx: &Context, ledger| sequence(cx, &plan, &brought, ledger).await;
                let cx = Context::new(aws, network, clock);
                let (finished, code) = carry_out(&cx, &order, page, || None).await?;
                (finished.outcome, code)
            }
            undecided => {
                let beginning = self.beginning(config, wanted);
                publisher.undecided(&beginning, undecided).await
            }
        };
        if self.options.json {
            self.terminal.say(&serde_json::json!(outcome).to_string());
        }
        Ok(code)
    }

    /// What a run is about before anything is known of AWS.
    fn beginning(&self, config: &Config, wanted: &Release) -> Beginning {
        Beginning {
            command: self.name.to_owned(),
            app: config.app.clone(),
            environment: config.environment.clone(),
            release: wanted.clone(),
            previous: None,
            by: self.inputs.ci.asked_by(),
            url: config.probe.url.clone(),
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
