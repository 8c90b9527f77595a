//! Tells others how a run goes: GitHub, a webhook, a collector of metrics.
//!
//! Guarantees: nothing here changes a run's outcome. All telling of one moment shares a budget of time
//! ([`BUDGET`]); what could not be told is one notice each, in plain words with the remedy.

mod comment;
mod deployment;
mod job;
mod metrics;
mod post;
mod webhook;

use std::time::Duration;

use crate::github::GitHub;
use crate::inputs::{Inputs, Telling};
use crate::report::Run;
use net_clock::Clock;
use net_clock::Network;

pub use crate::run::beginning::{Beginning, Memory};
pub use comment::{COMMENT_POLICIES, CommentPolicy};
use job::Job;

/// All telling of the beginning, or of the end, takes no longer.
pub const BUDGET: Duration = Duration::from_secs(30);
/// GitHub's share of it, so that a slow GitHub keeps nobody else from being told.
const GITHUB: Duration = Duration::from_secs(20);

/// What is wrong with the inputs about whom to tell, if anything is: found before a run begins.
pub fn check(telling: &Telling) -> Result<(), String> {
    webhook::check(telling)
}

/// Tells others how a run goes.
#[derive(Debug)]
pub struct Announcer {
    inputs: Inputs,
    network: Network,
    clock: Clock,
}

impl Announcer {
    /// Tells those whom the inputs name; nobody, if they name nobody.
    pub fn of(inputs: &Inputs, network: &Network, clock: &Clock) -> Self {
        Self {
            inputs: inputs.clone(),
            network: network.clone(),
            clock: clock.clone(),
        }
    }

    /// Tells that a run begins. Answers with what has to be remembered, and with notices.
    pub async fn begin(&self, beginning: &Beginning) -> (Memory, Vec<String>) {
        let mut memory = Memory::default();
        let mut notices = Vec::new();
        // Without a client, that is told at the end.
        if let Some((github, job)) = self.github(&mut Vec::new())
            && let Err(trouble) = deployment::begin(&github, &job, beginning, &mut memory).await
        {
            notices.push(format!(
                "GitHub was not told of this deployment: {}",
                trouble.words(deployment::PERMISSION)
            ));
        }
        (memory, notices)
    }

    /// Tells how it ended. Answers with notices.
    pub async fn end(&self, beginning: &Beginning, memory: &Memory, run: &Run<'_>) -> Vec<String> {
        let mut notices = Vec::new();
        let (network, clock) = (&self.network, &self.clock);
        let to = &self.inputs.telling;
        let telling = async {
            // Side by side: none is late because another one does not answer.
            let ((), webhook, metrics) = tokio::join!(
                self.end_on_github(beginning, memory, run, &mut notices),
                webhook::tell(to, network, clock, beginning, run),
                metrics::send(&to.otlp, network, clock, beginning, run),
            );
            webhook.into_iter().chain(metrics).collect::<Vec<_>>()
        };
        let told = self.clock.within_wall(BUDGET, telling).await;
        match told {
            Some(others) => notices.extend(others),
            None => notices.push(format!(
                "telling others how this ended took longer than {} s, and was given up",
                BUDGET.as_secs()
            )),
        }
        notices
    }

    async fn end_on_github(
        &self,
        beginning: &Beginning,
        memory: &Memory,
        run: &Run<'_>,
        notices: &mut Vec<String>,
    ) {
        let policy = CommentPolicy::of(&self.inputs.telling);
        if self.inputs.telling.github_token.is_none() {
            if policy != CommentPolicy::Never && Job::of(&self.inputs.ci).is_some() {
                notices.push(
                    "GitHub was not told how this ended: pass a token as `github-token` (`${{ github.token }}`), or \
                     `comment: never`"
                        .to_owned(),
                );
            }
            return;
        }
        let Some((github, job)) = self.github(notices) else {
            return;
        };
        if let Err(trouble) = deployment::end(&github, &job, beginning, memory, run).await {
            let words = trouble.words(deployment::PERMISSION);
            if trouble.is_general() {
                notices.push(format!("GitHub was not told how this ended: {words}"));
                return;
            }
            notices.push(format!("GitHub's deployment was not ended: {words}"));
        }
        if let Err(trouble) = comment::end(&github, &job, policy, beginning, run).await {
            let words = trouble.words(comment::PERMISSION);
            notices.push(format!("no comment on the pull request: {words}"));
        }
    }

    /// A client, and the job that it tells of; nothing outside of GitHub Actions, or without a token.
    fn github(&self, notices: &mut Vec<String>) -> Option<(GitHub, Job)> {
        let token = self.inputs.telling.github_token.as_ref()?;
        let job = Job::of(&self.inputs.ci)?;
        let connected = GitHub::connect(
            &job.api_url,
            &job.repository,
            token,
            &self.network,
            &self.clock,
            GITHUB,
        );
        match connected {
            Ok(github) => Some((github, job)),
            Err(trouble) => {
                notices.push(format!(
                    "GitHub was not told how this ended: {}",
                    trouble.words(deployment::PERMISSION)
                ));
                None
            }
        }
    }
}
