//! What a calibration writes down: one JSON object a line, so that what is written stays when the walk is stopped, and a person can
//! read it before it is shown to anybody.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format.
const FORMAT: u32 = 1;

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// What all of it is.
    Head(Head),
    /// A part of the walk is over.
    Part(Part),
    /// A step of it was done.
    Step(Step),
    /// Something was asked, and answered.
    Call(Box<Call>),
}

/// What all of it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Of these lines.
    pub format: u32,
    /// Of the program.
    pub version: String,
    /// When it began.
    pub at: String,
    /// Where.
    pub region: String,
    /// Not AWS was asked, but something at another endpoint.
    pub elsewhere: bool,
    /// How many of its seconds passed in one of the wall's.
    pub speed: f64,
}

impl Head {
    /// Of a walk that begins now.
    pub fn now(at: String, region: String, elsewhere: bool, speed: f64) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at,
            region,
            elsewhere,
            speed,
        }
    }
}

/// A part of the walk. Times are in seconds of the account's time, since the walk began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// "first release"
    pub part: String,
    /// When it began.
    pub at: f64,
    /// How long it took.
    pub took: f64,
    /// How it ended ("deployed").
    pub ended: String,
}

/// A step of a release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The part that it belongs to.
    pub part: String,
    /// Its name, as in the step table.
    pub step: String,
    /// How long it took.
    pub took: f64,
}

/// What was asked, and answered; the same again is told once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The part that it belongs to.
    pub part: String,
    /// Who asked: a role's kind, or `person`.
    pub by: String,
    /// `EC2`
    pub service: String,
    /// `DescribeInstances`
    pub operation: String,
    /// When.
    pub at: f64,
    /// Until the answer was there.
    pub took: f64,
    /// With what.
    pub asked: Value,
    /// The status; none where there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What was answered.
    pub answered: Value,
    /// How often the same was asked and answered after that, and when last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<(u32, f64)>,
}

impl Call {
    /// Whether it was done.
    pub fn is_done(&self) -> bool {
        self.code.is_none() && self.status.is_some_and(|status| status < 400)
    }

    /// Whether `next` says nothing that this has not said.
    fn is_again(&self, next: &Self) -> bool {
        let about = |call: &Self| {
            (
                call.part.clone(),
                call.by.clone(),
                call.status,
                call.code.clone(),
            )
        };
        about(self) == about(next) && self.asked == next.asked && self.answered == next.answered
    }
}

/// Tells calls that say the same as the one of their operation before them with that one.
pub(super) fn folded(calls: Vec<Call>) -> Vec<Call> {
    let mut all: Vec<Call> = Vec::new();
    for call in calls {
        let of_it = |other: &&mut Call| {
            (&other.service, &other.operation) == (&call.service, &call.operation)
        };
        match all.iter_mut().rev().find(of_it) {
            Some(last) if last.is_again(&call) => {
                let (times, _) = last.again.unwrap_or_default();
                last.again = Some((times + 1, call.at));
            }
            _ => all.push(call),
        }
    }
    all
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// What it is.
    pub head: Head,
    /// The parts of the walk, in order.
    pub parts: Vec<Part>,
    /// The steps of its releases.
    pub steps: Vec<Step>,
    /// What was asked and answered.
    pub calls: Vec<Call>,
}

impl Recording {
    /// Reads one. A last line that was not finished is left out: the walk was stopped there.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// From its lines.
    pub fn parse(text: &str) -> Result<Self> {
        let mut recording = Self::default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (number, line) in (1..).zip(whole.lines()) {
            let record = serde_json::from_str(line)
                .with_context(|| format!("line {number} is not one of a calibration"))?;
            recording.add(record);
        }
        match recording.head.format {
            FORMAT => Ok(recording),
            0 => bail!("this is no calibration: its first line says what it is"),
            other => bail!(
                "a calibration of format {other}, and this program reads format {FORMAT}: use the one that wrote it"
            ),
        }
    }

    /// Adds a line.
    pub fn add(&mut self, record: Record) {
        match record {
            Record::Head(head) => self.head = head,
            Record::Part(part) => self.parts.push(part),
            Record::Step(step) => self.steps.push(step),
            Record::Call(call) => self.calls.push(*call),
        }
    }

    /// How many calls there were.
    pub fn asked(&self) -> u64 {
        let again = |call: &Call| call.again.map_or(0, |(times, _)| u64::from(times));
        self.calls.iter().map(|call| 1 + again(call)).sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(operation: &str, at: f64, answered: &str) -> Call {
        Call {
            operation: operation.to_owned(),
            at,
            status: Some(200),
            answered: json!(answered),
            ..Call::default()
        }
    }

    #[test]
    fn the_same_asked_again_is_told_once_and_another_answer_is_told() {
        let folded = folded(vec![
            call("A", 1.0, "x"),
            call("B", 2.0, "x"),
            call("A", 3.0, "x"),
            call("A", 4.0, "x"),
            call("A", 5.0, "y"),
            call("A", 6.0, "x"),
        ]);
        let told: Vec<_> = folded
            .iter()
            .map(|call| (call.operation.as_str(), call.at, call.again))
            .collect();
        assert_eq!(
            told,
            [
                ("A", 1.0, Some((2, 4.0))),
                ("B", 2.0, None),
                ("A", 5.0, None),
                ("A", 6.0, None)
            ]
        );
        let recording = Recording {
            calls: folded,
            ..Recording::default()
        };
        assert_eq!(recording.asked(), 6);
    }

    #[test]
    fn what_is_written_is_read_again_but_for_a_line_that_was_cut() {
        let head = Head::now(
            "2026-11-23".to_owned(),
            "eu-central-1".to_owned(),
            false,
            1.0,
        );
        let records = [
            Record::Head(head.clone()),
            Record::Call(Box::new(call("A", 1.0, "x"))),
        ];
        let lines = records.map(|record| serde_json::to_string(&record).expect("JSON") + "\n");
        let read = Recording::parse(&(lines.concat() + "{\"record\":\"ca")).expect("a recording");
        assert_eq!((read.head, read.calls.len()), (head, 1));
        for (text, why) in [
            ("", "no calibration"),
            ("{\"a\":1}\n", "line 1"),
            (
                "{\"record\":\"head\",\"format\":9,\"version\":\"\",\"at\":\"\",\"region\":\"\",\"elsewhere\":false,\"speed\":1}\n",
                "format 9",
            ),
        ] {
            let refused = Recording::parse(text).expect_err("no calibration");
            assert!(format!("{refused:#}").contains(why), "{refused:#}");
        }
    }
}
