//! What a run is about, before anything long: what its first event says, what its state file begins with, and what others
//! are told of it. And what was begun with those others, which has to be ended.

use serde::{Deserialize, Serialize};

use crate::command_line::CommandLine;
use crate::names::Release;
use crate::plan::Plan;

/// What a run is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    /// "deploy", "rollback", "verify", "rehearse", ...
    pub command: String,
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// What is to be live at the end; empty when nothing is known of it.
    pub release: Release,
    /// What is live now; `None` before a first release, or when AWS was not asked.
    pub previous: Option<Release>,
    /// What has the traffic had no instance in service: nobody was served.
    #[serde(default)]
    pub was_down: bool,
    /// The release whose run was undone instead: that was what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undid: Option<Release>,
    /// Who or what asked for it, if known.
    pub by: Option<String>,
    /// Where live traffic is answered, if it is known.
    pub url: Option<String>,
    /// When it was asked for, by the runner's clock: `2026-11-23T04:57:43Z`.
    #[serde(default)]
    pub at: Option<String>,
    /// How a command is typed that means the same.
    #[serde(default)]
    pub command_line: Box<CommandLine>,
}

impl Beginning {
    /// Of a run that carries out this plan, and is called so.
    pub fn of(command: &str, plan: &Plan) -> Self {
        Self {
            command: command.to_owned(),
            app: plan.app.clone(),
            environment: plan.environment.clone(),
            release: plan.release.clone(),
            previous: plan.previous.release.clone(),
            was_down: plan.previous.was_down,
            undid: None,
            by: None,
            url: Some(plan.url.clone()),
            at: None,
            command_line: Box::new(plan.command_line.clone()),
        }
    }

    /// What is to be live is live already.
    pub fn is_live_already(&self) -> bool {
        self.previous.as_ref() == Some(&self.release)
    }
}

/// What was begun with others and has to be ended: kept in the run's state, so that `finish` can go on with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// GitHub's deployment.
    pub deployment: Option<u64>,
    /// The job's `environment:` made it, and GitHub ends it with the job.
    pub deployment_is_the_jobs: bool,
    /// A deployment was asked for, and no answer came: it may stand.
    #[serde(default)]
    pub deployment_unsure: bool,
}
