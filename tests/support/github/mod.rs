//! A GitHub for tests: deployments, their statuses, pull requests and their comments, over real TCP.
//!
//! Guarantees: every request is held against GitHub's own description of its API (`contract`): an unknown route, field or
//! query parameter, a missing token, a text that is too long fail the test with words, at the latest when this is
//! dropped. Every answer is made from the description's own examples, and held against it as well.
//!
//! # Use
//!
//! A test file says `#[path = "../support/github/mod.rs"] mod github;`, and then:
//!
//! ```ignore
//! let github = GitHub::start().await;             // or GitHub::enterprise(): its API is below /api/v3
//! github.pull_request(7, SHA, "open");            // what stands before the run
//! github.job_deployment("prod", SHA, RUN_URL);    // the job's own, as `environment:` makes it
//! github.comment(7, BOT, "text");
//! github.fail(Rule::on("POST", "/comments").status(403));
//! // Run with GITHUB_API_URL=github.url(), GITHUB_TOKEN=TOKEN, GITHUB_REPOSITORY=REPOSITORY, GITHUB_SHA=SHA.
//! github.deployments();   // what stands now, as GitHub's JSON; the oldest first
//! github.statuses(id);    // of one deployment, the oldest first; with `auto_inactive` as it was sent
//! github.comments(7);     // of one pull request
//! github.requests();      // "POST /repos/octo/hello/deployments", in order
//! github.problems();      // what was wrong with them; asked for, they no longer fail the test
//! ```
//!
//! With [`TOKEN`] the author is [`BOT`], and `GET /user` is refused, as for a job's own token; with [`PERSONAL_TOKEN`] it is
//! [`PERSON`].

#![allow(dead_code, reason = "each test file uses its part of it")]

mod contract;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use contract::{Contract, Operation};
use state::State;

/// A job's own token: an installation's.
pub(crate) const TOKEN: &str = "ghs_thetokenofthejob";
/// A person's token.
pub(crate) const PERSONAL_TOKEN: &str = "ghp_thetokenofaperson";
/// Who writes with [`TOKEN`].
pub(crate) const BOT: &str = "github-actions[bot]";
/// Who writes with [`PERSONAL_TOKEN`].
pub(crate) const PERSON: &str = "ada";
/// The repository.
pub(crate) const REPOSITORY: &str = "octo/hello";
/// A commit.
pub(crate) const SHA: &str = "a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d";

/// What goes wrong, and with which requests.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    method: &'static str,
    path: &'static str,
    times: usize,
    status: u16,
    message: String,
    headers: Vec<(&'static str, String)>,
    delay: Duration,
    applied: bool,
}

impl Rule {
    /// Requests by this method (`*` for any) whose path ends with this (an empty text: any path).
    pub(crate) fn on(method: &'static str, path: &'static str) -> Self {
        Self {
            method,
            path,
            times: usize::MAX,
            status: 502,
            message: "Server Error".to_owned(),
            headers: Vec::new(),
            delay: Duration::ZERO,
            applied: false,
        }
    }

    /// Only so many of them; then the rule is gone.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Are answered with this status. Below 400, they are carried out and only the rest of the rule holds.
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// And this message.
    pub(crate) fn message(mut self, message: &str) -> Self {
        self.message = message.to_owned();
        self
    }

    /// And this header.
    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// After so long.
    pub(crate) fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Though they were carried out.
    pub(crate) fn applied(mut self) -> Self {
        self.applied = true;
        self
    }

    fn meets(&self, method: &str, path: &str) -> bool {
        self.times > 0 && (self.method == "*" || self.method == method) && path.ends_with(self.path)
    }
}

/// A GitHub of its own for one test.
pub(crate) struct GitHub {
    server: MockServer,
    base: &'static str,
    inner: Arc<Inner>,
}

struct Inner {
    base: &'static str,
    contract: Contract,
    state: Mutex<State>,
}

