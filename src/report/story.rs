//! What is to be said about a run: the one place where it is worked out.
//!
//! Guarantees: pure; says what was observed, and nothing that was only intended.

use super::Run;
use super::colours;
use super::failure::{self, Failure};
use super::proof::Proof;
use super::subject::{self, Subject};
use super::text;
use super::timeline;
use super::words::{Phrase, latency};
use crate::outcome::{Leftover, Outcome};
use crate::run::event::Event;

/// Notes, decisions, smoke tests and leftovers that are told of each.
const MOST_ROWS: usize = 50;

/// How good the news is; every report also says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// As wanted.
    Good,
    /// Nothing was changed.
    Neutral,
    /// Live is well, but it did not go as wanted.
    Warning,
    /// Live needs a person.
    Bad,
}

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
pub(super) struct Decision {
    pub(super) what: String,
    pub(super) value: String,
    pub(super) why: String,
}

/// All that is said, in the order it is said.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Story {
    pub(super) tone: Tone,
    pub(super) title: &'static str,
    pub(super) sentence: Phrase,
    pub(super) rehearsal: Option<String>,
    pub(super) url: Option<String>,
    pub(super) failure: Option<Failure>,
    pub(super) warnings: Vec<String>,
    pub(super) left: Vec<Leftover>,
    pub(super) colours: Vec<colours::Row>,
    pub(super) steps: Vec<timeline::Row>,
    pub(super) duration: String,
    pub(super) proof: Option<Proof>,
    pub(super) smoke: Vec<SmokeRow>,
    pub(super) decisions: Vec<Decision>,
    /// The last lines, and how many were left out before them.
    pub(super) builder_log: Option<(Vec<String>, usize)>,
    pub(super) notes: Vec<(String, String)>,
}

impl Story {
    pub(super) fn of(run: &Run<'_>) -> Self {
        let subject = Subject::of(run.events);
        let proof = Proof::of(run);
        let (tone, title) = verdict(run.outcome, &subject);
        Self {
            tone,
            title,
            sentence: sentence(run, &subject, proof.as_ref()),
            rehearsal: subject::rehearsal_note(run.speed),
            url: run.url.as_deref().map(text::line),
            failure: failure::of(run, &subject, proof.as_ref()),
            warnings: warnings(run.outcome),
            left: left(run),
            colours: colours::rows(run),
            steps: timeline::rows(run.events),
            duration: subject::duration(run.events),
            proof,
            smoke: smoke(run),
            decisions: decisions(run),
            builder_log: builder_log(run),
            notes: notes(run),
        }
    }
}

fn verdict(outcome: &Outcome, subject: &Subject) -> (Tone, &'static str) {
    match outcome {
        Outcome::Deployed { .. } if subject.command == "rollback" => {
            (Tone::Good, "Rolled back, as asked")
        }
        Outcome::Deployed { previous: None, .. } => (Tone::Good, "First release deployed"),
        Outcome::Deployed { .. } => (Tone::Good, "Deployed"),
        Outcome::NothingToDo { .. } => (Tone::Neutral, "Nothing to do"),
        Outcome::Refused { .. } => (Tone::Neutral, "Refused"),
        Outcome::RolledBack { .. } => (Tone::Warning, "Rolled back"),
        Outcome::Cancelled { .. } => (Tone::Warning, "Cancelled"),
        Outcome::Stuck { .. } => (Tone::Bad, "Stuck: live traffic needs a person"),
        Outcome::Unproven { .. } => (Tone::Warning, "Deployed, but not proven"),
    }
}

/// Who serves what now, what the visitors noticed, how long it took and who asked for it.
fn sentence(run: &Run<'_>, subject: &Subject, proof: Option<&Proof>) -> Phrase {
    let took = subject::duration(run.events);
    let seen = match proof.map(Proof::failed_of) {
        Some(seen) => format!("{seen}, in {took}"),
        None if has_moved(run.outcome) => format!("no request was measured; it took {took}"),
        None => format!("it took {took}"),
    };
    let phrase = match run.outcome {
        Outcome::NothingToDo { release } => subject
            .app_and(&release.0)
            .words(" serves all traffic")
            .then(subject.place())
            .words(" already; nothing was changed"),
        Outcome::Refused { .. } => refused(subject),
        Outcome::Deployed {
            release,
            previous,
            live,
            ..
        } => serves(
            subject,
            &release.0,
            previous.as_ref().map(|old| old.0.as_str()),
        )
        .words(format!(" on {live}: {seen}")),
        Outcome::Unproven {
            release,
            previous,
            live,
            ..
        } => serves(
            subject,
            &release.0,
            previous.as_ref().map(|old| old.0.as_str()),
        )
        .words(format!(
            " on {live}, without proof that nobody noticed: {seen}"
        )),
        Outcome::RolledBack {
            step,
            traffic_moved,
            serving,
            ..
        } => still(
            subject,
            serving.as_ref().map(|old| old.0.as_str()),
            *traffic_moved,
        )
        .name(&subject.release)
        .words(format!(
            " failed at “{}”{}; {seen}",
            text::line(step),
            moved(*traffic_moved)
        )),
        Outcome::Cancelled {
            step,
            traffic_moved,
            serving,
            ..
        } => still(
            subject,
            serving.as_ref().map(|old| old.0.as_str()),
            *traffic_moved,
        )
        .words("the release of ")
        .name(&subject.release)
        .words(format!(
            " was cancelled at “{}”{}; {seen}",
            text::line(step),
            moved(*traffic_moved)
        )),
        Outcome::Stuck { step, weights, .. } => {
            let weights = weights.map_or_else(
                || "the weights could not be read".to_owned(),
                |weights| format!("the weights were last seen at {weights}"),
            );
            Phrase::new("The release of ")
                .then(subject.app_and(&subject.release))
                .then(subject.place())
                .words(format!(
                    " failed at “{}” and the traffic could not be restored: {weights}; {seen}",
                    text::line(step)
                ))
        }
    };
    match &subject.by {
        Some(by) => phrase.words(", asked for by ").name(by).words("."),
        None => phrase.words("."),
    }
}

