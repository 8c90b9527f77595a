//! Counts of requests, kept for the whole run, for each tenth of a second of its last hour, and for what is judged apart.
//!
//! Guarantees: memory does not grow with the number of requests, and after an hour not with time either; a hostile
//! server cannot make it grow by inventing versions.

use std::collections::VecDeque;
use std::time::Duration;

use super::counts::{Counts, Versions};
use super::sample::{Lane, Sample};
use super::tally::{GRANULARITY, LAST_VERSIONS, Tally};

/// How many slots of [`GRANULARITY`] are remembered: one hour.
const SLOTS: usize = 36_000;

/// All counts of a run.
#[derive(Debug, Default)]
pub(super) struct Counter {
    versions: Versions,
    /// Good answers that take longer are slow.
    pub(super) slow_beyond: Option<Duration>,
    total: Counts,
    /// The slot that `slots` begins with, counted from the clock's zero.
    first_slot: u64,
    slots: VecDeque<Counts>,
    /// What is judged, from when on; it is never forgotten.
    judged: Option<(Duration, Counts)>,
    recent: VecDeque<(Duration, u16)>,
}

impl Counter {
    /// Counts a finished request; the number of its version, if it is one that counts.
    pub(super) fn add(&mut self, sample: &Sample) -> Option<u16> {
        let countable = sample.is_good() && matches!(sample.lane, Lane::Fresh | Lane::KeepAlive);
        let version = sample.version.as_deref().filter(|_| countable);
        let version = version.map(|version| self.versions.number(version));
        let is_slow = self
            .slow_beyond
            .is_some_and(|longest| sample.took() > longest);
        self.total.add(sample, version, is_slow);
        if let Some(slot) = self.slot(sample.scheduled) {
            slot.add(sample, version, is_slow);
        }
        if let Some((from, judged)) = &mut self.judged
            && sample.scheduled >= *from
        {
            judged.add(sample, version, is_slow);
        }
        if let Some(version) = version {
            if self.recent.len() == LAST_VERSIONS {
                self.recent.pop_front();
            }
            self.recent.push_back((sample.scheduled, version));
        }
        version
    }

    /// Notes whose fault a failure was that was added before.
    pub(super) fn decide(&mut self, failure: &Sample, is_the_runner_s: bool) {
        self.total.decide(failure, is_the_runner_s);
        if let Some(slot) = self.slot(failure.scheduled) {
            slot.decide(failure, is_the_runner_s);
        }
        if let Some((from, judged)) = &mut self.judged
            && failure.scheduled >= *from
        {
            judged.decide(failure, is_the_runner_s);
        }
    }

    /// Counts apart from now on what is due at `wall` or later.
    pub(super) fn judge_from(&mut self, wall: Duration) {
        self.judged = Some((wall, Counts::default()));
    }

    /// The counts of what is judged apart.
    pub(super) fn judged(&self) -> Option<Tally> {
        let (from, judged) = self.judged.as_ref()?;
        Some(self.sum([judged], *from))
    }

    /// The slot of a time, unless that is more than an hour before the latest.
    fn slot(&mut self, scheduled: Duration) -> Option<&mut Counts> {
        let at = slot_of(scheduled);
        if self.slots.is_empty() {
            self.first_slot = at;
        }
        while at < self.first_slot && self.slots.len() < SLOTS {
            self.slots.push_front(Counts::default());
            self.first_slot -= 1;
        }
        let index = usize::try_from(at.checked_sub(self.first_slot)?).ok()?;
        if index >= self.slots.len() + SLOTS {
            // More than an hour without any request: nothing of what is remembered is of the last hour.
            self.slots.clear();
            self.first_slot = at;
        }
        while slot_of(scheduled) >= self.first_slot + self.slots.len() as u64 {
            if self.slots.len() == SLOTS {
                self.slots.pop_front();
                self.first_slot += 1;
            }
            self.slots.push_back(Counts::default());
        }
        self.slots
            .get_mut(usize::try_from(at - self.first_slot).ok()?)
    }

    /// The counts of the whole run.
    pub(super) fn tally(&self) -> Tally {
        self.sum([&self.total], Duration::ZERO)
    }

    /// The counts of requests due at `wall` or later. A slot that began before `wall` is left out whole, so that
    /// no earlier request is ever among them.
    pub(super) fn tally_since(&self, wall: Duration) -> Tally {
        let skip = slots_before(wall).saturating_sub(u128::from(self.first_slot));
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        self.sum(self.slots.iter().skip(skip), wall)
    }

    /// What these counts come to, with the versions that answered last since `wall`.
    fn sum<'a>(&self, all: impl IntoIterator<Item = &'a Counts>, wall: Duration) -> Tally {
        let mut tally = Tally::default();
        let mut counting = None;
        for counts in all {
            counts.pour_into(&mut tally, &self.versions, &mut counting);
        }
        tally.first_failure = counting.or(tally.first_failure);
        tally.last_versions = self.last_versions(wall);
        tally
    }

    pub(super) fn versions(&self) -> &Versions {
        &self.versions
    }

    fn last_versions(&self, since: Duration) -> Vec<String> {
        self.recent
            .iter()
            .filter(|(scheduled, _)| *scheduled >= since)
            .map(|(_, version)| self.versions.name(*version).to_owned())
            .collect()
    }
}

