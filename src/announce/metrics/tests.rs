use std::path::PathBuf;

use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::http_client::Proxies;
use crate::inputs::Given;
use crate::names::{Colour, Release};
use crate::outcome::Outcome;
use crate::secret::Secret;
use net_clock::{Clock, Network};

fn beginning() -> Beginning {
    Beginning {
        command: "deploy".to_owned(),
        app: "hello".to_owned(),
        environment: "prod".to_owned(),
        release: Release("0.0.2".to_owned()),
        previous: None,
        by: None,
        url: None,
        at: None,
        was_down: false,
        undid: None,
        command_line: Default::default(),
    }
}

fn outcome() -> Outcome {
    Outcome::Deployed {
        release: Release("0.0.2".to_owned()),
        previous: None,
        live: Colour::Green,
        warnings: Vec::new(),
        leftovers: Vec::new(),
    }
}

fn at(millis: u64, event: Event) -> Stamped {
    Stamped {
        at: Duration::from_millis(millis),
        event,
    }
}

fn began(step: &str, zone: Zone) -> Event {
    Event::StepBegan {
        step: step.to_owned(),
        zone,
    }
}

fn done(step: &str, skipped: bool) -> Event {
    Event::StepDone {
        step: step.to_owned(),
        summary: String::new(),
        skipped,
    }
}

fn events() -> Vec<Stamped> {
    vec![
        at(250, began("bake image", Zone::Prepare)),
        at(500, done("bake image", true)),
        at(500, began("scale up idle group", Zone::Prepare)),
        at(62_000, done("scale up idle group", false)),
        at(62_000, began("shift traffic", Zone::Commit)),
        at(70_500, done("shift traffic", false)),
    ]
}

/// A fixed moment, so that the golden file stays as it is.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_800_000_000_123)
}

/// The golden file was read by the protobuf runtime's own JSON parser as an `ExportMetricsServiceRequest` of
/// opentelemetry-proto 1.45, unknown fields refused, and came back the same.
#[test]
fn the_request_is_what_a_collector_reads() {
    let otlp = Otlp {
        resource_attributes: Some(Given::new(
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=releases,team=a%2Cb",
        )),
        ..Otlp::default()
    };
    let outputs = [
        ("requests-sent", "41230".to_owned()),
        ("requests-failed", "0".to_owned()),
        ("convergence-seconds", "2.3".to_owned()),
    ];
    let events = events();
    let outcome = outcome();
    let request = request(
        &otlp,
        &beginning(),
        &Run::of(&events, &outcome),
        &outputs,
        now(),
    );
    let version = format!("{:?}", env!("CARGO_PKG_VERSION"));
    let text = format!("{request:#}\n").replace(&version, "\"VERSION\"");
    let golden =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/announce/metrics.json");
    #[expect(
        clippy::disallowed_methods,
        reason = "only this test can be asked to write its file anew"
    )]
    let update = std::env::var("BGD_UPDATE_GOLDEN").is_ok();
    if update {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(expected == text, "it is now:\n{text}");
}

