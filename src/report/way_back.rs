//! How fast the traffic was brought back: of a rollback from when the command began, of a release that was undone from the first
//! answer that failed.
//!
//! Guarantees: pure; only what was measured in this run, as a stopwatch beside it reads; where AWS's clock ran faster, in a
//! rehearsal, its time is told beside that.

use std::time::Duration;

use serde::Serialize;

use super::Run;
use super::subject;
use super::words::{Phrase, latency};
use crate::outcome::Outcome;
use crate::probe::Evidence;
use crate::probe::excerpt::FAILURES;
use crate::run::event::{Event, Stamped};

/// What it is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Since {
    /// The command, before it had its turn or a plan.
    CommandBegan,
    /// The end of the first answer that failed after the traffic had begun to move.
    FirstFailure,
}

/// How long it took.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct WayBack {
    since: Since,
    /// To the first write of weights that leads back.
    write_seconds: f64,
    /// To the last answer of what was gone back from, if it gave any.
    last_answer_seconds: Option<f64>,
    /// How many of AWS's seconds passed in each of these.
    speed: f64,
    /// What was gone back from.
    #[serde(skip)]
    from: String,
}

impl WayBack {
    /// Reads it out of the events and the evidence; `None` when the run led no traffic back.
    pub(super) fn of(run: &Run<'_>) -> Option<Self> {
        let evidence = run.evidence?;
        let subject = subject::of(run.events);
        match run.outcome {
            Outcome::Deployed { .. } | Outcome::Unproven { .. } if subject.is_rollback() => {
                let from = subject.previous?.0;
                let last = evidence.last_seen.get(&from).copied();
                // The command began before the run: it had to have its turn, and a plan.
                let write = run.before + written(run.events)?;
                let last = last.map(|last| run.before + last);
                Some(Self::counted(run, Since::CommandBegan, write, last, from))
            }
            Outcome::RolledBack {
                traffic_moved: true,
                ..
            } => {
                let from = subject.release.0;
                let moved = written(run.events)?;
                let failed = first_failure(evidence, moved)?;
                let stopped = |one: &&Stamped| !matches!(one.event, Event::StepFailed { .. });
                let undoing = run.events.iter().take_while(stopped).count();
                let write = written(&run.events[undoing..])?.checked_sub(failed)?;
                let last = last_answer(evidence, &from);
                let last = last.map(|last| last.saturating_sub(failed));
                Some(Self::counted(run, Since::FirstFailure, write, last, from))
            }
            _ => None,
        }
    }

    fn counted(
        run: &Run<'_>,
        since: Since,
        write: Duration,
        last: Option<Duration>,
        from: String,
    ) -> Self {
        Self {
            since,
            write_seconds: millis(write),
            last_answer_seconds: last.map(millis),
            speed: run.speed,
            from,
        }
    }

    /// In a sentence.
    pub(super) fn fact(&self) -> Phrase {
        let words = match self.since {
            Since::CommandBegan => (
                "Way back: the first weights were written ",
                " after the command began",
            ),
            Since::FirstFailure => (
                "Way back: the weights were restored ",
                " after the first answer that failed",
            ),
        };
        let phrase = Phrase::new(format!(
            "{}{}{}",
            words.0,
            self.time(self.write_seconds),
            words.1
        ));
        match self.last_answer_seconds {
            Some(last) => phrase
                .words(", and the last answer of ")
                .name(&self.from)
                .words(format!(" came {} after it.", self.time(last))),
            None => phrase.words("."),
        }
    }

    fn time(&self, seconds: f64) -> String {
        let of = |seconds| latency(Duration::from_secs_f64(seconds));
        match subject::speed_note(self.speed) {
            Some(_) => format!(
                "{} ({} on AWS's clock)",
                of(seconds),
                of(seconds * self.speed)
            ),
            None => of(seconds),
        }
    }
}

/// When weights were first written.
fn written(events: &[Stamped]) -> Option<Duration> {
    let mut events = events.iter();
    let first = events.find(|one| matches!(one.event, Event::WeightsWritten { .. }));
    first.map(|one| one.at)
}

/// The end of the first answer that failed, of the requests that were due since then.
fn first_failure(evidence: &Evidence, since: Duration) -> Option<Duration> {
    let failures = evidence.excerpt.failures.iter();
    let since = failures.filter(|sample| sample.scheduled >= since);
    since.map(|sample| sample.finished()).min()
}

/// The last answer of this release, good or not: it is the one that failed. Beyond the failures that are kept it is known to a
/// bucket of the chart.
fn last_answer(evidence: &Evidence, release: &str) -> Option<Duration> {
    let good = evidence.last_seen.get(release).copied();
    let failures = &evidence.excerpt.failures;
    let failed = match failures.len() < FAILURES {
        true => failures.iter().map(|sample| sample.finished()).max(),
        false => {
            let mut buckets = evidence.series.iter().rev();
            let last = buckets.find(|bucket| bucket.failed > 0);
            last.map(|bucket| bucket.from + bucket.width)
        }
    };
    good.max(failed)
}

/// Seconds, to the millisecond.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::stories;

    #[test]
    fn a_rollback_is_counted_from_when_its_command_began_and_told_on_both_clocks() {
        let mut tales = stories::all().into_iter();
        let tale = tales
            .find(|tale| tale.name == "rollback")
            .expect("a rollback");
        let mut run = tale.run();
        let at = WayBack::of(&run).expect("it went back");
        run.before = Duration::from_secs(2);
        let before = WayBack::of(&run).expect("it went back");
        assert_eq!(before.write_seconds, at.write_seconds + 2.0);
        let (first, later) = (at.last_answer_seconds, before.last_answer_seconds);
        assert_eq!(later, first.map(|seconds| seconds + 2.0));
        assert!(!before.fact().plain().contains("AWS's clock"));
        run.speed = 20.0;
        let rehearsed = WayBack::of(&run).expect("it went back").fact().plain();
        let on_aws = latency(Duration::from_secs_f64(before.write_seconds * 20.0));
        let words = format!("({on_aws} on AWS's clock) after the command began");
        assert!(rehearsed.contains(&words), "{rehearsed}");
    }

    #[test]
    fn a_restore_is_counted_from_the_first_failure_of_the_shift_and_not_from_one_before() {
        let mut tale = stories::rolled_back_in_commit();
        let of = |tale: &stories::Tale| WayBack::of(&tale.run()).expect("it went back");
        let before = of(&tale);
        assert!(before.write_seconds > 0.0, "{before:?}");
        let evidence = tale.evidence.as_mut().expect("it was probed");
        let mut early = evidence.excerpt.failures[0].clone();
        early.scheduled = Duration::ZERO;
        evidence.excerpt.failures.insert(0, early);
        assert_eq!(of(&tale), before);
        // What was undone before any traffic moved has no way back.
        assert_eq!(WayBack::of(&stories::deployed().run()), None);
    }
}
