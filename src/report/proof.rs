//! What the probe saw, in the order a reader asks: how many requests, from which version, with which status, with
//! what gap, and whether the probe can be believed.

use std::time::Duration;

use super::chart::Chart;
use super::subject;
use super::way_back::WayBack;
use super::words::{Phrase, count, failed_of, latency, plural, took};
use super::{LoadBalancerCounts, Run, convergence, probe_log};
use crate::names::Colour;
use crate::probe::{ErrorClass, Evidence, Lane, LaneTally, Verdict};
use crate::text;

/// Versions, statuses and reasons that are told; further ones are only counted.
const MOST_ROWS: usize = 12;

/// A line of the table of lanes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LaneRow {
    pub(super) lane: &'static str,
    pub(super) tally: LaneTally,
}

/// A line of the table of versions; the times are counted from the beginning of the run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct VersionRow {
    pub(super) version: String,
    pub(super) answers: u64,
    pub(super) first: Option<Duration>,
    pub(super) last: Option<Duration>,
}

/// What the load balancer counted for one colour.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BalancerRow {
    pub(super) colour: Colour,
    pub(super) total: u64,
    pub(super) by_status: String,
}

/// All that is said about the probe.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Proof {
    pub(super) sent: u64,
    pub(super) failed: u64,
    pub(super) verdict: &'static str,
    pub(super) reasons: Vec<String>,
    pub(super) lanes: Vec<LaneRow>,
    pub(super) versions: Vec<VersionRow>,
    /// Status, or why there was none, and how often.
    pub(super) answers: Vec<(String, u64)>,
    pub(super) facts: Vec<Phrase>,
    pub(super) chart: Option<Chart>,
    pub(super) balancer: Vec<BalancerRow>,
    pub(super) log: Vec<probe_log::Row>,
    pub(super) ledger: Option<String>,
    gap: Duration,
    changeover: Option<Phrase>,
    /// Before the part that is judged, and that part, where it is not the whole.
    split: Option<[Part; 2]>,
}

/// The requests of a part of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) sent: u64,
    pub(super) failed: u64,
}

impl Proof {
    pub(super) fn of(run: &Run<'_>) -> Option<Self> {
        let evidence = run.evidence?;
        let (verdict, reasons) = match run.verdict {
            Some(Verdict::Passed) => ("proven", Vec::new()),
            Some(Verdict::Failed { reasons }) => ("failed", bounded(reasons)),
            Some(Verdict::Unproven { reasons }) => ("not proven", bounded(reasons)),
            None => ("not judged", Vec::new()),
        };
        Some(Self {
            sent: evidence.tally.sent,
            failed: evidence.tally.failed,
            verdict,
            reasons,
            lanes: lanes(evidence),
            versions: versions(evidence),
            answers: answers(evidence),
            facts: facts(run, evidence),
            chart: Chart::of(run, evidence),
            balancer: run.lb_counts.as_ref().map(balancer).unwrap_or_default(),
            log: probe_log::rows(evidence),
            ledger: ledger(evidence),
            gap: evidence.longest_gap,
            changeover: changeover(run, evidence),
            split: split(evidence),
        })
    }

    /// The probe in a sentence or two.
    pub(super) fn line(&self) -> Phrase {
        let gap = latency(self.gap);
        let mut line = Phrase::new(format!(
            "{}; the longest time without a good answer was {gap}.",
            self.failed_of()
        ));
        if let Some(changeover) = &self.changeover {
            line = line.words(" ").then(changeover.clone());
        }
        line
    }

    /// Before the traffic had moved and since, if something failed before; only where the two are judged apart.
    pub(super) fn told_apart(&self) -> Option<[Part; 2]> {
        self.split.filter(|[before, _]| before.failed > 0)
    }

    /// "0 of 41,230 requests failed".
    pub(super) fn failed_of(&self) -> String {
        failed_of(self.failed, self.sent)
    }
}

fn bounded(reasons: &[String]) -> Vec<String> {
    reasons
        .iter()
        .take(MOST_ROWS)
        .map(|reason| text::one_line(reason))
        .collect()
}

