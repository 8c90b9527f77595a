//! What a command is given, as raw text: options, environment variables, and what CI says about itself.
//!
//! Guarantees: an option goes before its `BGD_` variable, and that before what CI says; an empty text counts as not
//! given, because GitHub Actions passes inputs that were left out as empty ones. Nothing is interpreted here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cli::Options;
use crate::config;

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

/// Everything a command is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// `--config`, `BGD_CONFIG`
    pub config: Option<Given>,
    /// `--environment`, `BGD_ENVIRONMENT`
    pub environment: Option<Given>,
    /// `--release`, `BGD_RELEASE`, `GITHUB_SHA`
    pub release: Option<Given>,
    /// `--region`, `BGD_REGION`
    pub region: Option<Given>,
    /// `--artifact`, `BGD_ARTIFACT`
    pub artifact: Option<Given>,
    /// `--endpoint-url`, `BGD_ENDPOINT_URL`, `AWS_ENDPOINT_URL`
    pub endpoint_url: Option<Given>,
    /// What runs us.
    pub ci: Ci,
    /// `NO_COLOR` is set, or the terminal is a dumb one.
    pub no_color: bool,
}

/// What CI says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ci {
    /// `CI` or `GITHUB_ACTIONS` is `true`.
    pub is_ci: bool,
    /// It is GitHub Actions.
    pub is_github: bool,
    /// Who started the workflow (`GITHUB_ACTOR`).
    pub actor: Option<String>,
    /// `owner/name` (`GITHUB_REPOSITORY`).
    pub repository: Option<String>,
    /// The workflow run's page.
    pub run_url: Option<String>,
    /// The commit (`GITHUB_SHA`).
    pub commit: Option<String>,
}

impl Inputs {
    /// Gathers what the command line and the environment say; only `main` may collect the environment.
    pub fn from(options: &Options, environment: &BTreeMap<String, String>) -> Self {
        let variable = |name: &'static str| {
            environment
                .get(name)
                .filter(|value| !value.trim().is_empty())
                .map(|value| Given::new(name, value.as_str()))
        };
        let option = |name: &'static str, value: &Option<String>| {
            value
                .as_ref()
                .filter(|value| !value.trim().is_empty())
                .map(|value| Given::new(name, value.as_str()))
        };
        Self {
            config: option("--config", &options.config).or_else(|| variable("BGD_CONFIG")),
            environment: option("--environment", &options.environment)
                .or_else(|| variable("BGD_ENVIRONMENT")),
            release: option("--release", &options.release)
                .or_else(|| variable("BGD_RELEASE"))
                .or_else(|| variable("GITHUB_SHA")),
            region: option("--region", &options.region).or_else(|| variable("BGD_REGION")),
            artifact: option("--artifact", &options.artifact).or_else(|| variable("BGD_ARTIFACT")),
            endpoint_url: option("--endpoint-url", &options.endpoint_url)
                .or_else(|| variable("BGD_ENDPOINT_URL"))
                .or_else(|| variable("AWS_ENDPOINT_URL")),
            ci: Ci::from(environment),
            no_color: variable("NO_COLOR").is_some()
                || environment.get("TERM").is_some_and(|term| term == "dumb"),
        }
    }

    /// The file to read: the one that was named, else `bg-deploy.toml` here.
    pub fn config_file(&self) -> PathBuf {
        PathBuf::from(
            self.config
                .as_ref()
                .map_or(config::DEFAULT_FILE, |given| given.value.as_str()),
        )
    }
}

impl Ci {
    fn from(environment: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| {
            environment
                .get(name)
                .filter(|value| !value.is_empty())
                .cloned()
        };
        let is_true = |name: &str| text(name).is_some_and(|value| value == "true");
        let repository = text("GITHUB_REPOSITORY");
        let run_url = match (
            text("GITHUB_SERVER_URL"),
            &repository,
            text("GITHUB_RUN_ID"),
        ) {
            (Some(server), Some(repository), Some(run)) => {
                Some(format!("{server}/{repository}/actions/runs/{run}"))
            }
            _ => None,
        };
        Self {
            is_ci: is_true("CI") || is_true("GITHUB_ACTIONS"),
            is_github: is_true("GITHUB_ACTIONS"),
            actor: text("GITHUB_ACTOR"),
            repository,
            run_url,
            commit: text("GITHUB_SHA"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn an_option_goes_before_its_variable_and_that_before_what_ci_says() {
        let mut options = Options::default();
        let mut variables = environment(&[("GITHUB_SHA", "sha")]);
        let release = |options: &Options, variables: &BTreeMap<String, String>| {
            Inputs::from(options, variables).release
        };
        assert_eq!(release(&options, &environment(&[])), None);
        assert_eq!(
            release(&options, &variables),
            Some(Given::new("GITHUB_SHA", "sha"))
        );
        variables.insert("BGD_RELEASE".to_owned(), "2".to_owned());
        assert_eq!(
            release(&options, &variables),
            Some(Given::new("BGD_RELEASE", "2"))
        );
        options.release = Some("1".to_owned());
        assert_eq!(
            release(&options, &variables),
            Some(Given::new("--release", "1"))
        );
    }

    #[test]
    fn an_empty_text_counts_as_not_given() {
        let options = Options {
            release: Some(String::new()),
            ..Options::default()
        };
        let inputs = Inputs::from(
            &options,
            &environment(&[("BGD_REGION", " "), ("BGD_RELEASE", "2")]),
        );
        assert_eq!(inputs.region, None);
        assert_eq!(inputs.release, Some(Given::new("BGD_RELEASE", "2")));
        assert_eq!(inputs.config_file(), PathBuf::from("bg-deploy.toml"));
    }

    #[test]
    fn ci_is_known_by_its_own_variables_and_only_whole_run_urls_are_made() {
        let mut variables = environment(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTOR", "ada"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "ada/hello"),
        ]);
        let ci = Ci::from(&variables);
        assert!(ci.is_ci && ci.is_github);
        assert_eq!((ci.actor.as_deref(), ci.run_url), (Some("ada"), None));
        variables.insert("GITHUB_RUN_ID".to_owned(), "7".to_owned());
        assert_eq!(
            Ci::from(&variables).run_url.as_deref(),
            Some("https://github.com/ada/hello/actions/runs/7")
        );
        let laptop = Ci::from(&environment(&[("CI", "false")]));
        assert_eq!(laptop, Ci::default());
    }
}
