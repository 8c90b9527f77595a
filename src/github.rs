//! GitHub's API in our own words: the only place that names octocrab.
//!
//! Of octocrab we use the client; its models are strict, and one field that an older GitHub Enterprise leaves out would lose
//! an answer, so answers are read by the few fields that are needed. Its retry, which sends a POST again at once, is not
//! even compiled in.
//!
//! Guarantees: requests go one after another, each with a time limit, all of them within one deadline. What looks or
//! overwrites is sent again when that can help, with growing pauses, or after as long as GitHub says. What makes something
//! is sent a second time only when a look has shown that it is not there (`make`), and never a third time. The
//! token goes to the API's host, into one header, and is in no error, log or `Debug`.

mod model;
mod trouble;
mod wire;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, USER_AGENT};
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http_client::{HttpClient, HttpError};
use crate::secret::Secret;
use crate::text;
use net_clock::Clock;

pub use model::{
    Account, Comment, Comparison, Deployment, DeploymentStatus, NewDeployment, NewDeploymentStatus,
    Pull,
};
pub use trouble::Trouble;
use trouble::{Kind, Told};
use wire::Wire;

/// An answer is there by then, connecting included.
const REQUEST: Duration = Duration::from_secs(8);
/// How often what can be sent again is sent.
const TRIES: u32 = 3;
/// Before the second time; twice as long before the third. GitHub lists what was just made a little later, too.
const PAUSE: Duration = Duration::from_secs(1);
/// What GitHub asks for after a limit that names no time.
const LIMIT_PAUSE: Duration = Duration::from_secs(60);
/// The most characters that are told of GitHub's own words.
const WORDS_MOST: usize = 200;

/// A client of one repository's API, for one moment of telling.
#[derive(Debug)]
pub struct GitHub {
    crab: Octocrab,
    /// Of the API, for messages.
    host: String,
    repository: String,
    token: Secret,
    clock: Clock,
    /// Nothing is sent after that, by the wall's clock.
    until: Duration,
}

/// The most that GitHub lists at once.
pub const PAGE: usize = 100;