/// The values of a metric, with what tells its points apart.
fn points(request: &Value, name: &str, by: &str) -> Vec<(String, f64)> {
    let metrics = &request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let metrics = metrics.as_array().unwrap().iter();
    let mut of_name = metrics.filter(|metric| metric["name"] == name);
    let Some(metric) = of_name.next() else {
        return Vec::new();
    };
    let points = metric["gauge"]["dataPoints"].as_array().unwrap();
    points
        .iter()
        .map(|point| {
            let attributes = point["attributes"].as_array().unwrap();
            let found = attributes.iter().find(|attribute| attribute["key"] == by);
            let found = found.and_then(|attribute| attribute["value"]["stringValue"].as_str());
            (
                found.unwrap_or_default().to_owned(),
                point["asDouble"].as_f64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_run_that_failed_tells_how_far_it_came_and_nothing_of_what_was_not_measured() {
    let mut events = events();
    events.truncate(5);
    let cause = "no".into();
    let step = "shift traffic".to_owned();
    events.push(at(63_000, Event::StepFailed { step, cause }));
    let what = "restore the weights".to_owned();
    events.push(at(63_000, Event::UndoBegan { what }));
    events.push(at(
        80_000,
        Event::Note {
            text: String::new(),
        },
    ));
    let outcome = Outcome::Refused {
        reason: String::new(),
        now: None,
    };
    let none = [("requests-sent", String::new())];
    let request = request(
        &Otlp::default(),
        &beginning(),
        &Run::of(&events, &outcome),
        &none,
        now(),
    );
    let of = |name: &str, by: &str| points(&request, name, by);
    assert_eq!(
        of("bg_deploy.run.duration", "bg_deploy.result"),
        [("refused".to_owned(), 80.0)]
    );
    assert_eq!(
        of("bg_deploy.step.duration", "bg_deploy.step.result"),
        [("skipped", 0.25), ("done", 61.5), ("failed", 1.0)]
            .map(|(result, took)| (result.to_owned(), took))
    );
    assert_eq!(
        of("bg_deploy.zone.duration", "bg_deploy.zone"),
        [("prepare", 61.75), ("commit", 1.0)].map(|(zone, took)| (zone.to_owned(), took))
    );
    assert_eq!(of("bg_deploy.image.reused", ""), [(String::new(), 1.0)]);
    assert_eq!(of("bg_deploy.probe.requests.sent", ""), []);
    assert_eq!(of("bg_deploy.convergence.duration", ""), []);
}

#[test]
fn a_step_that_never_ended_is_called_unfinished() {
    let steps = steps(&events()[..5]);
    let last = steps.last().unwrap();
    assert_eq!(
        (last.name.as_str(), last.result),
        ("shift traffic", "unfinished")
    );
}

fn otlp(metrics: Option<&str>, all: Option<&str>, headers: Option<&str>) -> Otlp {
    let given =
        |name: &'static str, value: Option<&str>| value.map(|value| Given::new(name, value));
    Otlp {
        metrics_endpoint: given("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", metrics),
        endpoint: given("OTEL_EXPORTER_OTLP_ENDPOINT", all),
        headers: headers.map(Secret::new),
        resource_attributes: None,
    }
}

#[test]
fn the_address_for_metrics_is_taken_as_it_is_and_the_one_for_everything_is_added_to() {
    let of = |metrics, all| address(&otlp(metrics, all, None));
    let parsed = |url| Some(Address::parse(url).ok_or(""));
    assert_eq!(of(None, None), None);
    assert_eq!(
        of(Some("http://a/x"), Some("http://b")),
        parsed("http://a/x")
    );
    assert_eq!(
        of(None, Some("http://b:4318/")),
        parsed("http://b:4318/v1/metrics")
    );
    assert_eq!(
        of(Some("a"), None),
        Some(Err("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"))
    );
}

#[test]
fn headers_are_pairs_with_percent_encoded_values() {
    let of = |text| headers(&otlp(None, None, Some(text)));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        of(" api-key = a%20b%3D%2C , authorization=Basic%20eA== ,"),
        Some(vec![
            pair("api-key", "a b=,"),
            pair("authorization", "Basic eA==")
        ])
    );
    for bad in ["key", "=value", "a b=c", "key=%0a", "key=%ff"] {
        assert_eq!(of(bad), None, "{bad:?}");
    }
}

async fn sent(otlp: &Otlp) -> Option<String> {
    let events = events();
    let outcome = outcome();
    let run = Run::of(&events, &outcome);
    let http = HttpClient::new(&Proxies::default(), &Network::tcp(), &Clock::real());
    let http = http.expect("a client");
    send(otlp, &http, now(), &beginning(), &run).await
}

#[tokio::test]
async fn the_metrics_arrive_with_their_headers_and_what_does_not_is_one_notice_without_them() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/metrics"))
        .and(header("api-key", "s3cret"))
        .and(header("content-type", "application/json"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{}"))
        .expect(1)
        .mount(&server)
        .await;
    let uri = server.uri();
    assert_eq!(
        sent(&otlp(None, Some(&uri), Some("api-key=s3cret"))).await,
        None
    );
    let said = |text: &str| Some(format!("the metrics were not sent: {text}"));
    let elsewhere = otlp(Some(&uri), None, Some("api-key=s3cret"));
    assert_eq!(sent(&elsewhere).await, said("it answered 404"));
    let broken = otlp(None, Some(&uri), Some("s3cret"));
    let form = "OTEL_EXPORTER_OTLP_HEADERS is not of the form a=b,c=d";
    assert_eq!(sent(&broken).await, said(form));
    let nowhere = otlp(None, Some("collector"), None);
    assert_eq!(
        sent(&nowhere).await,
        said("OTEL_EXPORTER_OTLP_ENDPOINT is no address")
    );
    assert_eq!(sent(&Otlp::default()).await, None);
}
