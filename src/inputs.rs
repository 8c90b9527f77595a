//! What a command is given, as raw text: options, environment variables, and what CI says about itself.
//!
//! Guarantees: an option goes before its `BGD_` variable, and that before what CI says; an empty text counts as not
//! given, because GitHub Actions passes inputs that were left out as empty ones. Nothing is interpreted here.

pub mod arguments;
mod event;
pub mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cli::Options;
use crate::config::Overrides;
use crate::http_client::Proxies;
use crate::secret::Secret;

pub use crate::config::Given;
pub use event::PullRequest;

/// Everything a command is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// `--config`, `BGD_CONFIG`
    pub config: Option<Given>,
    /// `--environment`, `BGD_ENVIRONMENT`
    pub environment: Option<Given>,
    /// `--release`, `BGD_RELEASE`, the head of the pull request whose event this is, `GITHUB_SHA`
    pub release: Option<Given>,
    /// `--region`, `BGD_REGION`
    pub region: Option<Given>,
    /// `AWS_REGION` of CI.
    pub region_of_ci: Option<String>,
    /// `--role-arn`, `BGD_ROLE_ARN`
    pub role_arn: Option<Given>,
    /// `--artifact`, `BGD_ARTIFACT`
    pub artifact: Option<Given>,
    /// `--endpoint-url`, `BGD_ENDPOINT_URL`, `AWS_ENDPOINT_URL`
    pub endpoint_url: Option<Given>,
    /// Who this job is to AWS.
    pub identity: Identity,
    /// What runs us.
    pub ci: Ci,
    /// Where the outcome is told besides here.
    pub telling: Telling,
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, and the same in lower case: how others are reached.
    pub proxies: Proxies,
    /// `NO_COLOR` is set, or the terminal is a dumb one.
    pub no_color: bool,
}

/// Who a job is to AWS, as far as the SDK does not find that out by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`: where GitHub mints an identity token for the job.
    pub token_address: Option<Secret>,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`: the right to ask there.
    pub token_right: Option<Secret>,
    /// `AWS_CREDENTIAL_EXPIRATION`, beside `AWS_ACCESS_KEY_ID`: when the session in the variables ends.
    pub session_ends: Option<String>,
}

/// Where the outcome is told besides here: all optional, all from the environment, because most of it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// `BGD_GITHUB_TOKEN`, `GITHUB_TOKEN`
    pub github_token: Option<Secret>,
    /// `BGD_COMMENT`: `auto`, `always`, `on-failure` or `never`.
    pub comment: Option<Given>,
    /// `BGD_WEBHOOK_URL`: the address is the secret.
    pub webhook_url: Option<Secret>,
    /// `BGD_WEBHOOK_KIND`: `slack`, `pagerduty` or `generic`.
    pub webhook_kind: Option<Given>,
    /// `BGD_WEBHOOK_KEY`: PagerDuty's routing key.
    pub webhook_key: Option<Secret>,
    /// `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT` and their headers, as OpenTelemetry names
    /// them.
    pub otlp: Otlp,
}

/// Where metrics go, in OpenTelemetry's own variables
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Otlp {
    /// `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`: as it is.
    pub metrics_endpoint: Option<Given>,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: `/v1/metrics` is added.
    pub endpoint: Option<Given>,
    /// `OTEL_EXPORTER_OTLP_METRICS_HEADERS`, `OTEL_EXPORTER_OTLP_HEADERS`: often a key.
    pub headers: Option<Secret>,
    /// `OTEL_RESOURCE_ATTRIBUTES`
    pub resource_attributes: Option<Given>,
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
    /// The rest of what GitHub Actions says about the run.
    pub actions: Actions,
}

/// What GitHub Actions says about a run, as text
/// (<https://docs.github.com/en/actions/reference/workflows-and-actions/variables>).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// `GITHUB_API_URL`: GitHub Enterprise has its own.
    pub api_url: Option<String>,
    /// `GITHUB_SERVER_URL`
    pub server_url: Option<String>,
    /// `GITHUB_EVENT_NAME`
    pub event_name: Option<String>,
    /// The pull request of the event (`GITHUB_EVENT_PATH`), whatever kind of event it is.
    pub pull_request: Option<PullRequest>,
    /// `GITHUB_REF_NAME`: a branch, a tag, or `7/merge`.
    pub ref_name: Option<String>,
    /// `GITHUB_RUN_ID`
    pub run_id: Option<String>,
    /// `GITHUB_RUN_ATTEMPT`
    pub run_attempt: Option<String>,
    /// `GITHUB_JOB`
    pub job: Option<String>,
    /// `GITHUB_OUTPUT`: the file for a step's outputs.
    pub output: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`: the file for the job's summary.
    pub step_summary: Option<PathBuf>,
    /// `RUNNER_TEMP`: emptied at the end of the job.
    pub temp: Option<PathBuf>,
}

impl Actions {
    fn from(text: &dyn Fn(&str) -> Option<String>) -> Self {
        let path = |name: &str| text(name).map(PathBuf::from);
        Self {
            api_url: text("GITHUB_API_URL"),
            server_url: text("GITHUB_SERVER_URL"),
            event_name: text("GITHUB_EVENT_NAME"),
            pull_request: path("GITHUB_EVENT_PATH").and_then(|path| event::read(&path)),
            ref_name: text("GITHUB_REF_NAME"),
            run_id: text("GITHUB_RUN_ID"),
            run_attempt: text("GITHUB_RUN_ATTEMPT"),
            job: text("GITHUB_JOB"),
            output: path("GITHUB_OUTPUT"),
            step_summary: path("GITHUB_STEP_SUMMARY"),
            temp: path("RUNNER_TEMP"),
        }
    }

