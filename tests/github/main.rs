//! What GitHub is told of a run, and what comes of a GitHub that is down, slow or refuses.

mod comments;
mod commit_order;
mod deployments;
#[path = "../support/github/mod.rs"]
mod github;
mod mock;
mod troubles;

use std::time::Duration;

use bg_deploy::announce::Announcer;
use bg_deploy::inputs::{Given, Inputs, PullRequest};
use bg_deploy::names::{Colour, Release};
use bg_deploy::outcome::Outcome;
use bg_deploy::report::Run;
use bg_deploy::run::beginning::{Beginning, Memory};
use bg_deploy::run::event::{Event, Stamped};
use bg_deploy::secret::Secret;
use github::{GitHub, REPOSITORY, SHA, TOKEN};
use net_clock::Clock;
use net_clock::Network;

/// The page of run 7.
const RUN_URL: &str = "https://github.com/octo/hello/actions/runs/7";
/// Where live traffic is answered.
const URL: &str = "https://hello.example.com/";
/// Pauses between tries take a hundredth of their time.
const SPEED: f64 = 100.0;

/// A job of GitHub Actions that releases something.
struct Job {
    inputs: Inputs,
    beginning: Beginning,
    network: Network,
    clock: Clock,
}

impl Job {
    /// The first attempt of run 7, at a push of [`SHA`], which releases hello 1.4.2 in prod.
    fn new(api_url: &str) -> Self {
        let mut inputs = Inputs::default();
        let ci = &mut inputs.ci;
        ci.is_ci = true;
        ci.is_github = true;
        ci.actor = Some("ada".to_owned());
        ci.repository = Some(REPOSITORY.to_owned());
        ci.run_url = Some(RUN_URL.to_owned());
        ci.commit = Some(SHA.to_owned());
        ci.actions.api_url = Some(api_url.to_owned());
        ci.actions.event_name = Some("push".to_owned());
        ci.actions.run_id = Some("7".to_owned());
        ci.actions.run_attempt = Some("1".to_owned());
        inputs.telling.github_token = Some(Secret::new(TOKEN));
        Self {
            inputs,
            beginning: Beginning {
                command: "deploy".to_owned(),
                app: "hello".to_owned(),
                environment: "prod".to_owned(),
                release: Release("1.4.2".to_owned()),
                previous: Some(Release("1.4.1".to_owned())),
                by: Some("ada".to_owned()),
                url: Some(URL.to_owned()),
                at: None,
                was_down: false,
                undid: None,
                command_line: Default::default(),
            },
            network: Network::tcp(),
            clock: Clock::accelerated(SPEED),
        }
    }

    fn of(github: &GitHub) -> Self {
        Self::new(&github.url())
    }

    fn run(mut self, run: u64, attempt: u64) -> Self {
        let actions = &mut self.inputs.ci.actions;
        actions.run_id = Some(run.to_string());
        actions.run_attempt = Some(attempt.to_string());
        self.inputs.ci.run_url = Some(format!("https://github.com/octo/hello/actions/runs/{run}"));
        self
    }

    fn command(mut self, command: &str, release: &str) -> Self {
        command.clone_into(&mut self.beginning.command);
        release.clone_into(&mut self.beginning.release.0);
        self
    }

    fn app(mut self, app: &str, environment: &str) -> Self {
        app.clone_into(&mut self.beginning.app);
        environment.clone_into(&mut self.beginning.environment);
        self
    }

    fn comment(mut self, policy: &str) -> Self {
        self.inputs.telling.comment = Some(Given::new("BGD_COMMENT", policy));
        self
    }

    fn token(mut self, token: &str) -> Self {
        self.inputs.telling.github_token = Some(Secret::new(token));
        self
    }

    /// The event of pull request 7, whose head is `head`.
    fn pull_request(mut self, head: &str) -> Self {
        self.inputs.ci.actions.pull_request = Some(PullRequest {
            number: Some(7),
            head: Some(head.to_owned()),
        });
        self.inputs.ci.actions.event_name = Some("pull_request".to_owned());
        self
    }

    fn announcer(&self) -> Announcer {
        Announcer::of(&self.inputs, &self.network, &self.clock)
    }

    async fn begin(&self) -> (Memory, Vec<String>) {
        self.announcer().begin(&self.beginning).await
    }

    async fn end(&self, memory: &Memory, outcome: &Outcome) -> Vec<String> {
        let began = Event::Began(self.beginning.clone());
        let done = Event::StepDone {
            step: "shift traffic".to_owned(),
            summary: "all traffic on blue".to_owned(),
            skipped: false,
        };
        let stamped = |seconds, event| Stamped {
            at: Duration::from_secs(seconds),
            event,
        };
        let events = [stamped(0, began), stamped(40, done)];
        let run = Run {
            url: self.inputs.ci.run_url.clone(),
            live_url: Some(URL.to_owned()),
            ..Run::of(&events, outcome)
        };
        self.announcer().end(&self.beginning, memory, &run).await
    }

    /// From its beginning to this end; nothing may go wrong.
    async fn whole(&self, outcome: &Outcome) -> Memory {
        let (memory, notices) = self.begin().await;
        assert!(notices.is_empty(), "{notices:?}");
        let notices = self.end(&memory, outcome).await;
        assert!(notices.is_empty(), "{notices:?}");
        memory
    }
}

fn deployed(release: &str) -> Outcome {
    Outcome::Deployed {
        release: Release(release.to_owned()),
        previous: Some(Release("1.4.1".to_owned())),
        live: Colour::Blue,
        warnings: Vec::new(),
        leftovers: Vec::new(),
    }
}

fn rolled_back() -> Outcome {
    Outcome::RolledBack {
        step: "soak".to_owned(),
        cause: "1 of 134 requests failed".into(),
        traffic_moved: true,
        serving: Some(Release("1.4.1".to_owned())),
        undone: Vec::new(),
        leftovers: Vec::new(),
    }
}

fn nothing_to_do() -> Outcome {
    Outcome::NothingToDo {
        release: Release("1.4.2".to_owned()),
    }
}