/// Whether a visitor could have noticed, so that it matters that nobody looked.
fn has_moved(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::NothingToDo { .. } | Outcome::Refused { .. } => false,
        Outcome::RolledBack { traffic_moved, .. } | Outcome::Cancelled { traffic_moved, .. } => {
            *traffic_moved
        }
        Outcome::Deployed { .. } | Outcome::Stuck { .. } | Outcome::Unproven { .. } => true,
    }
}

fn serves(subject: &Subject, release: &str, previous: Option<&str>) -> Phrase {
    let phrase = subject
        .app_and(release)
        .words(" serves all traffic")
        .then(subject.place());
    match previous {
        Some(previous) => phrase.words(" instead of ").name(previous).words(","),
        None => phrase.words(", its first release,"),
    }
}

fn still(subject: &Subject, serving: Option<&str>, traffic_moved: bool) -> Phrase {
    match serving {
        Some(serving) => subject
            .app_and(serving)
            .words(if traffic_moved {
                " serves all traffic"
            } else {
                " still serves all traffic"
            })
            .then(subject.place())
            .words(if traffic_moved { " again: " } else { ": " }),
        None => Phrase::new("Nothing serves")
            .then(subject.place())
            .words(" yet, as before: "),
    }
}

const fn moved(traffic_moved: bool) -> &'static str {
    if traffic_moved {
        " and the traffic was moved back"
    } else {
        " before any traffic moved"
    }
}

fn refused(subject: &Subject) -> Phrase {
    let phrase = Phrase::new("Nothing was changed");
    let phrase = match &subject.previous {
        Some(previous) => phrase
            .words(": ")
            .then(subject.app_and(previous))
            .words(" serves")
            .then(subject.place())
            .words(" as before, and "),
        None => phrase.words(": "),
    };
    if subject.release.is_empty() {
        phrase.words("the release was refused")
    } else {
        phrase.name(&subject.release).words(" was refused")
    }
}

fn warnings(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Deployed { warnings, .. } => warnings
            .iter()
            .take(MOST_ROWS)
            .map(|text| text::line(text))
            .collect(),
        _ => Vec::new(),
    }
}

/// What the outcome and the events say is left over, each once.
fn left(run: &Run<'_>) -> Vec<Leftover> {
    let told: &[Leftover] = match run.outcome {
        Outcome::Deployed { leftovers, .. }
        | Outcome::RolledBack { leftovers, .. }
        | Outcome::Cancelled { leftovers, .. }
        | Outcome::Stuck { leftovers, .. }
        | Outcome::Unproven { leftovers, .. } => leftovers,
        Outcome::NothingToDo { .. } | Outcome::Refused { .. } => &[],
    };
    let mut left = Vec::new();
    let seen = run
        .events
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::LeftOver { what, remedy } => Some((what, remedy)),
            _ => None,
        });
    for (what, remedy) in told
        .iter()
        .map(|left| (&left.what, &left.remedy))
        .chain(seen)
    {
        let leftover = Leftover {
            what: text::line(what),
            remedy: text::line(remedy),
        };
        if left.len() < MOST_ROWS && !left.contains(&leftover) {
            left.push(leftover);
        }
    }
    left
}

fn smoke(run: &Run<'_>) -> Vec<SmokeRow> {
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
                name: text::line(name),
                request: text::line(request),
                problems: problems
                    .iter()
                    .take(5)
                    .map(|text| text::line(text))
                    .collect(),
                took: latency(*took),
            }),
            _ => None,
        });
    rows.take(MOST_ROWS).collect()
}

fn decisions(run: &Run<'_>) -> Vec<Decision> {
    let rows = run
        .events
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::Decided { what, value, why } => Some(Decision {
                what: text::line(what),
                value: text::line(value),
                why: text::line(why),
            }),
            _ => None,
        });
    rows.take(MOST_ROWS).collect()
}

fn builder_log(run: &Run<'_>) -> Option<(Vec<String>, usize)> {
    run.events
        .iter()
        .rev()
        .find_map(|stamped| match &stamped.event {
            Event::BuilderLog { tail } => Some(text::tail(tail)),
            _ => None,
        })
}

/// When, and what, of everything that has no other place.
fn notes(run: &Run<'_>) -> Vec<(String, String)> {
    let rows = run.events.iter().filter_map(|stamped| {
        let text = match &stamped.event {
            Event::Note { text } => text::line(text),
            Event::WeightsWritten { weights } => format!("weights written: {weights}"),
            Event::WeightsSeen { weights, after } => {
                format!(
                    "weights seen to be obeyed: {weights}, after {}",
                    latency(*after)
                )
            }
            Event::UndoBegan { what } => format!("undo began: {}", text::line(what)),
            _ => return None,
        };
        Some((super::words::took(stamped.at), text))
    });
    rows.take(MOST_ROWS).collect()
}
