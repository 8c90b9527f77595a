//! What the command line and the environment say of a config, as raw text: which file, and what is laid over it.

use std::path::PathBuf;

/// The file that is read unless another one is named.
pub const DEFAULT_FILE: &str = "bg-deploy.toml";

/// A text and where it came from, for messages: `--release`, `BGD_RELEASE`, `GITHUB_SHA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The option or the variable.
    pub from: &'static str,
    /// The text.
    pub value: String,
}

impl Given {
    /// A text from somewhere.
    pub fn new(from: &'static str, value: impl Into<String>) -> Self {
        Self {
            from,
            value: value.into(),
        }
    }
}

/// What is said of a config besides its file. All of it is checked with the file, so that all that is wrong is told at
/// once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The file.
    pub file: Option<Given>,
    /// The environment that is meant.
    pub environment: Option<Given>,
    /// The release.
    pub release: Option<Given>,
    /// The commit that CI says is released.
    pub commit: Option<String>,
    /// Instead of the file's.
    pub region: Option<Given>,
    /// That of CI, where neither says one: whoever types a command elsewhere has to say it.
    pub region_of_ci: Option<String>,
    /// Instead of the file's.
    pub artifact: Option<Given>,
    /// Where AWS answers; it is only checked here.
    pub endpoint_url: Option<Given>,
    /// When to comment on a pull request; it is only checked here.
    pub comment: Option<Given>,
}

impl Overrides {
    /// The file to read: the one that was named, else `bg-deploy.toml` here.
    pub(super) fn file(&self) -> PathBuf {
        let named = self.file.as_ref().map(|given| given.value.as_str());
        PathBuf::from(named.unwrap_or(DEFAULT_FILE))
    }
}
