//! What is told to GitHub, and the few fields that are read of its answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who made something.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// The name.
    pub login: String,
    /// `User`, `Bot`.
    #[serde(rename = "type", default)]
    pub kind: String,
}

/// How a commit stands to another one.
#[derive(Clone, Debug, Deserialize)]
pub struct Comparison {
    /// `ahead`, `behind`, `identical`, `diverged`.
    pub status: String,
}

/// A deployment.
#[derive(Clone, Debug, Deserialize)]
pub struct Deployment {
    /// Its number.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// What whoever made it wants to remember.
    #[serde(default)]
    pub payload: Value,
    /// Who made it.
    pub creator: Option<Account>,
}

/// A deployment that is to be.
#[derive(Clone, Debug, Serialize)]
pub struct NewDeployment {
    /// The commit.
    #[serde(rename = "ref")]
    pub commit: String,
    /// "deploy", "rollback".
    pub task: &'static str,
    /// Where to.
    pub environment: String,
    /// A few words.
    pub description: String,
    /// What is remembered.
    pub payload: Value,
    /// People use this environment.
    pub production_environment: bool,
    /// GitHub is not to merge the default branch into the commit, ...
    pub auto_merge: bool,
    /// ... nor to wait for checks, of which this very run is one.
    pub required_contexts: [String; 0],
}

/// How a deployment goes.
#[derive(Clone, Debug, Deserialize)]
pub struct DeploymentStatus {
    /// Its number: the later, the higher.
    pub id: u64,
    /// `in_progress`, `success`, ...
    pub state: String,
    /// A few words.
    pub description: Option<String>,
    /// Where to look.
    pub log_url: Option<String>,
    /// The same, by its older name.
    pub target_url: Option<String>,
}

/// A status that is to be.
#[derive(Clone, Debug, Serialize)]
pub struct NewDeploymentStatus {
    /// `in_progress`, `success`, `failure`, `error`, `inactive`.
    pub state: &'static str,
    /// At most 140 characters.
    pub description: String,
    /// Where to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_url: Option<String>,
    /// Where live traffic is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_url: Option<String>,
    /// GitHub retires every other deployment of the environment, other apps' included.
    pub auto_inactive: bool,
}

/// A pull request.
#[derive(Clone, Debug, Deserialize)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// `open`, `closed`.
    pub state: String,
    /// When it was merged.
    pub merged_at: Option<String>,
}

/// A comment.
#[derive(Clone, Debug, Deserialize)]
pub struct Comment {
    /// Its number.
    pub id: u64,
    /// Its text.
    pub body: Option<String>,
    /// Who wrote it.
    pub user: Option<Account>,
}