impl GitHub {
    /// A client for `repository` ("owner/name") of the API at `url`, which stops after `limit`. Nothing is sent yet.
    pub fn connect(
        url: &str,
        repository: &str,
        token: &Secret,
        http: &HttpClient,
        clock: &Clock,
        limit: Duration,
    ) -> Result<Self, Trouble> {
        let base: http::Uri = url
            .trim_end_matches('/')
            .parse()
            .ok()
            .filter(|uri: &http::Uri| {
                uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))
            })
            .ok_or_else(|| Trouble::new(Kind::Refused, "GITHUB_API_URL is not an HTTP address"))?;
        let host = base.host().unwrap_or_default().to_owned();
        // A line break at the end is what many a secret was pasted with.
        let token = Secret::new(token.reveal().trim());
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.reveal()))
            .map_err(|_| Trouble::new(Kind::Token, "the GitHub token is not one line of ASCII"))?;
        bearer.set_sensitive(true);
        let headers = vec![
            (AUTHORIZATION, bearer),
            (
                ACCEPT,
                HeaderValue::from_static("application/vnd.github+json"),
            ),
            (USER_AGENT, HeaderValue::from_static("bg-deploy")),
        ];
        let Ok(crab) = OctocrabBuilder::new_empty()
            .with_service(Wire(http.clone()))
            .with_layer(&BaseUriLayer::new(base))
            .with_layer(&ExtraHeadersLayer::new(Arc::new(headers)))
            .with_auth(AuthState::None)
            .build();
        Ok(Self {
            crab,
            host,
            repository: repository.to_owned(),
            token,
            clock: clock.clone(),
            until: clock.wall() + limit,
        })
    }

    /// The login that the token belongs to; `None`: an installation's, which GitHub does not tell.
    pub async fn login(&self) -> Result<Option<String>, Trouble> {
        if self.token.reveal().starts_with("ghs_") {
            return Ok(None);
        }
        match self.look::<Account>("/user", &[]).await {
            Ok(account) => Ok(Some(account.login)),
            Err(trouble) if trouble.is_denied() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// A page of the environment's deployments, the newest first; pages count from one.
    pub async fn deployments(
        &self,
        environment: &str,
        page: usize,
    ) -> Result<Vec<Deployment>, Trouble> {
        let query = [
            ("environment", environment.to_owned()),
            ("per_page", PAGE.to_string()),
            ("page", page.to_string()),
        ];
        self.look(&self.route("deployments"), &query).await
    }

    /// Makes a deployment; `find` looks for it where it may have been made already.
    pub async fn deploy(
        &self,
        new: &NewDeployment,
        find: impl AsyncFn() -> Result<Option<Deployment>, Trouble>,
    ) -> Result<Deployment, Trouble> {
        self.make(&self.route("deployments"), new, find).await
    }

    /// A deployment's latest statuses.
    pub async fn statuses(&self, deployment: u64) -> Result<Vec<DeploymentStatus>, Trouble> {
        let query = [("per_page", "30".to_owned())];
        let route = self.route(&format!("deployments/{deployment}/statuses"));
        self.look(&route, &query).await
    }

    /// Adds a status to a deployment.
    pub async fn add_status(
        &self,
        deployment: u64,
        new: &NewDeploymentStatus,
    ) -> Result<DeploymentStatus, Trouble> {
        let find = async || {
            let latest = self.statuses(deployment).await?.into_iter();
            let latest = latest.max_by_key(|status| status.id);
            Ok(latest.filter(|status| {
                status.state == new.state && status.description.as_deref() == Some(&new.description)
            }))
        };
        let route = self.route(&format!("deployments/{deployment}/statuses"));
        self.make(&route, new, find).await
    }

    /// The first pull requests that a commit is part of.
    pub async fn pulls_of(&self, commit: &str) -> Result<Vec<Pull>, Trouble> {
        let query = [("per_page", "30".to_owned())];
        self.look(&self.route(&format!("commits/{commit}/pulls")), &query)
            .await
    }

    /// How the commit `head` stands to the commit `base`. The commits between them are listed as well: one is enough.
    pub async fn compare(&self, base: &str, head: &str) -> Result<Comparison, Trouble> {
        let query = [("per_page", "1".to_owned())];
        self.look(&self.route(&format!("compare/{base}...{head}")), &query)
            .await
    }

    /// A page of a pull request's comments, the oldest first; pages count from one.
    pub async fn comments(&self, pull: u64, page: usize) -> Result<Vec<Comment>, Trouble> {
        let query = [("per_page", PAGE.to_string()), ("page", page.to_string())];
        self.look(&self.route(&format!("issues/{pull}/comments")), &query)
            .await
    }

    /// Writes a comment; `find` looks for it where it may have been written already.
    pub async fn comment(
        &self,
        pull: u64,
        body: &str,
        find: impl AsyncFn() -> Result<Option<Comment>, Trouble>,
    ) -> Result<Comment, Trouble> {
        let route = self.route(&format!("issues/{pull}/comments"));
        self.make(&route, &serde_json::json!({ "body": body }), find)
            .await
    }

    /// Writes a comment anew.
    pub async fn edit(&self, comment: u64, body: &str) -> Result<Comment, Trouble> {
        let route = self.route(&format!("issues/comments/{comment}"));
        let body = serde_json::json!({ "body": body });
        self.again(async || self.crab.patch(&route, Some(&body)).await)
            .await
    }

    fn route(&self, below: &str) -> String {
        format!("/repos/{}/{below}", self.repository)
    }

    async fn look<T: DeserializeOwned>(
        &self,
        route: &str,
        query: &[(&str, String)],
    ) -> Result<T, Trouble> {
        let query = (!query.is_empty()).then_some(query);
        self.again(async || self.crab.get(route, query).await).await
    }

    /// Sends what does no harm when it is sent again.
    async fn again<T>(&self, send: impl AsyncFn() -> octocrab::Result<T>) -> Result<T, Trouble> {
        let mut pause = PAUSE;
        let mut left = TRIES;
        loop {
            left -= 1;
            let trouble = match self.once(send()).await {
                Err(trouble) if left > 0 && trouble.is_passing() => trouble,
                other => return other,
            };
            if !self.pause(trouble.wait.unwrap_or(pause)).await {
                return Err(trouble);
            }
            pause *= 2;
        }
    }

    /// Makes something: sent a second time only if it certainly was not made.
    async fn make<T: DeserializeOwned>(
        &self,
        route: &str,
        new: &impl Serialize,
        find: impl AsyncFn() -> Result<Option<T>, Trouble>,
    ) -> Result<T, Trouble> {
        let trouble = match self.once(self.crab.post(route, Some(new))).await {
            Err(trouble) if trouble.is_passing() => trouble,
            other => return other,
        };
        if !self.pause(trouble.wait.unwrap_or(PAUSE)).await {
            return Err(trouble);
        }
        if trouble.may_have_happened() {
            match find().await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(_) => return Err(trouble),
            }
        }
        self.once(self.crab.post(route, Some(new))).await
    }

    /// Waits for one answer, no longer than there is time.
    async fn once<T>(
        &self,
        answer: impl Future<Output = octocrab::Result<T>>,
    ) -> Result<T, Trouble> {
        let limit = REQUEST.min(self.until.saturating_sub(self.clock.wall()));
        if limit.is_zero() {
            return Err(Trouble::new(Kind::NotSent, "there was no time left for it"));
        }
        match self.clock.within_wall(limit, answer).await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => Err(self.trouble(&error)),
            None => Err(Trouble::new(
                Kind::Unknown,
                format!("GitHub did not answer within {} s", limit.as_secs().max(1)),
            )),
        }
    }

    /// Lets time pass; `false` when there is not so much.
    async fn pause(&self, pause: Duration) -> bool {
        let pause = pause.div_f64(self.clock.speed());
        let fits = self.clock.wall() + pause < self.until;
        if fits {
            self.clock.sleep_wall(pause).await;
        }
        fits
    }

    /// Reads an error of octocrab's.
    fn trouble(&self, error: &octocrab::Error) -> Trouble {
        match error {
            octocrab::Error::GitHub { source, .. } => self.refusal(source),
            octocrab::Error::Service { source, .. } => match source.downcast_ref::<HttpError>() {
                Some(HttpError::NotSent(why)) => Trouble::new(
                    Kind::NotSent,
                    format!("GitHub cannot be reached at {}: {why}", self.host),
                ),
                _ => Trouble::new(Kind::Unknown, "the connection to GitHub broke"),
            },
            octocrab::Error::Hyper { .. } | octocrab::Error::Other { .. } => {
                Trouble::new(Kind::Unknown, "the connection to GitHub broke")
            }
            octocrab::Error::Json { .. } | octocrab::Error::Serde { .. } => Trouble::new(
                Kind::Unknown,
                "GitHub's answer could not be read: is GITHUB_API_URL right?",
            ),
            _ => Trouble::new(Kind::Refused, "the request could not be made"),
        }
    }

    /// Reads an answer that is no success.
    fn refusal(&self, error: &octocrab::GitHubError) -> Trouble {
        let status = error.status_code;
        let message = self.harmless(&error.message);
        let said = format!("({}: {message})", status.as_u16());
        let told = Told::of(&error.message);
        let header = |name: &str| {
            let headers = error.headers.as_ref()?;
            headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok()
        };
        let retry_after = header("retry-after").map(Duration::from_secs);
        let used_up = header("x-ratelimit-remaining") == Some(0);
        let code = status.as_u16();
        if code == 429 || (code == 403 && (told == Told::Limit || used_up || retry_after.is_some()))
        {
            let now = self.clock.utc().duration_since(UNIX_EPOCH);
            let now = now.unwrap_or_default();
            let until_reset = error
                .rate_limit_reset
                .filter(|_| used_up)
                .map(|reset| Duration::from_secs(reset).saturating_sub(now));
            let wait = retry_after.or(until_reset).unwrap_or(LIMIT_PAUSE);
            return Trouble {
                kind: Kind::Limited,
                words: format!(
                    "GitHub limits how often it is asked {said}, for {} s more",
                    wait.as_secs()
                ),
                wait: Some(wait),
            };
        }
        let (kind, words) = match code {
            401 => (
                Kind::Token,
                format!("GitHub does not accept the token {said}"),
            ),
            // Only a person can change that.
            403 if told == Told::Locked => (Kind::Refused, format!("GitHub refuses it {said}")),
            403 => (
                Kind::Denied,
                format!("the GitHub token may not do this {said}"),
            ),
            404 | 410 => (Kind::NotFound, format!("GitHub does not find it {said}")),
            500.. => (
                Kind::Unknown,
                format!("GitHub has a problem of its own {said}"),
            ),
            _ => (Kind::Refused, format!("GitHub refuses it {said}")),
        };
        Trouble {
            kind,
            words,
            wait: retry_after,
        }
    }

    /// Foreign words as one harmless line without the token.
    fn harmless(&self, words: &str) -> String {
        let hidden = match self.token.reveal() {
            "" => words.to_owned(),
            token => words.replace(token, "***"),
        };
        text::cut(&text::one_line(&hidden), WORDS_MOST)
    }
}
