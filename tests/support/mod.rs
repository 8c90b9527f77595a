//! A whole world for tests: a local cloud in memory, an app in two versions, and a deployer, under a paused clock.

#![allow(dead_code, reason = "each test file uses its part of it")]

pub(crate) mod identity;
pub(crate) mod roles;
pub(crate) mod rule;
pub(crate) mod standing;
#[cfg(unix)]
pub(crate) mod stepper;
pub(crate) mod turn;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bg_deploy::aws::witness::Able;
use bg_deploy::aws::{Aws, autoscaling, ec2, elbv2};
use bg_deploy::config::{self, Config};
use bg_deploy::deploy::{Finished, deploy};
use bg_deploy::inventory::Inventory;
use bg_deploy::lease::{Patience, Taken};
use bg_deploy::names::{Colour, PREVIEW_HEADER, Release, Weights};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::{Decision, Plan};
use bg_deploy::prepare::{Prepared, look, prepare, prepare_rollback};
use bg_deploy::probe::Endpoint;
use bg_deploy::probe::ask::{Question, ask};
use bg_deploy::provision::{Provisioned, beforehand, provision};
use bg_deploy::rollback::rollback;
use bg_deploy::run::context::Context;
use bg_deploy::stack::Names;
use local_aws::sample_app::{AppFault, Settings, write_artifact};
use local_aws::{LocalAws, Options};
use net_clock::Clock;
use net_clock::Network;
use tempfile::TempDir;

/// Everything a test needs; dropped, it is gone.
pub(crate) struct World {
    pub(crate) cloud: LocalAws,
    pub(crate) clock: Clock,
    pub(crate) network: Network,
    pub(crate) folder: TempDir,
}

impl World {
    /// A local cloud with nothing in it.
    pub(crate) async fn new() -> Self {
        Self::seeded(1).await
    }