impl GitHub {
    /// As github.com, whose API has a host of its own.
    pub(crate) async fn start() -> Self {
        Self::at("").await
    }

    /// As GitHub Enterprise Server, whose API is below `/api/v3`.
    pub(crate) async fn enterprise() -> Self {
        Self::at("/api/v3").await
    }

    async fn at(base: &'static str) -> Self {
        let inner = Arc::new(Inner {
            base,
            contract: Contract::new(),
            state: Mutex::new(State::default()),
        });
        let server = MockServer::start().await;
        Mock::given(wiremock::matchers::any())
            .respond_with(Answering(Arc::clone(&inner)))
            .mount(&server)
            .await;
        Self {
            server,
            base,
            inner,
        }
    }

    /// For `GITHUB_API_URL`.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.server.uri(), self.base)
    }

    /// From now on, this goes wrong.
    pub(crate) fn fail(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// All is well again.
    pub(crate) fn recover(&self) {
        self.state().rules.clear();
    }

    /// A pull request of this commit stands: `open`, `merged` or `closed`.
    pub(crate) fn pull_request(&self, number: u64, sha: &str, state: &str) {
        let mut pull = self.inner.contract.example("pull-request-simple-items")[0].take();
        pull["number"] = json!(number);
        // The example's team lacks what the description requires.
        pull["requested_teams"] = json!([]);
        pull["state"] = json!(if state == "open" { "open" } else { "closed" });
        pull["merged_at"] = match state {
            "merged" => json!("2011-01-26T19:01:12Z"),
            _ => Value::Null,
        };
        self.state().pulls.push((sha.to_owned(), pull));
    }

    /// These commits follow one another, the oldest first.
    pub(crate) fn branch(&self, commits: &[&str]) {
        self.state().branch = commits.iter().map(|&commit| commit.to_owned()).collect();
    }

    /// This commit is on a branch of its own.
    pub(crate) fn elsewhere(&self, commit: &str) {
        self.state().elsewhere.push(commit.to_owned());
    }

    /// Somebody has commented. Answers with the comment's id.
    pub(crate) fn comment(&self, number: u64, author: &str, body: &str) -> u64 {
        let mut state = self.state();
        let comment = state.comment(&self.inner.contract, number, author, body);
        comment["id"].as_u64().expect("an id")
    }

    /// Somebody has deleted it.
    pub(crate) fn delete_comment(&self, id: u64) {
        self.state()
            .comments
            .retain(|(_, comment)| comment["id"] != id);
    }

    /// The job that this run is in has an `environment:`, and GitHub made its deployment. Answers with its id.
    pub(crate) fn job_deployment(&self, environment: &str, sha: &str, run_url: &str) -> u64 {
        let wanted = json!({
            "ref": sha, "task": "deploy", "environment": environment, "description": null, "payload": "",
        });
        let mut state = self.state();
        let deployment = state.deploy(&self.inner.contract, &wanted, BOT);
        let id = deployment["id"].as_u64().expect("an id");
        let log_url = format!("{run_url}/job/55");
        let began = json!({ "state": "in_progress", "log_url": log_url, "auto_inactive": false });
        state.status(&self.inner.contract, id, &began, BOT);
        id
    }

    /// All deployments, the oldest first.
    pub(crate) fn deployments(&self) -> Vec<Value> {
        self.state().deployments.clone()
    }

    /// A deployment's statuses, the oldest first.
    pub(crate) fn statuses(&self, deployment: u64) -> Vec<Value> {
        let state = self.state();
        state.statuses.get(&deployment).cloned().unwrap_or_default()
    }

    /// The states that a deployment went through, the first one first.
    pub(crate) fn states(&self, deployment: u64) -> Vec<String> {
        let statuses = self.statuses(deployment);
        let states = statuses.iter().map(|status| status["state"].as_str());
        states.flatten().map(str::to_owned).collect()
    }

    /// A pull request's comments, the oldest first.
    pub(crate) fn comments(&self, number: u64) -> Vec<Value> {
        let state = self.state();
        let of_it = state.comments.iter().filter(|(of, _)| *of == number);
        of_it.map(|(_, comment)| comment.clone()).collect()
    }

    /// Methods and paths, in the order they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// What was wrong with requests (or with this GitHub's own answers) until now.
    pub(crate) fn problems(&self) -> Vec<String> {
        std::mem::take(&mut self.state().problems)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state()
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        let problems = self.problems();
        if !std::thread::panicking() {
            assert!(
                problems.is_empty(),
                "GitHub's API was misused: {problems:#?}"
            );
        }
    }
}

