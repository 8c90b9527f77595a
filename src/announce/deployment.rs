//! GitHub's deployment and its statuses.
//!
//! One for each deploy and each rollback, `in_progress` from before anything long, ended as [`state_of`] says. A job with
//! `environment:` has one already, made by GitHub before the job began: then that is the one ([`Memory`]), and GitHub ends it
//! once more with the job. (`environment: { name: prod, deployment: false }` keeps a job from making one.)
//!
//! Guarantees: one deployment for a run, whatever answers are lost; a deployment of ours that was live until now is
//! `inactive` once another one serves; none of another app's is touched.

use serde_json::{Value, json};

use super::job::Job;
use crate::github::{Deployment, GitHub, NewDeployment, NewDeploymentStatus, PAGE, Trouble};
use crate::inputs::is_commit;
use crate::outcome::Outcome;
use crate::report::{self, Run};
use crate::run::beginning::{Beginning, Memory};
use crate::text;

/// The line of `permissions:` that this takes.
pub(super) const PERMISSION: &str = "deployments: write";
/// Whose deployments a job's `environment:` makes.
const JOBS: &str = "github-actions[bot]";
/// How many deployments of the same commit are looked at for the job's own, the newest first.
const MOST_CANDIDATES: usize = 5;
/// How many failed deployments in a row are looked past for the one that was live.
const MOST_LOOKED_PAST: usize = 20;
/// How many pages of deployments are searched for the release to go back to.
const MOST_PAGES: usize = 3;
/// GitHub's limit for a description.
const DESCRIPTION_MOST: usize = 140;

/// Begins the run's deployment, or finds the job's. What stands is in `memory`, though the rest fails.
pub(super) async fn begin(
    github: &GitHub,
    job: &Job,
    beginning: &Beginning,
    memory: &mut Memory,
) -> Result<(), Trouble> {
    let (task, verb) = match beginning.command.as_str() {
        "deploy" => ("deploy", "Releasing"),
        "rollback" => ("rollback", "Going back to"),
        // Nothing is deployed.
        _ => return Ok(()),
    };
    let newest = github.deployments(&beginning.environment, 1).await?;
    let id = if let Some(id) = made_by_the_job(github, job, &newest).await? {
        memory.deployment_is_the_jobs = true;
        id
    } else {
        let commit = commit(github, job, beginning, newest).await?;
        make(github, job, beginning, task, commit, memory).await?.id
    };
    memory.deployment = Some(id);
    let mut description = format!("{verb} {} {}", beginning.app, beginning.release);
    if let Some(previous) = &beginning.previous {
        description.push_str(&format!("; {previous} is live"));
    }
    let status = status(job, beginning.url.as_deref(), "in_progress", &description);
    github.add_status(id, &status).await?;
    Ok(())
}

/// Ends it, and retires the one that it replaced.
pub(super) async fn end(
    github: &GitHub,
    job: &Job,
    beginning: &Beginning,
    memory: &Memory,
    run: &Run<'_>,
) -> Result<(), Trouble> {
    let id = match memory.deployment {
        Some(id) => id,
        None if memory.deployment_unsure => match find(github, job, beginning).await? {
            Some(deployment) => deployment.id,
            None => return Ok(()),
        },
        None => return Ok(()),
    };
    let url = run.live_url.as_deref().or(beginning.url.as_deref());
    let status = status(job, url, state_of(run.outcome), &report::status(run));
    github.add_status(id, &status).await?;
    if serves(run.outcome) {
        retire(github, job, beginning, id).await?;
    }
    Ok(())
}

/// What GitHub is told: `success` says that the release serves and that this was proved. A release that serves without
/// proof is a `failure`, like the job (exit code 7): a rule that requires a deployment to succeed before the next
/// environment must not be met by what nobody saw. The description says which release serves.
pub(super) fn state_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Deployed { .. } | Outcome::NothingToDo { .. } => "success",
        Outcome::RolledBack { .. }
        | Outcome::Cancelled { .. }
        | Outcome::Refused { .. }
        | Outcome::Stopped { .. }
        | Outcome::Unproven { .. } => "failure",
        Outcome::Stuck { .. } => "error",
        // Nothing was deployed.
        Outcome::Verified { .. } => "inactive",
    }
}

/// Whether the wanted release is the one that serves now.
fn serves(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Deployed { .. } | Outcome::NothingToDo { .. } | Outcome::Unproven { .. }
    )
}

async fn make(
    github: &GitHub,
    job: &Job,
    beginning: &Beginning,
    task: &'static str,
    commit: String,
    memory: &mut Memory,
) -> Result<Deployment, Trouble> {
    let verb = if task == "rollback" {
        "Back to"
    } else {
        "Release"
    };
    let environment = &beginning.environment;
    let is_production = ["prod", "production"]
        .iter()
        .any(|name| environment.eq_ignore_ascii_case(name));
    let mut new = NewDeployment {
        commit,
        task,
        environment: environment.clone(),
        description: description(&format!("{verb} {} {}", beginning.app, beginning.release)),
        payload: json!({
            "tool": "bg-deploy",
            "app": beginning.app,
            "environment": environment,
            "release": beginning.release,
            "previous": beginning.previous,
            "run_id": job.run,
            "attempt": job.attempt,
        }),
        production_environment: is_production,
        auto_merge: false,
        required_contexts: [],
    };
    let find = async || find(github, job, beginning).await;
    let mut made = github.deploy(&new, find).await;
    // A release can look like a commit, and be none of this repository's.
    if new.commit != job.head() && made.as_ref().is_err_and(Trouble::is_refused) {
        job.head().clone_into(&mut new.commit);
        made = github.deploy(&new, find).await;
    }
    memory.deployment_unsure = made.as_ref().is_err_and(Trouble::may_have_happened);
    made
}

