//! What only a few look for: smoke tests, decisions, the builder's log, a candidate's, request ids, and whatever else happened.
//!
//! Guarantees: pure; bounded.

use super::Run;
use super::convergence::Following;
use super::words::latency;
use crate::aws::calls::Answer;
use crate::run::event::{Event, LogSource, Stamped};
use crate::text;

/// Rows of each kind that are told.
const MOST_ROWS: usize = 50;
/// Instances of a failed candidate whose last words are told.
const MOST_INSTANCES: usize = 2;

/// A smoke test and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SmokeRow {
    pub(super) name: String,
    pub(super) request: String,
    pub(super) problems: Vec<String>,
    pub(super) took: String,
}

/// A decision of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DecisionRow {
    pub(super) what: String,
    pub(super) value: String,
    pub(super) why: String,
}

/// A call to AWS that changed something, or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallRow {
    /// The time of day, UTC.
    pub(super) at: String,
    pub(super) operation: String,
    pub(super) result: String,
    pub(super) request_id: String,
    pub(super) is_failed: bool,
}

pub(super) fn smoke(run: &Run<'_>) -> Vec<SmokeRow> {
    let rows = run
        .events
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::SmokeTested {
                name,
                request,
                problems,
                took,
            } => Some(SmokeRow {
                name: text::one_line(name),
                request: text::one_line(request),
                problems: problems
                    .iter()
                    .take(5)
                    .map(|text| text::one_line(text))
                    .collect(),
                took: latency(*took),
            }),
            _ => None,
        });
    rows.take(MOST_ROWS).collect()
}

/// Whose account it was, and in which region.
pub(super) fn account(run: &Run<'_>) -> Option<String> {
    run.events.iter().find_map(|stamped| match &stamped.event {
        Event::Decided { what, value, .. } if what == "account" => Some(text::one_line(value)),
        _ => None,
    })
}

pub(super) fn decisions(run: &Run<'_>) -> Vec<DecisionRow> {
    let rows = run
        .events
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::Decided { what, value, why } => Some(DecisionRow {
                what: text::one_line(what),
                value: text::one_line(value),
                why: text::one_line(why),
            }),
            _ => None,
        });
    rows.take(MOST_ROWS).collect()
}

pub(super) fn builder_log(run: &Run<'_>) -> Option<(Vec<String>, usize)> {
    run.events
        .iter()
        .rev()
        .find_map(|stamped| match &stamped.event {
            Event::BuilderLog { tail } => Some(text::tail(tail)),
            _ => None,
        })
}

/// What an instance of a failed candidate said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastWords {
    pub(super) instance: String,
    /// How it was, in a few words; never empty.
    pub(super) state: String,
    /// "journal", or "console".
    pub(super) source: &'static str,
    /// The last line that the service itself wrote; empty when it wrote none.
    pub(super) last: String,
    /// The last lines.
    pub(super) lines: Vec<String>,
    /// How many were left out before them.
    pub(super) left_out: usize,
}

pub(super) fn last_words(events: &[Stamped]) -> Vec<LastWords> {
    let told = events.iter();
    let told = told.filter_map(|stamped| match &stamped.event {
        Event::CandidateLog {
            instance,
            health,
            service,
            source,
            tail,
        } => {
            let (lines, left_out) = text::tail(tail);
            let is_said = |line: &&String| !line.trim().is_empty();
            let by_service = |line: &&String| is_said(line) && !line.contains(" systemd[1]: ");
            let last = match source {
                LogSource::Journal => lines.iter().rfind(by_service),
                LogSource::Console => lines.iter().rfind(is_said),
            };
            let known = [service, health].map(|it| text::one_line(it));
            let known: Vec<_> = known.into_iter().filter(|it| !it.is_empty()).collect();
            Some(LastWords {
                instance: text::one_line(instance),
                state: match known.is_empty() {
                    true => "its state is not known".to_owned(),
                    false => known.join("; "),
                },
                source: match source {
                    LogSource::Journal => "journal",
                    LogSource::Console => "console",
                },
                last: last.map(|line| text::one_line(line)).unwrap_or_default(),
                lines,
                left_out,
            })
        }
        _ => None,
    });
    told.take(MOST_INSTANCES).collect()
}

/// When, and what, of everything that has no other place.
pub(super) fn notes(run: &Run<'_>) -> Vec<(String, String)> {
    let mut following = Following::default();
    let rows = run.events.iter().filter_map(|stamped| {
        following.read(stamped);
        let text = match &stamped.event {
            Event::Note { text } => text::one_line(text),
            Event::WeightsWritten { weights } => format!("weights written: {weights}"),
            Event::WeightsSeen { weights } => {
                let after = following.after().map(|after| format!(", {after}"));
                format!(
                    "weights seen to be obeyed: {weights}{}",
                    after.unwrap_or_default()
                )
            }
            Event::UndoBegan { what } => format!("undo began: {}", text::one_line(what)),
            _ => return None,
        };
        Some((super::words::took(stamped.at), text))
    });
    rows.take(MOST_ROWS).collect()
}

pub(super) fn calls(run: &Run<'_>) -> Vec<CallRow> {
    let rows = run.calls.iter().map(|call| {
        let at = time::OffsetDateTime::from(call.at);
        CallRow {
            at: format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second()),
            operation: text::one_line(&call.operation),
            result: match call.answer {
                Answer::Done => "done".to_owned(),
                Answer::Refused(status) => format!("failed: {status}"),
                Answer::Missing => "failed: no answer".to_owned(),
            },
            request_id: call
                .request_id
                .as_deref()
                .map(text::one_line)
                .unwrap_or_default(),
            is_failed: call.answer != Answer::Done,
        }
    });
    rows.collect()
}
