//! What stands in a test's GitHub, and what requests do to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wiremock::Request;

use super::contract::{Contract, Operation};
use super::{BOT, PERSON, REPOSITORY, Rule};

/// Everything that stands.
#[derive(Default)]
pub(super) struct State {
    pub(super) deployments: Vec<Value>,
    pub(super) statuses: BTreeMap<u64, Vec<Value>>,
    pub(super) comments: Vec<(u64, Value)>,
    /// Each with the commit that it is of.
    pub(super) pulls: Vec<(String, Value)>,
    /// Commits of one branch, the oldest first; and those of others.
    pub(super) branch: Vec<String>,
    pub(super) elsewhere: Vec<String>,
    pub(super) rules: Vec<Rule>,
    pub(super) requests: Vec<String>,
    pub(super) problems: Vec<String>,
    last_id: u64,
}

impl State {
    /// Status and body of the answer to a request that keeps to the description.
    pub(super) fn carry_out(
        &mut self,
        contract: &Contract,
        operation: &Operation,
        request: &Request,
        author: &str,
    ) -> (u16, Value) {
        if operation.template == "/user" {
            return user(contract, author);
        }
        let asked = format!("{}/{}", operation.value("owner"), operation.value("repo"));
        if asked != REPOSITORY {
            return not_found();
        }
        let query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let number = |name: &str| operation.value(name).parse().unwrap_or_default();
        let what = operation.template.rsplit('/').next().unwrap_or_default();
        match (operation.method.as_str(), what) {
            ("get", "deployments") => (200, page(self.found(&query), &query)),
            // GitHub would merge the default branch into the ref, or wait for every check of the commit.
            ("post", "deployments") if body["auto_merge"] != false => {
                (202, json!({ "message": "Auto-merged main into the ref." }))
            }
            ("post", "deployments") if body["required_contexts"] != json!([]) => (
                409,
                json!({ "message": "Conflict: Commit status checks failed for the ref." }),
            ),
            ("post", "deployments") => (201, self.deploy(contract, &body, author)),
            ("get", "statuses") => match self.statuses.get(&number("deployment_id")) {
                Some(statuses) => {
                    let newest = statuses.iter().rev().map(without_our_own).collect();
                    (200, page(newest, &query))
                }
                None => not_found(),
            },
            ("post", "statuses") => {
                let id = number("deployment_id");
                if !self.statuses.contains_key(&id) {
                    return not_found();
                }
                let status = self.status(contract, id, &body, author);
                (201, without_our_own(&status))
            }
            ("get", "{basehead}") => self.compare(contract, operation.value("basehead")),
            ("get", "pulls") => {
                let sha = operation.value("commit_sha");
                let of_it = self.pulls.iter().filter(|(of, _)| of == sha);
                (
                    200,
                    page(of_it.map(|(_, pull)| pull.clone()).collect(), &query),
                )
            }
            ("get", "comments") => {
                let of = number("issue_number");
                let of_it = self.comments.iter().filter(|(number, _)| *number == of);
                let comments = of_it.map(|(_, comment)| comment.clone()).collect();
                (200, page(comments, &query))
            }
            ("post", "comments") => {
                let text = body["body"].as_str().unwrap_or_default();
                (
                    201,
                    self.comment(contract, number("issue_number"), author, text),
                )
            }
            ("patch", _) => self.edit(number("comment_id"), &body),
            _ => not_found(),
        }
    }

    /// How the second of two commits stands to the first.
    fn compare(&self, contract: &Contract, pair: &str) -> (u16, Value) {
        let Some((base, head)) = pair.split_once("...") else {
            return not_found();
        };
        let place = |commit: &str| self.branch.iter().position(|known| known == commit);
        let is_known =
            |commit| place(commit).is_some() || self.elsewhere.contains(&String::from(commit));
        if !is_known(base) || !is_known(head) {
            return not_found();
        }
        let (status, ahead, behind) = match (place(base), place(head)) {
            (Some(base), Some(head)) if base < head => ("ahead", head - base, 0),
            (Some(base), Some(head)) if base > head => ("behind", 0, base - head),
            _ if base == head => ("identical", 0, 0),
            _ => ("diverged", 1, 1),
        };
        let mut comparison = contract.example("commit-comparison");
        comparison["status"] = json!(status);
        comparison["ahead_by"] = json!(ahead);
        comparison["behind_by"] = json!(behind);
        comparison["total_commits"] = json!(ahead);
        comparison["commits"] = json!([]);
        comparison["files"] = json!([]);
        (200, comparison)
    }

