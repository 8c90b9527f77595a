//! The lines of the ledger that a person looks for: the failures, and of each version its first and its last answers.
//!
//! Guarantees: memory does not grow with the number of requests; a good answer costs no allocation after the first of
//! its version.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

use super::counts::Versions;
use super::sample::{Lane, Sample};
use super::units;

/// The failures that are kept: the first ones.
pub const FAILURES: usize = 100;
/// The answers that are kept of each version, at either end.
pub const ENDS: usize = 3;

/// Some lines of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// The first failures of visitors' requests, in the order they were finished.
    pub failures: Vec<Sample>,
    /// The first good answers of each version.
    pub first: BTreeMap<String, Vec<Mention>>,
    /// The last ones.
    pub last: BTreeMap<String, Vec<Mention>>,
}

/// A good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mention {
    /// The lane it came on.
    pub lane: Lane,
    /// When it was complete.
    #[serde(rename = "finished_us", serialize_with = "units::micros")]
    pub finished: Duration,
    /// How long it took, from when it was due.
    #[serde(rename = "latency_us", serialize_with = "units::micros")]
    pub latency: Duration,
    /// Its status.
    pub status: Option<u16>,
}

/// Collects an excerpt.
#[derive(Debug, Default)]
pub(super) struct Collector {
    failures: Vec<Sample>,
    /// By version number.
    ends: Vec<Ends>,
}

#[derive(Clone, Debug, Default)]
struct Ends {
    first: Vec<Mention>,
    last: VecDeque<Mention>,
}

impl Collector {
    /// Enters a visitor's request: a good answer's version, or a failure.
    pub(super) fn add(&mut self, sample: &Sample, version: Option<u16>) {
        if !sample.is_good() {
            if self.failures.len() < FAILURES {
                self.failures.push(sample.clone());
            }
            return;
        }
        let Some(version) = version.map(usize::from) else {
            return;
        };
        if version >= self.ends.len() {
            self.ends.resize_with(version + 1, Ends::default);
        }
        let mention = Mention {
            lane: sample.lane,
            finished: sample.finished(),
            latency: sample.latency,
            status: sample.status,
        };
        let ends = &mut self.ends[version];
        if ends.first.len() < ENDS {
            ends.first.push(mention);
        }
        if ends.last.len() == ENDS {
            ends.last.pop_front();
        }
        ends.last.push_back(mention);
    }

    pub(super) fn excerpt(&self, versions: &Versions) -> Excerpt {
        let mut excerpt = Excerpt {
            failures: self.failures.clone(),
            ..Excerpt::default()
        };
        for (number, ends) in (0_u16..).zip(&self.ends) {
            let name = versions.name(number);
            excerpt.first.insert(name.to_owned(), ends.first.clone());
            let last = ends.last.iter().copied().collect();
            excerpt.last.insert(name.to_owned(), last);
        }
        excerpt
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::ErrorClass;
    use super::*;

    #[test]
    fn a_long_run_leaves_its_first_failures_and_the_ends_of_each_version() {
        let mut versions = Versions::default();
        let mut collector = Collector::default();
        for number in 0..10_000 {
            let version = if number < 5_000 { "1" } else { "2" };
            let is_bad = number % 10 == 0;
            let sample = Sample {
                lane: Lane::Fresh,
                scheduled: Duration::from_millis(number),
                sent: None,
                to: None,
                latency: Duration::ZERO,
                connect: None,
                status: Some(if is_bad { 502 } else { 200 }),
                version: None,
                error: is_bad.then_some(ErrorClass::Status),
                detail: None,
            };
            let version = (!is_bad).then(|| versions.number(version));
            collector.add(&sample, version);
        }
        let excerpt = collector.excerpt(&versions);
        let millis = |of: &[Mention]| {
            of.iter()
                .map(|m| m.finished.as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(excerpt.failures.len(), FAILURES);
        assert_eq!(excerpt.failures[1].scheduled, Duration::from_millis(10));
        assert_eq!(millis(&excerpt.last["1"]), [4_997, 4_998, 4_999]);
        assert_eq!(millis(&excerpt.first["2"]), [5_001, 5_002, 5_003]);
    }
}