/// The commit that is deployed: for a rollback the one that was released then, not the tip of a branch.
async fn commit(
    github: &GitHub,
    job: &Job,
    beginning: &Beginning,
    newest: Vec<Deployment>,
) -> Result<String, Trouble> {
    if beginning.command != "rollback" {
        return Ok(job.head().to_owned());
    }
    if is_commit(&beginning.release.0) {
        return Ok(beginning.release.0.clone());
    }
    let mut listed = newest;
    for page in 2..=MOST_PAGES + 1 {
        let of_then = listed.iter().find(|deployment| {
            let payload = payload(deployment);
            is_ours(&payload, beginning) && payload["release"] == *beginning.release.0
        });
        if let Some(deployment) = of_then {
            return Ok(deployment.sha.clone());
        }
        if listed.len() < PAGE || page > MOST_PAGES {
            break;
        }
        listed = github.deployments(&beginning.environment, page).await?;
    }
    Ok(job.head().to_owned())
}

/// This run's own deployment, when it is not known whether it was made.
async fn find(
    github: &GitHub,
    job: &Job,
    beginning: &Beginning,
) -> Result<Option<Deployment>, Trouble> {
    let listed = github.deployments(&beginning.environment, 1).await?;
    Ok(listed.into_iter().find(|deployment| {
        let payload = payload(deployment);
        is_ours(&payload, beginning)
            && payload["run_id"] == job.run
            && payload["attempt"] == job.attempt
    }))
}

/// The deployment that GitHub made for the job's `environment:`, if it has one: not ended, and logged in this run.
async fn made_by_the_job(
    github: &GitHub,
    job: &Job,
    newest: &[Deployment],
) -> Result<Option<u64>, Trouble> {
    let candidates = newest.iter().filter(|deployment| {
        let creator = deployment.creator.as_ref();
        creator.is_some_and(|creator| creator.login == JOBS)
            && payload(deployment)["tool"].is_null()
            && (deployment.sha == job.commit || deployment.sha == job.head())
    });
    for candidate in candidates.take(MOST_CANDIDATES) {
        let statuses = github.statuses(candidate.id).await?;
        let of_this_run = statuses.iter().any(|status| {
            [&status.log_url, &status.target_url]
                .into_iter()
                .flatten()
                .any(|url| is_of_run(url, job.run))
        });
        let last = statuses.iter().max_by_key(|status| status.id);
        let goes_on = last.is_some_and(|status| {
            !matches!(
                status.state.as_str(),
                "success" | "failure" | "error" | "inactive"
            )
        });
        if of_this_run && goes_on {
            return Ok(Some(candidate.id));
        }
    }
    Ok(None)
}

/// Marks as inactive what we deployed there before, and what was live until now. GitHub's own `auto_inactive` would
/// leave out production, and take other apps' with it.
async fn retire(
    github: &GitHub,
    job: &Job,
    beginning: &Beginning,
    now: u64,
) -> Result<(), Trouble> {
    let listed = github.deployments(&beginning.environment, 1).await?;
    let before = listed
        .iter()
        .filter(|one| one.id < now && is_ours(&payload(one), beginning));
    for one in before.take(MOST_LOOKED_PAST) {
        let statuses = github.statuses(one.id).await?;
        let last = statuses.iter().max_by_key(|status| status.id);
        match last.map(|status| status.state.as_str()) {
            Some("success") => {
                let words = format!("Replaced by {}", beginning.release);
                let inactive = status(job, None, "inactive", &words);
                github.add_status(one.id, &inactive).await?;
            }
            // Whatever stood before that was retired when this one was live.
            Some("inactive") => break,
            _ => {}
        }
    }
    Ok(())
}

fn description(words: &str) -> String {
    text::cut(&text::one_line(words), DESCRIPTION_MOST)
}

fn status(job: &Job, url: Option<&str>, state: &'static str, words: &str) -> NewDeploymentStatus {
    NewDeploymentStatus {
        state,
        description: description(words),
        log_url: job.run_url.as_deref().and_then(text::link),
        environment_url: url.and_then(text::link),
        auto_inactive: false,
    }
}

/// What whoever made it wanted to remember: GitHub hands it back as it was, or as text.
fn payload(deployment: &Deployment) -> Value {
    match &deployment.payload {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        other => other.clone(),
    }
}

/// Whether this app deployed it to this environment, by this tool.
fn is_ours(payload: &Value, beginning: &Beginning) -> bool {
    payload["tool"] == "bg-deploy"
        && payload["app"] == *beginning.app
        && payload["environment"] == *beginning.environment
}

/// Whether a log's address is of this run: `.../actions/runs/7`, or below that.
fn is_of_run(url: &str, run: u64) -> bool {
    url.split_once(&format!("/actions/runs/{run}"))
        .is_some_and(|(_, rest)| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_not_taken_for_another_one_whose_number_begins_alike() {
        let page = "https://github.com/octo/hello/actions/runs/71";
        assert!(is_of_run(page, 71) && is_of_run(&format!("{page}/job/5"), 71));
        assert!(!is_of_run(page, 7) && !is_of_run(page, 1) && !is_of_run("", 71));
    }
}
