//! Whole runs through the Action, by the binary, against a local cloud: what a workflow sees of them.
//!
//! The deployer's clock is as fast as the local cloud's (`BGD_CLOCK_SPEED`, a variable of the job), so a minute of silence
//! before capacity goes is a second. The runner's patience with a job that is cancelled is as long as ever.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bg_deploy::aws::{Access, Aws};
use bg_deploy::config;
use bg_deploy::deploy::deploy;
use bg_deploy::inputs::{Given, Inputs};
use bg_deploy::names::Release;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Decision;
use bg_deploy::prepare::prepare;
use bg_deploy::run::context::Context;
use local_aws::sample_app::{Settings, write_artifact};
use net_clock::Clock;
use net_clock::Network;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::Runtime;

use crate::checkout::root;
use crate::cloud_process::LocalAws;
use crate::github::{GitHub, REPOSITORY, SHA, TOKEN};
use crate::support::stepper::{Cancel, Ran, Runner};
use crate::support::turn;

/// How many times faster than AWS the local cloud is.
const SPEED: u32 = 60;
/// Three seconds: long enough for the probe to prove something.
const SOAK: &str = "[shift]\nsoak = \"3m\"\n";
const PULL_REQUEST: u64 = 7;
const BINARY: &str = env!("CARGO_BIN_EXE_bg-deploy");

/// A job with a local cloud, a GitHub and the sample app. Its commit is at the head of pull request 7.
struct Stage {
    runner: Runner,
    /// Where live traffic is answered.
    url: String,
    aws: LocalAws,
    github: GitHub,
    runtime: Runtime,
}

impl Stage {
    /// With a stack, this more in the config, and these releases one after the other: made here, by the library and on
    /// the local cloud's fast clock, because only what the Action does is to be seen.
    fn with(more: &str, releases: &[&str]) -> Self {
        let aws = LocalAws::start(SPEED);
        let mut runner = Runner::of(root());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        // On the local cloud's clock the days of retention are hours.
        let config = format!(
            "app = \"hello\"\nregion = \"eu-central-1\"\n\
             [service]\ncommand = \"./sample-app\"\nartifact = \"dist/\"\n\
             [fleet]\nmin = 1\nmax = 1\nhealthy-streak = 1\n\
             [probe]\nrate = 20\n[retain]\nfor = \"7d\"\n\
             [network]\nlistener-port = {port}\n{more}"
        );
        std::fs::write(runner.workspace().join("bg-deploy.toml"), config).expect("a config");
        runner.set("AWS_ACCESS_KEY_ID", "local");
        runner.set("AWS_SECRET_ACCESS_KEY", "local");
        runner.set("AWS_ENDPOINT_URL", &aws.url);
        runner.set("BGD_CLOCK_SPEED", &SPEED.to_string());
        let runtime = Runtime::new().expect("a runtime");
        let github = runtime.block_on(GitHub::start());
        github.pull_request(PULL_REQUEST, SHA, "open");
        runner.set("GITHUB_API_URL", &github.url());
        runner.set("GITHUB_REPOSITORY", REPOSITORY);
        runner.set("GITHUB_SHA", SHA);
        runner.set_github("token", TOKEN);
        let stage = Self {
            runner,
            url: format!("http://127.0.0.1:{port}"),
            aws,
            github,
            runtime,
        };
        stage.build("0.0.0");
        let provisioned = stage.run("provision", &[]);
        assert_eq!(provisioned.conclusion, "success", "{}", provisioned.log);
        for version in releases {
            stage.build(version);
            let runtime = &stage.runtime;
            runtime.block_on(stage.release_by_the_library(version));
        }
        stage
    }

    async fn release_by_the_library(&self, version: &str) {
        let file = self.runner.workspace().join("bg-deploy.toml");
        let inputs = Inputs {
            config: Some(Given::new("--config", file.to_str().expect("UTF-8"))),
            ..Inputs::default()
        };
        let mut config = config::load(&inputs).expect("a config");
        // How the traffic moves is of no matter here, and would be waited for.
        config.shift.weights = vec![100];
        config.shift.soak = Duration::from_secs(1);
        let access = Access {
            region: Some("eu-central-1".to_owned()),
            endpoint_url: Some(self.aws.url.clone()),
            keys: Some(("local".to_owned(), "local".to_owned())),
            tape: None,
        };
        let network = Network::tcp();
        let aws = Aws::connect(&access, &network).await.expect("clients");
        let release = Release(version.to_owned());
        let prepared = prepare(&aws, &config, &release).await.expect("a decision");
        let Decision::Release(plan) = prepared.decision else {
            panic!("no release: {:?}", prepared.decision);
        };
        let cx = Context::new(aws, network, Clock::accelerated(f64::from(SPEED)));
        let cx = turn::at_once(cx, &plan.names()).await;
        let bundle = prepared.bundle.file.path();
        let outcome = deploy(&cx, &plan, bundle, None).await.outcome;
        let lease = cx.lease.as_ref().expect("a lease");
        lease.release(true).await.expect("given back");
        let is_live = matches!(outcome, Outcome::Deployed { .. } | Outcome::Unproven { .. });
        assert!(is_live, "{outcome:?}");
    }

