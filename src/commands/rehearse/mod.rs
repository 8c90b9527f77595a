//! `rehearse`: a first release and the next one under traffic, on a local cloud; or something going wrong.

mod callers;
mod counts;
mod manners;
mod own;
mod previous;
pub mod stage;

use std::cell::Cell;
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
use crate::commands::{EarlyExit, Terminal, answer};
use crate::config::Config;
use crate::deploy::deploy;
use crate::ending::Finished;
use crate::faults::{Ending, Fault};
use crate::inputs::Inputs;
use crate::lease::Patience;
use crate::names::{Release, utc};
use crate::outcome::{EXIT_CANCELLED, EXIT_REFUSED, EXIT_UNEXPECTED, Outcome};
use crate::plan::{Decision, Plan};
use crate::prepare::{Prepared, prepare, prepare_rollback};
use crate::probe::Endpoint;
use crate::probe::ask::{Question, ask};
use crate::provision::{Provisioned, provision};
use crate::report::LEDGER;
use crate::rollback::rollback;
use crate::run::context::Context;
use crate::stack::Names;
use callers::Caller;
use local_aws::{LocalAws, Options};
use manners::{Manners, Watch};
use net_clock::Clock;
use net_clock::Network;
use previous::{Before, Own, Releases, answers_another_release, said};

pub(crate) async fn run(
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
        code = stage.play(command, own) => code,
        () = stage.signal_between_releases() => Ok(EXIT_CANCELLED),
    };
    cloud.stop().await;
    code
}

