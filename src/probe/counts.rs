//! The counts of one stretch of time, as small as they can be, and the versions in them by number.

use std::sync::Arc;

use super::sample::{ErrorClass, Lane, Sample};
use super::tally::{OTHER_VERSION, Tally};

/// How many versions are told apart; further ones are counted as [`OTHER_VERSION`].
pub(super) const VERSIONS: usize = 64;

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
    Lost(ErrorClass),
}

/// Whether there was no connection to send it on, or that was reset before there was an answer: it may be a single one that
/// somebody on the way lost.
fn is_unconnected(failure: &Sample) -> bool {
    let of_the_way = matches!(
        failure.error,
        Some(
            ErrorClass::Refused
                | ErrorClass::Reset
                | ErrorClass::ConnectTimeout
                | ErrorClass::Dns
                | ErrorClass::Tls
        )
    );
    failure.status.is_none() && of_the_way
}

/// The counts of one stretch of time, as small as they can be.
#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: u64,
    failed: u64,
    /// Few: the versions, statuses and errors seen in it.
    keyed: Vec<(Key, u64)>,
    first_failure: Option<Box<Sample>>,
    /// The first that is known to be nobody else's fault.
    first_counting: Option<Box<Sample>>,
    lost_by_runner: u64,
    unconnected: u64,
    bad_answers: u64,
    control_sent: u32,
    control_caught: u32,
}

impl Counts {
    pub(super) fn add(&mut self, sample: &Sample, version: Option<u16>, is_slow: bool) {
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

    /// Notes whose fault a failure was that was added before.
    pub(super) fn decide(&mut self, failure: &Sample, is_the_runner_s: bool) {
        if is_the_runner_s {
            self.lost_by_runner += 1;
            self.count(Key::Lost(failure.error.unwrap_or(ErrorClass::Other)));
            return;
        }
        self.unconnected += u64::from(is_unconnected(failure));
        self.bad_answers += u64::from(failure.status.is_some());
        if self.first_counting.is_none() {
            self.first_counting = Some(Box::new(failure.clone()));
        }
    }

    fn count(&mut self, key: Key) {
        match self.keyed.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => *count += 1,
            None => self.keyed.push((key, 1)),
        }
    }

    pub(super) fn pour_into(
        &self,
        tally: &mut Tally,
        versions: &Versions,
        counting: &mut Option<Sample>,
    ) {
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
                Key::Lost(class) => tally.lost_by_error.entry(*class).or_default(),
            } += count;
        }
        if let Some(failure) = &self.first_failure {
            keep_earlier(&mut tally.first_failure, failure);
        }
        if let Some(failure) = &self.first_counting {
            keep_earlier(counting, failure);
        }
        tally.lost_by_runner += self.lost_by_runner;
        tally.unconnected += self.unconnected;
        tally.bad_answers += self.bad_answers;
        tally.control_sent += u64::from(self.control_sent);
        tally.control_caught += u64::from(self.control_caught);
    }
}

/// Keeps the failure that was finished first.
fn keep_earlier(first: &mut Option<Sample>, failure: &Sample) {
    let is_first = first
        .as_ref()
        .is_none_or(|first| failure.finished() < first.finished());
    if is_first {
        *first = Some(failure.clone());
    }
}
