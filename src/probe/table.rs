//! The evidence as a table for terminals and logs.

use std::fmt::Write as _;
use std::time::Duration;

use super::evidence::Evidence;
use crate::text;

/// The most columns of a version that a row shows.
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
        .map(|version| text::columns(&shown(version)))
        .fold(12, |widest, columns| widest.max(columns + 2));
    writeln!(text)?;
    writeln!(
        text,
        "{:<width$}{:>10}{:>12}{:>12}",
        "version", "answers", "first s", "last s"
    )?;
    for (version, count) in &evidence.tally.by_version {
        let short = shown(version);
        let gap = " ".repeat(width - text::columns(&short));
        let seconds = |at: Option<&Duration>| match at {
            Some(at) => format!("{:.3}", at.saturating_sub(evidence.started).as_secs_f64()),
            None => "-".to_owned(),
        };
        writeln!(
            text,
            "{short}{gap}{count:>10}{:>12}{:>12}",
            seconds(evidence.first_seen.get(version)),
            seconds(evidence.last_seen.get(version))
        )?;
    }
    writeln!(text)?;
    draw_rest(evidence, text)
}

/// A version as a row has it.
fn shown(version: &str) -> String {
    text::fit(&text::for_log(version), VERSION_WIDTH)
}

fn draw_rest(evidence: &Evidence, text: &mut String) -> std::fmt::Result {
    for (class, count) in &evidence.tally.by_error {
        writeln!(text, "failed: {count} {class}")?;
    }
    if let Some(first) = &evidence.tally.first_failure {
        writeln!(text, "first failure: {first}")?;
    }
    if evidence.tally.lost_by_runner > 0 {
        writeln!(
            text,
            "of those, {} by the runner's own network: the reference did not answer then either",
            evidence.tally.lost_by_runner
        )?;
    }
    if evidence.addresses.len() > 1 {
        let each = evidence.addresses.iter();
        let each = each.map(|(at, tally)| format!("{at} {} ({} failed)", tally.sent, tally.failed));
        let each: Vec<_> = each.collect();
        writeln!(text, "addresses: {}", each.join(", "))?;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::probe::evidence::Percentiles;
    use crate::probe::excerpt::Excerpt;
    use crate::probe::tally::Tally;

    fn of_versions(versions: &[&str]) -> Evidence {
        let by_version = versions.iter().map(|name| ((*name).to_owned(), 7));
        Evidence {
            endpoint: "http://hello.example".to_owned(),
            path: "/version".to_owned(),
            tally: Tally {
                by_version: by_version.collect(),
                ..Tally::default()
            },
            judged: None,
            lanes: BTreeMap::new(),
            addresses: BTreeMap::new(),
            latency: Percentiles::default(),
            connect: Percentiles::default(),
            lateness_p99: Duration::ZERO,
            longest_gap: Duration::ZERO,
            first_seen: BTreeMap::new(),
            last_seen: BTreeMap::new(),
            series: Vec::new(),
            excerpt: Excerpt::default(),
            ledger: None,
            ledger_error: None,
            control: false,
            reference: None,
            runner_stalls: 0,
            started: Duration::ZERO,
            ended: Duration::ZERO,
        }
    }

    #[test]
    fn the_columns_stand_under_each_other_whatever_the_versions_are_called() {
        let long = "x".repeat(60);
        let names = ["0.0.1", "日本の版", "::add-mask::x\u{1b}[2J", &long];
        let table = table(&of_versions(&names));
        assert!(
            !table.contains('\u{1b}') && !table.contains("\n::"),
            "{table}"
        );
        let rows = table
            .lines()
            .skip_while(|line| !line.starts_with("version"));
        let rows: Vec<&str> = rows.take(1 + names.len()).collect();
        let widths: Vec<usize> = rows.iter().map(|row| text::columns(row)).collect();
        assert_eq!(widths, [widths[0]; 5], "{table}");
        assert!(table.contains("日本の版  "), "{table}");
    }
}