struct Answering(Arc<Inner>);

impl Respond for Answering {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.respond(request)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn respond(&self, request: &Request) -> ResponseTemplate {
        let method = request.method.as_str();
        let mut state = self.state();
        state
            .requests
            .push(format!("{method} {}", request.url.path()));
        let (operation, author) = match self.admitted(request, &mut state) {
            Ok(admitted) => admitted,
            Err((status, message)) => return refusal(status, &message),
        };
        let path = request.url.path();
        let rule = state.rules.iter_mut().find(|rule| rule.meets(method, path));
        let rule = rule.map(|rule| {
            rule.times -= 1;
            rule.clone()
        });
        if let Some(rule) = &rule
            && rule.status >= 400
            && !rule.applied
        {
            return wronged(refusal(rule.status, &rule.message), rule);
        }
        let (status, body) = state.carry_out(&self.contract, &operation, request, author);
        let mut wrong = self.contract.answer(&operation, status, &body);
        wrong.iter_mut().for_each(|words| {
            *words = format!("this GitHub's own answer to {method} {path}: {words}");
        });
        state.problems.append(&mut wrong);
        match &rule {
            Some(rule) if rule.status >= 400 => wronged(refusal(rule.status, &rule.message), rule),
            Some(rule) => wronged(answer(status, &body), rule),
            None => answer(status, &body),
        }
    }

    /// The operation and who asks for it, if the request keeps to the description.
    fn admitted(
        &self,
        request: &Request,
        state: &mut State,
    ) -> Result<(Operation, &'static str), (u16, String)> {
        let (method, path) = (request.method.as_str(), request.url.path());
        let mut wrong = |status: u16, words: &[String], message: &str| {
            let of = words
                .iter()
                .map(|words| format!("{method} {path}: {words}"));
            state.problems.extend(of);
            (status, message.to_owned())
        };
        let below = path.strip_prefix(self.base);
        let operation = below.and_then(|path| self.contract.operation(method, path));
        let Some(operation) = operation else {
            return Err(wrong(404, &["no such route".to_owned()], "Not Found"));
        };
        let bearer = request
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let author = match bearer {
            Some(TOKEN) => BOT,
            Some(PERSONAL_TOKEN) => PERSON,
            // A wrong token is a user's mistake, none is ours.
            Some(_) => return Err((401, "Bad credentials".to_owned())),
            None => {
                let words = ["no token".to_owned()];
                return Err(wrong(401, &words, "Requires authentication"));
            }
        };
        let query: Vec<_> = request.url.query_pairs().into_owned().collect();
        let mut words = self.contract.query(&operation, &query);
        words.extend(self.contract.body(&operation, &request.body));
        if !words.is_empty() {
            return Err(wrong(422, &words, "Validation Failed"));
        }
        Ok((operation, author))
    }
}

fn answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn refusal(status: u16, message: &str) -> ResponseTemplate {
    let documentation = "https://docs.github.com/rest";
    answer(
        status,
        &json!({ "message": message, "documentation_url": documentation, "status": status.to_string() }),
    )
}

fn wronged(mut response: ResponseTemplate, rule: &Rule) -> ResponseTemplate {
    for (name, value) in &rule.headers {
        response = response.insert_header(*name, value.as_str());
    }
    response.set_delay(rule.delay)
}
