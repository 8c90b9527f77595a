//! The lines of the probe's ledger that a person looks for, in the order of time.
//!
//! Guarantees: pure; bounded by what the evidence keeps.

use std::time::Duration;

use super::words::latency;
use crate::probe::{Evidence, Mention, Sample};
use crate::text;

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// When the answer was complete, or given up.
    pub(super) at: Duration,
    /// Why it stands here.
    pub(super) what: &'static str,
    /// The version that answered; empty when none did.
    pub(super) version: String,
    /// Lane, status, how long it took, and what was wrong.
    pub(super) how: String,
}

/// The failures, and the first and last answers of each version.
pub(super) fn rows(evidence: &Evidence) -> Vec<Row> {
    let excerpt = &evidence.excerpt;
    let mut rows: Vec<Row> = excerpt.failures.iter().map(failure).collect();
    for (what, ends) in [
        ("first answers", &excerpt.first),
        ("last answers", &excerpt.last),
    ] {
        // More versions than two are a fault of the app; a few of them show it.
        for (version, mentions) in ends.iter().take(6) {
            rows.extend(
                mentions
                    .iter()
                    .map(|mention| answer(what, version, mention)),
            );
        }
    }
    rows.sort_by_key(|row| row.at);
    rows
}

fn failure(sample: &Sample) -> Row {
    let status = sample
        .status
        .map_or("no status".to_owned(), |status| format!("status {status}"));
    let class = sample
        .error
        .map(|class| class.to_string())
        .unwrap_or_default();
    let detail = sample
        .detail
        .as_deref()
        .map(|detail| format!(" ({})", text::one_line(detail)));
    Row {
        at: sample.finished(),
        what: "failed",
        version: sample
            .version
            .as_deref()
            .map(text::one_line)
            .unwrap_or_default(),
        how: format!(
            "{}, {status}, {}: {class}{}",
            sample.lane,
            latency(sample.latency),
            detail.unwrap_or_default()
        ),
    }
}

fn answer(what: &'static str, version: &str, mention: &Mention) -> Row {
    let status = mention
        .status
        .map(|status| format!("status {status}, "))
        .unwrap_or_default();
    Row {
        at: mention.finished,
        what,
        version: text::one_line(version),
        how: format!("{}, {status}{}", mention.lane, latency(mention.latency)),
    }
}