/// The lanes that stand for visitors; the control is a fact.
fn lanes(evidence: &Evidence) -> Vec<LaneRow> {
    let words = |lane: &Lane| match lane {
        Lane::Fresh => "a new one each time",
        Lane::KeepAlive => "kept open",
        Lane::Long => "one answer throughout",
        Lane::Control => "control",
        Lane::Reference => "reference",
    };
    let visitors = evidence.lanes.iter().filter(|(lane, _)| lane.is_visitor());
    visitors
        .map(|(lane, tally)| LaneRow {
            lane: words(lane),
            tally: tally.clone(),
        })
        .collect()
}

fn versions(evidence: &Evidence) -> Vec<VersionRow> {
    let counts = &evidence.tally.by_version;
    let mut rows: Vec<VersionRow> = counts
        .iter()
        .map(|(version, answers)| VersionRow {
            version: text::one_line(version),
            answers: *answers,
            first: evidence.first_seen.get(version).copied(),
            last: evidence.last_seen.get(version).copied(),
        })
        .collect();
    rows.sort_by_key(|row| (row.first, row.version.clone()));
    rows.truncate(MOST_ROWS);
    rows
}

fn answers(evidence: &Evidence) -> Vec<(String, u64)> {
    let statuses = evidence.tally.by_status.iter();
    let statuses = statuses.map(|(status, count)| (format!("status {status}"), *count));
    let errors = evidence.tally.by_error.iter();
    let errors = errors.filter(|(class, _)| **class != ErrorClass::Status);
    let errors = errors.map(|(class, count)| (format!("failed: {class}"), *count));
    statuses.chain(errors).take(2 * MOST_ROWS).collect()
}

fn facts(run: &Run<'_>, evidence: &Evidence) -> Vec<Phrase> {
    let gap = format!(
        "Longest time without a good answer: {}.",
        latency(evidence.longest_gap)
    );
    let mut facts: Vec<Phrase> = changeover(run, evidence).into_iter().collect();
    if let Some([before, since]) = split(evidence).filter(|[before, _]| before.failed > 0) {
        facts.push(Phrase::new(format!(
            "Until the traffic had moved {}, since then {}.",
            failed_of(before.failed, before.sent),
            failed_of(since.failed, since.sent)
        )));
    }
    facts.push(Phrase::new(gap));
    if let Some(took) = convergence::of(run.events) {
        let took = latency(took);
        facts.push(Phrase::new(format!(
            "Every look obeyed the last weights {took} after they were first written."
        )));
    }
    facts.extend(WayBack::of(run).map(|way_back| way_back.fact()));
    let tally = &evidence.tally;
    if let Some(first) = &tally.first_failure {
        let first = text::one_line(&first.to_string());
        facts.push(Phrase::new(format!("First failure: {first}.")));
    }
    if tally.lost_by_runner > 0 {
        facts.push(Phrase::new(format!(
            "Of those that failed, {} by the runner's own network: {} did not answer then either.",
            count(tally.lost_by_runner),
            evidence.reference.as_deref().unwrap_or("the reference")
        )));
    }
    facts.extend(addresses(evidence).map(Phrase::new));
    facts.push(Phrase::new(if evidence.control {
        format!(
            "Negative control: {} of {} that had to fail were seen to fail.",
            count(tally.control_caught),
            plural(tally.control_sent, "request")
        )
    } else {
        "There was no negative control.".to_owned()
    }));
    if evidence.runner_stalls > 0 {
        let times = plural(evidence.runner_stalls, "time");
        facts.push(Phrase::new(format!(
            "The runner itself stood still {times}."
        )));
    }
    if let Some(ledger) = ledger(evidence) {
        let every = Phrase::new("Every request is a line in ").ledger(&ledger);
        facts.push(match &evidence.ledger_error {
            Some(error) => every.words(format!(
                ", which is not complete: {}.",
                text::one_line(error)
            )),
            None => every.words("."),
        });
    }
    facts
}

