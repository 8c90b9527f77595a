//! A run as OpenTelemetry metrics, over OTLP/HTTP with JSON.
//!
//! Guarantees: asks for nothing but OpenTelemetry's own variables; a collector that does not answer costs a notice.
//! Everything is a gauge: a run reports once, and there is nothing to add up before it is stored.
//!
//! Sources: <https://opentelemetry.io/docs/specs/otlp/#otlphttp> (names in lowerCamelCase, 64-bit integers as text, enums
//! as numbers), <https://opentelemetry.io/docs/specs/otel/protocol/exporter/> (the variables),
//! <https://opentelemetry.io/docs/specs/otel/resource/sdk/> (resource attributes).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::post::{Address, post};
use crate::http_client::HttpClient;
use crate::inputs::Otlp;
use crate::report::{self, Files, Run};
use crate::run::beginning::Beginning;
use crate::run::event::{Event, Stamped, Zone};
use crate::run::step::Step as _;
use crate::steps::bake_image::BakeImage;
use crate::text;

/// More steps than any run has; what is sent stays bounded whatever the events are.
const MOST_STEPS: usize = 60;
/// The most characters of an attribute.
const MOST_CHARS: usize = 250;

/// Sends the run's metrics; answers with a notice if they could not be sent.
pub(super) async fn send(
    otlp: &Otlp,
    http: &HttpClient,
    now: SystemTime,
    beginning: &Beginning,
    run: &Run<'_>,
) -> Option<String> {
    let address = address(otlp)?;
    let sent = async {
        let address = address.map_err(|from| format!("{from} is no address"))?;
        let headers =
            headers(otlp).ok_or("OTEL_EXPORTER_OTLP_HEADERS is not of the form a=b,c=d")?;
        let outputs = report::outputs(run, &Files::default());
        let body = request(otlp, beginning, run, &outputs, now);
        post(http, &address, &headers, &body).await
    };
    let why = sent.await.err()?;
    Some(format!("the metrics were not sent: {why}"))
}

/// Where they go; `None` when nobody wants them.
fn address(otlp: &Otlp) -> Option<Result<Address, &'static str>> {
    if let Some(given) = &otlp.metrics_endpoint {
        return Some(Address::parse(&given.value).ok_or(given.from));
    }
    let given = otlp.endpoint.as_ref()?;
    let below = Address::parse(&given.value).and_then(|base| base.below("v1/metrics"));
    Some(below.ok_or(given.from))
}

fn headers(otlp: &Otlp) -> Option<Vec<(String, String)>> {
    let Some(headers) = &otlp.headers else {
        return Some(Vec::new());
    };
    let headers = pairs(headers.reveal())?;
    let valid = headers.iter().all(|(name, value)| {
        HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok()
    });
    valid.then_some(headers)
}

/// Reads `a=b,c=d`, the values percent-encoded; `None` for anything else.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            let name = name.trim();
            (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
        })
        .collect()
}

