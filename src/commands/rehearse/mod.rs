//! `rehearse`: a first release and the next one under traffic, on a local cloud; or something going wrong.

mod own;
pub mod stage;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::aws::{Access, Aws, sts};
use crate::cli::{self, LOCAL_REGION};
use crate::commands::carry_out::{Order, carry_out};
use crate::commands::deploy::wanted_release;
use crate::commands::publish::Publisher;
use crate::commands::reports::{Reports, ledger_in};
use crate::commands::signals::signal;
use crate::commands::turn::Asking;
use crate::commands::{EarlyExit, Terminal};
use crate::config::{self, Config};
use crate::deploy::deploy;
use crate::ending::Finished;
use crate::faults::{Ending, Fault};
use crate::inputs::Inputs;
use crate::lease::Patience;
use crate::names::{Colour, Release, utc};
use crate::outcome::{EXIT_CANCELLED, EXIT_UNEXPECTED, Outcome};
use crate::plan::{Decision, Plan};
use crate::prepare::{Prepared, prepare, prepare_rollback};
use crate::probe::Endpoint;
use crate::probe::ask::{Question, ask};
use crate::provision::{Provisioned, provision};
use crate::report::LoadBalancerCounts;
use crate::rollback::rollback;
use crate::run::context::Context;
use crate::stack::Names;
use local_aws::account::elbv2;
use local_aws::{LocalAws, Options};
use net_clock::Clock;
use net_clock::Network;
use stage::{AFTER, BEFORE};

pub(crate) async fn run(
    options: &cli::Options,
    command: &cli::Rehearse,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let own = own::config(command, inputs, terminal)?;
    let speed = f64::from(command.speed);
    let network = Network::tcp();
    let clock = Clock::accelerated(speed);
    let cloud = LocalAws::start(Options {
        network: network.clone(),
        clock: clock.clone(),
        seed: command.seed.unwrap_or(1),
        region: LOCAL_REGION.to_owned(),
        ..Options::default()
    })
    .await?;
    let stage = Stage {
        cloud: &cloud,
        network,
        clock,
        terminal,
        inputs,
        speed,
        is_releasing: Cell::new(false),
    };
    // Until a release handles signals itself, one must not leave the instances' processes behind.
    let code = tokio::select! {
        code = stage.play(options, command, own) => code,
        () = stage.signal_between_releases() => Ok(EXIT_CANCELLED),
    };
    cloud.stop().await;
    code
}

/// What a rehearsal is played on.
struct Stage<'a> {
    cloud: &'a LocalAws,
    network: Network,
    clock: Clock,
    terminal: &'a Terminal,
    inputs: &'a Inputs,
    speed: f64,
    /// A release is under way, and undoes itself on a signal.
    is_releasing: Cell<bool>,
}