    fn build(&self, version: &str) {
        let settings = Settings {
            version: version.to_owned(),
            ..Settings::default()
        };
        let dist = self.runner.workspace().join("dist");
        write_artifact(&dist, Path::new(BINARY), &settings).expect("an artifact");
    }

    fn run(&self, command: &str, with: &[(&str, &str)]) -> Ran {
        self.runner.run(&inputs(command, with))
    }

    fn release(&self, version: &str) -> Ran {
        self.build(version);
        self.run("deploy", &[("release", version), ("comment", "always")])
    }

    fn release_cancelled(&self, version: &str, when: &dyn Fn(&str) -> bool) -> Ran {
        self.build(version);
        let cancel = Cancel { when, scale: 1.0 };
        let with = [("release", version), ("comment", "never")];
        self.runner.run_cancelled(&inputs("deploy", &with), &cancel)
    }

    /// The states of the only deployment that GitHub knows.
    #[track_caller]
    fn states(&self) -> Vec<String> {
        let deployments = self.github.deployments();
        assert_eq!(deployments.len(), 1, "{deployments:#?}");
        let id = deployments[0]["id"].as_u64().expect("an id");
        self.github.states(id)
    }

    /// What `probe` says of live traffic, asking it through the Action as well.
    #[track_caller]
    fn assert_serves(&self, version: &str) {
        let with = [("url", &*self.url), ("for", "1s"), ("expect", version)];
        let ran = self.run("probe", &with);
        assert_eq!(ran.output("exit-code"), "0", "{}", ran.log);
    }
}

fn inputs<'a>(command: &'a str, with: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut inputs = vec![("binary", BINARY), ("command", command)];
    inputs.extend(with);
    inputs
}

/// Fails unless the Action's outputs are these.
#[track_caller]
fn assert_outputs(ran: &Ran, wanted: &[(&str, &str)]) {
    for (name, value) in wanted {
        assert_eq!(ran.output(name), *value, "{name}: {}", ran.log);
    }
    let json: serde_json::Value = serde_json::from_str(ran.output("json")).expect("JSON");
    assert_eq!(json["result"], ran.output("result"));
}

#[test]
fn a_release_gives_its_outcome_its_figures_and_its_report() {
    // The image of 0.0.2 is there already: the bake is another test's.
    let stage = Stage::with(SOAK, &["0.0.2", "0.0.1"]);
    let ran = stage.release("0.0.2");
    assert_eq!(ran.conclusion, "success", "{}", ran.log);
    assert_outputs(
        &ran,
        &[
            ("result", "deployed"),
            ("release", "0.0.2"),
            ("previous-release", "0.0.1"),
            ("requests-failed", "0"),
            ("environment-url", &stage.url),
            ("exit-code", "0"),
        ],
    );
    for name in [
        "live-colour",
        "image-id",
        "duration-seconds",
        "requests-sent",
        "convergence-seconds",
    ] {
        assert!(
            !["", "0"].contains(&ran.output(name)),
            "{name}: {}",
            ran.log
        );
    }
    for name in ["report-markdown", "report-html", "ledger"] {
        let path = stage.runner.workspace().join(ran.output(name));
        assert!(path.is_file(), "{name}: {}", path.display());
    }
    assert!(ran.summary.contains("0.0.2"), "{}", ran.summary);
    assert!(ran.annotations("error").is_empty(), "{}", ran.log);
    assert_eq!(ran.steps[1].outcome, "success", "{}", ran.log);
    stage.assert_serves("0.0.2");
    assert_eq!(stage.states(), ["in_progress", "success"]);
    let comments = stage.github.comments(PULL_REQUEST);
    assert_eq!(comments.len(), 1, "{comments:#?}");
    let comment = comments[0]["body"].as_str().expect("a body");
    assert!(comment.contains("0.0.2"), "{comment}");
    let again = stage.run("deploy", &[("release", "0.0.2")]);
    assert_eq!(again.conclusion, "success", "{}", again.log);
    assert_outputs(&again, &[("result", "nothing-to-do"), ("exit-code", "0")]);
}