    /// The commit that a pull request proposes. `GITHUB_SHA` is then a merge commit that nobody made, and that is gone
    /// when the pull request is merged.
    fn head_of_the_pull_request(&self) -> Option<Given> {
        let event = self.event_name.as_deref()?;
        if !matches!(event, "pull_request" | "pull_request_target") {
            return None;
        }
        let head = self.pull_request.as_ref()?.head.as_deref()?;
        Some(Given::new(HEAD, head))
    }
}

/// Where in its event the head of a pull request stands.
const HEAD: &str = "pull_request.head.sha";

impl Inputs {
    /// Gathers what the command line and the environment say; only `main` may collect the environment.
    pub fn from(options: &Options, environment: &BTreeMap<String, String>) -> Self {
        let variable = |name: &'static str| {
            environment
                .get(name)
                .map(|value| value.trim())
                .filter(|value| !value.is_empty())
                .map(|value| Given::new(name, value))
        };
        let secret = |name: &'static str| variable(name).map(|given| Secret::new(given.value));
        let option = |name: &'static str, value: &Option<String>| {
            value
                .as_ref()
                .filter(|value| !value.trim().is_empty())
                .map(|value| Given::new(name, value.as_str()))
        };
        let ci = Ci::from(environment);
        Self {
            config: option("--config", &options.config).or_else(|| variable("BGD_CONFIG")),
            environment: option("--environment", &options.environment)
                .or_else(|| variable("BGD_ENVIRONMENT")),
            release: option("--release", &options.release)
                .or_else(|| variable("BGD_RELEASE"))
                .or_else(|| ci.actions.head_of_the_pull_request())
                .or_else(|| variable("GITHUB_SHA")),
            region: option("--region", &options.region).or_else(|| variable("BGD_REGION")),
            region_of_ci: variable("AWS_REGION")
                .filter(|_| ci.is_ci)
                .map(|given| given.value),
            role_arn: option("--role-arn", &options.role_arn).or_else(|| variable("BGD_ROLE_ARN")),
            artifact: option("--artifact", &options.artifact).or_else(|| variable("BGD_ARTIFACT")),
            endpoint_url: option("--endpoint-url", &options.endpoint_url)
                .or_else(|| variable("BGD_ENDPOINT_URL"))
                .or_else(|| variable("AWS_ENDPOINT_URL")),
            identity: Identity {
                token_address: secret("ACTIONS_ID_TOKEN_REQUEST_URL"),
                token_right: secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
                session_ends: variable("AWS_ACCESS_KEY_ID")
                    .and_then(|_| variable("AWS_CREDENTIAL_EXPIRATION"))
                    .map(|given| given.value),
            },
            ci,
            telling: Telling {
                github_token: secret("BGD_GITHUB_TOKEN").or_else(|| secret("GITHUB_TOKEN")),
                comment: variable("BGD_COMMENT"),
                webhook_url: secret("BGD_WEBHOOK_URL"),
                webhook_kind: variable("BGD_WEBHOOK_KIND"),
                webhook_key: secret("BGD_WEBHOOK_KEY"),
                otlp: Otlp {
                    metrics_endpoint: variable("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
                    endpoint: variable("OTEL_EXPORTER_OTLP_ENDPOINT"),
                    headers: secret("OTEL_EXPORTER_OTLP_METRICS_HEADERS")
                        .or_else(|| secret("OTEL_EXPORTER_OTLP_HEADERS")),
                    resource_attributes: variable("OTEL_RESOURCE_ATTRIBUTES"),
                },
            },
            proxies: Proxies::from(|name| variable(name).map(|given| given.value)),
            no_color: variable("NO_COLOR").is_some()
                || environment.get("TERM").is_some_and(|term| term == "dumb"),
        }
    }
}

/// What of it is about the config.
impl From<&Inputs> for Overrides {
    fn from(inputs: &Inputs) -> Self {
        Self {
            file: inputs.config.clone(),
            environment: inputs.environment.clone(),
            release: inputs.release.clone(),
            commit: inputs.ci.released_commit(),
            region: inputs.region.clone(),
            region_of_ci: inputs.region_of_ci.clone(),
            artifact: inputs.artifact.clone(),
            endpoint_url: inputs.endpoint_url.clone(),
            comment: inputs.telling.comment.clone(),
        }
    }
}

impl Ci {
    /// The commit that is released: the head of the pull request whose event this is, else what was checked out.
    fn released_commit(&self) -> Option<String> {
        let head = self.actions.head_of_the_pull_request();
        head.map(|given| given.value)
            .or_else(|| self.commit.clone())
            .filter(|commit| is_commit(commit))
    }

    /// Who started the run, and why: "octocat, push to main".
    pub fn asked_by(&self) -> Option<String> {
        let actor = self.actor.as_deref()?;
        let on = self.actions.ref_name.as_deref().unwrap_or_default();
        let why = match self.actions.event_name.as_deref() {
            None => return Some(actor.to_owned()),
            Some("push") => format!("push to {on}"),
            Some("pull_request") => format!("pull request {}", on.trim_end_matches("/merge")),
            Some("workflow_dispatch") => format!("by hand, from {on}"),
            Some(event) => format!("{event} on {on}"),
        };
        Some(format!("{actor}, {}", why.trim_end()))
    }

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
            actions: Actions::from(&text),
        }
    }
}

/// Whether this is the full name of a commit.
pub fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
