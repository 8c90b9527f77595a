//! Tells others how a run goes: GitHub, a webhook, a collector of metrics; and asks GitHub which of two commits is older.
//!
//! Guarantees: nothing here changes a run's outcome. All telling of one moment shares a budget of time
//! ([`BUDGET`]); what could not be told is one notice each, in plain words with the remedy.

mod comment;
mod commit_order;
mod deployment;
mod job;
mod metrics;
mod post;
mod webhook;

use std::time::Duration;

use crate::github::GitHub;
use crate::http_client::HttpClient;
use crate::inputs::{Inputs, Telling, is_commit};
use crate::report::Run;
use net_clock::Clock;
use net_clock::Network;

use crate::config::CommentPolicy;
use crate::run::beginning::{Beginning, Memory};
use job::Job;

pub use commit_order::Order;

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
    /// Or why there is none.
    http: Result<HttpClient, String>,
    clock: Clock,
}

impl Announcer {
    /// Tells those whom the inputs name; nobody, if they name nobody.
    pub fn of(inputs: &Inputs, network: &Network, clock: &Clock) -> Self {
        Self {
            inputs: inputs.clone(),
            http: HttpClient::new(&inputs.proxies, network, clock),
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
        let to = &self.inputs.telling;
        let http = match &self.http {
            Ok(http) => http,
            Err(why) if names_somebody(to) => {
                return vec![format!("nobody was told how this ended: {why}")];
            }
            Err(_) => return notices,
        };
        let telling = async {
            // Side by side: none is late because another one does not answer.
            let ((), webhook, metrics) = tokio::join!(
                self.end_on_github(beginning, memory, run, &mut notices),
                webhook::tell(to, http, beginning, run),
                metrics::send(&to.otlp, http, self.clock.utc(), beginning, run),
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

    /// How the commit that this run releases stands to the one that is live.
    pub async fn order(&self, live: &str, ours: Option<&str>) -> Order {
        let unknown = |why: &str| Order::Unknown(why.to_owned());
        let Some(ours) = ours else {
            return unknown("nobody says which commit this one is; GitHub Actions does");
        };
        if !is_commit(live) || !is_commit(ours) {
            return unknown("they are not both full names of commits");
        }
        if live == ours {
            return Order::Newer;
        }
        let mut notices = Vec::new();
        match self.github(&mut notices) {
            Some((github, _)) => commit_order::order(&github, live, ours).await,
            None => unknown(notices.first().map_or(
                "GitHub can only be asked in its Actions, and with a token (`github-token`)",
                String::as_str,
            )),
        }
    }

    async fn end_on_github(
        &self,
        beginning: &Beginning,
        memory: &Memory,
        run: &Run<'_>,
        notices: &mut Vec<String>,
    ) {
        let policy = comment::policy(&self.inputs.telling);
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
            self.http.as_ref().ok()?,
            &self.clock,
            GITHUB,
        );
        match connected {
            Ok(github) => Some((github, job)),
            Err(trouble) => {
                notices.push(format!(
                    "GitHub was not told or asked anything: {}",
                    trouble.words(deployment::PERMISSION)
                ));
                None
            }
        }
    }
}

/// Whether anybody but a reader of the job's log is to be told.
fn names_somebody(to: &Telling) -> bool {
    let secrets = [&to.github_token, &to.webhook_url, &to.webhook_key];
    let addresses = [&to.otlp.metrics_endpoint, &to.otlp.endpoint];
    secrets.into_iter().any(Option::is_some) || addresses.into_iter().any(Option::is_some)
}

#[cfg(test)]
mod tests;
