//! What a step of a workflow gives to the steps after it.
//!
//! Guarantees: every output is there in every run, in this order, empty when there is nothing to say; each is one line,
//! without control characters, and can not end its place in the runner's file.
//!
//! A value may hold what others wrote: a release, a path, a cause. A workflow hands it to a shell by `env:`, never by
//! splicing `${{ }}` into a script.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::way_back::WayBack;
use super::{Run, colours, convergence, subject};
use crate::outcome::{Outcome, answered};
use crate::run::event::Event;
use crate::text;

/// The outputs and what they mean, in their order.
pub const OUTPUTS: [(&str, &str); 15] = [
    (
        "result",
        "how it ended: deployed, nothing-to-do, verified, refused, rolled-back, cancelled, stopped, stuck or unproven; of a \
         rollback, reverted, or not-reverted where it failed and was undone; before it could begin, bad-inputs, refused or failed",
    ),
    ("release", "the release that the run was about"),
    (
        "previous-release",
        "the release that was live when it began; empty before a first release",
    ),
    (
        "live-colour",
        "the colour that has all the traffic now, blue or green; empty when none has, or it is not known",
    ),
    ("environment-url", "where live traffic is answered"),
    (
        "image-id",
        "the image of the release; empty when none stands, as after a run that baked one and was undone",
    ),
    ("duration-seconds", "how long the run took"),
    (
        "requests-sent",
        "requests of the probe to live traffic; empty when none ran",
    ),
    ("requests-failed", "those that failed"),
    (
        "convergence-seconds",
        "from the first write of the last weights to the moment at which every look at live traffic obeyed them; \
         empty when no weights were written, or the last ones were not seen to be obeyed",
    ),
    ("report-markdown", "the path of the report as Markdown"),
    ("report-html", "the path of the report as a page"),
    (
        "ledger",
        "the path of the ledger, with a line for each request; empty when no probe ran",
    ),
    ("exit-code", "the exit code of the command"),
    (
        "json",
        "all of these, the outcome, and how fast the traffic was brought back (way-back), as one JSON object in one line",
    ),
];

/// The files that were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The report as Markdown.
    pub markdown: Option<PathBuf>,
    /// The report as a page.
    pub html: Option<PathBuf>,
    /// A line for each request of the probe.
    pub ledger: Option<PathBuf>,
}

/// Names and values, in the order they are documented.
pub(super) fn of(run: &Run<'_>, files: &Files) -> Vec<(&'static str, String)> {
    let mut outcome = harmless(json!(run.outcome));
    let mut values = values(run, files);
    outcome["result"] = values[0].clone();
    let mut all: serde_json::Map<String, Value> = OUTPUTS
        .iter()
        .zip(&values)
        .map(|((name, _), value)| ((*name).to_owned(), value.clone()))
        .collect();
    all.insert("outcome".to_owned(), outcome);
    all.insert("way-back".to_owned(), json!(WayBack::of(run)));
    values.push(Value::Object(all));
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let names = OUTPUTS.iter().map(|(name, _)| *name);
    names.zip(values.into_iter().map(text)).collect()
}

/// Everything but the last output.
fn values(run: &Run<'_>, files: &Files) -> Vec<Value> {
    let subject = subject::of(run.events);
    let duration = run.events.last().map(|last| last.at).unwrap_or_default();
    let tally = run.evidence.map(|evidence| &evidence.tally);
    let convergence = convergence::of(run.events);
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let values = [
        json!(answered(&subject.command, &run.outcome.word())),
        json!(subject.release.0),
        json!(
            subject
                .previous
                .map(|previous| previous.0)
                .unwrap_or_default()
        ),
        json!(live_colour(run)),
        json!(run.live_url.clone().unwrap_or_default()),
        json!(image(run).unwrap_or_default()),
        json!(millis(duration)),
        json!(tally.map(|tally| tally.sent)),
        json!(tally.map(|tally| tally.failed)),
        json!(convergence.map(millis)),
        json!(path(&files.markdown).unwrap_or_default()),
        json!(path(&files.html).unwrap_or_default()),
        json!(path(&files.ledger).unwrap_or_default()),
        json!(run.outcome.exit_code()),
    ];
    values.into_iter().map(harmless).collect()
}

