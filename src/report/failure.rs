//! What a person woken up by a failure needs, in the order they need it: is live traffic affected; what failed and
//! why; what was undone; what is left; what to type next.

use super::Run;
use super::explain::explain;
use super::proof::Proof;
use super::words::Phrase;
use crate::cause::{Cause, Reason};
use crate::command_line::Next;
use crate::names::{Release, Weights};
use crate::outcome::{Now, Outcome};
use crate::probe::Evidence;
use crate::run::beginning::Beginning;
use crate::run::event::Event;
use crate::text;

/// Undone steps and commands that are told.
const MOST_ROWS: usize = 30;

/// What is said about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FailureReport {
    /// Is live traffic affected? Begins with yes or no.
    pub(super) affected: Phrase,
    /// The failing step; empty when it was none.
    pub(super) step: String,
    /// The first cause, in the words of whoever found it.
    pub(super) causes: Vec<String>,
    /// A command on the builder failed, so the end of its log belongs here.
    pub(super) is_builders: bool,
    /// The plain reason behind it, if it is a known one.
    pub(super) why: Option<String>,
    pub(super) undone: Vec<String>,
    /// What the commands are for.
    pub(super) next: &'static str,
    pub(super) commands: Vec<String>,
}

/// What is to be said, unless all is well.
pub(super) fn of(
    run: &Run<'_>,
    subject: &Beginning,
    proof: Option<&Proof>,
) -> Option<FailureReport> {
    let (step, causes): (String, Vec<Cause>) = match run.outcome {
        Outcome::Deployed { .. } | Outcome::NothingToDo { .. } | Outcome::Verified { .. } => {
            return None;
        }
        // Commands to choose from stand on lines of their own.
        Outcome::Refused { reason, .. } => {
            (String::new(), reason.lines().map(Cause::from).collect())
        }
        Outcome::RolledBack { step, cause, .. } => (step.clone(), vec![cause.clone()]),
        Outcome::Stopped { step, cause, .. } => (step.clone(), vec![cause.clone()]),
        Outcome::Cancelled { step, .. } => (step.clone(), Vec::new()),
        Outcome::Stuck {
            step,
            cause,
            undo_failure,
            ..
        } => {
            let restoring = Cause {
                words: format!("then, restoring the traffic: {undo_failure}"),
                ..undo_failure.clone()
            };
            (step.clone(), vec![cause.clone(), restoring])
        }
        Outcome::Unproven { reasons, .. } => (
            String::new(),
            reasons.iter().map(|why| unproven(run, why)).collect(),
        ),
    };
    let (next, commands) = next(run.outcome, subject);
    Some(FailureReport {
        affected: affected(run.outcome, subject, proof),
        // What keeps the traffic where it is matters more than what came first.
        why: causes
            .iter()
            .rev()
            .find_map(|cause| explain(cause.reason.as_ref()?)),
        is_builders: causes
            .iter()
            .any(|cause| cause.reason == Some(Reason::BuilderScript)),
        step: text::one_line(&step),
        causes: causes
            .iter()
            .take(MOST_ROWS)
            .map(|cause| text::one_line(&cause.words))
            .collect(),
        undone: undone(run),
        next,
        commands: commands
            .iter()
            .take(MOST_ROWS)
            .map(|command| text::one_line(command))
            .collect(),
    })
}

/// Why it is not proved; what is behind it is what the first failed request was answered.
fn unproven(run: &Run<'_>, why: &str) -> Cause {
    let tally = run.evidence.map(Evidence::judged_tally);
    let first = tally.and_then(|tally| tally.first_failure.as_ref());
    Cause {
        words: why.to_owned(),
        reason: first.map(|first| Reason::Requests(first.status)),
    }
}

/// How live traffic is behind a refusal.
fn as_it_is(now: Option<&Now>, subject: &Beginning) -> Phrase {
    let look = |words: String| Phrase::new(words).name(&subject.next(Next::Status));
    let Some(now) = now else {
        return look("Nothing was changed; how it is now could not be seen. To look: ".to_owned());
    };
    let words = now.words.trim_end_matches('.');
    match now.is_well {
        true => Phrase::new(format!("No: {words}. Nothing was changed.")),
        false => look(format!(
            "Yes, and not by this command, which changed nothing: {words}. To look: "
        )),
    }
}

