//! What answered when, in few enough pieces for a chart.
//!
//! Guarantees: never more than [`BUCKETS`] buckets; when they are full, pairs are merged and the width doubles.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::counts::Versions;
use super::units;

/// The most buckets of a series.
pub const BUCKETS: usize = 240;
/// How wide a bucket is at first.
const FIRST_WIDTH: Duration = Duration::from_millis(100);

/// The visitors' requests that were due in one piece of the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// When it begins, on the wall since the clock was made.
    #[serde(rename = "from_ms", serialize_with = "units::millis")]
    pub from: Duration,
    /// How long it is.
    #[serde(rename = "width_ms", serialize_with = "units::millis")]
    pub width: Duration,
    /// Good answers by version.
    pub by_version: BTreeMap<String, u64>,
    /// Requests that failed.
    pub failed: u64,
}

#[derive(Debug, Default)]
struct Piece {
    versions: Vec<(u16, u64)>,
    failed: u64,
}

impl Piece {
    fn count(&mut self, version: u16, count: u64) {
        match self
            .versions
            .iter_mut()
            .find(|(known, _)| *known == version)
        {
            Some((_, counted)) => *counted += count,
            None => self.versions.push((version, count)),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.failed += other.failed;
        for (version, count) in &other.versions {
            self.count(*version, *count);
        }
    }
}

/// Collects a series whose end is not known.
#[derive(Debug)]
pub(super) struct Collector {
    begun: Duration,
    width: Duration,
    pieces: Vec<Piece>,
}

impl Collector {
    pub(super) const fn new(begun: Duration) -> Self {
        Self {
            begun,
            width: FIRST_WIDTH,
            pieces: Vec::new(),
        }
    }

    /// Counts one visitor's request: a good answer's version, or a failure.
    pub(super) fn add(&mut self, scheduled: Duration, version: Option<u16>, failed: bool) {
        let since = scheduled.saturating_sub(self.begun);
        let index = loop {
            let index = (since.as_micros() / self.width.as_micros()) as usize;
            if index < BUCKETS {
                break index;
            }
            self.widen();
        };
        if index >= self.pieces.len() {
            self.pieces.resize_with(index + 1, Piece::default);
        }
        let piece = &mut self.pieces[index];
        piece.failed += u64::from(failed);
        if let Some(version) = version {
            piece.count(version, 1);
        }
    }

    fn widen(&mut self) {
        self.width *= 2;
        let merged = self.pieces.chunks(2).map(|pair| {
            let mut piece = Piece::default();
            pair.iter().for_each(|half| piece.merge(half));
            piece
        });
        self.pieces = merged.collect();
    }

    pub(super) fn buckets(&self, versions: &Versions) -> Vec<Bucket> {
        let mut from = self.begun;
        let mut buckets = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let named =
                |(version, count): &(u16, u64)| (versions.name(*version).to_owned(), *count);
            buckets.push(Bucket {
                from,
                width: self.width,
                by_version: piece.versions.iter().map(named).collect(),
                failed: piece.failed,
            });
            from += self.width;
        }
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_no_more_buckets_than_a_chart_has_room_for_and_loses_no_count() {
        let mut versions = Versions::default();
        let version = versions.number("1");
        let begun = Duration::from_secs(9);
        let mut series = Collector::new(begun);
        for second in 0..3_600 {
            let good = second % 10 != 0;
            let scheduled = begun + Duration::from_secs(second);
            series.add(scheduled, good.then_some(version), !good);
        }
        let buckets = series.buckets(&versions);
        assert!(buckets.len() <= BUCKETS && buckets.len() > BUCKETS / 3);
        let good: u64 = buckets.iter().map(|bucket| bucket.by_version["1"]).sum();
        let failed: u64 = buckets.iter().map(|bucket| bucket.failed).sum();
        assert_eq!((good, failed), (3_240, 360));
        assert_eq!(buckets[0].from, begun);
        assert_eq!(buckets[1].from, begun + buckets[0].width);
    }
}