/// How many slots begin before `wall`.
fn slots_before(wall: Duration) -> u128 {
    wall.as_micros().div_ceil(GRANULARITY.as_micros())
}

/// When the first slot begins of which all requests were due at `wall` or later.
pub(super) fn slot_after(wall: Duration) -> Duration {
    u32::try_from(slots_before(wall))
        .map_or(Duration::MAX, |slots| GRANULARITY.saturating_mul(slots))
}

fn slot_of(wall: Duration) -> u64 {
    u64::try_from(wall.as_micros() / GRANULARITY.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::probe::counts::VERSIONS;
    use crate::probe::sample::ErrorClass;
    use crate::probe::tally::OTHER_VERSION;

    fn sample(scheduled_ms: u64, version: &str) -> Sample {
        Sample {
            lane: Lane::Fresh,
            scheduled: Duration::from_millis(scheduled_ms),
            sent: None,
            to: None,
            latency: Duration::from_millis(1),
            connect: None,
            status: Some(200),
            version: Some(version.to_owned()),
            error: None,
            detail: None,
        }
    }

    #[test]
    fn a_tally_since_never_counts_a_request_that_was_due_before() {
        let mut counter = Counter::default();
        for at in (0..1_000).step_by(10) {
            counter.add(&sample(at, "1"));
        }
        let since = |ms| counter.tally_since(Duration::from_millis(ms)).sent;
        assert_eq!(since(0), 100);
        assert_eq!(since(500), 50);
        assert_eq!(since(510), 40, "the slot from 500 to 600 ms is left out");
        assert_eq!(since(5_000), 0);
        let versions = counter
            .tally_since(Duration::from_millis(900))
            .last_versions;
        assert_eq!(versions.len(), 10);
    }

    #[test]
    fn a_good_answer_that_took_too_long_since_it_was_sent_is_counted_with_its_version_and_as_slow()
    {
        let mut counter = Counter {
            slow_beyond: Some(Duration::from_millis(100)),
            ..Counter::default()
        };
        let of = |version: &str, sent_ms: u64, latency_ms: u64| Sample {
            sent: Some(Duration::from_millis(sent_ms)),
            to: None,
            latency: Duration::from_millis(latency_ms),
            ..sample(0, version)
        };
        counter.add(&of("1", 0, 100));
        counter.add(&of("1", 0, 101));
        // Late by the runner.
        counter.add(&of("1", 50, 149));
        counter.add(&of("2", 0, 5_000));
        let tally = counter.tally_since(Duration::ZERO);
        let counted = |of: &[(&str, u64)]| {
            let named = of.iter().map(|(name, count)| ((*name).to_owned(), *count));
            named.collect::<BTreeMap<_, _>>()
        };
        assert_eq!(tally.by_version, counted(&[("1", 3), ("2", 1)]));
        assert_eq!(tally.slow_by_version, counted(&[("1", 1), ("2", 1)]));
    }

    #[test]
    fn after_an_hour_the_oldest_slots_are_forgotten_but_not_the_totals() {
        let mut counter = Counter::default();
        for hour_tenth in 0..20 {
            counter.add(&sample(hour_tenth * 360_000, "1"));
        }
        assert_eq!(counter.slots.len(), SLOTS);
        assert_eq!(counter.tally().sent, 20);
        assert_eq!(counter.tally_since(Duration::ZERO).sent, 10);
        counter.add(&sample(100 * 3_600_000, "1"));
        assert_eq!(counter.tally_since(Duration::ZERO).sent, 1);
        counter.add(&sample(0, "1"));
        assert_eq!(counter.tally().sent, 22, "a straggler is in the totals");
    }

    #[test]
    fn a_server_that_invents_versions_cannot_make_the_counts_grow() {
        let mut counter = Counter::default();
        for number in 0..10_000 {
            counter.add(&sample(number, &number.to_string()));
        }
        let tally = counter.tally();
        assert_eq!(tally.by_version.len(), VERSIONS + 1);
        assert_eq!(tally.by_version[OTHER_VERSION], 10_000 - VERSIONS as u64);
    }

    #[test]
    fn what_is_judged_apart_is_not_forgotten_after_an_hour_and_an_old_excuse_is_none_for_a_new_failure()
     {
        let failing = |scheduled_ms, status| Sample {
            status,
            version: None,
            error: Some(ErrorClass::Reset),
            ..sample(scheduled_ms, "1")
        };
        let mut counter = Counter::default();
        counter.judge_from(Duration::from_millis(1_000));
        let lost = failing(2_000, None);
        let bad = failing(70 * 60_000, Some(502));
        for (failure, is_the_runner_s) in [(&lost, true), (&bad, false)] {
            counter.add(failure);
            counter.decide(failure, is_the_runner_s);
        }
        let lately = counter.tally_since(Duration::from_millis(1_000));
        assert_eq!((lately.failed, lately.lost_by_runner), (1, 0));
        assert_eq!(lately.counts().failed, 1);
        let judged = counter.judged().expect("a part");
        assert_eq!((judged.failed, judged.lost_by_runner), (2, 1));
        assert_eq!(judged.first_failure, Some(bad), "the one that counts");
    }
}