fn affected(outcome: &Outcome, subject: &Beginning, proof: Option<&Proof>) -> Phrase {
    let failed = proof.map_or(0, |proof| proof.failed);
    let count = proof.map(Proof::failed_of).unwrap_or_default();
    match outcome {
        Outcome::Deployed { .. } | Outcome::NothingToDo { .. } | Outcome::Verified { .. } => {
            Phrase::default()
        }
        Outcome::Refused { now, .. } => as_it_is(now.as_ref(), subject),
        Outcome::RolledBack {
            traffic_moved,
            serving,
            ..
        }
        | Outcome::Cancelled {
            traffic_moved,
            serving,
            ..
        } => {
            let Some(serving) = serving else {
                if subject.was_down {
                    return Phrase::new(
                        "Yes: nobody is served, as before this run. What has the traffic has no instance in service.",
                    );
                }
                return Phrase::new("No. Nothing was live before, and nothing is now.");
            };
            if subject.command == "verify" {
                return Phrase::new("No: it was verified on a fleet of its own. ")
                    .name(&serving.0)
                    .words(" serves.");
            }
            let answer = match (proof, failed, *traffic_moved) {
                // It moved, and nobody looked: that is not a no.
                (None, _, true) | (Some(_), 1.., true) => "Not any more. ",
                (_, 0, _) => "No. ",
                (_, _, false) => "Not by this release. ",
            };
            let all = if *traffic_moved {
                " serves all traffic again"
            } else {
                " served all traffic throughout"
            };
            let phrase = Phrase::new(answer).name(&serving.0).words(all);
            match (proof, failed, *traffic_moved) {
                (None, _, _) => phrase.words("; no request was measured."),
                (_, 0, _) => phrase.words(format!(", and {count}.")),
                (_, _, true) => phrase.words(format!(", but {count} before that.")),
                (_, _, false) => phrase.words(format!(", but {count} while it was watched.")),
            }
        }
        Outcome::Stopped {
            serving, weights, ..
        } => by_others(serving.as_ref(), *weights, &count),
        Outcome::Stuck { weights, .. } => not_restored(*weights, &count),
        Outcome::Unproven { release, .. } => {
            let answer = match (proof, failed) {
                (Some(_), 1..) => format!("Yes, it was: {count}. "),
                (Some(_), 0) => format!("Not that anyone saw: {count}. "),
                (None, _) => "Not known: no request was measured. ".to_owned(),
            };
            let place = subject.place();
            Phrase::new(answer)
                .name(&release.0)
                .words(" serves all traffic")
                .then(place)
                .words(" now.")
        }
    }
}

/// Somebody else had the last word on the traffic.
fn by_others(serving: Option<&Release>, weights: Option<Weights>, count: &str) -> Phrase {
    let count = match count {
        "" => String::new(),
        count => format!(" {count} while it was watched."),
    };
    let weights = weights.map_or_else(
        || "the weights could not be read".to_owned(),
        |weights| format!("the weights are {weights}"),
    );
    match serving {
        Some(serving) => Phrase::new("Not by this run. ")
            .name(&serving.0)
            .words(format!(
                " answers everybody now, and {weights}; the run stopped, and left that as it is.{count}"
            )),
        None => Phrase::new(format!(
            "Look at it: no one release answers everybody, and {weights}; the run stopped, and left that as it is.{count}"
        )),
    }
}

/// Ours to restore, and it could not be.
fn not_restored(weights: Option<Weights>, count: &str) -> Phrase {
    let weights = weights.map_or_else(
        || "and the weights could not be read".to_owned(),
        |weights| format!("and was last seen at {weights}"),
    );
    let count = match count {
        "" => String::new(),
        count => format!(" {count} so far."),
    };
    Phrase::new(format!(
        "Assume yes. The traffic could not be moved back, {weights}.{count}"
    ))
}

