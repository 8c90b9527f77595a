//! Deployments and their statuses.

use super::github::{GitHub, Rule, SHA};
use super::{Job, RUN_URL, URL, deployed, nothing_to_do, rolled_back};
use bg_deploy::names::{Colour, Release};
use bg_deploy::outcome::Outcome;
use bg_deploy::run::beginning::Memory;
use serde_json::{Value, json};

/// The one deployment that there is.
fn only(github: &GitHub) -> Value {
    let deployments = github.deployments();
    assert_eq!(deployments.len(), 1, "{deployments:#?}");
    deployments[0].clone()
}

fn number(deployment: &Value) -> u64 {
    deployment["id"].as_u64().expect("an id")
}

#[tokio::test]
async fn a_release_is_in_progress_from_before_it_begins_and_a_success_when_it_is_one() {
    let github = GitHub::start().await;
    let job = Job::of(&github);
    let (memory, notices) = job.begin().await;
    assert!(notices.is_empty(), "{notices:?}");
    let deployment = only(&github);
    let id = number(&deployment);
    assert_eq!(memory.deployment, Some(id));
    assert_eq!(deployment["sha"], SHA);
    assert_eq!(deployment["task"], "deploy");
    assert_eq!(deployment["environment"], "prod");
    assert_eq!(deployment["production_environment"], true);
    assert_eq!(
        deployment["payload"],
        json!({
            "tool": "bg-deploy", "app": "hello", "environment": "prod", "release": "1.4.2", "previous": "1.4.1",
            "run_id": 7, "attempt": 1,
        })
    );
    assert_eq!(github.states(id), ["in_progress"]);
    let notices = job.end(&memory, &deployed("1.4.2")).await;
    assert!(notices.is_empty(), "{notices:?}");
    assert_eq!(github.states(id), ["in_progress", "success"]);
    let statuses = github.statuses(id);
    for status in &statuses {
        assert_eq!(status["log_url"], RUN_URL);
        assert_eq!(status["environment_url"], URL);
    }
    assert_eq!(
        statuses[0]["description"],
        "Releasing hello 1.4.2; 1.4.1 is live"
    );
    let said = statuses[1]["description"].as_str().unwrap_or_default();
    assert!(
        said.starts_with("Deployed: 1.4.1 → 1.4.2 on blue"),
        "{said}"
    );
}

#[tokio::test]
async fn the_last_status_says_how_it_ended() {
    let unproven = Outcome::Unproven {
        release: Release("1.4.2".to_owned()),
        previous: None,
        live: Colour::Blue,
        reasons: vec!["no sample".to_owned()],
        leftovers: Vec::new(),
    };
    let cancelled = Outcome::Cancelled {
        step: "soak".to_owned(),
        traffic_moved: true,
        serving: Some(Release("1.4.1".to_owned())),
        undone: Vec::new(),
        leftovers: Vec::new(),
    };
    let stuck = Outcome::Stuck {
        step: "soak".to_owned(),
        cause: "1 request failed".into(),
        undo_failure: "AWS is down".into(),
        weights: None,
        commands: Vec::new(),
        leftovers: Vec::new(),
    };
    let refused = Outcome::Refused {
        reason: "another run".to_owned(),
        now: None,
    };
    for (outcome, state) in [
        (deployed("1.4.2"), "success"),
        (nothing_to_do(), "success"),
        (rolled_back(), "failure"),
        (cancelled, "failure"),
        (refused, "failure"),
        (unproven, "failure"),
        (stuck, "error"),
    ] {
        let github = GitHub::start().await;
        let memory = Job::of(&github).whole(&outcome).await;
        let id = memory.deployment.expect("a deployment");
        assert_eq!(github.states(id), ["in_progress", state], "{outcome:?}");
    }
}

#[tokio::test]
async fn what_was_replaced_is_inactive_in_production_too_and_what_another_app_has_there_is_not() {
    let github = GitHub::start().await;
    let first = Job::of(&github).whole(&deployed("1.4.2")).await;
    let other = Job::of(&github)
        .app("billing", "prod")
        .whole(&deployed("9"))
        .await;
    let staging = Job::of(&github)
        .app("hello", "staging")
        .whole(&deployed("1.4.2"))
        .await;
    let failed = Job::of(&github).run(8, 1).whole(&rolled_back()).await;
    let states = |memory: &Memory| github.states(memory.deployment.expect("a deployment"));
    assert_eq!(states(&first), ["in_progress", "success"]);
    let back = Job::of(&github)
        .run(9, 1)
        .command("rollback", "1.4.1")
        .whole(&deployed("1.4.1"))
        .await;
    assert_eq!(states(&first), ["in_progress", "success", "inactive"]);
    assert_eq!(states(&failed), ["in_progress", "failure"]);
    assert_eq!(states(&back), ["in_progress", "success"]);
    for untouched in [&other, &staging] {
        assert_eq!(states(untouched), ["in_progress", "success"]);
    }
    // Of two apps in one environment, GitHub would have retired the other one by itself.
    let neighbour = Job::of(&github)
        .app("billing", "staging")
        .whole(&deployed("9"))
        .await;
    assert_eq!(states(&staging), ["in_progress", "success"]);
    assert_eq!(states(&neighbour), ["in_progress", "success"]);
}

