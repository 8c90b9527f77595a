//! What is to be said about a run: the one place where it is worked out.
//!
//! Guarantees: pure; says what was observed, and nothing that was only intended.

use super::Run;
use super::colours;
use super::convergence;
use super::details;
use super::failure::{self, FailureReport};
use super::proof::Proof;
use super::subject;
use super::timeline;
use super::verdict::{self, Tone};
use super::words::{Phrase, count, failed_of, latency};
use crate::names::{Release, Weights};
use crate::outcome::{Leftover, Outcome};
use crate::run::beginning::Beginning;
use crate::run::event::Event;
use crate::text;

/// Notes, decisions, smoke tests and leftovers that are told of each.
const MOST_ROWS: usize = 50;

/// All that is said, in the order it is said.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Story {
    pub(super) tone: Tone,
    pub(super) title: &'static str,
    pub(super) exit_code: u8,
    /// App and environment.
    pub(super) place: Phrase,
    /// When it was asked for: `2026-11-23 04:57 UTC`.
    pub(super) at: Option<String>,
    /// Whose account, in which region.
    pub(super) account: Option<String>,
    pub(super) sentence: Phrase,
    pub(super) rehearsal: Option<String>,
    pub(super) url: Option<String>,
    /// Where live traffic is answered.
    pub(super) live_url: Option<String>,
    pub(super) failure: Option<FailureReport>,
    pub(super) warnings: Vec<String>,
    pub(super) left: Vec<Leftover>,
    pub(super) colours: Vec<colours::Row>,
    pub(super) steps: Vec<timeline::Row>,
    pub(super) duration: String,
    pub(super) proof: Option<Proof>,
    pub(super) smoke: Vec<details::SmokeRow>,
    pub(super) decisions: Vec<details::DecisionRow>,
    /// The last lines, and how many were left out before them.
    pub(super) builder_log: Option<(Vec<String>, usize)>,
    /// What instances of a failed candidate said last.
    pub(super) last_words: Vec<details::LastWords>,
    pub(super) notes: Vec<(String, String)>,
    pub(super) calls: Vec<details::CallRow>,
}

impl Story {
    pub(super) fn of(run: &Run<'_>) -> Self {
        let subject = subject::of(run.events);
        let proof = Proof::of(run);
        let (tone, title) = verdict::of(run.outcome, &subject);
        let failure = failure::of(run, &subject, proof.as_ref());
        let steps = steps(run, failure.as_ref());
        Self {
            tone,
            title,
            exit_code: run.outcome.exit_code(),
            place: subject.app_in_place(),
            at: subject.at.as_deref().map(subject::date),
            account: details::account(run),
            sentence: sentence(run, &subject, proof.as_ref()),
            rehearsal: subject::speed_note(run.speed),
            url: run.url.as_deref().map(text::one_line),
            live_url: run.live_url.as_deref().map(text::one_line),
            failure,
            warnings: warnings(run.outcome),
            left: left(run),
            colours: colours::rows(run),
            steps,
            duration: subject::duration(run.events),
            proof,
            smoke: details::smoke(run),
            decisions: details::decisions(run),
            builder_log: details::builder_log(run),
            last_words: details::last_words(run.events),
            notes: details::notes(run),
            calls: details::calls(run),
        }
    }
}

/// The steps, without the words that stand at the top already.
fn steps(run: &Run<'_>, failure: Option<&FailureReport>) -> Vec<timeline::Row> {
    let mut rows = timeline::rows(run.events);
    let is_told = |row: &timeline::Row| {
        row.state == timeline::State::Failed
            && failure.is_some_and(|failure| failure.causes.contains(&row.summary))
    };
    for row in rows.iter_mut().filter(|row| is_told(row)) {
        row.summary = "why: above".to_owned();
    }
    rows
}

