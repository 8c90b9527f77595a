//! Whose fault it is that no answer came: something that has nothing to do with the release is asked all the time as well.
//!
//! When a request is lost and that does not answer at that time either, it was the runner's own network. An answer, however bad,
//! was no fault of the runner's.
//!
//! Guarantees: what hardly ever answers, or has not for long, excuses nothing; memory is bounded.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::sample::Sample;

/// A failure is compared with what was due or on its way so long before it and after.
const MARGIN: Duration = Duration::from_millis(250);
/// A request breaks so long after what broke it, at most.
const BREAKS_WITHIN: Duration = Duration::from_secs(2);
/// So many answers say that the reference can be reached from here at all.
const ENOUGH: u64 = 10;
/// Of so many requests to it one may fail: what is lost oftener tells no time apart.
const ONE_IN: u64 = 4;
/// A network that is gone for longer is no blip: what visitors were answered meanwhile is not known.
const LONGEST: Duration = Duration::from_secs(30);
/// So many of its silences are remembered.
const SILENCES: usize = 1_000;

/// Whose fault a failed request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The runner's own network.
    Runner,
    /// Not the runner's, or nobody knows.
    Other,
    /// It is not known yet.
    Open,
}

/// What came of asking the reference.
#[derive(Debug)]
pub(super) struct Reference {
    /// Between two requests to it.
    interval: Duration,
    good: u64,
    failed: u64,
    /// When the last one was due that was answered.
    last_good: Duration,
    /// When those were due that are on their way.
    on_the_way: BTreeSet<Duration>,
    silences: VecDeque<Silence>,
}

/// A request to the reference that was not answered, or a time in which the runner stood still.
#[derive(Debug)]
struct Silence {
    from: Duration,
    until: Duration,
    /// How long nothing had been answered when it was over.
    since_good: Duration,
}

impl Reference {
    /// One that is asked so often.
    pub(super) fn asked_every(interval: Duration) -> Self {
        Self {
            interval,
            good: 0,
            failed: 0,
            last_good: Duration::ZERO,
            on_the_way: BTreeSet::new(),
            silences: VecDeque::new(),
        }
    }

    /// A request that was due then is on its way.
    pub(super) fn begin(&mut self, due: Duration) {
        self.on_the_way.insert(due);
    }

    /// What came of it.
    pub(super) fn enter(&mut self, sample: &Sample) {
        self.on_the_way.remove(&sample.scheduled);
        if sample.is_good() {
            self.good += 1;
            self.last_good = self.last_good.max(sample.scheduled);
        } else {
            self.failed += 1;
            self.note(sample.scheduled, sample.finished());
        }
    }

    /// Nothing could be answered in this time.
    pub(super) fn note(&mut self, from: Duration, until: Duration) {
        // Many sleep and wake together: that is one silence.
        if let Some(last) = self.silences.back_mut()
            && last.from <= until
            && from <= last.until
        {
            last.from = last.from.min(from);
            last.until = last.until.max(until);
            last.since_good = last.until.saturating_sub(self.last_good);
            return;
        }
        if self.silences.len() == SILENCES {
            self.silences.pop_front();
        }
        self.silences.push_back(Silence {
            from,
            until,
            since_good: until.saturating_sub(self.last_good),
        });
    }

    /// Whose fault this failure was, as far as that is known at `now`.
    pub(super) fn fault_of(&self, failure: &Sample, now: Duration) -> Fault {
        if failure.status.is_some() {
            return Fault::Other;
        }
        // A silence long before it broke did it no harm: what is lost on the way is sent again.
        let broke = failure.finished().saturating_sub(BREAKS_WITHIN);
        let from = failure.scheduled.max(broke).saturating_sub(MARGIN);
        let until = failure.finished() + MARGIN;
        let mut silences = self.silences.iter();
        let is_silent = silences.any(|silence| {
            silence.from <= until && from <= silence.until && silence.since_good <= LONGEST
        });
        if is_silent && self.is_believed() {
            return Fault::Runner;
        }
        let is_open =
            now < until + self.interval || self.on_the_way.first().is_some_and(|due| *due <= until);
        match is_open && self.is_believed() {
            true => Fault::Open,
            false => Fault::Other,
        }
    }

