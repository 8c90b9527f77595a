//! GitHub down, slow, limiting, refusing: the run goes on, and says so once for each thing.

use std::time::Duration;

use super::github::{GitHub, Rule, SHA, TOKEN};
use super::{Job, URL, deployed};
use bg_deploy::announce::BUDGET;
use bg_deploy::run::beginning::Memory;
use net_clock::Clock;
use net_clock::Network;

/// The notices of a beginning and an end, when this goes wrong from the beginning to the end.
async fn notices_of(rule: Rule) -> (Vec<String>, Vec<String>) {
    let github = GitHub::start().await;
    github.pull_request(7, SHA, "open");
    github.fail(rule);
    let job = Job::of(&github);
    let (memory, begun) = job.begin().await;
    (begun, job.end(&memory, &deployed("1.4.2")).await)
}

fn one(notices: &[String]) -> &str {
    assert_eq!(notices.len(), 1, "{notices:#?}");
    let notice = notices[0].as_str();
    assert!(
        !notice.contains('\n') && !notice.contains(TOKEN),
        "{notice}"
    );
    notice
}

#[tokio::test]
async fn each_refusal_is_one_notice_for_each_thing_with_its_remedy() {
    let denied = "Resource not accessible by integration";
    for (status, message, deployment, comment) in [
        (
            403,
            denied,
            "add `deployments: write`",
            "add `pull-requests: write`",
        ),
        (
            404,
            "Not Found",
            "`deployments: write`",
            "`pull-requests: write`",
        ),
        (401, "Bad credentials", "`github-token`", "`github-token`"),
        (
            422,
            "Validation Failed",
            "(422: Validation Failed)",
            "(422: Validation Failed)",
        ),
    ] {
        let rule = Rule::on("*", "").status(status).message(message);
        let (begun, ended) = notices_of(rule).await;
        assert!(one(&begun).contains(deployment), "{begun:?}");
        assert!(one(&ended).contains(comment), "{ended:?}");
    }
}

#[tokio::test]
async fn a_locked_conversation_is_not_taken_for_a_missing_permission() {
    let locked = "Unable to create comment because issue is locked.";
    let (begun, ended) =
        notices_of(Rule::on("POST", "/comments").status(403).message(locked)).await;
    assert!(begun.is_empty(), "{begun:?}");
    let notice = one(&ended);
    assert!(notice.contains("issue is locked"), "{notice}");
    assert!(!notice.contains("permissions"), "{notice}");
}

#[tokio::test]
async fn without_permission_for_deployments_there_is_a_comment_all_the_same() {
    let github = GitHub::start().await;
    github.pull_request(7, SHA, "open");
    let denied = "Resource not accessible by integration";
    github.fail(Rule::on("*", "/deployments").status(403).message(denied));
    let job = Job::of(&github);
    let (memory, begun) = job.begin().await;
    assert!(one(&begun).contains("`deployments: write`"), "{begun:?}");
    assert_eq!(memory, Memory::default());
    assert!(job.end(&memory, &deployed("1.4.2")).await.is_empty());
    assert_eq!(github.comments(7).len(), 1);
}

#[tokio::test]
async fn a_deployment_that_cannot_be_ended_is_told_once_and_the_comment_is_written() {
    let github = GitHub::start().await;
    github.pull_request(7, SHA, "open");
    let job = Job::of(&github);
    let (memory, _) = job.begin().await;
    github.fail(
        Rule::on("POST", "/statuses")
            .status(403)
            .message("Must have write"),
    );
    let ended = job.end(&memory, &deployed("1.4.2")).await;
    assert!(one(&ended).contains("`deployments: write`"), "{ended:?}");
    assert_eq!(github.comments(7).len(), 1);
}