/// The whole request: one resource, one scope, and the metrics of one run, all of the moment `now`.
fn request(
    otlp: &Otlp,
    beginning: &Beginning,
    run: &Run<'_>,
    outputs: &[(&'static str, String)],
    now: SystemTime,
) -> Value {
    let took = run.events.last().map(|last| last.at).unwrap_or_default();
    let ended = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let make = Points {
        began: ended.saturating_sub(took),
        ended,
        common: vec![
            ("bg_deploy.command", beginning.command.clone()),
            ("bg_deploy.app", beginning.app.clone()),
            ("bg_deploy.environment", beginning.environment.clone()),
            ("bg_deploy.result", result(run)),
        ],
    };
    json!({"resourceMetrics": [{
        "resource": {"attributes": resource(otlp, beginning)},
        "scopeMetrics": [{
            "scope": {"name": "bg-deploy", "version": env!("CARGO_PKG_VERSION")},
            "metrics": metrics(&make, run, outputs, took),
        }],
    }]})
}

/// "deployed", "rolled-back", ...
fn result(run: &Run<'_>) -> String {
    let outcome = json!(run.outcome);
    outcome["result"].as_str().unwrap_or_default().to_owned()
}

/// Who says so: this program, unless `OTEL_RESOURCE_ATTRIBUTES` says otherwise. If that can't be read, all of it is
/// ignored, as OpenTelemetry wants it.
fn resource(otlp: &Otlp, beginning: &Beginning) -> Vec<Value> {
    let mut attributes = BTreeMap::from([
        ("service.name".to_owned(), "bg-deploy".to_owned()),
        (
            "service.version".to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        ),
        (
            "deployment.environment.name".to_owned(),
            beginning.environment.clone(),
        ),
    ]);
    let given = otlp.resource_attributes.as_ref();
    attributes.extend(
        given
            .and_then(|given| pairs(&given.value))
            .unwrap_or_default(),
    );
    attributes
        .iter()
        .map(|(key, value)| attribute(key, value))
        .collect()
}

fn attribute(key: &str, value: &str) -> Value {
    let value = text::cut(&text::one_line(value), MOST_CHARS);
    json!({"key": key, "value": {"stringValue": value}})
}

fn metrics(
    make: &Points,
    run: &Run<'_>,
    outputs: &[(&'static str, String)],
    took: Duration,
) -> Vec<Value> {
    let steps = steps(run.events);
    // What the job's outputs say, so that the two cannot disagree; an empty one says nothing.
    let output = |name: &str| {
        let (_, value) = outputs.iter().find(|(known, _)| *known == name)?;
        value.parse::<f64>().ok()
    };
    let once = |value: Option<f64>| -> Vec<Value> {
        let point = value.map(|value| make.number(value, &[]));
        point.into_iter().collect()
    };
    [
        ("run.duration", "s", once(Some(took.as_secs_f64()))),
        ("zone.duration", "s", zones(make, &steps)),
        ("step.duration", "s", each(make, &steps)),
        (
            "probe.requests.sent",
            "{request}",
            once(output("requests-sent")),
        ),
        (
            "probe.requests.failed",
            "{request}",
            once(output("requests-failed")),
        ),
        (
            "convergence.duration",
            "s",
            once(output("convergence-seconds")),
        ),
        ("image.reused", "1", once(reused(&steps))),
    ]
    .into_iter()
    .filter(|(_, _, points)| !points.is_empty())
    .map(|(name, unit, points)| {
        json!({
            "name": format!("bg_deploy.{name}"),
            "unit": unit,
            "gauge": {"dataPoints": points},
        })
    })
    .collect()
}

/// How long the steps of each zone took.
fn zones(make: &Points, steps: &[EndedStep]) -> Vec<Value> {
    let of = |zone| {
        let mut steps = steps
            .iter()
            .filter(move |step| step.zone == zone)
            .peekable();
        steps.peek()?;
        let took: Duration = steps.map(|step| step.took).sum();
        Some(make.number(took.as_secs_f64(), &[("bg_deploy.zone", name(zone))]))
    };
    [Zone::Prepare, Zone::Commit, Zone::Finish]
        .into_iter()
        .filter_map(of)
        .collect()
}

/// How long each step took, and how it ended.
fn each(make: &Points, steps: &[EndedStep]) -> Vec<Value> {
    let of = |step: &EndedStep| {
        let attributes = [
            ("bg_deploy.zone", name(step.zone)),
            ("bg_deploy.step", step.name.as_str()),
            ("bg_deploy.step.result", step.result),
        ];
        make.number(step.took.as_secs_f64(), &attributes)
    };
    steps.iter().map(of).collect()
}

/// 1 when an image of the same content stood already, 0 when one was baked.
fn reused(steps: &[EndedStep]) -> Option<f64> {
    let bake = steps
        .iter()
        .find(|step| step.name == BakeImage::ABOUT.name)?;
    match bake.result {
        "skipped" => Some(1.0),
        "done" => Some(0.0),
        _ => None,
    }
}

const fn name(zone: Zone) -> &'static str {
    match zone {
        Zone::Prepare => "prepare",
        Zone::Commit => "commit",
        Zone::Finish => "finish",
    }
}

/// Makes data points of one run.
struct Points {
    began: Duration,
    ended: Duration,
    common: Vec<(&'static str, String)>,
}

impl Points {
    fn number(&self, value: f64, attributes: &[(&str, &str)]) -> Value {
        let common = self.common.iter().map(|(key, value)| attribute(key, value));
        let own = attributes.iter().map(|(key, value)| attribute(key, value));
        json!({
            "startTimeUnixNano": self.began.as_nanos().to_string(),
            "timeUnixNano": self.ended.as_nanos().to_string(),
            "asDouble": value,
            "attributes": common.chain(own).collect::<Vec<_>>(),
        })
    }
}

/// A step as it ended.
struct EndedStep {
    name: String,
    zone: Zone,
    took: Duration,
    result: &'static str,
}

/// The steps that ended, and those that were under way at the end.
fn steps(events: &[Stamped]) -> Vec<EndedStep> {
    let mut steps = Vec::new();
    let mut open: Vec<(&str, Zone, Duration)> = Vec::new();
    for stamped in events {
        let (step, result) = match &stamped.event {
            Event::StepBegan { step, zone } => {
                open.push((step, *zone, stamped.at));
                continue;
            }
            Event::StepDone {
                step,
                skipped: true,
                ..
            } => (step, "skipped"),
            Event::StepDone { step, .. } => (step, "done"),
            Event::StepFailed { step, .. } => (step, "failed"),
            Event::UndoBegan { .. } => {
                let unfinished = open.drain(..);
                steps.extend(unfinished.map(|step| ended(step, stamped.at, "unfinished")));
                continue;
            }
            _ => continue,
        };
        if let Some(which) = open.iter().position(|(name, ..)| name == step) {
            steps.push(ended(open.remove(which), stamped.at, result));
        }
    }
    let at = events.last().map(|last| last.at).unwrap_or_default();
    steps.extend(open.into_iter().map(|step| ended(step, at, "unfinished")));
    steps.truncate(MOST_STEPS);
    steps
}

fn ended(
    (name, zone, began): (&str, Zone, Duration),
    at: Duration,
    result: &'static str,
) -> EndedStep {
    EndedStep {
        name: name.to_owned(),
        zone,
        took: at.saturating_sub(began),
        result,
    }
}

#[cfg(test)]
mod tests;
