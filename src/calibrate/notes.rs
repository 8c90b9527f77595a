//! What of a walk is written down: each try of a call without what makes it another one each time, and how long each step took.

use std::time::Duration;

use serde_json::{Value, json};

use super::recording::{Call, Step};
use super::scrub::Scrub;
use super::tree::tree;
use crate::aws::tape::Exchange;
use crate::run::event::{Event, Stamped};

/// A try of a call, as it is written down.
pub(super) fn told(part: &str, by: &str, exchange: Exchange, scrub: &Scrub) -> Call {
    let body = exchange.asked.body.unwrap_or_default();
    let is_object = ["PutObject", "UploadPart"].contains(&exchange.operation.as_str());
    let mut asked = match is_object {
        true => length(&body),
        false => tree(&exchange.asked.kind, &body),
    };
    // All others say everything in the body.
    if exchange.service == "S3" {
        asked = json!({ "path": exchange.target, "body": asked });
    }
    let is_object = exchange.operation == "GetObject";
    let (status, mut answered) = match exchange.answered {
        Some((status, message)) => {
            let body = message.body.unwrap_or_default();
            let answered = match is_object && status < 300 {
                true => length(&body),
                false => tree(&message.kind, &body),
            };
            (Some(status), answered)
        }
        None => (None, Value::Null),
    };
    take_request_ids(&mut answered);
    Call {
        part: part.to_owned(),
        by: by.to_owned(),
        code: status
            .filter(|status| *status >= 400)
            .map(|_| code(&answered)),
        service: exchange.service,
        operation: exchange.operation,
        at: seconds(exchange.at),
        took: seconds(exchange.took),
        asked: scrub.clean(asked),
        status,
        answered: scrub.clean(answered),
        again: None,
    }
}

/// What users store is no answer of AWS's.
fn length(body: &[u8]) -> Value {
    json!({ "bytes": body.len() })
}

/// They differ in answers that say the same.
fn take_request_ids(answered: &mut Value) {
    let Some(members) = answered.as_object_mut() else {
        return;
    };
    members.retain(|name, _| {
        let name = name.to_ascii_lowercase();
        !matches!(&*name, "requestid" | "hostid" | "responsemetadata")
    });
    members.values_mut().for_each(take_request_ids);
}

/// The code of a refusal, wherever its protocol has it.
fn code(answered: &Value) -> String {
    const PLACES: [&str; 6] = [
        "/ErrorResponse/Error/Code",
        "/Response/Errors/Error/Code",
        "/Error/Code",
        "/__type",
        "/code",
        "/Code",
    ];
    let found = PLACES
        .iter()
        .find_map(|place| answered.pointer(place)?.as_str());
    let code = found.unwrap_or("without a code");
    // `com.amazonaws.ssm#InvalidDocument`
    code.rsplit('#').next().unwrap_or(code).to_owned()
}

/// How long each step took, of the account's time.
pub(super) fn steps(part: &str, events: &[Stamped], speed: f64) -> Vec<Step> {
    let mut begun = Vec::new();
    let mut steps = Vec::new();
    for stamped in events {
        match &stamped.event {
            Event::StepBegan { step, .. } => begun.push((step.clone(), stamped.at)),
            Event::StepDone {
                step,
                skipped: false,
                ..
            } => {
                let Some((_, at)) = begun.iter().rfind(|(named, _)| named == step) else {
                    continue;
                };
                steps.push(Step {
                    part: part.to_owned(),
                    step: step.clone(),
                    took: seconds(stamped.at.saturating_sub(*at).mul_f64(speed)),
                });
            }
            _ => {}
        }
    }
    steps
}

/// To the millisecond.
pub(super) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
