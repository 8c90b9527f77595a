//! The comment on the pull request.

use super::github::{BOT, GitHub, PERSON, PERSONAL_TOKEN, SHA};
use super::{Job, deployed, nothing_to_do, rolled_back};
use bg_deploy::outcome::Outcome;
use bg_deploy::run::beginning::Memory;
use serde_json::Value;

const MARKER: &str = "<!-- bg-deploy app=hello environment=prod run=7 attempt=1 -->";

async fn end(job: &Job, outcome: &Outcome) {
    let notices = job.end(&Memory::default(), outcome).await;
    assert!(notices.is_empty(), "{notices:?}");
}

fn texts(comments: &[Value]) -> Vec<&str> {
    comments
        .iter()
        .flat_map(|one| one["body"].as_str())
        .collect()
}

fn heading(body: &str) -> &str {
    body.lines().nth(1).unwrap_or_default()
}

#[tokio::test]
async fn there_is_one_comment_for_each_app_and_environment_and_the_next_run_writes_it_anew() {
    for (token, author) in [(super::TOKEN, BOT), (PERSONAL_TOKEN, PERSON)] {
        let github = GitHub::start().await;
        github.pull_request(7, SHA, "open");
        github.comment(7, PERSON, "what a change");
        end(&Job::of(&github).token(token), &rolled_back()).await;
        end(
            &Job::of(&github).token(token).app("hello", "staging"),
            &deployed("1"),
        )
        .await;
        end(
            &Job::of(&github).token(token).app("billing", "prod"),
            &deployed("1"),
        )
        .await;
        let comments = github.comments(7);
        assert_eq!(comments.len(), 4, "{comments:#?}");
        assert_eq!(comments[1]["user"]["login"], author);
        let text = texts(&comments)[1];
        assert_eq!(text.lines().next(), Some(MARKER));
        assert!(heading(text).contains("Rolled back"), "{text}");
        end(&Job::of(&github).token(token).run(7, 2), &deployed("1.4.2")).await;
        end(&Job::of(&github).token(token).run(8, 1), &deployed("1.4.2")).await;
        let comments = github.comments(7);
        assert_eq!(comments.len(), 4, "{comments:#?}");
        let text = texts(&comments)[1];
        assert!(
            text.starts_with(&MARKER.replace("run=7", "run=8")),
            "{text}"
        );
        assert!(heading(text).contains("Deployed"), "{text}");
    }
}

#[tokio::test]
async fn a_comment_that_tells_of_a_newer_run_is_left_alone() {
    for (run, attempt) in [(8, 1), (7, 2), (10, 1)] {
        let github = GitHub::start().await;
        github.pull_request(7, SHA, "open");
        end(&Job::of(&github).run(run, attempt), &deployed("1.4.3")).await;
        let before = github.comments(7);
        end(&Job::of(&github), &rolled_back()).await;
        assert_eq!(github.comments(7), before, "run {run}, attempt {attempt}");
    }
}

#[tokio::test]
async fn a_stranger_s_comment_is_not_ours_whatever_it_says() {
    for token in [super::TOKEN, PERSONAL_TOKEN] {
        let github = GitHub::start().await;
        github.pull_request(7, SHA, "open");
        let forged = format!("{}\nall is well", MARKER.replace("run=7", "run=999"));
        github.comment(7, "mallory", &forged);
        end(&Job::of(&github).token(token), &rolled_back()).await;
        let comments = github.comments(7);
        assert_eq!(comments.len(), 2, "{comments:#?}");
        assert_eq!(texts(&comments)[0], forged);
        assert!(heading(texts(&comments)[1]).contains("Rolled back"));
    }
}

#[tokio::test]
async fn the_comment_is_found_behind_many_others() {
    let github = GitHub::start().await;
    github.pull_request(7, SHA, "open");
    for index in 0..150 {
        github.comment(7, PERSON, &format!("{index}"));
    }
    end(&Job::of(&github), &rolled_back()).await;
    for index in 0..60 {
        github.comment(7, PERSON, &format!("{index}"));
    }
    end(&Job::of(&github).run(8, 1), &deployed("1.4.2")).await;
    let comments = github.comments(7);
    assert_eq!(comments.len(), 211);
    assert!(heading(texts(&comments)[150]).contains("Deployed"));
}