#[test]
fn a_rollback_needs_no_artifact_and_a_check_leaves_live_as_it_is() {
    let stage = Stage::with(SOAK, &["0.0.1", "0.0.2"]);
    std::fs::remove_dir_all(stage.runner.workspace().join("dist")).expect("removed");
    let back = stage.run("rollback", &[]);
    assert_eq!(back.conclusion, "success", "{}", back.log);
    assert_outputs(
        &back,
        &[
            ("release", "0.0.1"),
            ("previous-release", "0.0.2"),
            ("requests-failed", "0"),
        ],
    );
    stage.assert_serves("0.0.1");

    stage.build("0.0.2");
    let refused = stage.run("verify", &[("release", "0.0.1")]);
    assert_eq!(refused.conclusion, "failure", "{}", refused.log);
    assert_outputs(&refused, &[("result", "refused"), ("exit-code", "3")]);
    let verified = stage.run("verify", &[("release", "0.0.2")]);
    assert_eq!(verified.conclusion, "success", "{}", verified.log);
    assert_outputs(&verified, &[("result", "verified"), ("release", "0.0.2")]);
    stage.assert_serves("0.0.1");
}

#[test]
fn a_first_release_that_is_cancelled_leaves_nothing_in_the_way_of_the_next() {
    let stage = Stage::with(SOAK, &[]);
    let is_baking = |log: &str| log.contains("bake: automation");
    assert_cancelled(&stage.release_cancelled("0.0.1", &is_baking));
    let next = stage.release("0.0.1");
    assert_eq!(next.conclusion, "success", "{}", next.log);
    assert_outputs(&next, &[("result", "deployed"), ("previous-release", "")]);
    stage.assert_serves("0.0.1");
}

#[test]
fn a_release_that_is_cancelled_with_a_share_of_the_traffic_gives_it_back() {
    let canary = "[shift]\nweights = [20, 100]\nhold = \"1h\"\nsoak = \"0s\"\n";
    let stage = Stage::with(canary, &["0.0.2", "0.0.1"]);
    let is_held = |log: &str| log.contains("weights obeyed");
    assert_cancelled(&stage.release_cancelled("0.0.2", &is_held));
    assert_eq!(stage.states(), ["in_progress", "failure"]);
    stage.assert_serves("0.0.1");
}

#[track_caller]
fn assert_cancelled(ran: &Ran) {
    assert_eq!(ran.conclusion, "cancelled", "{}", ran.log);
    assert!(!ran.steps[0].signals.contains(&"KILL"), "{}", ran.log);
    assert_eq!(ran.steps[1].outcome, "success", "{}", ran.log);
    assert_eq!(ran.output("result"), "cancelled", "{}", ran.log);
    assert_eq!(ran.output("exit-code"), "5", "{}", ran.log);
}

#[test]
fn a_session_that_ends_too_soon_is_refused_with_numbers_before_anything_begins() {
    let mut stage = Stage::with("", &[]);
    stage.build("0.0.1");
    let end = SystemTime::now() + Duration::from_secs(15 * 60);
    let end = OffsetDateTime::from(end).format(&Rfc3339);
    stage.runner.set("AWS_SESSION_TOKEN", "local");
    let with = [("release", "0.0.1"), ("comment", "never")];
    stage
        .runner
        .set("AWS_CREDENTIAL_EXPIRATION", &end.expect("a date"));
    let ran = stage.run("deploy", &with);
    assert_eq!(ran.output("result"), "refused", "{}", ran.log);
    assert_eq!(ran.output("exit-code"), "3");
    assert!(
        ran.log.contains("more minutes, and this run may take"),
        "{}",
        ran.log
    );
    assert!(ran.log.contains("role-duration-seconds"), "{}", ran.log);
    assert!(!ran.log.contains("bake image"), "{}", ran.log);
    // Where nobody says when it ends, that is a note.
    stage.runner.set("AWS_CREDENTIAL_EXPIRATION", "");
    let ran = stage.run("verify", &with);
    assert_eq!(ran.conclusion, "success", "{}", ran.log);
    let notices = ran.annotations("notice");
    let told = notices
        .iter()
        .any(|notice| notice.contains("nobody said when"));
    assert!(told, "{notices:?}");
}
