use std::time::Duration;

use wiremock::matchers::{body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::http_client::Proxies;
use crate::inputs::Given;
use crate::names::{Colour, Release};
use crate::run::event::{Event, Stamped};
use crate::secret::Secret;
use net_clock::{Clock, Network};

const KEY: &str = "r0ut1ngk3y";

fn telling(url: &str, kind: &str, key: &str) -> Telling {
    let secret = |text: &str| (!text.is_empty()).then(|| Secret::new(text));
    Telling {
        webhook_url: secret(url),
        webhook_kind: (!kind.is_empty()).then(|| Given::new("BGD_WEBHOOK_KIND", kind)),
        webhook_key: secret(key),
        ..Telling::default()
    }
}

fn beginning(command: &str) -> Beginning {
    Beginning {
        command: command.to_owned(),
        app: "hello".to_owned(),
        environment: "prod".to_owned(),
        release: Release("0.0.2".to_owned()),
        previous: Some(Release("0.0.1".to_owned())),
        by: None,
        url: None,
        at: None,
        was_down: false,
        undid: None,
        command_line: Default::default(),
    }
}

fn release(release: &str) -> Release {
    Release(release.to_owned())
}

fn deployed() -> Outcome {
    Outcome::Deployed {
        release: release("0.0.2"),
        previous: Some(release("0.0.1")),
        live: Colour::Green,
        warnings: Vec::new(),
        leftovers: Vec::new(),
    }
}

fn rolled_back(cause: &str) -> Outcome {
    Outcome::RolledBack {
        step: "soak".to_owned(),
        cause: cause.into(),
        traffic_moved: true,
        serving: Some(release("0.0.1")),
        undone: Vec::new(),
        leftovers: Vec::new(),
    }
}

fn stuck() -> Outcome {
    Outcome::Stuck {
        step: "shift traffic".to_owned(),
        cause: "no".into(),
        undo_failure: "no".into(),
        weights: None,
        commands: Vec::new(),
        leftovers: Vec::new(),
    }
}

fn unproven() -> Outcome {
    Outcome::Unproven {
        release: release("0.0.2"),
        previous: None,
        live: Colour::Green,
        reasons: Vec::new(),
        leftovers: Vec::new(),
    }
}

fn events() -> Vec<Stamped> {
    vec![Stamped {
        at: Duration::from_secs(7),
        event: Event::Began(beginning("deploy")),
    }]
}

fn run<'a>(events: &'a [Stamped], outcome: &'a Outcome) -> Run<'a> {
    Run {
        url: Some("https://github.com/octo/hello/actions/runs/77".to_owned()),
        live_url: Some("http://hello.example".to_owned()),
        ..Run::of(events, outcome)
    }
}

#[test]
fn the_kind_is_what_the_address_says_unless_it_is_given() {
    let kind = |url: &str, kind: &str| {
        let target = target(&telling(url, kind, KEY)).expect("good inputs");
        target.expect("somebody to tell").kind
    };
    assert_eq!(
        kind("https://hooks.slack.com/services/T/B/x", ""),
        Kind::Slack
    );
    assert_eq!(
        kind("https://events.eu.pagerduty.com/v2/enqueue", ""),
        Kind::PagerDuty
    );
    assert_eq!(kind("https://chat.example/hooks/x", ""), Kind::Generic);
    assert_eq!(kind("https://chat.example/hooks/x", "slack"), Kind::Slack);
    // With a key alone, it is PagerDuty's.
    assert_eq!(kind("", ""), Kind::PagerDuty);
    let target = target(&telling("", "pagerduty", KEY)).unwrap().unwrap();
    assert_eq!(Some(target.address), Address::parse(PAGERDUTY));
}

#[test]
fn what_is_wrong_is_said_without_a_secret_and_nothing_is_asked_of_who_tells_nobody() {
    for (url, kind, key, said) in [
        (
            "https://x.example/s3cret",
            "slak",
            "",
            "\"slak\" is none of slack, pagerduty and generic",
        ),
        ("x.example/s3cret", "", "", "BGD_WEBHOOK_URL"),
        ("https://u:s3cret@x.example/", "", "", "BGD_WEBHOOK_URL"),
        (
            "https://events.pagerduty.com/v2/enqueue",
            "",
            "",
            "BGD_WEBHOOK_KEY",
        ),
        ("", "pagerduty", "", "BGD_WEBHOOK_KEY"),
        ("", "pager", KEY, "BGD_WEBHOOK_KIND"),
    ] {
        let problem = check(&telling(url, kind, key)).expect_err(said);
        assert!(problem.contains(said), "{problem}");
        assert!(
            !problem.contains("s3cret") && !problem.contains(KEY),
            "{problem}"
        );
    }
    for nobody in [
        telling("", "", ""),
        telling("", "slack", ""),
        telling("", "generic", ""),
    ] {
        assert_eq!(target(&nobody), Ok(None));
    }
}

#[test]
fn slack_is_given_text_that_mentions_nobody_and_links_nowhere() {
    let events = events();
    let outcome = rolled_back("<!channel> @here <https://evil|x> [x](http://evil) ``` & *bold*");
    let message = slack(&beginning("deploy"), &run(&events, &outcome));
    let texts: Vec<&str> = message["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|block| block.pointer("/text/text")?.as_str())
        .chain(message["text"].as_str())
        .collect();
    assert_eq!(texts.len(), 3, "{message:#}");
    assert!(
        texts[1].contains("&lt;!channel&gt; @\u{200b}here"),
        "{}",
        texts[1]
    );
    for text in texts {
        for active in ["<!", "@here", "<https://evil", "](http"] {
            assert!(!text.contains(active), "{active} in {text}");
        }
        let fences = text.matches("```").count();
        assert!(fences == 0 || fences == 2, "{text}");
    }
    let links = "<https://github.com/octo/hello/actions/runs/77|the run>  ·  <http://hello.example|the service>";
    assert_eq!(message["blocks"][2]["elements"][0]["text"], links);
    for block in message["blocks"].as_array().unwrap() {
        for text in [&block["text"], &block["elements"][0]] {
            assert!(text.is_null() || text["verbatim"] == true, "{block:#}");
        }
    }
}

#[test]
fn a_message_is_no_longer_than_slack_takes_and_an_odd_address_is_no_link() {
    let events = events();
    let outcome = rolled_back(&"<".repeat(5_000));
    let mut run = run(&events, &outcome);
    run.url = Some("javascript:alert(1)".to_owned());
    run.live_url = Some("https://x|y>".to_owned());
    let message = slack(&beginning("deploy"), &run);
    let blocks = message["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 2, "{message:#}");
    for block in blocks {
        assert!(block["text"]["text"].as_str().unwrap().chars().count() <= 3_000);
    }
}

#[test]
fn pagerduty_is_woken_by_a_failure_and_told_when_it_is_over_and_by_nothing_else() {
    let events = events();
    let event = |command: &str, outcome: &Outcome| {
        let event = pagerduty(KEY, &beginning(command), &run(&events, outcome))?;
        let severity = event.pointer("/payload/severity").and_then(Value::as_str);
        assert_eq!(
            (&event["routing_key"], &event["dedup_key"]),
            (&KEY.into(), &"bg-deploy/hello/prod".into())
        );
        Some((
            event["event_action"].as_str()?.to_owned(),
            severity.map(str::to_owned),
        ))
    };
    let trigger = |severity: &str| Some(("trigger".to_owned(), Some(severity.to_owned())));
    let resolve = Some(("resolve".to_owned(), None));
    assert_eq!(event("deploy", &stuck()), trigger("critical"));
    assert_eq!(event("rollback", &rolled_back("no")), trigger("error"));
    assert_eq!(event("deploy", &unproven()), trigger("warning"));
    assert_eq!(event("deploy", &deployed()), resolve);
    let release = release("0.0.2");
    assert_eq!(event("deploy", &Outcome::NothingToDo { release }), resolve);
    assert_eq!(event("verify", &rolled_back("no")), None);
    let reason = "no".to_owned();
    assert_eq!(
        event("deploy", &Outcome::Refused { reason, now: None }),
        None
    );

    let outcome = rolled_back("the cause");
    let event = pagerduty(KEY, &beginning("deploy"), &run(&events, &outcome)).unwrap();
    let payload = &event["payload"];
    assert_eq!(
        (&payload["source"], &payload["component"]),
        (&"hello/prod".into(), &"hello".into())
    );
    let sentence = report::sentence(&run(&events, &outcome));
    assert_eq!(payload["summary"], sentence.as_str());
    assert!(
        payload["custom_details"]["failure"]
            .as_str()
            .unwrap()
            .contains("the cause")
    );
    assert_eq!(
        event["links"][0]["href"],
        "https://github.com/octo/hello/actions/runs/77"
    );
}

#[test]
fn other_programs_are_given_the_outcome_as_it_is() {
    let events = events();
    let outcome = deployed();
    let body = generic(&beginning("deploy"), &run(&events, &outcome));
    assert_eq!(body["version"], 1);
    assert_eq!(body["exit_code"], 0);
    assert_eq!(body["outcome"], json!(outcome));
    assert_eq!(body["outcome"]["result"], "deployed");
    assert!(body["outputs"].is_object() && body["outputs"]["json"].is_null());
    assert_eq!(body["sentence"], report::sentence(&run(&events, &outcome)));
}

fn http(network: &Network) -> HttpClient {
    HttpClient::new(&Proxies::default(), network, &Clock::real()).expect("a client")
}

async fn notice_of(telling: &Telling, outcome: &Outcome) -> Option<String> {
    let events = events();
    tell(
        telling,
        &http(&Network::tcp()),
        &beginning("deploy"),
        &run(&events, outcome),
    )
    .await
}

#[tokio::test]
async fn it_is_posted_as_json_to_the_whole_address() {
    let server = MockServer::start().await;
    let events = events();
    let outcome = deployed();
    Mock::given(method("POST"))
        .and(path("/services/T1/s3cret"))
        .and(query_param("thread", "1"))
        .and(header("content-type", "application/json"))
        .and(body_json(slack(
            &beginning("deploy"),
            &run(&events, &outcome),
        )))
        .respond_with(ResponseTemplate::new(200).set_body_string("ok"))
        .expect(1)
        .mount(&server)
        .await;
    let url = format!("{}/services/T1/s3cret?thread=1", server.uri());
    assert_eq!(notice_of(&telling(&url, "slack", ""), &outcome).await, None);
}

#[tokio::test]
async fn what_arrives_nowhere_is_one_notice_without_the_address() {
    let server = MockServer::start().await;
    let url = format!("{}/services/T1/s3cret", server.uri());
    let notice = notice_of(&telling(&url, "slack", ""), &deployed()).await;
    assert_eq!(
        notice.as_deref(),
        Some("Slack was not told: it answered 404")
    );
    let notice = notice_of(&telling(&url, "pagerduty", KEY), &stuck()).await;
    assert_eq!(
        notice.as_deref(),
        Some("PagerDuty was not told: it answered 404")
    );

    let port = Network::tcp().free_port().await.unwrap();
    let url = format!("http://localhost:{port}/s3cret");
    let notice = notice_of(&telling(&url, "", ""), &deployed())
        .await
        .unwrap();
    assert!(
        notice.starts_with("the webhook was not told: Connection refused"),
        "{notice}"
    );
    assert!(
        !notice.contains("localhost") && !notice.contains("s3cret"),
        "{notice}"
    );
    // Nobody is to be woken, and so nobody is asked.
    let reason = String::new();
    let refused = Outcome::Refused { reason, now: None };
    assert_eq!(
        notice_of(&telling(&url, "pagerduty", KEY), &refused).await,
        None
    );
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_does_not_answer_is_waited_for_ten_seconds() {
    let (network, clock) = (Network::memory(), Clock::real());
    let listener = network.listen(0).await.unwrap();
    let url = format!("http://hooks.example:{}/s3cret", listener.port());
    let events = events();
    let outcome = deployed();
    let telling = telling(&url, "", "");
    let began = clock.wall();
    let notice = tell(
        &telling,
        &http(&network),
        &beginning("deploy"),
        &run(&events, &outcome),
    )
    .await;
    assert_eq!(
        notice.as_deref(),
        Some("the webhook was not told: no answer within 10 s")
    );
    assert_eq!((clock.wall() - began).as_secs(), 10);
}