/// Which addresses of the load balancer were asked, where it was asked by its name, and where requests failed.
fn addresses(evidence: &Evidence) -> Option<String> {
    let all = &evidence.addresses;
    if let [(only, _)] = all.iter().collect::<Vec<_>>().as_slice() {
        let is_name = !evidence.endpoint.contains(&only.to_string());
        return is_name.then(|| {
            format!("The name led to {only} only: no other node of the load balancer was asked.")
        });
    }
    let each = all.iter().take(MOST_ROWS).map(|(at, tally)| {
        let failed = match tally.failed {
            0 => String::new(),
            failed => format!(" ({} failed)", count(failed)),
        };
        format!("{at} {}{failed}", plural(tally.sent, "time"))
    });
    let each: Vec<String> = each.collect();
    let more = match all.len().saturating_sub(MOST_ROWS) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    (!each.is_empty()).then(|| format!("Each address was asked: {}{more}.", each.join(", ")))
}

/// How the previous release gave way; on a way back, how long the candidate was seen.
fn changeover(run: &Run<'_>, evidence: &Evidence) -> Option<Phrase> {
    let subject = subject::of(run.events);
    if subject.is_live_already() {
        return None;
    }
    let (old, new) = (subject.previous?.0, subject.release.0);
    let change = evidence.changeover(&old, &new)?;
    let last_new = evidence.last_seen.get(&new).copied().unwrap_or_default();
    if last_new < change.last_old {
        return Some(Phrase::default().name(&new).words(format!(
            " answered from {} to {}, and nobody since.",
            took(change.first_new),
            took(last_new)
        )));
    }
    let phrase = Phrase::default().name(&new);
    let phrase = phrase.words(format!(" first answered at {}, ", took(change.first_new)));
    let phrase = phrase.name(&old);
    let tail = if change.overlap.is_zero() {
        let between = change.first_new.saturating_sub(change.last_old);
        format!(
            " last at {}: {} between them.",
            took(change.last_old),
            latency(between)
        )
    } else {
        format!(
            " last at {}: both answered for {}.",
            took(change.last_old),
            took(change.overlap)
        )
    };
    Some(phrase.words(tail))
}

fn balancer(counts: &LoadBalancerCounts) -> Vec<BalancerRow> {
    let rows = counts.by_colour.iter().map(|(colour, statuses)| {
        let each = statuses.iter().take(MOST_ROWS);
        let each: Vec<String> = each
            .map(|(status, number)| format!("{} x {}", count(*number), text::one_line(status)))
            .collect();
        BalancerRow {
            colour: *colour,
            total: statuses.values().sum(),
            by_status: each.join(", "),
        }
    });
    rows.collect()
}

fn ledger(evidence: &Evidence) -> Option<String> {
    let ledger = evidence.ledger.as_ref()?;
    Some(text::one_line(&ledger.to_string_lossy()))
}

/// What came before the part that is judged, and that part.
fn split(evidence: &Evidence) -> Option<[Part; 2]> {
    let (sent, failed) = evidence.before_judged()?;
    let judged = evidence.judged_tally();
    let since = Part {
        sent: judged.sent,
        failed: judged.failed,
    };
    Some([Part { sent, failed }, since])
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::probe::AddressTally;
    use crate::report::stories::blank;

    #[test]
    fn a_name_that_leads_to_one_address_only_is_told_and_an_address_is_no_name() {
        let [one, two] = [1, 2].map(|last| IpAddr::from([203, 0, 113, last]));
        let told = |endpoint: &str, all: &[(IpAddr, u64, u64)]| {
            let mut evidence = blank();
            evidence.endpoint = endpoint.to_owned();
            let tally = |(at, sent, failed): &(_, _, _)| {
                let (sent, failed) = (*sent, *failed);
                (*at, AddressTally { sent, failed })
            };
            evidence.addresses = all.iter().map(tally).collect();
            addresses(&evidence).unwrap_or_default()
        };
        assert_eq!(told("http://hello.example", &[]), "");
        assert_eq!(told("http://203.0.113.1:80", &[(one, 7, 0)]), "");
        assert_eq!(
            told("http://hello.example", &[(one, 7, 0)]),
            "The name led to 203.0.113.1 only: no other node of the load balancer was asked."
        );
        assert_eq!(
            told("http://hello.example", &[(one, 7, 0), (two, 1, 1)]),
            "Each address was asked: 203.0.113.1 7 times, 203.0.113.2 1 time (1 failed)."
        );
    }
}
