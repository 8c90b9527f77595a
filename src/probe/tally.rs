//! Counts of requests, for the whole run and for each tenth of a second of its last hour.
//!
//! Guarantees: memory does not grow with the number of requests, and after an hour not with time either; a hostile
//! server cannot make it grow by inventing versions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::baseline;
use super::sample::{ErrorClass, Lane, Sample};

/// How finely [`super::Running::tally_since`] can tell requests apart by when they were due.
pub const GRANULARITY: Duration = Duration::from_millis(100);
/// How many slots of [`GRANULARITY`] are remembered: one hour.
const SLOTS: usize = 36_000;
/// How many of the last good answers' versions are remembered.
pub const LAST_VERSIONS: usize = 64;
/// How many versions are told apart; further ones are counted as [`OTHER_VERSION`].
const VERSIONS: usize = 64;
/// Stands for the versions beyond those that are told apart.
pub const OTHER_VERSION: &str = "(others)";

/// What became of the requests of a stretch of time.
///
/// Visitors' lanes only: the negative control is counted apart. Requests of the long lane are in `sent`, `failed`,
/// `by_status` and `by_error`, but not in the versions: they belong to the version that was live when they began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Requests that were due and are finished, well or badly.
    pub sent: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those of them that the runner's own network lost: something unrelated did not answer at that time either.
    pub lost_by_runner: u64,
    /// Those of them of which that is not known yet.
    #[serde(skip)]
    pub undecided: u64,
    /// Those of them that are neither, and for which there was no connection to send them on, or it was reset.
    #[serde(skip)]
    pub unconnected: u64,
    /// Good answers by version.
    pub by_version: BTreeMap<String, u64>,
    /// Those of them that took too long, where that is asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub slow_by_version: BTreeMap<String, u64>,
    /// Answers by status.
    pub by_status: BTreeMap<u16, u64>,
    /// Failures by class.
    pub by_error: BTreeMap<ErrorClass, u64>,
    /// The failure that was finished first.
    pub first_failure: Option<Sample>,
    /// The versions of up to [`LAST_VERSIONS`] last good answers, in the order they were complete.
    pub last_versions: Vec<String>,
    /// Requests of the negative control.
    pub control_sent: u64,
    /// Those of them that were seen to fail, as they have to.
    pub control_caught: u64,
}

/// Versions by number, so that a count costs a few bytes.
#[derive(Debug, Default)]
pub(super) struct Versions(Vec<Arc<str>>);

impl Versions {
    /// The number of a version, a new one if it is new.
    pub(super) fn number(&mut self, version: &str) -> u16 {
        let found = self.0.iter().position(|known| **known == *version);
        let at = found.unwrap_or_else(|| {
            if self.0.len() <= VERSIONS {
                let full = self.0.len() == VERSIONS;
                self.0
                    .push(Arc::from(if full { OTHER_VERSION } else { version }));
            }
            self.0.len() - 1
        });
        u16::try_from(at).expect("there are at most 65 versions")
    }

    pub(super) fn name(&self, number: u16) -> &str {
        &self.0[usize::from(number)]
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Version(u16),
    Slow(u16),
    Status(u16),
    Error(ErrorClass),
}

impl Tally {
    /// Of its requests, those that failed by whoever was asked, as far as that is known.
    pub fn counts(&self) -> baseline::Counts {
        baseline::Counts {
            sent: self.sent,
            failed: self
                .failed
                .saturating_sub(self.lost_by_runner + self.undecided),
        }
    }
}

/// The counts of one stretch of time, as small as they can be.
#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    failed: u64,
    /// Few: the versions, statuses and errors seen in it.
    keyed: Vec<(Key, u64)>,
    first_failure: Option<Box<Sample>>,
    control_sent: u32,
    control_caught: u32,
}

impl Counts {
    fn add(&mut self, sample: &Sample, version: Option<u16>, is_slow: bool) {
        let failed = u32::from(!sample.is_good());
        if sample.lane == Lane::Reference {
            return;
        }
        if sample.lane == Lane::Control {
            self.control_sent += 1;
            self.control_caught += failed;
            return;
        }
        self.sent += 1;
        self.failed += u64::from(failed);
        if let Some(class) = sample.error {
            self.count(Key::Error(class));
            if self.first_failure.is_none() {
                self.first_failure = Some(Box::new(sample.clone()));
            }
        }
        if let Some(status) = sample.status {
            self.count(Key::Status(status));
        }
        if let Some(version) = version {
            self.count(Key::Version(version));
            if is_slow {
                self.count(Key::Slow(version));
            }
        }
    }

    fn count(&mut self, key: Key) {
        match self.keyed.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => *count += 1,
            None => self.keyed.push((key, 1)),
        }
    }

    fn pour_into(&self, tally: &mut Tally, versions: &Versions) {
        tally.sent += self.sent;
        tally.failed += self.failed;
        for (key, count) in &self.keyed {
            *match key {
                Key::Version(number) => {
                    let name = versions.name(*number).to_owned();
                    tally.by_version.entry(name).or_default()
                }
                Key::Slow(number) => {
                    let name = versions.name(*number).to_owned();
                    tally.slow_by_version.entry(name).or_default()
                }
                Key::Status(status) => tally.by_status.entry(*status).or_default(),
                Key::Error(class) => tally.by_error.entry(*class).or_default(),
            } += count;
        }
        if let Some(failure) = &self.first_failure {
            let earlier = tally
                .first_failure
                .as_ref()
                .is_none_or(|first| failure.finished() < first.finished());
            if earlier {
                tally.first_failure = Some(Sample::clone(failure));
            }
        }
        tally.control_sent += u64::from(self.control_sent);
        tally.control_caught += u64::from(self.control_caught);
    }
}

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
        if let Some(version) = version {
            if self.recent.len() == LAST_VERSIONS {
                self.recent.pop_front();
            }
            self.recent.push_back((sample.scheduled, version));
        }
        version
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
        let mut tally = Tally::default();
        self.total.pour_into(&mut tally, &self.versions);
        tally.last_versions = self.last_versions(Duration::ZERO);
        tally
    }

    /// The counts of requests due at `wall` or later. A slot that began before `wall` is left out whole, so that
    /// no earlier request is ever among them.
    pub(super) fn tally_since(&self, wall: Duration) -> Tally {
        let from = wall.as_micros().div_ceil(GRANULARITY.as_micros());
        let skip = from.saturating_sub(u128::from(self.first_slot));
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut tally = Tally::default();
        for slot in self.slots.iter().skip(skip) {
            slot.pour_into(&mut tally, &self.versions);
        }
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

/// When the first slot begins of which all requests were due at `wall` or later.
pub(super) fn slot_after(wall: Duration) -> Duration {
    let slots = wall.as_micros().div_ceil(GRANULARITY.as_micros());
    u32::try_from(slots).map_or(Duration::MAX, |slots| GRANULARITY.saturating_mul(slots))
}

fn slot_of(wall: Duration) -> u64 {
    u64::try_from(wall.as_micros() / GRANULARITY.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
