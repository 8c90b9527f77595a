//! Everybody who is told, through a proxy that the usual variables name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::cli::Options;
use crate::names::{Colour, Release};
use crate::outcome::Outcome;

/// A job of GitHub Actions whose environment names everybody, none of whom exists.
fn environment(proxy: &str) -> BTreeMap<String, String> {
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_API_URL", "http://github.invalid/api/v3"),
        ("GITHUB_REPOSITORY", "octo/hello"),
        ("GITHUB_SHA", "a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_TOKEN", "ghs_token"),
        ("BGD_WEBHOOK_URL", "http://hooks.invalid/services/T1/s3cret"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://collector.invalid:4318",
        ),
        ("http_proxy", proxy),
    ];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    variables.map(owned).into_iter().collect()
}

fn beginning() -> Beginning {
    Beginning {
        command: "deploy".to_owned(),
        app: "hello".to_owned(),
        environment: "prod".to_owned(),
        release: Release("0.0.2".to_owned()),
        ..Beginning::default()
    }
}

fn announcer(environment: &BTreeMap<String, String>) -> Announcer {
    let inputs = Inputs::from(&Options::default(), environment);
    Announcer::of(&inputs, &Network::tcp(), &Clock::accelerated(100.0))
}

async fn end(announcer: &Announcer) -> Vec<String> {
    let outcome = Outcome::Deployed {
        release: Release("0.0.2".to_owned()),
        previous: None,
        live: Colour::Green,
        warnings: Vec::new(),
        leftovers: Vec::new(),
    };
    let run = Run::of(&[], &outcome);
    announcer.end(&beginning(), &Memory::default(), &run).await
}

#[tokio::test]
async fn the_webhook_the_collector_and_github_are_told_through_the_proxy() {
    // A proxy is asked for whole addresses; this one answers by itself.
    let proxy = MockServer::start().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    Mock::given(move |request: &Request| {
        let host = request
            .headers
            .get("host")
            .and_then(|host| host.to_str().ok());
        let line = format!("{} {}", request.method, host.unwrap_or_default());
        heard.lock().unwrap().push(line);
        true
    })
    .respond_with(ResponseTemplate::new(200).set_body_string("[]"))
    .mount(&proxy)
    .await;
    let announcer = announcer(&environment(&proxy.uri()));
    let notices = end(&announcer).await;
    assert_eq!(notices, Vec::<String>::new());
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    assert_eq!(
        asked,
        [
            "GET github.invalid",
            "POST collector.invalid:4318",
            "POST hooks.invalid"
        ]
    );
}

#[tokio::test]
async fn a_proxy_that_is_none_is_one_notice_at_the_end_and_none_for_who_tells_nobody() {
    let mut variables = environment("socks5://u:hunter2@proxy:1080");
    let wrong = announcer(&variables);
    let (memory, notices) = wrong.begin(&beginning()).await;
    assert_eq!((memory, notices), (Memory::default(), Vec::new()));
    let notices = end(&wrong).await;
    assert_eq!(notices.len(), 1, "{notices:?}");
    let begins = "nobody was told how this ended: http_proxy is no address of a proxy";
    assert!(notices[0].starts_with(begins), "{notices:?}");
    assert!(!notices[0].contains("hunter2"), "{notices:?}");
    variables.retain(|name, _| name == "http_proxy");
    assert_eq!(end(&announcer(&variables)).await, Vec::<String>::new());
}