/// Who serves what now, what the visitors noticed, how long it took and who asked for it.
fn sentence(run: &Run<'_>, subject: &Beginning, proof: Option<&Proof>) -> Phrase {
    let took = subject::duration(run.events);
    let seen = match proof.map(|proof| measured(run, subject, proof)) {
        Some(seen) => format!("{seen}, in {took}"),
        None if has_moved(run.outcome) => format!("no request was measured; it took {took}"),
        None => format!("it took {took}"),
    };
    let phrase = what_happened(run.outcome, subject, &seen);
    let phrase = match (run.outcome, proof) {
        (Outcome::NothingToDo { .. }, Some(_)) => {
            phrase.words(format!(", and it is proven now: {seen}"))
        }
        _ => phrase,
    };
    match &subject.by {
        Some(by) => phrase.words(", asked for by ").name(by).words("."),
        None => phrase.words("."),
    }
}

fn what_happened(outcome: &Outcome, subject: &Beginning, seen: &str) -> Phrase {
    match outcome {
        Outcome::NothingToDo { release } => match &subject.undid {
            Some(undid) => again(subject, release, undid),
            None => already(subject, release),
        },
        Outcome::Refused { .. } => refused(subject),
        Outcome::Verified {
            release, serving, ..
        } => still(subject, serving.as_ref(), false)
            .name(&release.0)
            .words(format!(" passed everything before the shift; {seen}")),
        Outcome::Deployed {
            release,
            previous,
            live,
            ..
        } => serves(subject, release, previous.as_ref()).words(format!(" on {live}: {seen}")),
        Outcome::Unproven { release, .. } if subject.is_live_already() => {
            already(subject, release).words(format!(", and it is not proven: {seen}"))
        }
        Outcome::Unproven {
            release,
            previous,
            live,
            ..
        } => serves(subject, release, previous.as_ref()).words(format!(
            " on {live}, without proof that nobody noticed: {seen}"
        )),
        Outcome::RolledBack {
            step,
            traffic_moved,
            serving,
            ..
        } => still(subject, serving.as_ref(), *traffic_moved)
            .name(&subject.release.0)
            .words(stopped("failed", step, *traffic_moved, seen)),
        Outcome::Cancelled {
            step,
            traffic_moved,
            serving,
            ..
        } => still(subject, serving.as_ref(), *traffic_moved)
            .words("the release of ")
            .name(&subject.release.0)
            .words(stopped("was cancelled", step, *traffic_moved, seen)),
        Outcome::Stopped {
            step,
            serving,
            weights,
            ..
        } => {
            let phrase = by_others(subject, serving.as_ref(), *weights);
            phrase.words(format!(" stopped at “{}”; {seen}", text::one_line(step)))
        }
        Outcome::Stuck { step, weights, .. } => {
            let weights = weights.map_or_else(
                || "the weights could not be read".to_owned(),
                |weights| format!("the weights were last seen at {weights}"),
            );
            Phrase::new("The release of ")
                .then(subject.app_and(&subject.release.0))
                .then(subject.place())
                .words(format!(
                    " failed at “{}” and the traffic could not be restored: {weights}; {seen}",
                    text::one_line(step)
                ))
        }
    }
}

/// It was live when the run began.
fn already(subject: &Beginning, release: &Release) -> Phrase {
    subject
        .app_and(&release.0)
        .words(" serves all traffic")
        .then(subject.place())
        .words(" already; nothing was released")
}

/// The run that had begun to move the traffic was undone, and that was the way back.
fn again(subject: &Beginning, release: &Release, undid: &Release) -> Phrase {
    subject
        .app_and(&release.0)
        .words(" serves all traffic")
        .then(subject.place())
        .words(" again: the run for ")
        .name(&undid.0)
        .words(" was undone")
}

/// Somebody else had the last word on the traffic.
fn by_others(subject: &Beginning, serving: Option<&Release>, weights: Option<Weights>) -> Phrase {
    let phrase = match serving {
        Some(serving) => subject
            .app_and(&serving.0)
            .words(" serves all traffic")
            .then(subject.place()),
        None => Phrase::new("No one release")
            .words(" serves all traffic")
            .then(subject.place()),
    };
    let weights = weights.map_or_else(String::new, |weights| format!(" ({weights})"));
    phrase
        .words(format!("{weights}; the run for "))
        .name(&subject.release.0)
}

