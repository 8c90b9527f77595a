//! `aws:sleep`, `aws:branch`.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Calls, Failure, Inputs, Look, nothing_to_show, text};
use crate::runbook::template::text_of;
use crate::wire::node::epoch_seconds;

/// The longest sleep. <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-sleep.html>
const LONGEST: Duration = Duration::from_secs(604_799);

pub(super) fn sleep(
    inputs: &Inputs,
    notes: &mut Value,
    calls: &mut Calls<'_>,
) -> Result<Look, Failure> {
    let now = calls.account.now().as_secs_f64();
    if notes.is_null() {
        *notes = json!({"Until": now + length(inputs, calls)?.as_secs_f64()});
    }
    let left = notes["Until"].as_f64().unwrap_or(now) - now;
    // A millisecond is below what the notes keep exactly.
    if left < 0.001 {
        return nothing_to_show();
    }
    Ok(Look::Wait {
        pause: Duration::from_secs_f64(left),
        reason: "sleeping".to_owned(),
    })
}

fn length(inputs: &Inputs, calls: &Calls<'_>) -> Result<Duration, Failure> {
    let length = if let Some(text) = text(inputs, "Duration") {
        iso_duration(&text)
            .ok_or_else(|| Failure::input(&format!("{text} is no ISO 8601 duration")))?
    } else {
        let text = text(inputs, "Timestamp").unwrap_or_default();
        let until = OffsetDateTime::parse(&text, &Rfc3339)
            .map_err(|_| Failure::input(&format!("{text:?} is no ISO 8601 timestamp")))?;
        let now = epoch_seconds(calls.account.utc());
        let seconds = until.unix_timestamp_nanos() as f64 / 1e9 - now;
        Duration::from_secs_f64(seconds.max(0.0))
    };
    if length > LONGEST {
        return Err(Failure::input("a sleep may last at most 604799 seconds"));
    }
    Ok(length)
}

/// `PT1H30M10S`, `P1D`.
fn iso_duration(text: &str) -> Option<Duration> {
    let (days, clock) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, clock)) => (days, clock),
        None => (text.strip_prefix('P')?, ""),
    };
    let mut total = Duration::ZERO;
    let mut seen = false;
    for (part, units) in [
        (days, &[('D', 86_400_u64)][..]),
        (clock, &[('H', 3600), ('M', 60), ('S', 1)]),
    ] {
        let mut digits = String::new();
        for letter in part.chars() {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            let (_, seconds) = units.iter().find(|(unit, _)| *unit == letter)?;
            total += Duration::from_secs(digits.parse::<u64>().ok()?.checked_mul(*seconds)?);
            digits.clear();
            seen = true;
        }
        if !digits.is_empty() {
            return None;
        }
    }
    seen.then_some(total)
}

/// The first choice whose condition holds, else the default, else the next step in order.
pub(super) fn branch(inputs: &Inputs) -> Result<Look, Failure> {
    for choice in inputs["Choices"].as_array().into_iter().flatten() {
        if holds(choice)? {
            let next = choice["NextStep"].as_str().unwrap_or_default();
            return Ok(Look::Lead(next.to_owned()));
        }
    }
    match text(inputs, "Default") {
        Some(next) => Ok(Look::Lead(next)),
        None => nothing_to_show(),
    }
}

/// The name of a comparison, and what it does with the wanted value.
type Test<'a> = (&'static str, &'a dyn Fn(&str) -> bool);

fn holds(condition: &Value) -> Result<bool, Failure> {
    let all = |name: &str| condition[name].as_array();
    if let Some(parts) = all("And") {
        return parts
            .iter()
            .try_fold(true, |so_far, part| Ok(so_far && holds(part)?));
    }
    if let Some(parts) = all("Or") {
        return parts
            .iter()
            .try_fold(false, |so_far, part| Ok(so_far || holds(part)?));
    }
    if condition["Not"].is_object() {
        return Ok(!holds(&condition["Not"])?);
    }
    let held = text_of(&condition["Variable"]);
    let has = |name: &str| condition.get(name).map(text_of);
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    let tests: [Test<'_>; 9] = [
        ("StringEquals", &|wanted| held == wanted),
        ("EqualsIgnoreCase", &|wanted| {
            held.eq_ignore_ascii_case(wanted)
        }),
        ("StartsWith", &|wanted| held.starts_with(wanted)),
        ("EndsWith", &|wanted| held.ends_with(wanted)),
        ("Contains", &|wanted| held.contains(wanted)),
        ("NumericEquals", &|wanted| number(&held) == number(wanted)),
        ("NumericGreater", &|wanted| number(&held) > number(wanted)),
        ("NumericLesser", &|wanted| number(&held) < number(wanted)),
        ("BooleanEquals", &|wanted| held.eq_ignore_ascii_case(wanted)),
    ];
    tests
        .iter()
        .find_map(|(name, test)| has(name).map(|wanted| test(&wanted)))
        .ok_or_else(|| {
            Failure::input(&format!(
                "{condition} is no choice that the local cloud knows"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_durations_are_read_and_others_are_not() {
        let seconds = |text| iso_duration(text).map(|length| length.as_secs());
        assert_eq!(seconds("PT10M"), Some(600));
        assert_eq!(seconds("PT1H30M5S"), Some(5405));
        assert_eq!(seconds("P1DT1S"), Some(86_401));
        for wrong in ["10M", "PT", "P", "PT10", "PTM", "P1M"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_choice_that_holds_is_taken() {
        let inputs = json!({
            "Choices": [
                {"NextStep": "a", "Variable": "x86_64", "StringEquals": "arm64"},
                {"NextStep": "b", "Not": {"Variable": "x86_64", "StringEquals": "arm64"}},
            ],
            "Default": "c",
        });
        let inputs = inputs.as_object().expect("an object").clone();
        assert!(matches!(branch(&inputs), Ok(Look::Lead(name)) if name == "b"));
    }
}