    /// A local cloud with nothing in it, in which things take as long as this seed has them take.
    pub(crate) async fn seeded(seed: u64) -> Self {
        let network = Network::memory();
        let clock = Clock::real();
        let options = Options {
            network: network.clone(),
            clock: clock.clone(),
            seed,
            ..Options::default()
        };
        let cloud = LocalAws::start(options).await.expect("a local cloud");
        let world = Self {
            cloud,
            clock,
            network,
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        world.let_all_in();
        world
    }

    /// Clients of the deployer.
    pub(crate) async fn aws(&self) -> Aws {
        self.aws_of(roles::DEPLOYER).await
    }

    /// What a run uses that begins now and has its turn at once, whoever had it before; without a stack there are no turns.
    pub(crate) async fn context(&self) -> Context {
        self.context_of(self.aws().await).await
    }

    /// The same with these clients.
    pub(crate) async fn context_of(&self, aws: Aws) -> Context {
        let cx = Context::new(aws, self.network.clone(), self.clock.lap());
        turn::at_once(cx, &Names::new("hello", "test")).await
    }

    /// What a verification uses, by these clients, that has its turn at once.
    pub(crate) async fn context_to_verify(&self, aws: Aws) -> Context {
        let cx = Context::new(aws, self.network.clone(), self.clock.lap());
        turn::at_once_as(cx, &Names::new("hello", "test"), "verify").await
    }

    /// Makes the lease free, which no run of a test gives back.
    pub(crate) async fn free(&self) {
        let cx = self.context().await;
        if let Some(lease) = &cx.lease {
            lease.release(false).await.expect("a free lease");
        }
    }

    /// Asks for a turn.
    pub(crate) async fn lease(&self, cx: &Context, who: &str, patience: Patience) -> Taken {
        turn::ask(cx, &Names::new("hello", "test"), who, patience).await
    }

    /// An artifact of the sample app in this version.
    pub(crate) fn artifact(&self, version: &str, fault: Option<AppFault>) -> PathBuf {
        self.artifact_of(Settings {
            version: version.to_owned(),
            fault,
            ..Settings::default()
        })
    }

    /// The same with all that can be said of it.
    fn artifact_of(&self, settings: Settings) -> PathBuf {
        let folder = self.folder.path().join(&settings.version);
        let settings = Settings {
            preview_header: Some(PREVIEW_HEADER.to_owned()),
            ..settings
        };
        write_artifact(&folder, Path::new("/bin/false"), &settings).expect("an artifact");
        folder
    }

    /// The config that deploys a sample app with these settings.
    pub(crate) fn config_with(&self, settings: Settings) -> Config {
        let version = settings.version.clone();
        config_of(&self.artifact_of(settings), &version)
    }

    /// A person ends the instances of this group, one after another.
    pub(crate) async fn end_instances(&self, group: &str) {
        let aws = self.person().await;
        let members = autoscaling::describe_group(&aws, group).await;
        for member in members.expect("a group").members {
            let ended = ec2::terminate_instance(&aws, &member.id).await;
            ended.expect("one less");
        }
    }

    /// The config that deploys this version.
    pub(crate) fn config(&self, version: &str, fault: Option<AppFault>) -> Config {
        config_of(&self.artifact(version, fault), version)
    }

    /// Makes the stack.
    pub(crate) async fn provision(&self, config: &Config) {
        let cx = self.provisioner(config).await;
        let caller = bg_deploy::aws::sts::caller(&cx.aws)
            .await
            .expect("a caller");
        let concerns = beforehand::concerns(&cx.aws, config, &caller).await;
        let concerns = concerns.expect("whatever is in the way");
        assert_eq!(beforehand::refusal(&concerns), None);
        let made = Provisioned::default();
        provision(&cx, config, &caller, made)
            .await
            .expect("a stack");
    }

    /// Decides a release.
    pub(crate) async fn prepare(&self, config: &Config) -> Prepared {
        let release = config.release.clone().expect("a release");
        prepare(&self.aws().await, config, &release)
            .await
            .expect("a decision")
    }

    /// Plans a release, which must be possible.
    pub(crate) async fn plan(&self, config: &Config) -> (Prepared, Plan) {
        let prepared = self.prepare(config).await;
        match prepared.decision.clone() {
            Decision::Release(plan) => (prepared, *plan),
            other => panic!("no release: {other:?}"),
        }
    }

    /// Carries out a release.
    pub(crate) async fn deploy(&self, config: &Config) -> (Finished, Context) {
        let (prepared, plan) = self.plan(config).await;
        let cx = self.context().await;
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        (finished, cx)
    }

    /// What AWS holds, as a rollback sees it.
    pub(crate) async fn look(&self, config: &Config) -> Inventory {
        look(&self.aws().await, config).await.expect("an inventory")
    }

    /// Decides a rollback. No artifact is in reach.
    pub(crate) async fn decide_rollback(&self, to: Option<&str>) -> Decision {
        let mut config = config_of(Path::new("/nowhere"), "any");
        // It is over in seconds: visitors enough to tell of it.
        config.probe.rate = 5.0;
        let to = to.map(|release| Release(release.to_owned()));
        prepare_rollback(&self.aws().await, &config, &[], to.as_ref())
            .await
            .expect("a decision")
    }

    /// Plans a rollback, which must be possible.
    pub(crate) async fn plan_rollback(&self, to: Option<&str>) -> Plan {
        match self.decide_rollback(to).await {
            Decision::Release(plan) => *plan,
            other => panic!("no rollback: {other:?}"),
        }
    }

    /// Carries out a rollback.
    pub(crate) async fn rollback(&self, to: Option<&str>) -> (Finished, Plan, Context) {
        let plan = self.plan_rollback(to).await;
        let cx = self.context().await;
        let finished = rollback(&cx, &plan, None).await;
        (finished, plan, cx)
    }

    /// A world in which 0.0.2 is live, and 0.0.1 retained.
    pub(crate) async fn with_a_previous() -> Self {
        let world = Self::with_a_release().await;
        let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
        assert_deployed(&finished, &cx);
        world
    }

    /// A world in which 0.0.1 is live.
    pub(crate) async fn with_a_release() -> Self {
        Self::seeded_with_a_release(1).await
    }

    /// The same, in which things take as long as this seed has them take.
    pub(crate) async fn seeded_with_a_release(seed: u64) -> Self {
        let world = Self::seeded(seed).await;
        let first = world.config("0.0.1", None);
        world.provision(&first).await;
        let (finished, cx) = world.deploy(&first).await;
        assert_deployed(&finished, &cx);
        world
    }

    /// What one visitor is answered, with this header of the preview route or none.
    pub(crate) async fn visit(&self, url: &str, preview: Option<&str>) -> String {
        let mut question = Question::get("/version");
        if let Some(token) = preview {
            question = question.with_header(PREVIEW_HEADER, token);
        }
        let endpoint = Endpoint::parse(url).expect("a URL");
        let timeout = Duration::from_secs(5);
        match ask(&self.network, &self.clock, &endpoint, &question, timeout).await {
            Ok(reply) => reply
                .version(None)
                .unwrap_or_else(|_| format!("status {}", reply.status)),
            Err(error) => format!("{error:#}"),
        }
    }
}

/// Somebody writes the weights by hand: looks at nothing, asks nobody.
pub(crate) async fn by_hand(cx: &Context, plan: &Plan, weights: Weights) {
    let aws = &cx.aws;
    let held = cx.held().await.expect("a lease");
    let (rule, groups) = (&plan.traffic_rules, &plan.target_groups);
    let now = elbv2::describe_traffic(aws, rule).await.expect("the rule");
    let now = now.split(groups).expect("both target groups");
    let seen = elbv2::see_weights(aws, rule, groups, now).await;
    let able = Colour::BOTH.map(|colour| Able::as_before_a_first_release(groups.of(colour)));
    elbv2::write_weights(aws, held, seen.expect("the weights"), able.into(), weights)
        .await
        .expect("weights");
}

/// Fails unless the run ended deployed and proved, and with nothing left over.
pub(crate) fn assert_deployed(finished: &Finished, cx: &Context) {
    match &finished.outcome {
        Outcome::Deployed { leftovers, .. } => assert_eq!(leftovers, &[]),
        other => panic!("not deployed: {other:#?}\n{}", story(cx)),
    }
}

/// What happened, a line an event.
pub(crate) fn story(cx: &Context) -> String {
    let lines: Vec<_> = cx
        .events
        .all()
        .iter()
        .map(|stamped| format!("{:>7.1} {:?}", stamped.at.as_secs_f64(), stamped.event))
        .collect();
    lines.join("\n")
}

/// What tests have otherwise than by default: all that is quick.
const QUICK: &str = r#"
app = "hello"
[service]
command = "./sample-app"
artifact = "replaced below"
stop-timeout = "30s"
[shift]
hold = "30s"
soak = "30s"
[probe]
rate = 2
[fleet]
healthy-streak = 2
healthy-within = "180s"
"#;

/// A config with every default but for the quick things of tests.
pub(crate) fn config_of(artifact: &Path, version: &str) -> Config {
    let mut config = config::parse(QUICK, Path::new("tests/support"), Some("test"))
        .expect("the tests' config is one");
    config.service.artifact = artifact.to_owned();
    config.release = Some(Release(version.to_owned()));
    config
}