/// Where the first release is the last: its reports are those of the rehearsal.
fn bring_up(reports_in: &Path) {
    for name in ["report.md", "report.html", LEDGER] {
        // What is not there was never written.
        let _ = std::fs::copy(
            reports_in.join("first-release").join(name),
            reports_in.join(name),
        );
    }
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
    async fn play(&self, command: &cli::Rehearse, own: Option<Own>) -> Result<u8, EarlyExit> {
        let say = |text: &str| self.terminal.tell(text);
        say(&format!(
            "A rehearsal on a local cloud: real HTTP, real processes, AWS's own durations divided by {}.\n",
            self.speed
        ));
        let folder = tempfile::tempdir().context("a temporary folder")?;
        let program = std::env::current_exe().context("the path of this program")?;
        let port = self.network.free_port().await.context("a free port")?;
        let mut releases = Releases::of(own, &said(command), port, folder.path(), &program)?;
        callers::let_in(self.cloud, &releases.after);
        let cx = self.context(Caller::Provision).await?;
        let caller = sts::known_caller(&cx.aws)
            .await
            .map_err(anyhow::Error::from)?;
        let made = provision(&cx, &releases.before, &caller, Provisioned::default()).await?;
        say(&format!("provisioned {} resources", made.created.len()));

        let reports = Reports::among(&command.report_dir, "rehearse");
        let folder_of_all = reports.folder(&wanted_release(&releases.after)?);
        let reports_in = folder_of_all
            .with_context(|| format!("making a folder in {}", reports.root().display()))?;
        let output = reports_in.join("instances");
        std::fs::create_dir_all(&output).with_context(|| format!("making {}", output.display()))?;
        self.cloud.keep_output(output);
        if let Some((outcome, code)) = self.first_release(&mut releases, reports_in).await? {
            bring_up(reports_in);
            let answer = || answer::of_rehearsal("deploy", &outcome).to_string();
            self.terminal.answer(answer);
            return Ok(code);
        }
        say("");
        let watch = match releases.who.is_own() {
            true => Watch::begin(self.cloud, &releases.before),
            false => None,
        };
        if let Some(fault) = &command.fault {
            let (folder, after) = (folder.path(), &mut releases.after);
            stage::plant(fault, self.cloud, after, folder, &program, self.speed)?;
        }
        let after = &releases.after;
        let (mut outcome, mut code) = self.release(after, reports_in, |_| false).await?;
        let is_live = matches!(outcome, Outcome::Deployed { .. });
        if command.rollback && is_live {
            say("");
            let report_dir = reports_in.join("rollback");
            (outcome, code) = self.go_back(after, &report_dir).await?;
        }
        let ledger = ledger_in(reports_in);
        if ledger.exists() {
            say(&format!("ledger: {}", ledger.display()));
        }
        let code = self
            .conclude(command.fault, &releases, &made.url, code)
            .await?;
        let asked = if command.rollback {
            "rollback"
        } else {
            "deploy"
        };
        let mut answer = answer::of_rehearsal(asked, &outcome);
        if is_live && releases.who != Before::Sample {
            let cx = self.context(Caller::Person).await?;
            let manners = Manners::of(&cx.aws, self.cloud, after, watch).await?;
            self.terminal.complain(&format!("\n{manners}"));
            answer["findings"] = serde_json::json!(manners.findings());
        }
        self.terminal.answer(|| answer.to_string());
        Ok(code)
    }

    /// Has the previous release live; how it ended where that failed, and the rehearsal with it.
    async fn first_release(
        &self,
        releases: &mut Releases,
        reports_in: &Path,
    ) -> Result<Option<(Outcome, u8)>, EarlyExit> {
        let report_dir = reports_in.join("first-release");
        let before = &releases.before;
        let unsaid = match releases.who {
            Before::SameArtifact => {
                self.terminal.tell(&format!(
                    "first {} as the release before itself, if it answers with the RELEASE that it is started with:",
                    before.app
                ));
                answers_another_release
            }
            _ => |_: &Outcome| false,
        };
        let (mut outcome, mut code) = self.release(before, &report_dir, unsaid).await?;
        if unsaid(&outcome) {
            self.terminal.complain(&format!(
                "\n{app} does not answer with the RELEASE that it is started with, so its one artifact can't be two releases: something \
                 else is live before it here. For an earlier build of {app} instead: --previous PATH --previous-release NAME. \
                 To spare the attempt: --stand-in\n",
                app = before.app
            ));
            releases.take_stand_in()?;
            (outcome, code) = self
                .release(&releases.before, &report_dir, |_| false)
                .await?;
        }
        if matches!(outcome, Outcome::Deployed { .. }) {
            return Ok(None);
        }
        self.terminal.complain(&match releases.who {
            Before::Given if answers_another_release(&outcome) => {
                "The app of --previous answers with another release: say which with --previous-release NAME.".to_owned()
            }
            Before::SameArtifact => format!(
                "That was {} as the release before: one has to be live before the next one is rehearsed.",
                releases.before.app
            ),
            _ => "That was the release before: one has to be live before the next one is rehearsed.".to_owned(),
        });
        Ok(Some((outcome, code)))
    }

    async fn context(&self, caller: Caller) -> Result<Context> {
        let access = Access {
            region: Some(LOCAL_REGION.to_owned()),
            endpoint_url: Some(self.cloud.endpoint()),
            keys: Some((caller.key().to_owned(), "rehearsal".to_owned())),
            tape: None,
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
        unsaid: fn(&Outcome) -> bool,
    ) -> Result<(Outcome, u8), EarlyExit> {
        let release = wanted_release(config)?;
        let cx = self.turn(config, &release, "rehearse").await?;
        let Prepared {
            bundle, decision, ..
        } = prepare(&cx.aws, config, &release).await?;
        let page = async |cx: &Context, plan: &Plan, ledger| {
            deploy(cx, plan, bundle.file.path(), Some(ledger)).await
        };
        self.carry_out(&cx, ("rehearse", unsaid), decision, report_dir, page)
            .await
    }

    /// Back to the release before, under the same visitor.
    async fn go_back(
        &self,
        config: &Config,
        report_dir: &Path,
    ) -> Result<(Outcome, u8), EarlyExit> {
        let cx = self.turn(config, &Release::default(), "rollback").await?;
        let decision = prepare_rollback(&cx.aws, config, &[], None).await?;
        let page = async |cx: &Context, plan: &Plan, ledger| rollback(cx, plan, Some(ledger)).await;
        self.carry_out(&cx, ("rollback", |_| false), decision, report_dir, page)
            .await
    }

    /// What a run uses that begins now, and has its turn.
    async fn turn(
        &self,
        config: &Config,
        release: &Release,
        command: &str,
    ) -> Result<Context, EarlyExit> {
        let mut cx = self.context(Caller::Deploy).await?;
        let asking = Asking {
            aws: &cx.aws,
            network: &self.network,
            clock: &cx.clock,
            inputs: self.inputs,
            terminal: self.terminal,
            command,
            verifies: false,
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
        (command, unsaid): (&str, fn(&Outcome) -> bool),
        decision: Decision,
        report_dir: &Path,
        page: impl AsyncFnOnce(&Context, &Plan, PathBuf) -> Finished,
    ) -> Result<(Outcome, u8), EarlyExit> {
        let plan = match decision {
            Decision::Release(plan) => plan,
            Decision::Refused(reason) => {
                self.terminal.complain(&format!("\nrefused: {reason}\n"));
                return Ok((Outcome::Refused { reason, now: None }, EXIT_REFUSED));
            }
            Decision::NothingToDo(release) => {
                return Err(EarlyExit::refused(format!("{release} is live already")));
            }
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
            unsaid,
        };
        let sequence = async |cx: &Context, ledger| page(cx, &plan, ledger).await;
        let counts_before = counts::now(self.cloud, &plan);
        let counts = || Some(counts::since(&counts_before, self.cloud, &plan));
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

    /// Says whether it ended as it had to, and who answers now.
    async fn conclude(
        &self,
        fault: Option<Fault>,
        Releases { before, after, .. }: &Releases,
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
            Ending::Refused | Ending::KeptAway | Ending::TakenBack => before,
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
