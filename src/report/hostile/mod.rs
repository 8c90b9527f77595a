//! Whatever others could have written, in every form of report: nothing takes effect, nothing grows.
//!
//! The one place that makes foreign text harmless (`crate::text`) is attacked by itself, and then through every report.
//! Each form is read again by a parser of what it is: Markdown, HTML, the runner's commands, the runner's file of
//! outputs. What it is made of must be the same as when the texts are harmless.

mod console;
mod forms;
mod markdown;
mod page;
mod tales;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::tales::tales;
use super::outputs::tests::parse;
use super::stories::Tale;
use super::{Files, OUTPUTS, Run};
use crate::text::nasty::{MORE, NASTY};

const MARKER: &str = "<!-- bg-deploy: hello/prod -->";
const DELIMITER: &str = "0123456789abcdef";

/// A way to write what others might: any bytes, the dictionary, pieces of it one after the other, very long lines.
fn foreign() -> impl Strategy<Value = String> {
    let known: Vec<&'static str> = NASTY.into_iter().chain(MORE).collect();
    let bytes = prop::collection::vec(any::<u8>(), 0..120);
    let text = bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let chars = prop::collection::vec(any::<char>(), 0..80);
    let chars = chars.prop_map(String::from_iter);
    let marks = prop::collection::vec(prop::sample::select(MARKS.to_vec()), 1..40);
    let marks = marks.prop_map(String::from_iter);
    let piece = prop_oneof![
        prop::sample::select(known).prop_map(str::to_owned),
        text.clone(),
        marks.clone()
    ];
    let pieces = prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat());
    let long = (pieces.clone(), 1_usize..200).prop_map(|(text, times)| text.repeat(times));
    prop_oneof![2 => text, 1 => chars, 4 => marks, 4 => pieces, 1 => long]
}

/// What means something to one of the forms.
const MARKS: [char; 48] = [
    '`', '`', '*', '_', '~', '#', '|', '\\', '<', '>', '&', ';', '!', '[', ']', '(', ')', '{', '}',
    '"', '\'', '=', '-', '+', '.', ':', ':', '/', '@', '$', '%', '^', '\n', '\r', '\t', ' ', ' ',
    '\u{1b}', '\u{7}', '\0', '\u{feff}', '\u{202e}', '\u{2028}', '1', 'a', 'x', 'w', '\u{fffd}',
];

/// What a run with harmless texts is made of, in all forms.
struct Harmless {
    summary: markdown::Parts,
    comment: markdown::Parts,
    page: Vec<String>,
    log: Vec<String>,
}

impl Harmless {
    fn of(tale: &Tale) -> Self {
        let run = tale.run();
        Self {
            summary: markdown::parts(&super::markdown(&run)),
            comment: markdown::parts(&super::comment(&run, "")),
            page: page::parts(&super::html(&run)),
            log: console::kinds(&console::written(tale)),
        }
    }

    /// For each kind of run. What shows nothing is compared with an empty text, for which some parts are left out.
    fn all(text: &str) -> Vec<Self> {
        tales(text).iter().map(Self::of).collect()
    }
}

/// Everything that has to hold of a run in all forms.
fn holds(tale: &Tale, harmless: &Harmless) -> Result<(), String> {
    let run = tale.run();
    let (summary, comment) = (super::markdown(&run), super::comment(&run, MARKER));
    markdown::same(&summary, &harmless.summary)?;
    let body = comment
        .strip_prefix(MARKER)
        .ok_or("the marker is not the first line")?;
    markdown::same(body, &harmless.comment)?;
    check(
        comment.encode_utf16().count() <= 65_536,
        "a longer comment than GitHub takes",
    )?;
    check(
        summary.len() < 1 << 20,
        "a larger summary than GitHub takes",
    )?;
    page::same(&super::html(&run), &harmless.page)?;
    console::same(tale, &harmless.log)?;
    status(&run)?;
    outputs(&run)
}

fn status(run: &Run<'_>) -> Result<(), String> {
    let status = super::status(run);
    check(
        status.encode_utf16().count() <= 140,
        "a longer status than GitHub takes",
    )?;
    check(
        !status.contains(char::is_control),
        "a control character in the status",
    )?;
    check(
        !status.trim_start().starts_with("::"),
        "a command in the status",
    )
}

fn outputs(run: &Run<'_>) -> Result<(), String> {
    let outputs = super::outputs(run, &Files::default());
    let read = parse(&super::output_file(&outputs, DELIMITER));
    let names: Vec<&str> = read.iter().map(|(name, _)| name.as_str()).collect();
    let ours: Vec<&str> = OUTPUTS.iter().map(|(name, _)| *name).collect();
    check(names == ours, "another output")?;
    let clean = read
        .iter()
        .all(|(_, value)| !value.contains(char::is_control));
    check(clean, "a control character in an output")?;
    let json: Result<serde_json::Value, _> = serde_json::from_str(&read[ours.len() - 1].1);
    let json = json.map_err(|error| error.to_string())?;
    check(json["result"] == read[0].1, "another result")
}

fn check(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}

#[test]
fn nothing_of_what_has_broken_reports_before_takes_effect() {
    let (some, none) = (Harmless::all("x"), Harmless::all(""));
    for foreign in NASTY.into_iter().chain(MORE) {
        if let Err(why) = forms::holds(foreign) {
            panic!("{foreign:?}: {why}");
        }
        let is_empty = crate::text::one_line(foreign).is_empty();
        let harmless = if is_empty { &none } else { &some };
        for (tale, harmless) in tales(foreign).iter().zip(harmless) {
            if let Err(why) = holds(tale, harmless) {
                panic!("{foreign:?} in {:?}: {why}", tale.outcome);
            }
        }
    }
}

#[test]
fn nothing_that_anybody_writes_takes_effect() {
    let config = Config {
        cases: 100,
        failure_persistence: None,
        ..Config::default()
    };
    // The same texts each time: a failure is one that anybody can look at.
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let (some, none) = (Harmless::all("x"), Harmless::all(""));
    TestRunner::new_with_rng(config, random)
        .run(&(foreign(), 0..some.len()), |(foreign, kind)| {
            let is_empty = crate::text::one_line(&foreign).is_empty();
            let harmless = if is_empty { &none } else { &some };
            holds(&tales(&foreign)[kind], &harmless[kind])
                .map_err(|why| TestCaseError::fail(format!("{foreign:?}: {why}")))
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn nothing_that_anybody_writes_takes_effect_in_any_form_of_text() {
    let config = Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, random)
        .run(&foreign(), |foreign| {
            forms::holds(&foreign).map_err(|why| TestCaseError::fail(format!("{foreign:?}: {why}")))
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn no_report_grows_with_what_others_write() {
    let long = "`|<x>@y 🦀".repeat(5_000);
    for mut tale in tales(&long) {
        let many = tale.events.clone();
        for _ in 0..20 {
            tale.events.extend(many.iter().cloned());
        }
        let run = tale.run();
        let comment = super::comment(&run, MARKER);
        assert!(comment.encode_utf16().count() <= 65_536);
        assert_eq!(markdown::open_parts(&comment), None);
        assert!(super::markdown(&run).len() < 1 << 20);
        assert!(super::sentence(&run).chars().count() <= 1_000);
        assert!(super::failure_text(&run).len() <= 200_000);
        assert!(super::html(&run).len() <= 4_000_000);
        assert_eq!(status(&run), Ok(()));
    }
}
