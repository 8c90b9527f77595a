//! The GitHub of the tests itself: what GitHub would refuse, it refuses, with words.

use super::github::{GitHub, SHA, TOKEN};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The status of the answer to one request.
async fn ask(github: &GitHub, method: &str, path: &str, token: &str, body: &Value) -> u16 {
    let url = github.url();
    let host = url.trim_start_matches("http://");
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let token = if token.is_empty() {
        String::new()
    } else {
        format!("authorization: Bearer {token}\r\n")
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{token}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.expect("it listens");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).expect("a status");
    status.parse().expect("a number")
}

#[tokio::test]
async fn a_misuse_of_the_api_is_refused_and_noted_in_words() {
    let github = GitHub::start().await;
    let id = github.job_deployment("prod", SHA, "https://github.com/octo/hello/actions/runs/7");
    let deployments = "/repos/octo/hello/deployments";
    let statuses = &format!("{deployments}/{id}/statuses");
    let (by_env, by_101) = (
        format!("{deployments}?env=prod"),
        format!("{deployments}?per_page=101"),
    );
    let comments = "/repos/octo/hello/issues/7/comments";
    let long = "x".repeat(65_537);
    let noted = async |path: &str, answered: u16, status: u16, noted: &str| {
        assert_eq!(answered, status, "{path}");
        let problems = github.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(noted), "{problems:?}");
    };
    for (status, method, path, token, words) in [
        (
            404,
            "GET",
            "/repos/octo/hello/checks",
            TOKEN,
            "no such route",
        ),
        (404, "DELETE", deployments, TOKEN, "no such route"),
        (401, "GET", deployments, "", "no token"),
        (422, "GET", &by_env, TOKEN, "no such query parameter: env"),
        (422, "GET", &by_101, TOKEN, "per_page=101"),
    ] {
        let answered = ask(&github, method, path, token, &Value::Null).await;
        noted(path, answered, status, words).await;
    }
    let (too_long, no_link) = (&long[..141], "javascript:x");
    for (path, body, words) in [
        (
            deployments,
            json!({ "task": "deploy" }),
            "\"ref\" is a required property",
        ),
        (
            deployments,
            json!({ "ref": SHA, "colour": "blue" }),
            "'colour' was unexpected",
        ),
        (
            statuses,
            json!({ "state": "fine" }),
            "\"fine\" is not one of",
        ),
        (
            statuses,
            json!({ "state": "error", "description": too_long }),
            "140",
        ),
        (
            statuses,
            json!({ "state": "error", "log_url": no_link }),
            no_link,
        ),
        (comments, json!({ "body": long }), "65536"),
    ] {
        let answered = ask(&github, "POST", path, TOKEN, &body).await;
        noted(path, answered, 422, words).await;
    }
    assert_eq!(github.states(id), ["in_progress"]);
}

#[tokio::test]
async fn what_github_does_unless_told_not_to_and_for_whom_it_does_nothing() {
    let github = GitHub::start().await;
    let deployments = "/repos/octo/hello/deployments";
    // A merge of the default branch, and a wait for the commit's checks, are what GitHub does unless told not to.
    let deploy = |more: Value| {
        let mut body = json!({ "ref": SHA });
        let fields = body.as_object_mut().expect("an object");
        fields.extend(more.as_object().cloned().expect("an object"));
        body
    };
    for (status, more) in [
        (202, json!({})),
        (409, json!({ "auto_merge": false })),
        (201, json!({ "auto_merge": false, "required_contexts": [] })),
    ] {
        let answered = ask(&github, "POST", deployments, TOKEN, &deploy(more)).await;
        assert_eq!(answered, status);
    }
    assert_eq!(
        ask(&github, "GET", deployments, "ghs_stale", &Value::Null).await,
        401
    );
    assert_eq!(
        ask(
            &github,
            "GET",
            "/repos/octo/other/deployments",
            TOKEN,
            &Value::Null
        )
        .await,
        404
    );
}

#[tokio::test]
#[should_panic(expected = "GitHub's API was misused")]
async fn a_misuse_that_nobody_asks_about_fails_the_test() {
    let github = GitHub::start().await;
    ask(&github, "GET", "/", TOKEN, &Value::Null).await;
}