#[tokio::test]
async fn a_github_that_goes_down_during_the_run_is_one_notice_and_is_not_asked_for_the_comment() {
    let github = GitHub::start().await;
    github.pull_request(7, SHA, "open");
    let job = Job::of(&github);
    let (memory, begun) = job.begin().await;
    assert!(begun.is_empty(), "{begun:?}");
    github.fail(Rule::on("*", ""));
    let ended = job.end(&memory, &deployed("1.4.2")).await;
    assert!(
        one(&ended).starts_with("GitHub was not told how this ended: "),
        "{ended:?}"
    );
    let asked_for = |path: &str| github.requests().iter().any(|one| one.contains(path));
    assert!(!asked_for("/pulls") && !asked_for("/comments"));
}

#[tokio::test]
async fn nobody_at_the_address_is_one_notice_for_each_thing() {
    let port = Network::tcp().free_port().await.expect("a port");
    let job = Job::new(&format!("http://127.0.0.1:{port}"));
    let (memory, begun) = job.begin().await;
    assert!(
        one(&begun).contains("cannot be reached at 127.0.0.1"),
        "{begun:?}"
    );
    let ended = job.end(&memory, &deployed("1.4.2")).await;
    assert!(
        one(&ended).contains("cannot be reached at 127.0.0.1"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_github_with_a_problem_of_its_own_is_asked_three_times_and_then_left() {
    let github = GitHub::start().await;
    github.fail(Rule::on("*", ""));
    let (_, begun) = Job::of(&github).begin().await;
    assert!(one(&begun).contains("(502: Server Error)"), "{begun:?}");
    assert_eq!(github.requests().len(), 3, "{:?}", github.requests());
}

#[tokio::test]
async fn what_passes_is_waited_for_and_nobody_is_told() {
    for rule in [
        Rule::on("GET", "").times(2),
        Rule::on("GET", "")
            .times(2)
            .status(429)
            .header("retry-after", 2),
        Rule::on("POST", "/deployments")
            .times(1)
            .status(403)
            .header("retry-after", 1)
            .message("secondary rate limit"),
        Rule::on("POST", "/comments").times(1),
        Rule::on("PATCH", "").times(2),
    ] {
        let github = GitHub::start().await;
        github.pull_request(7, SHA, "open");
        github.fail(rule.clone());
        for run in [7, 8] {
            Job::of(&github).run(run, 1).whole(&deployed("1.4.2")).await;
        }
        assert_eq!(github.deployments().len(), 2, "{rule:?}");
        assert_eq!(github.comments(7).len(), 1, "{rule:?}");
    }
}

#[tokio::test]
async fn a_limit_that_outlasts_the_budget_is_not_waited_for() {
    let in_an_hour = std::time::SystemTime::now() + Duration::from_secs(3600);
    let in_an_hour = in_an_hour.duration_since(std::time::UNIX_EPOCH);
    let in_an_hour = in_an_hour.expect("after 1970").as_secs();
    for rule in [
        Rule::on("*", "").status(429),
        Rule::on("*", "").status(429).header("retry-after", 3600),
        Rule::on("*", "")
            .status(403)
            .message("API rate limit exceeded")
            .header("x-ratelimit-remaining", 0)
            .header("x-ratelimit-reset", in_an_hour),
    ] {
        let github = GitHub::start().await;
        github.fail(rule);
        let mut job = Job::of(&github);
        job.clock = Clock::real();
        let (_, begun) = job.begin().await;
        assert!(one(&begun).contains("limits how often"), "{begun:?}");
        assert_eq!(github.requests().len(), 1);
    }
}

#[tokio::test]
async fn what_was_made_though_the_answer_was_lost_is_not_made_twice() {
    let github = GitHub::start().await;
    github.pull_request(7, SHA, "open");
    for path in ["/deployments", "/statuses", "/comments"] {
        github.fail(Rule::on("POST", path).times(1).applied());
    }
    let memory = Job::of(&github).whole(&deployed("1.4.2")).await;
    assert_eq!(github.deployments().len(), 1);
    let id = memory.deployment.expect("a deployment");
    assert_eq!(github.states(id), ["in_progress", "success"]);
    assert_eq!(github.comments(7).len(), 1);
}

#[tokio::test]
async fn a_deployment_that_nobody_could_tell_of_is_found_and_ended() {
    let github = GitHub::start().await;
    let job = Job::of(&github);
    github.fail(Rule::on("GET", "").times(1).status(200));
    github.fail(Rule::on("POST", "").applied());
    github.fail(Rule::on("GET", ""));
    let (memory, begun) = job.begin().await;
    one(&begun);
    assert!(memory.deployment_unsure && memory.deployment.is_none());
    github.recover();
    assert!(job.end(&memory, &deployed("1.4.2")).await.is_empty());
    let id = github.deployments()[0]["id"].as_u64().expect("an id");
    assert_eq!(github.states(id), ["success"]);
}

#[tokio::test(start_paused = true)]
async fn a_github_that_never_answers_costs_no_more_than_the_budget() {
    let network = Network::memory();
    let mut listener = network.listen(0).await.expect("a port");
    let mut job = Job::new(&format!("http://github.example.com:{}", listener.port()));
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(stream) = listener.accept().await {
            held.push(stream);
        }
    });
    job.network = network;
    job.clock = Clock::real();
    let (memory, begun) = job.begin().await;
    assert!(one(&begun).contains("did not answer within"), "{begun:?}");
    assert!(job.clock.wall() < BUDGET, "{:?}", job.clock.wall());
    let before = job.clock.wall();
    let ended = job.end(&memory, &deployed("1.4.2")).await;
    assert!(one(&ended).contains("did not answer within"), "{ended:?}");
    assert!(job.clock.wall() - before < BUDGET);
}

#[tokio::test]
async fn github_enterprise_has_its_api_below_a_path() {
    let github = GitHub::enterprise().await;
    github.pull_request(7, SHA, "open");
    let mut job = Job::of(&github);
    job.inputs.ci.actions.api_url = Some(format!("{}/", github.url()));
    job.whole(&deployed("1.4.2")).await;
    assert_eq!(github.deployments().len(), 1);
    assert_eq!(github.comments(7).len(), 1);
    let elsewhere = |path: &&String| !path.contains(" /api/v3/repos/octo/hello/");
    assert_eq!(github.requests().iter().find(elsewhere), None);
}

#[tokio::test]
async fn without_a_token_there_is_one_notice_in_a_job_and_none_elsewhere() {
    let mut job = Job::new(URL);
    job.inputs.telling.github_token = None;
    let (memory, begun) = job.begin().await;
    assert!(begun.is_empty(), "{begun:?}");
    let ended = job.end(&memory, &deployed("1.4.2")).await;
    assert!(one(&ended).contains("`github-token`"), "{ended:?}");
    let job = job.comment("never");
    assert!(job.end(&memory, &deployed("1.4.2")).await.is_empty());
    let mut desk = job.comment("auto");
    desk.inputs.ci.is_github = false;
    assert!(desk.end(&memory, &deployed("1.4.2")).await.is_empty());
}

#[tokio::test]
async fn the_token_is_in_no_notice_and_a_line_break_after_it_does_no_harm() {
    let github = GitHub::start().await;
    let echo = format!("Bad \u{1b}[31mcredentials\r\n::error::{TOKEN} ");
    github.fail(Rule::on("*", "").status(401).message(&echo.repeat(50)));
    let (_, begun) = Job::of(&github).begin().await;
    let notice = one(&begun);
    assert!(
        notice.contains("***") && !notice.contains(char::is_control),
        "{notice}"
    );
    assert!(notice.chars().count() < 500, "{notice}");
    github.recover();
    let job = Job::of(&github).token(&format!("{TOKEN}\n"));
    job.whole(&deployed("1.4.2")).await;
    assert!(!format!("{:?}", job.announcer()).contains(TOKEN));
    let split = Job::of(&github).token("two\nlines");
    let (memory, begun) = split.begin().await;
    assert!(begun.is_empty(), "{begun:?}");
    let ended = split.end(&memory, &deployed("1.4.2")).await;
    let notice = one(&ended);
    assert!(
        notice.contains("one line") && !notice.contains("lines"),
        "{notice}"
    );
}
