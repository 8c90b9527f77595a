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
    let statuses = format!("{deployments}/{id}/statuses");
    let comments = "/repos/octo/hello/issues/7/comments";
    let long = "x".repeat(65_537);
    for (status, method, path, token, body, noted) in [
        (
            404,
            "GET",
            "/repos/octo/hello/checks",
            TOKEN,
            Value::Null,
            "no such route",
        ),
        (
            404,
            "DELETE",
            deployments,
            TOKEN,
            Value::Null,
            "no such route",
        ),
        (401, "GET", deployments, "", Value::Null, "no token"),
        (
            422,
            "GET",
            "/repos/octo/hello/deployments?env=prod",
            TOKEN,
            Value::Null,
            "no such query parameter: env",
        ),
        (
            422,
            "GET",
            "/repos/octo/hello/deployments?per_page=101",
            TOKEN,
            Value::Null,
            "per_page=101",
        ),
        (
            422,
            "POST",
            deployments,
            TOKEN,
            json!({ "task": "deploy" }),
            "\"ref\" is a required property",
        ),
        (
            422,
            "POST",
            deployments,
            TOKEN,
            json!({ "ref": SHA, "colour": "blue" }),
            "'colour' was unexpected",
        ),
        (
            422,
            "POST",
            statuses.as_str(),
            TOKEN,
            json!({ "state": "fine" }),
            "\"fine\" is not one of",
        ),
        (
            422,
            "POST",
            statuses.as_str(),
            TOKEN,
            json!({ "state": "error", "description": &long[..141] }),
            "140",
        ),
        (
            422,
            "POST",
            statuses.as_str(),
            TOKEN,
            json!({ "state": "error", "log_url": "javascript:x" }),
            "javascript:x",
        ),
        (
            422,
            "POST",
            comments,
            TOKEN,
            json!({ "body": long }),
            "65536",
        ),
    ] {
        let answered = ask(&github, method, path, token, &body).await;
        assert_eq!(answered, status, "{method} {path}");
        let problems = github.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(noted), "{problems:?}");
    }
    assert_eq!(github.states(id), ["in_progress"]);
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
