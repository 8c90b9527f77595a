//! How a token is asked for, and what is said when there is none.

use net_clock::Network;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::http_client::Proxies;

const RIGHT: &str = "the-right-to-ask";
const SUBJECT: &str = "repo:octo@1/hello@2:environment:prod";

fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.c2lnbmF0dXJl",
        part(&json!({"alg": "RS256"})),
        part(claims)
    )
}

/// The tokens of a job that asks this server, with pauses a thousandth as long.
fn tokens(server: &MockServer) -> IdTokens {
    let clock = Clock::real();
    let http = HttpClient::new(&Proxies::default(), &Network::tcp(), &clock).expect("a client");
    let address = Secret::new(format!("{}/token?api-version=2.0", server.uri()));
    IdTokens::new(&address, &Secret::new(RIGHT), http, &clock)
}

async fn answering(answers: &[(ResponseTemplate, u64)]) -> MockServer {
    let server = MockServer::start().await;
    for (answer, times) in answers {
        Mock::given(method("GET"))
            .and(path("/token"))
            .and(query_param("api-version", "2.0"))
            .and(query_param("audience", "sts.amazonaws.com"))
            .and(header("authorization", format!("bearer {RIGHT}").as_str()))
            .respond_with(answer.clone())
            .up_to_n_times(*times)
            .expect(*times)
            .mount(&server)
            .await;
    }
    server
}

fn good() -> ResponseTemplate {
    let value = token(&json!({"sub": SUBJECT}));
    ResponseTemplate::new(200).set_body_json(json!({"count": 1, "value": value}))
}

#[tokio::test]
async fn a_token_is_asked_for_with_the_job_s_right_and_says_whom_it_names() {
    let server = answering(&[(ResponseTemplate::new(503), 1), (good(), 1)]).await;
    let minted = tokens(&server).mint("sts.amazonaws.com").await;
    let minted = minted.expect("a token");
    assert_eq!(minted.token.reveal(), token(&json!({"sub": SUBJECT})));
    assert_eq!(minted.subject, SUBJECT);
    let shown = format!("{minted:?} {:?}", tokens(&server));
    assert!(!shown.contains(RIGHT), "{shown}");
    assert!(!shown.contains(minted.token.reveal()), "{shown}");
}

#[tokio::test]
async fn a_github_that_stays_down_is_asked_three_times_and_one_that_refuses_once() {
    let down = answering(&[(ResponseTemplate::new(500), 3)]).await;
    let said = tokens(&down).mint("sts.amazonaws.com").await.unwrap_err();
    assert_eq!(
        said.to_string(),
        "GitHub gave this job no identity token: it answered 500 Internal Server Error, at the last of 3 tries"
    );
    let refusing = answering(&[(ResponseTemplate::new(403).set_body_string(RIGHT), 1)]).await;
    let said = tokens(&refusing).mint("sts.amazonaws.com").await;
    assert_eq!(
        said.unwrap_err().to_string(),
        "GitHub gave this job no identity token: it answered 403 Forbidden"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_an_answer_without_a_token_is_none() {
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "/elsewhere");
    for answer in [
        elsewhere,
        ResponseTemplate::new(200).set_body_string("<html>"),
    ] {
        let server = answering(&[(answer, 1)]).await;
        let minted = tokens(&server).mint("sts.amazonaws.com").await;
        assert!(minted.is_err());
    }
}

#[test]
fn a_subject_that_cannot_be_read_or_would_steer_a_terminal_is_shown_as_text() {
    assert_eq!(subject("nonsense"), "not readable");
    let steering = token(&json!({"sub": "repo:a/b\u{1b}[31m:x\n::error::y"}));
    let shown = subject(&steering);
    assert!(!shown.contains(['\u{1b}', '\n']), "{shown:?}");
}
