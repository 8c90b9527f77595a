//! The end of a run as plain text: the probe and the verdict; and what went wrong, for stderr.

use super::failure::FailureReport;
use super::proof;
use super::story::Story;
use super::timeline::{Row, State};
use super::words::{count, latency, took};
use crate::text;

/// Lines of a log that stderr shows.
const LOG_LINES: usize = 20;
/// Columns of a step's name.
const STEP: usize = 24;

/// The probe and the verdict; the steps have been told as they happened.
pub(super) fn ending(story: &Story) -> String {
    let mut out = String::new();
    if let Some(proof) = &story.proof {
        probe(proof, &mut out);
    }
    out + &outcome(story)
}

/// The calls that changed something, or failed.
pub(super) fn calls(story: &Story) -> String {
    let mut out = String::new();
    if !story.calls.is_empty() {
        line(&mut out, "AWS calls that changed something, or failed:");
    }
    for call in &story.calls {
        let [operation, result] = [&call.operation, &call.result].map(|text| text::for_log(text));
        let id = text::for_log(&call.request_id);
        line(
            &mut out,
            &format!("  {} {operation}: {result} {id}", call.at),
        );
    }
    out
}

/// How it ended, and what is worth knowing of that.
pub(super) fn outcome(story: &Story) -> String {
    let mut out = String::new();
    for warning in &story.warnings {
        line(&mut out, &format!("note: {}", text::for_log(warning)));
    }
    if story.failure.is_none() {
        left(story, &mut out);
    }
    line(
        &mut out,
        &format!("{}. {}", story.title, story.sentence.plain()),
    );
    if let Some(note) = &story.rehearsal {
        line(&mut out, note);
    }
    out
}

/// What went wrong, in the order a person needs it; empty when nothing did.
pub(super) fn failure(story: &Story) -> String {
    let Some(failure) = &story.failure else {
        return String::new();
    };
    let mut out = String::new();
    line(
        &mut out,
        &format!("Is live traffic affected? {}", failure.affected.plain()),
    );
    what_failed(failure, &mut out);
    if !failure.undone.is_empty() {
        line(&mut out, "What was undone:");
    }
    for undone in &failure.undone {
        line(&mut out, &format!("  - {}", text::for_log(undone)));
    }
    left(story, &mut out);
    if let Some((lines, _)) = &story.builder_log
        && failure.is_builders
    {
        line(&mut out, "The end of the builder's log:");
        for log in lines.iter().skip(lines.len().saturating_sub(LOG_LINES)) {
            line(&mut out, &text::for_terminal(&format!("  | {log}")));
        }
    }
    for said in &story.last_words {
        let (instance, state) = (text::for_log(&said.instance), text::for_log(&said.state));
        line(
            &mut out,
            &format!("The end of the {} of {instance} ({state}):", said.source),
        );
        let lines = said.lines.iter();
        for log in lines.skip(said.lines.len().saturating_sub(LOG_LINES)) {
            line(&mut out, &text::for_terminal(&format!("  | {log}")));
        }
    }
    if !failure.commands.is_empty() {
        line(&mut out, failure.next);
    }
    for command in &failure.commands {
        line(&mut out, &format!("  $ {}", text::for_log(command)));
    }
    out
}

fn what_failed(failure: &FailureReport, out: &mut String) {
    let step = text::for_log(&failure.step);
    match (failure.step.is_empty(), failure.causes.is_empty()) {
        (true, _) => line(out, "What is wrong:"),
        (false, true) => line(out, &format!("It was cancelled at: {step}")),
        (false, false) => line(out, &format!("What failed: {step}")),
    }
    for cause in &failure.causes {
        line(out, &format!("  {}", text::for_log(cause)));
    }
    if let Some(why) = &failure.why {
        line(out, &format!("  Why: {why}"));
    }
}

fn left(story: &Story, out: &mut String) {
    if story.left.is_empty() {
        return;
    }
    line(out, "What is left:");
    for left in &story.left {
        line(out, &format!("  - {}", text::for_log(&left.what)));
        line(out, &format!("    $ {}", text::for_log(&left.remedy)));
    }
}

/// One finished step: a mark, its name, how long it took, what came of it.
pub(super) fn step(row: &Row) -> String {
    let (mark, _) = row.state.mark();
    let name = text::fit(&text::for_log(&row.step), STEP);
    let gap = " ".repeat(STEP - text::columns(&name));
    let summary = text::for_log(&row.summary);
    let waited = match &row.longest_wait {
        Some((reason, waited)) if row.state != State::Failed => {
            format!(" (longest: {}, {})", text::for_log(reason), took(*waited))
        }
        _ => String::new(),
    };
    let line = format!(
        "  {mark} {name}{gap} {:>12}  {summary}{waited}",
        took(row.took)
    );
    line.trim_end().to_owned()
}

fn probe(proof: &proof::Proof, out: &mut String) {
    line(
        out,
        &format!(
            "{:<26}{:>10}{:>8}{:>11}{:>11}{:>11}",
            "connection", "requests", "failed", "p50", "p99", "max"
        ),
    );
    for row in &proof.lanes {
        let tally = &row.tally;
        line(
            out,
            &format!(
                "  {:<24}{:>10}{:>8}{:>11}{:>11}{:>11}",
                row.lane,
                count(tally.sent),
                count(tally.failed),
                latency(tally.p50),
                latency(tally.p99),
                latency(tally.max)
            ),
        );
    }
    let answers = proof.versions.iter().map(|row| {
        let version = text::fit(&text::for_log(&row.version), 40);
        format!("{} x {version}", count(row.answers))
    });
    list(out, "by version", answers.collect());
    list(
        out,
        "by status",
        proof
            .answers
            .iter()
            .map(|(what, n)| format!("{} x {what}", count(*n)))
            .collect(),
    );
    for fact in &proof.facts {
        line(out, &format!("  {}", fact.plain()));
    }
    for row in &proof.balancer {
        line(
            out,
            &format!(
                "  load balancer, {}: {} ({})",
                row.colour,
                count(row.total),
                text::for_log(&row.by_status)
            ),
        );
    }
    line(out, &format!("  verdict: {}", proof.verdict));
    for reason in &proof.reasons {
        line(out, &format!("    - {}", text::for_log(reason)));
    }
    if let Some(chart) = &proof.chart {
        line(out, "");
        chart
            .text()
            .iter()
            .for_each(|row| line(out, &format!("  {row}")));
    }
    line(out, "");
}

fn list(out: &mut String, name: &str, items: Vec<String>) {
    if !items.is_empty() {
        line(out, &format!("  {name}: {}", items.join(", ")));
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}