/// As the outcome says; else as the events do.
fn undone(run: &Run<'_>) -> Vec<String> {
    let of_outcome = match run.outcome {
        Outcome::RolledBack { undone, .. }
        | Outcome::Stopped { undone, .. }
        | Outcome::Cancelled { undone, .. } => undone.as_slice(),
        _ => &[],
    };
    if !of_outcome.is_empty() {
        return of_outcome
            .iter()
            .take(MOST_ROWS)
            .map(|text| text::one_line(text))
            .collect();
    }
    let seen = run
        .events
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::Undone { step, summary } => Some(text::one_line(&format!("{step}: {summary}"))),
            _ => None,
        });
    seen.take(MOST_ROWS).collect()
}

fn next(outcome: &Outcome, subject: &Beginning) -> (&'static str, Vec<String>) {
    match outcome {
        Outcome::Deployed { .. } | Outcome::NothingToDo { .. } | Outcome::Verified { .. } => {
            ("", Vec::new())
        }
        // Which way back there is stands in the reason: the same one again is none.
        Outcome::Refused { .. } if subject.command == "rollback" => ("", Vec::new()),
        Outcome::Refused { .. } => ("When that is settled:", vec![subject.again()]),
        Outcome::RolledBack { .. } => ("When the cause is gone:", vec![subject.again()]),
        Outcome::Cancelled { .. } => ("To release it after all:", vec![subject.again()]),
        Outcome::Stopped { .. } => ("To see how things stand:", vec![subject.next(Next::Status)]),
        Outcome::Stuck { commands, .. } if commands.is_empty() => (
            "To see where the traffic goes:",
            vec![subject.next(Next::Status)],
        ),
        Outcome::Stuck { commands, .. } => ("Now, in this order:", commands.clone()),
        Outcome::Unproven { .. } if subject.is_rehearsal() => {
            ("To try again:", vec![subject.again()])
        }
        Outcome::Unproven { .. } if subject.is_live_already() => (
            "To prove it again, or to go back:",
            vec![subject.again(), subject.next(Next::Rollback)],
        ),
        Outcome::Unproven { previous: None, .. } => ("To look again:", vec![subject.probe()]),
        Outcome::Unproven {
            previous: Some(left),
            ..
        } if subject.is_rollback() => (
            "To look again, or to bring back what was left:",
            vec![subject.probe(), subject.next(Next::RollbackTo(&left.0))],
        ),
        Outcome::Unproven { .. } => (
            "To look again, or to go back:",
            vec![subject.probe(), subject.next(Next::Rollback)],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{failure_text, stories};

    fn tale(name: &str) -> stories::Tale {
        let mut all = stories::all().into_iter();
        all.find(|tale| tale.name == name).expect("a story")
    }

    #[test]
    fn where_nobody_was_served_and_nobody_is_it_says_so() {
        let mut tale = tale("rolled-back-in-prepare");
        let Outcome::RolledBack { serving, .. } = &mut tale.outcome else {
            panic!("{:?}", tale.outcome);
        };
        *serving = None;
        let first = failure_text(&tale.run());
        assert!(
            first.contains("affected? No. Nothing was live before"),
            "{first}"
        );
        for stamped in &mut tale.events {
            if let Event::Began(began) = &mut stamped.event {
                (began.previous, began.was_down) = (None, true);
            }
        }
        let down = failure_text(&tale.run());
        assert!(down.contains("affected? Yes: nobody is served"), "{down}");
    }

    #[test]
    fn after_a_way_back_what_was_left_is_brought_back_by_its_name() {
        let mut tale = tale("rollback");
        tale.outcome = match tale.outcome {
            Outcome::Deployed {
                release,
                previous,
                live,
                leftovers,
                ..
            } => Outcome::Unproven {
                release,
                previous,
                live,
                reasons: vec!["13 good answers are too few".to_owned()],
                leftovers,
            },
            other => panic!("{other:?}"),
        };
        let said = failure_text(&tale.run());
        assert!(
            said.contains("rollback --environment prod --to 0.0.2"),
            "{said}"
        );
    }
}