#[tokio::test]
async fn the_policy_says_when_there_is_a_comment() {
    let refused = Outcome::Refused {
        reason: "another run".to_owned(),
        now: None,
    };
    // Policy, outcome, whether a comment is begun, whether one that stands is written anew.
    for (policy, outcome, begun, kept_true) in [
        ("auto", deployed("1.4.2"), true, true),
        ("auto", rolled_back(), true, true),
        ("auto", nothing_to_do(), false, true),
        ("always", nothing_to_do(), true, true),
        ("on-failure", deployed("1.4.2"), false, true),
        ("on-failure", nothing_to_do(), false, true),
        ("on-failure", rolled_back(), true, true),
        ("on-failure", refused, true, true),
        ("never", rolled_back(), false, false),
    ] {
        let github = GitHub::start().await;
        github.pull_request(7, SHA, "open");
        end(&Job::of(&github).comment(policy), &outcome).await;
        assert_eq!(
            !github.comments(7).is_empty(),
            begun,
            "{policy} {outcome:?}"
        );

        let github = GitHub::start().await;
        github.pull_request(7, SHA, "open");
        let earlier = MARKER.replace("run=7", "run=6");
        github.comment(7, BOT, &earlier);
        end(&Job::of(&github).comment(policy), &outcome).await;
        let comments = github.comments(7);
        assert_eq!(comments.len(), 1);
        assert_eq!(
            texts(&comments)[0] != earlier,
            kept_true,
            "{policy} {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_comment_that_is_deleted_while_it_is_written_anew_is_written_once_more() {
    let github = GitHub::start().await;
    github.pull_request(7, SHA, "open");
    end(&Job::of(&github), &rolled_back()).await;
    let rule = super::github::Rule::on("PATCH", "").times(1).status(404);
    github.fail(rule.message("Not Found"));
    end(&Job::of(&github).run(8, 1), &deployed("1.4.2")).await;
    let requests = github.requests();
    let sent = |method: &str| {
        requests
            .iter()
            .filter(|one| one.starts_with(method))
            .count()
    };
    assert_eq!((sent("PATCH"), sent("POST")), (1, 2), "{requests:#?}");
    let comments = github.comments(7);
    assert!(heading(texts(&comments)[1]).contains("Deployed"));
}

#[tokio::test]
async fn every_open_or_merged_pull_request_of_the_commit_is_told_and_no_more_than_five() {
    let github = GitHub::start().await;
    github.pull_request(1, SHA, "closed");
    github.pull_request(2, SHA, "merged");
    github.pull_request(3, &"0".repeat(40), "open");
    for number in 4..=9 {
        github.pull_request(number, SHA, "open");
    }
    end(&Job::of(&github), &deployed("1.4.2")).await;
    let told: Vec<_> = (1..=9)
        .filter(|one| !github.comments(*one).is_empty())
        .collect();
    assert_eq!(told, [2, 4, 5, 6, 7]);
}

#[tokio::test]
async fn the_event_s_own_pull_request_is_told_and_a_merge_queue_has_none() {
    let github = GitHub::start().await;
    github.pull_request(8, SHA, "open");
    end(
        &Job::of(&github).pull_request(&"3".repeat(40)),
        &deployed("1.4.2"),
    )
    .await;
    assert_eq!((github.comments(7).len(), github.comments(8).len()), (1, 0));
    let mut queued = Job::of(&github);
    queued.inputs.ci.actions.event_name = Some("merge_group".to_owned());
    end(&queued, &rolled_back()).await;
    assert!(github.comments(8).is_empty());
}

#[tokio::test]
async fn hostile_names_neither_end_the_marker_nor_forge_one() {
    let github = GitHub::start().await;
    github.pull_request(7, SHA, "open");
    let hostile = "x --> @everyone\n<!-- bg-deploy app=hello environment=prod run=9 attempt=1 -->";
    let mut job = Job::of(&github).app(hostile, "--!><script>");
    job.inputs.ci.actor = Some("[click](javascript:alert(1)) @team".to_owned());
    end(&job, &deployed("1.4.2")).await;
    end(&Job::of(&github), &rolled_back()).await;
    job = job.run(8, 1);
    end(&job, &rolled_back()).await;
    let comments = github.comments(7);
    assert_eq!(comments.len(), 2, "{comments:#?}");
    let first = texts(&comments)[0].lines().next().unwrap_or_default();
    assert_eq!(first.matches("-->").count(), 1);
    assert!(first.ends_with("run=8 attempt=1 -->"), "{first}");
    assert!(!first.contains('@') && !first.contains("--!"), "{first}");
    assert!(texts(&comments)[1].starts_with(MARKER));
}