    fn is_believed(&self) -> bool {
        self.good >= ENOUGH && self.failed * ONE_IN <= self.good + self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{ErrorClass, Lane};

    const EVERY: Duration = Duration::from_millis(250);

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn lost(due: f64, took: f64) -> Sample {
        Sample {
            lane: Lane::Fresh,
            scheduled: at(due),
            sent: Some(at(due)),
            to: None,
            latency: at(took),
            connect: None,
            status: None,
            version: None,
            error: Some(ErrorClass::Reset),
            detail: None,
        }
    }

    fn answered(due: f64) -> Sample {
        Sample {
            status: Some(404),
            error: None,
            ..lost(due, 0.01)
        }
    }

    fn good_until(seconds: f64) -> Reference {
        let mut reference = Reference::asked_every(EVERY);
        let mut due = 0.0;
        while due < seconds {
            reference.enter(&answered(due));
            due += 0.25;
        }
        reference
    }

    #[test]
    fn what_is_lost_while_the_reference_is_silent_is_the_runner_s() {
        let mut reference = good_until(10.0);
        reference.enter(&lost(10.0, 2.0));
        reference.enter(&lost(10.25, 2.0));
        let of = |due, took| reference.fault_of(&lost(due, took), at(30.0));
        assert_eq!(of(11.0, 0.1), Fault::Runner);
        assert_eq!(of(9.0, 5.0), Fault::Runner, "it was on its way");
        assert_eq!(of(20.0, 0.1), Fault::Other);
        let late = reference.fault_of(&lost(9.0, 60.0), at(100.0));
        assert_eq!(late, Fault::Other, "it broke long after that");
        let bad = Sample {
            status: Some(502),
            ..lost(11.0, 0.1)
        };
        assert_eq!(
            reference.fault_of(&bad, at(30.0)),
            Fault::Other,
            "an answer came"
        );
    }

    #[test]
    fn a_failure_is_not_judged_before_the_reference_can_have_told() {
        let mut reference = good_until(10.0);
        let failure = lost(10.0, 0.01);
        assert_eq!(reference.fault_of(&failure, at(10.02)), Fault::Open);
        reference.begin(at(10.25));
        assert_eq!(
            reference.fault_of(&failure, at(11.5)),
            Fault::Open,
            "on its way"
        );
        reference.enter(&answered(10.25));
        assert_eq!(reference.fault_of(&failure, at(11.5)), Fault::Other);
    }

    #[test]
    fn what_hardly_answers_or_has_not_for_long_excuses_nothing() {
        let failure = lost(11.0, 0.1);
        let mut few = good_until(2.0);
        few.enter(&lost(10.9, 0.5));
        assert_eq!(few.fault_of(&failure, at(11.1)), Fault::Other);
        let mut flaky = good_until(10.0);
        for number in 0..20 {
            flaky.enter(&lost(f64::from(number) / 2.0, 0.1));
        }
        flaky.enter(&lost(11.0, 0.1));
        assert_eq!(flaky.fault_of(&failure, at(30.0)), Fault::Other);
        let mut gone = good_until(60.0);
        gone.enter(&lost(95.0, 0.5));
        assert_eq!(gone.fault_of(&lost(95.1, 0.1), at(100.0)), Fault::Other);
    }

    #[test]
    fn a_runner_that_stood_still_is_a_silence_as_well() {
        let mut reference = good_until(10.0);
        reference.note(at(10.0), at(16.0));
        assert_eq!(
            reference.fault_of(&lost(10.1, 5.9), at(17.0)),
            Fault::Runner
        );
    }
}
