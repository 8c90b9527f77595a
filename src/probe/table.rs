//! The evidence as a table for terminals and logs.

use std::fmt::Write as _;
use std::time::Duration;

use super::evidence::Evidence;

/// The most characters of a version that a row shows.
const VERSION_WIDTH: usize = 40;

/// Draws the lanes, the versions and what is worth knowing beside them, in plain text.
pub fn table(evidence: &Evidence) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = draw(evidence, &mut text);
    text
}

fn draw(evidence: &Evidence, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "{:<12}{:>10}{:>8}{:>12}{:>10}{:>10}{:>10}",
        "lane", "requests", "failed", "connections", "p50 ms", "p99 ms", "max ms"
    )?;
    for (lane, row) in &evidence.lanes {
        write!(
            text,
            "{lane:<12}{:>10}{:>8}{:>12}{:>10}{:>10}{:>10}",
            row.sent,
            row.failed,
            row.connections,
            ms(row.p50),
            ms(row.p99),
            ms(row.max)
        )?;
        if row.unfinished > 0 {
            write!(text, "  ({} cut short by the probe's end)", row.unfinished)?;
        }
        writeln!(text)?;
    }
    let width = evidence
        .tally
        .by_version
        .keys()
        .map(|version| version.chars().count().min(VERSION_WIDTH))
        .fold(12, |widest, chars| widest.max(chars + 2));
    writeln!(text)?;
    writeln!(
        text,
        "{:<width$}{:>10}{:>12}{:>12}",
        "version", "answers", "first s", "last s"
    )?;
    for (version, count) in &evidence.tally.by_version {
        let short: String = version.chars().take(VERSION_WIDTH).collect();
        let seconds = |at: Option<&Duration>| match at {
            Some(at) => format!("{:.3}", at.saturating_sub(evidence.started).as_secs_f64()),
            None => "-".to_owned(),
        };
        writeln!(
            text,
            "{short:<width$}{count:>10}{:>12}{:>12}",
            seconds(evidence.first_seen.get(version)),
            seconds(evidence.last_seen.get(version))
        )?;
    }
    writeln!(text)?;
    draw_rest(evidence, text)
}

fn draw_rest(evidence: &Evidence, text: &mut String) -> std::fmt::Result {
    for (class, count) in &evidence.tally.by_error {
        writeln!(text, "failed: {count} {class}")?;
    }
    if let Some(first) = &evidence.tally.first_failure {
        writeln!(text, "first failure: {first}")?;
    }
    writeln!(
        text,
        "longest time without a good answer: {} ms; requests sent late by at most {} ms (p99)",
        ms(evidence.longest_gap),
        ms(evidence.lateness_p99)
    )?;
    let tally = &evidence.tally;
    if evidence.control {
        writeln!(
            text,
            "negative control: {} of {} planted failures caught",
            tally.control_caught, tally.control_sent
        )?;
    }
    if evidence.runner_stalls > 0 {
        writeln!(
            text,
            "the runner stood still {} times",
            evidence.runner_stalls
        )?;
    }
    match (&evidence.ledger, &evidence.ledger_error) {
        (_, Some(error)) => writeln!(text, "the ledger is not complete: {error}"),
        (Some(path), None) => writeln!(text, "ledger: {}", path.display()),
        (None, None) => Ok(()),
    }
}

fn ms(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e3)
}