    pub(super) fn deploy(&mut self, contract: &Contract, wanted: &Value, author: &str) -> Value {
        let id = self.id();
        let mut deployment = contract.example("deployment-simple-example");
        let environment = wanted["environment"].as_str().unwrap_or("production");
        deployment["id"] = json!(id);
        deployment["sha"] = wanted["ref"].clone();
        deployment["ref"] = wanted["ref"].clone();
        deployment["task"] = json!(wanted["task"].as_str().unwrap_or("deploy"));
        deployment["payload"] = match &wanted["payload"] {
            Value::Null => json!(""),
            payload => payload.clone(),
        };
        deployment["environment"] = json!(environment);
        deployment["original_environment"] = json!(environment);
        deployment["description"] = wanted["description"].clone();
        deployment["creator"] = account(&deployment["creator"], author);
        deployment["production_environment"] = match &wanted["production_environment"] {
            Value::Null => json!(environment == "production"),
            given => given.clone(),
        };
        self.statuses.insert(id, Vec::new());
        self.deployments.push(deployment.clone());
        deployment
    }

    /// Adds a status, and retires what GitHub retires by itself.
    pub(super) fn status(
        &mut self,
        contract: &Contract,
        deployment: u64,
        wanted: &Value,
        author: &str,
    ) -> Value {
        let id = self.id();
        let mut status = contract.example("deployment-status");
        status["id"] = json!(id);
        status["creator"] = account(&status["creator"], author);
        status["auto_inactive"] = wanted["auto_inactive"].clone();
        for field in ["state", "description", "log_url", "environment_url"] {
            status[field] = json!(wanted[field].as_str().unwrap_or_default());
        }
        status["target_url"] = status["log_url"].clone();
        let of = self.deployments.iter().find(|one| one["id"] == deployment);
        let of = of.expect("a deployment").clone();
        status["environment"] = of["environment"].clone();
        let list = self.statuses.entry(deployment).or_default();
        list.push(status.clone());
        if wanted["state"] == "success" && wanted["auto_inactive"] != false {
            self.retire_before(&of);
        }
        status
    }

    fn retire_before(&mut self, of: &Value) {
        let before = self.deployments.iter().filter(|one| {
            one["environment"] == of["environment"]
                && one["production_environment"] == false
                && one["id"].as_u64() < of["id"].as_u64()
        });
        for one in before {
            let list = self.statuses.entry(one["id"].as_u64().expect("an id"));
            let list = list.or_default();
            if let Some(mut last) = list
                .last()
                .filter(|last| last["state"] == "success")
                .cloned()
            {
                last["state"] = json!("inactive");
                list.push(last);
            }
        }
    }

    pub(super) fn comment(
        &mut self,
        contract: &Contract,
        number: u64,
        author: &str,
        body: &str,
    ) -> Value {
        let mut comment = contract.example("issue-comment");
        comment["id"] = json!(self.id());
        comment["user"] = account(&comment["user"], author);
        comment["body"] = json!(body);
        self.comments.push((number, comment.clone()));
        comment
    }

    fn edit(&mut self, id: u64, body: &Value) -> (u16, Value) {
        let found = self.comments.iter_mut().find(|(_, one)| one["id"] == id);
        match found {
            Some((_, comment)) => {
                comment["body"] = body["body"].clone();
                (200, comment.clone())
            }
            None => not_found(),
        }
    }

    /// The deployments that a query asks for, the newest first.
    fn found(&self, query: &BTreeMap<String, String>) -> Vec<Value> {
        let asked = ["sha", "ref", "task", "environment"];
        let fits = |one: &&Value| {
            let wanted = asked
                .iter()
                .filter_map(|name| Some((name, query.get(*name)?)));
            wanted
                .into_iter()
                .all(|(name, value)| one[*name] == **value)
        };
        self.deployments
            .iter()
            .rev()
            .filter(fits)
            .cloned()
            .collect()
    }

    fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id + 1000
    }
}

fn user(contract: &Contract, author: &str) -> (u16, Value) {
    if author == BOT {
        let message = "Resource not accessible by integration";
        return (403, json!({ "message": message }));
    }
    let name = "private-user-response-with-public-and-private-profile-information";
    (200, account(&contract.example(name), author))
}

fn account(example: &Value, login: &str) -> Value {
    let mut account = example.clone();
    account["login"] = json!(login);
    account["id"] = json!(if login == PERSON { 7 } else { 41_898_282 });
    account["type"] = json!(if login.ends_with("[bot]") {
        "Bot"
    } else {
        "User"
    });
    account
}

/// What GitHub does not tell, and tests want to know, is taken out of an answer.
fn without_our_own(status: &Value) -> Value {
    let mut status = status.clone();
    if let Some(fields) = status.as_object_mut() {
        fields.remove("auto_inactive");
    }
    status
}

fn page(all: Vec<Value>, query: &BTreeMap<String, String>) -> Value {
    let number = |name: &str, default: usize| {
        let given = query.get(name).and_then(|text| text.parse().ok());
        given.unwrap_or(default)
    };
    let (size, page) = (number("per_page", 30), number("page", 1));
    let skipped = size * page.saturating_sub(1);
    Value::Array(all.into_iter().skip(skipped).take(size).collect())
}

fn not_found() -> (u16, Value) {
    (404, json!({ "message": "Not Found" }))
}