impl Stage<'_> {
    async fn play(
        &self,
        options: &cli::Options,
        command: &cli::Rehearse,
        own: Option<Config>,
    ) -> Result<u8, EarlyExit> {
        let say = |text: &str| self.terminal.tell(text);
        say(&format!(
            "A rehearsal on a local cloud: real HTTP, real processes, AWS's own durations divided by {}.\n",
            self.speed
        ));
        let folder = tempfile::tempdir().context("a temporary folder")?;
        let program = std::env::current_exe().context("the path of this program")?;
        let (before, mut after) = self.configs(own, folder.path(), &program).await?;
        let cx = self.context().await?;
        let caller = sts::known_caller(&cx.aws)
            .await
            .map_err(anyhow::Error::from)?;
        let made = provision(&cx, &before, &caller, Provisioned::default()).await?;
        say(&format!("provisioned {} resources", made.created.len()));

        let reports = Reports::among(&command.report_dir, "rehearse");
        let folder_of_all = reports.folder(&wanted_release(&after)?);
        let reports_in = folder_of_all
            .with_context(|| format!("making a folder in {}", reports.root().display()))?;
        let first = reports_in.join("first-release");
        let first = self.release(&before, &first).await?;
        if !matches!(first.0, Outcome::Deployed { .. }) {
            return Ok(first.1);
        }
        say("");
        if let Some(fault) = &command.fault {
            let folder = folder.path();
            stage::plant(fault, self.cloud, &mut after, folder, &program, self.speed)?;
        }
        let (mut outcome, mut code) = self.release(&after, reports_in).await?;
        if command.rollback && matches!(outcome, Outcome::Deployed { .. }) {
            say("");
            let report_dir = reports_in.join("rollback");
            (outcome, code) = self.go_back(&after, &report_dir).await?;
        }
        if options.json {
            self.terminal.say(&serde_json::json!(outcome).to_string());
        }
        let ledger = ledger_in(reports_in);
        if ledger.exists() {
            say(&format!("ledger: {}", ledger.display()));
        }
        self.conclude(command.fault, &before, &after, &made.url, code)
            .await
    }

    /// What is live before, and what is released.
    async fn configs(
        &self,
        own: Option<Config>,
        folder: &Path,
        program: &Path,
    ) -> Result<(Config, Config)> {
        let sample = |version: &str| -> Result<Config> {
            let artifact = stage::sample_artifact(folder, program, version)?;
            stage::sample_config(&artifact, version)
        };
        let (mut before, mut after) = match own {
            None => (sample(BEFORE)?, sample(AFTER)?),
            Some(own) => {
                let mut before = own.clone();
                before.service.artifact = stage::stand_in(folder, program, &own.service)?;
                before.service.command = "./sample-app".to_owned();
                before.release = Some(Release(stage::STAND_IN.to_owned()));
                before.smoke = Vec::new();
                before.bake.script = None;
                before.probe.long_path = None;
                (before, own)
            }
        };
        let port = self.network.free_port().await?;
        for config in [&mut before, &mut after] {
            config.region = None;
            config.command_line.rehearses = true;
            config.account = None;
            config.probe.url = None;
            config.network = config::Network {
                vpc: None,
                subnets: Vec::new(),
                listener_port: port,
                public: true,
            };
            config.bake.base_image = config::default::BASE_IMAGE.to_owned();
        }
        Ok((before, after))
    }

    async fn context(&self) -> Result<Context> {
        let access = Access {
            region: Some(LOCAL_REGION.to_owned()),
            endpoint_url: Some(self.cloud.endpoint()),
            keys: Some(("AKIDREHEARSAL".to_owned(), "rehearsal".to_owned())),
        };
        let aws = Aws::connect(&access, &self.network)
            .await
            .map_err(|none| anyhow::anyhow!("the local cloud: {none:?}"))?;
        Ok(Context::new(aws, self.network.clone(), self.clock.lap()))
    }

    async fn release(
        &self,
        config: &Config,
        report_dir: &Path,
    ) -> Result<(Outcome, u8), EarlyExit> {
        let release = wanted_release(config)?;
        let cx = self.turn(config, &release, "rehearse").await?;
        let Prepared {
            bundle, decision, ..
        } = prepare(&cx.aws, config, &release).await?;
        let page = async |cx: &Context, plan: &Plan, ledger| {
            deploy(cx, plan, bundle.file.path(), Some(ledger)).await
        };
        self.carry_out(&cx, "rehearse", decision, report_dir, page)
            .await
    }

    /// Back to the release before, under the same visitor.
    async fn go_back(
        &self,
        config: &Config,
        report_dir: &Path,
    ) -> Result<(Outcome, u8), EarlyExit> {
        let cx = self.turn(config, &Release::default(), "rollback").await?;
        let decision = prepare_rollback(&cx.aws, config, None).await?;
        let page = async |cx: &Context, plan: &Plan, ledger| rollback(cx, plan, Some(ledger)).await;
        self.carry_out(&cx, "rollback", decision, report_dir, page)
            .await
    }

    /// What a run uses that begins now, and has its turn.
    async fn turn(
        &self,
        config: &Config,
        release: &Release,
        command: &str,
    ) -> Result<Context, EarlyExit> {
        let mut cx = self.context().await?;
        let asking = Asking {
            aws: &cx.aws,
            network: &self.network,
            clock: &cx.clock,
            inputs: self.inputs,
            terminal: self.terminal,
            command,
            release,
            command_line: &config.command_line,
        };
        let names = Names::new(&config.app, &config.environment);
        let turn = asking
            .turn(&names, Patience::Waits(config.lease.wait))
            .await?;
        cx.lease = turn.lease;
        Ok(cx)
    }

    async fn carry_out(
        &self,
        cx: &Context,
        command: &str,
        decision: Decision,
        report_dir: &Path,
        page: impl AsyncFnOnce(&Context, &Plan, PathBuf) -> Finished,
    ) -> Result<(Outcome, u8), EarlyExit> {
        let plan = match decision {
            Decision::Release(plan) => plan,
            other => return Err(EarlyExit::refused(format!("{other:?}"))),
        };
        let order = Order {
            plan: &plan,
            command,
            by: None,
            at: utc(Clock::real().utc()),
            // Its clock began with the command.
            before: Duration::ZERO,
            url: None,
            state: None,
            publisher: Publisher {
                inputs: self.inputs,
                terminal: self.terminal,
                reports: &Reports::only_in(report_dir),
                announcer: None,
            },
        };
        let sequence = async |cx: &Context, ledger| page(cx, &plan, ledger).await;
        let counts_before = self.counts(&plan);
        let counts = || Some(subtract(self.counts(&plan), &counts_before));
        self.is_releasing.set(true);
        let carried_out = carry_out(cx, &order, sequence, counts).await;
        self.is_releasing.set(false);
        let (finished, code) = carried_out?;
        Ok((finished.outcome, code))
    }

    /// Ends at a signal that no release takes for itself.
    async fn signal_between_releases(&self) {
        loop {
            signal().await;
            if !self.is_releasing.get() {
                return;
            }
        }
    }

    /// What the load balancer has counted so far.
    fn counts(&self, plan: &Plan) -> LoadBalancerCounts {
        let account = self.cloud.account();
        let of = |colour: Colour| {
            let counts = elbv2::counts(&account, plan.target_groups.of(colour));
            let mut by_status: BTreeMap<String, u64> = BTreeMap::new();
            for (status, count) in counts.of_targets.iter().chain(&counts.of_load_balancer) {
                *by_status.entry(status.to_string()).or_default() += count;
            }
            (colour, by_status)
        };
        LoadBalancerCounts {
            by_colour: Colour::BOTH.into_iter().map(of).collect(),
        }
    }

    /// Says whether it ended as it had to, and who answers now.
    async fn conclude(
        &self,
        fault: Option<Fault>,
        before: &Config,
        after: &Config,
        url: &str,
        code: u8,
    ) -> Result<u8, EarlyExit> {
        let question = Question::get(&after.service.version_path);
        let endpoint = Endpoint::parse(url)?;
        let reply = ask(
            &self.network,
            &self.clock,
            &endpoint,
            &question,
            after.probe.timeout,
        )
        .await?;
        let serving = reply.version(after.service.version_pointer.as_deref())?;
        self.terminal
            .complain(&format!("live traffic is answered by {serving}"));
        let Some(fault) = fault else {
            return Ok(code);
        };
        self.terminal
            .complain(&format!("--fault {fault}: {}", fault.why));
        let expected = fault.ending.exit_code();
        let wanted = match fault.ending {
            Ending::Deployed => after,
            Ending::KeptAway | Ending::TakenBack => before,
        };
        let right = wanted
            .release
            .as_ref()
            .is_some_and(|release| release.0 == serving);
        if code != expected || !right {
            self.terminal.complain(&format!(
                "this rehearsal had to end with exit code {expected} and did with {code}: please report it"
            ));
            return Ok(if code == expected {
                EXIT_UNEXPECTED
            } else {
                code
            });
        }
        Ok(code)
    }
}

fn subtract(mut counts: LoadBalancerCounts, before: &LoadBalancerCounts) -> LoadBalancerCounts {
    for (colour, by_status) in &mut counts.by_colour {
        for (status, count) in by_status.iter_mut() {
            let earlier = before.by_colour.get(colour).and_then(|by| by.get(status));
            *count = count.saturating_sub(earlier.copied().unwrap_or_default());
        }
        by_status.retain(|_, count| *count > 0);
    }
    counts
}