#[tokio::test]
async fn what_deploys_nothing_makes_no_deployment() {
    for command in ["verify", "finish"] {
        let github = GitHub::start().await;
        let job = Job::of(&github).command(command, "1.4.2");
        let (memory, notices) = job.begin().await;
        assert_eq!((memory, notices), (Memory::default(), Vec::new()));
        assert!(github.requests().is_empty());
    }
    // Refused before anything was begun.
    let github = GitHub::start().await;
    let refused = Outcome::Refused {
        reason: "another run".to_owned(),
        now: None,
    };
    Job::of(&github).end(&Memory::default(), &refused).await;
    assert!(github.deployments().is_empty());
}

#[tokio::test]
async fn the_deployment_of_the_job_s_environment_is_used_and_no_second_one_made() {
    let github = GitHub::start().await;
    let id = github.job_deployment("prod", SHA, RUN_URL);
    let memory = Job::of(&github).whole(&deployed("1.4.2")).await;
    let expected = Memory {
        deployment: Some(id),
        deployment_is_the_jobs: true,
        deployment_unsure: false,
    };
    assert_eq!(memory, expected);
    only(&github);
    assert_eq!(github.states(id), ["in_progress", "in_progress", "success"]);
    assert_eq!(github.statuses(id)[2]["environment_url"], URL);
}

#[tokio::test]
async fn the_deployment_of_another_run_s_job_is_not_taken_for_this_one_s() {
    let github = GitHub::start().await;
    let others = [
        github.job_deployment("prod", SHA, &format!("{RUN_URL}1")),
        github.job_deployment("staging", SHA, RUN_URL),
        github.job_deployment("prod", &"0".repeat(40), RUN_URL),
    ];
    let memory = Job::of(&github).whole(&deployed("1.4.2")).await;
    assert!(!memory.deployment_is_the_jobs);
    assert_eq!(github.deployments().len(), 4);
    for other in others {
        assert_eq!(github.states(other), ["in_progress"]);
    }
}

#[tokio::test]
async fn a_rollback_is_deployed_at_the_commit_that_was_released_then() {
    let github = GitHub::start().await;
    let then = "1".repeat(40);
    let mut old = Job::of(&github).command("deploy", "1.4.1");
    old.inputs.ci.commit = Some(then.clone());
    old.whole(&deployed("1.4.1")).await;
    let full = "2".repeat(40);
    for (run, release, commit) in [
        (8, "1.4.1", then.as_str()),
        (9, full.as_str(), full.as_str()),
        (10, "0.0.9", SHA),
    ] {
        let job = Job::of(&github).run(run, 1).command("rollback", release);
        let (memory, _) = job.begin().await;
        let deployments = github.deployments();
        let made = deployments.last().expect("a deployment");
        assert_eq!(memory.deployment, Some(number(made)));
        assert_eq!(made["task"], "rollback");
        assert_eq!(made["sha"], commit, "{release}");
    }
}

#[tokio::test]
async fn a_release_that_only_looks_like_a_commit_is_deployed_at_the_commit_of_the_run() {
    let github = GitHub::start().await;
    let no_ref = Rule::on("POST", "/deployments").times(1).status(422);
    github.fail(no_ref.message("No ref found for: 2222"));
    let job = Job::of(&github).command("rollback", &"2".repeat(40));
    let (_, notices) = job.begin().await;
    assert!(notices.is_empty(), "{notices:?}");
    assert_eq!(only(&github)["sha"], SHA);
}

#[tokio::test]
async fn what_was_live_is_found_behind_what_failed_since() {
    let github = GitHub::start().await;
    let live = Job::of(&github).whole(&deployed("1.4.2")).await;
    for run in 8..14 {
        Job::of(&github).run(run, 1).whole(&rolled_back()).await;
    }
    Job::of(&github).run(14, 1).whole(&deployed("1.4.3")).await;
    let id = live.deployment.expect("a deployment");
    assert_eq!(github.states(id), ["in_progress", "success", "inactive"]);
}

#[tokio::test]
async fn a_pull_request_is_deployed_at_its_own_head_and_not_at_the_merge() {
    let github = GitHub::start().await;
    let head = "3".repeat(40);
    let job = Job::of(&github).pull_request(&head).app("hello", "staging");
    let (_, notices) = job.begin().await;
    assert!(notices.is_empty(), "{notices:?}");
    let deployment = only(&github);
    assert_eq!(deployment["sha"], head);
    assert_eq!(deployment["production_environment"], false);
}

#[tokio::test]
async fn a_hostile_name_is_only_a_name() {
    let github = GitHub::start().await;
    let hostile = "x\r\n::error::y <!-- --> \u{1b}[31m@everyone ".repeat(20);
    let mut job = Job::of(&github).command("deploy", &hostile);
    job.beginning.url = Some("javascript:alert(1)".to_owned());
    let (memory, notices) = job.begin().await;
    assert!(notices.is_empty(), "{notices:?}");
    let id = memory.deployment.expect("a deployment");
    let status = &github.statuses(id)[0];
    let words = status["description"].as_str().expect("a text");
    assert_eq!(words.chars().count(), 140);
    assert!(!words.contains(char::is_control), "{words}");
    assert_eq!(status["environment_url"], "");
}