fn stopped(how: &str, step: &str, traffic_moved: bool, seen: &str) -> String {
    let (step, moved) = (text::one_line(step), moved(traffic_moved));
    format!(" {how} at “{step}”{moved}; {seen}")
}

/// What the visitors noticed. Who goes back on purpose wants to know how fast it was, and what failed since.
fn measured(run: &Run<'_>, subject: &Beginning, proof: &Proof) -> String {
    let has_moved = matches!(
        run.outcome,
        Outcome::Deployed { .. } | Outcome::Unproven { .. }
    );
    if !(subject.is_rollback() && has_moved) {
        return proof.failed_of();
    }
    let back = convergence::of(run.events).map_or_else(String::new, |took| {
        format!("the traffic was back after {}; ", latency(took))
    });
    match proof.told_apart() {
        Some([before, since]) => format!(
            "{back}{} since then, and {} of {} before",
            failed_of(since.failed, since.sent),
            count(before.failed),
            count(before.sent)
        ),
        None => format!("{back}{}", proof.failed_of()),
    }
}

/// Whether a visitor could have noticed, so that it matters that nobody looked.
fn has_moved(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::NothingToDo { .. } | Outcome::Refused { .. } | Outcome::Verified { .. } => false,
        Outcome::RolledBack { traffic_moved, .. } | Outcome::Cancelled { traffic_moved, .. } => {
            *traffic_moved
        }
        Outcome::Deployed { .. }
        | Outcome::Stopped { .. }
        | Outcome::Stuck { .. }
        | Outcome::Unproven { .. } => true,
    }
}

fn serves(subject: &Beginning, release: &Release, previous: Option<&Release>) -> Phrase {
    let phrase = subject
        .app_and(&release.0)
        .words(" serves all traffic")
        .then(subject.place());
    match previous {
        Some(previous) => phrase.words(" instead of ").name(&previous.0).words(","),
        None if subject.was_down => phrase.words(", where nobody was served,"),
        None => phrase.words(", its first release,"),
    }
}

fn still(subject: &Beginning, serving: Option<&Release>, traffic_moved: bool) -> Phrase {
    match serving {
        Some(serving) => subject
            .app_and(&serving.0)
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

fn refused(subject: &Beginning) -> Phrase {
    let phrase = Phrase::new("Nothing was changed");
    let phrase = match &subject.previous {
        Some(previous) => phrase
            .words(": ")
            .then(subject.app_and(&previous.0))
            .words(" serves")
            .then(subject.place())
            .words(" as before, and "),
        None => phrase.words(": "),
    };
    if text::one_line(&subject.release.0).is_empty() {
        // It was for the plan to say which release.
        let what = match subject.command.as_str() {
            "rollback" => "the rollback",
            _ => "the release",
        };
        phrase.words(format!("{what} was refused"))
    } else {
        phrase.name(&subject.release.0).words(" was refused")
    }
}

fn warnings(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Deployed { warnings, .. } => warnings
            .iter()
            .take(MOST_ROWS)
            .map(|text| text::one_line(text))
            .collect(),
        _ => Vec::new(),
    }
}

/// What the outcome and the events say is left over, each once.
fn left(run: &Run<'_>) -> Vec<Leftover> {
    let of_outcome: &[Leftover] = match run.outcome {
        Outcome::Deployed { leftovers, .. }
        | Outcome::Verified { leftovers, .. }
        | Outcome::RolledBack { leftovers, .. }
        | Outcome::Cancelled { leftovers, .. }
        | Outcome::Stopped { leftovers, .. }
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
    for (what, remedy) in of_outcome
        .iter()
        .map(|left| (&left.what, &left.remedy))
        .chain(seen)
    {
        let leftover = Leftover {
            what: text::one_line(what),
            remedy: text::one_line(remedy),
        };
        if left.len() < MOST_ROWS && !left.contains(&leftover) {
            left.push(leftover);
        }
    }
    left
}