/// Seconds, to the millisecond.
fn millis(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

fn live_colour(run: &Run<'_>) -> String {
    let rows = colours::rows(run);
    let live = rows.iter().find(|row| row.after == Some(100));
    live.map(|row| row.colour.to_string()).unwrap_or_default()
}

/// The image, unless it was baked by a run that was undone.
fn image(run: &Run<'_>) -> Option<String> {
    let is_undone = matches!(
        run.outcome,
        Outcome::RolledBack { .. } | Outcome::Cancelled { .. } | Outcome::Verified { .. }
    );
    let mut events = run.events.iter().rev();
    events
        .find_map(|stamped| match &stamped.event {
            Event::Image { image, baked } => Some((image.clone(), *baked)),
            _ => None,
        })
        .filter(|(_, baked)| !(is_undone && *baked))
        .map(|(image, _)| image)
}

/// Every text in it as one bounded line of what can be seen.
fn harmless(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text::one_line(&text)),
        Value::Array(items) => items.into_iter().map(harmless).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, harmless(value)))
            .collect(),
        other => other,
    }
}

/// The outputs as the runner reads them from its file; `secret` makes a value's end one that nobody can guess.
pub(super) fn file(outputs: &[(&'static str, String)], secret: &str) -> String {
    let delimiter = format!("bgd-{secret}");
    let entries = outputs.iter();
    entries
        .map(|(name, value)| text::output(name, value, &delimiter))
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::stories;

    /// Reads the file by the runner's rules (`FileCommandManager.cs`).
    pub(in crate::report) fn parse(file: &str) -> Vec<(String, String)> {
        let mut outputs = Vec::new();
        let mut lines = file.split('\n').map(|line| line.trim_end_matches('\r'));
        while let Some(line) = lines.next() {
            if line.is_empty() {
                continue;
            }
            let equals = line.find('=').unwrap_or(usize::MAX);
            let heredoc = line.find("<<").unwrap_or(usize::MAX);
            assert!(equals != heredoc, "neither = nor << in {line:?}");
            if equals < heredoc {
                outputs.push((line[..equals].to_owned(), line[equals + 1..].to_owned()));
                continue;
            }
            let (name, delimiter) = (&line[..heredoc], &line[heredoc + 2..]);
            assert!(!name.is_empty() && !delimiter.is_empty(), "{line:?}");
            let mut value = Vec::new();
            loop {
                let line = lines.next().expect("the delimiter before the file's end");
                if line == delimiter {
                    break;
                }
                value.push(line);
            }
            outputs.push((name.to_owned(), value.join("\n")));
        }
        outputs
    }

    #[test]
    fn the_runner_reads_what_was_meant() {
        for tale in stories::all() {
            let outputs = of(&tale.run(), &Files::default());
            let names: Vec<&str> = outputs.iter().map(|(name, _)| *name).collect();
            let documented: Vec<&str> = OUTPUTS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, documented);
            let read = parse(&file(&outputs, "x"));
            let meant = outputs.iter();
            let meant = meant.map(|(name, value)| ((*name).to_owned(), value.clone()));
            assert_eq!(read, meant.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_value_can_not_end_its_place_even_when_it_knows_the_line_that_does() {
        let value = "a\nbgd-x\nresult=deployed\r\nbgd-x\rjson<<y".to_owned();
        let read = parse(&file(&[("release", value), ("ledger", String::new())], "x"));
        assert_eq!(read.len(), 2, "{read:?}");
        assert_eq!(read[0].0, "release");
        assert_eq!(read[1], ("ledger".to_owned(), String::new()));
    }

    #[test]
    fn an_image_that_an_undone_run_baked_is_not_given_away() {
        let mut tale = stories::rolled_back_in_commit();
        let image_of = |tale: &stories::Tale| {
            let outputs = of(&tale.run(), &Files::default());
            let image = outputs.into_iter().find(|(name, _)| *name == "image-id");
            image.map(|(_, value)| value).unwrap_or_default()
        };
        assert_eq!(image_of(&tale), "");
        for stamped in &mut tale.events {
            if let Event::Image { baked, .. } = &mut stamped.event {
                *baked = false;
            }
        }
        assert_eq!(image_of(&tale), "ami-0c9f13d2a");
        assert_eq!(image_of(&stories::deployed()), "ami-0c9f13d2a");
    }
}
