//! Where every finished request is entered, once.
//!
//! Guarantees: entering costs no allocation for a good answer after the first of its kind, and memory is bounded
//! whatever the length of the run: histograms, counts by time slot, a series of at most 240 buckets.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::baseline::Counts;
use super::counter::{self, Counter};
use super::evidence::{AddressTally, Judged, LaneTally, Percentiles};
use super::excerpt::{self, Excerpt};
use super::reference::{Fault, Reference};
use super::sample::{Lane, Sample};
use super::series::{Bucket, Collector};
use super::tally::Tally;
use super::units::whole_micros;

/// The longest latency the histograms tell apart from longer ones.
const LONGEST: Duration = Duration::from_secs(600);

/// So many failures wait until it is known whose fault they were; further ones are not excused.
const UNDECIDED: usize = 20_000;
/// So many addresses are told apart; a load balancer has one for each node.
const ADDRESSES: usize = 256;

#[derive(Debug)]
struct LaneRecord {
    sent: u64,
    failed: u64,
    unfinished: u64,
    connections: u64,
    latency: Histogram<u32>,
}

/// The record of one run.
#[derive(Debug)]
pub(super) struct Recorder {
    started: Duration,
    counter: Counter,
    lanes: BTreeMap<Lane, LaneRecord>,
    addresses: BTreeMap<IpAddr, AddressTally>,
    latency: Histogram<u32>,
    connect: Histogram<u32>,
    lateness: Histogram<u32>,
    /// First and last seen, by version number.
    seen: Vec<(Duration, Duration)>,
    last_good: Duration,
    longest_gap: Duration,
    series: Collector,
    excerpt: excerpt::Collector,
    pub(super) runner_stalls: u64,
    /// From when on failures are judged, if not from the beginning, and against which ones before.
    judged_from: Option<(Duration, Option<Counts>)>,
    /// What tells the runner's own network apart, if it is asked.
    pub(super) reference: Option<Reference>,
    /// The visitors' requests that failed, of which it is not known yet whose fault that was.
    undecided: Vec<Sample>,
}

impl Recorder {
    pub(super) fn new(started: Duration) -> Self {
        Self {
            started,
            counter: Counter::default(),
            lanes: BTreeMap::new(),
            addresses: BTreeMap::new(),
            latency: histogram(),
            connect: histogram(),
            lateness: histogram(),
            seen: Vec::new(),
            last_good: started,
            longest_gap: Duration::ZERO,
            series: Collector::new(started),
            excerpt: excerpt::Collector::default(),
            runner_stalls: 0,
            judged_from: None,
            reference: None,
            undecided: Vec::new(),
        }
    }

    /// The same, which counts good answers that take longer as slow, too.
    pub(super) fn slow_beyond(mut self, longest: Option<Duration>) -> Self {
        self.counter.slow_beyond = longest;
        self
    }

    /// Makes a lane appear in the evidence even if nothing happens on it.
    pub(super) fn open(&mut self, lane: Lane) -> &mut Self {
        self.lane(lane);
        self
    }

    /// Enters a finished request.
    pub(super) fn enter(&mut self, sample: &Sample) {
        let failed = !sample.is_good();
        let lane = self.lane(sample.lane);
        lane.sent += 1;
        lane.failed += u64::from(failed);
        lane.connections += u64::from(sample.connect.is_some());
        add(&mut lane.latency, sample.latency);
        let version = self.counter.add(sample);
        if let (Lane::Reference, Some(reference)) = (sample.lane, &mut self.reference) {
            reference.enter(sample);
        }
        if !sample.lane.is_visitor() {
            return;
        }
        if failed && self.undecided.len() < UNDECIDED {
            self.undecided.push(sample.clone());
        } else if failed {
            self.counter.decide(sample, false);
        }
        if let Some(connect) = sample.connect {
            add(&mut self.connect, connect);
        }
        self.note_address(sample);
        self.series.add(sample.scheduled, version, failed);
        self.excerpt.add(sample, version);
        if sample.lane == Lane::Long {
            return;
        }
        add(&mut self.latency, sample.latency);
        if let Some(sent) = sample.sent {
            add(&mut self.lateness, sent.saturating_sub(sample.scheduled));
        }
        if let Some(version) = version {
            self.note_good(usize::from(version), sample.finished());
        }
    }

    fn note_address(&mut self, sample: &Sample) {
        let Some(to) = sample.to else { return };
        let is_new = !self.addresses.contains_key(&to);
        if is_new && self.addresses.len() >= ADDRESSES {
            return;
        }
        let tally = self.addresses.entry(to).or_default();
        tally.sent += 1;
        tally.failed += u64::from(!sample.is_good());
    }

    /// Enters a request that the probe itself cut short.
    pub(super) fn enter_unfinished(&mut self, lane: Lane) {
        self.lane(lane).unfinished += 1;
    }

    fn lane(&mut self, lane: Lane) -> &mut LaneRecord {
        self.lanes.entry(lane).or_insert_with(|| LaneRecord {
            sent: 0,
            failed: 0,
            unfinished: 0,
            connections: 0,
            latency: histogram(),
        })
    }

    fn note_good(&mut self, version: usize, finished: Duration) {
        if version >= self.seen.len() {
            self.seen.resize(version + 1, (finished, finished));
        }
        let seen = &mut self.seen[version];
        seen.0 = seen.0.min(finished);
        seen.1 = seen.1.max(finished);
        let gap = finished.saturating_sub(self.last_good);
        self.longest_gap = self.longest_gap.max(gap);
        self.last_good = self.last_good.max(finished);
    }

    pub(super) fn tally(&mut self, now: Duration) -> Tally {
        self.decide(now);
        let tally = self.counter.tally();
        self.with_undecided(tally, Duration::ZERO)
    }

    pub(super) fn tally_since(&mut self, wall: Duration, now: Duration) -> Tally {
        self.decide(now);
        let tally = self.counter.tally_since(wall);
        self.with_undecided(tally, counter::slot_after(wall))
    }

    /// Notes of each failure whose fault it was, once that is known: it stays so.
    fn decide(&mut self, now: Duration) {
        let (counter, reference) = (&mut self.counter, &self.reference);
        self.undecided.retain(|failure| {
            let fault = match reference {
                Some(reference) => reference.fault_of(failure, now),
                None => Fault::Other,
            };
            if fault != Fault::Open {
                counter.decide(failure, fault == Fault::Runner);
            }
            fault == Fault::Open
        });
    }

    fn with_undecided(&self, mut tally: Tally, from: Duration) -> Tally {
        let open = self.undecided.iter().filter(|it| it.scheduled >= from);
        tally.undecided = u64::try_from(open.count()).unwrap_or(u64::MAX);
        tally
    }

    /// Judges what is due at `wall` or later apart, against what was before, if anything was.
    pub(super) fn judge_from(&mut self, wall: Duration, baseline: Option<Counts>) {
        self.judged_from = Some((wall, baseline));
        self.counter.judge_from(wall);
    }

    /// The part that is judged, where that is not the whole; all is decided by then.
    pub(super) fn judged(&self) -> Option<Judged> {
        let (since, baseline) = self.judged_from?;
        let tally = self.counter.judged()?;
        Some(Judged {
            since,
            tally: self.with_undecided(tally, since),
            baseline,
        })
    }

    pub(super) fn lanes(&self) -> BTreeMap<Lane, LaneTally> {
        let row = |record: &LaneRecord| {
            let latency = Percentiles::of(&record.latency);
            LaneTally {
                sent: record.sent,
                failed: record.failed,
                unfinished: record.unfinished,
                connections: record.connections,
                p50: latency.p50,
                p99: latency.p99,
                max: latency.max,
            }
        };
        self.lanes
            .iter()
            .map(|(lane, record)| (*lane, row(record)))
            .collect()
    }

    /// What became of the visitors' requests at each address.
    pub(super) fn addresses(&self) -> BTreeMap<IpAddr, AddressTally> {
        self.addresses.clone()
    }

    /// Latency, connect time and lateness.
    pub(super) fn percentiles(&self) -> [Percentiles; 3] {
        [&self.latency, &self.connect, &self.lateness].map(Percentiles::of)
    }

    /// The longest time without a good answer, `ended` being the end of the last one.
    pub(super) fn longest_gap(&self, ended: Duration) -> Duration {
        self.longest_gap.max(ended.saturating_sub(self.last_good))
    }

    /// When each version was first and last seen.
    pub(super) fn seen(&self) -> [BTreeMap<String, Duration>; 2] {
        let versions = self.counter.versions();
        debug_assert_eq!(versions.len(), self.seen.len());
        let mut first = BTreeMap::new();
        let mut last = BTreeMap::new();
        for (number, seen) in (0_u16..).zip(&self.seen) {
            first.insert(versions.name(number).to_owned(), seen.0);
            last.insert(versions.name(number).to_owned(), seen.1);
        }
        [first, last]
    }

    pub(super) fn series(&self) -> Vec<Bucket> {
        self.series.buckets(self.counter.versions())
    }

    /// The lines that a person looks for.
    pub(super) fn excerpt(&self) -> Excerpt {
        self.excerpt.excerpt(self.counter.versions())
    }

    pub(super) const fn started(&self) -> Duration {
        self.started
    }
}

fn histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(1, whole_micros(LONGEST), 3)
        .expect("the bounds are constants that a histogram accepts")
}

fn add(histogram: &mut Histogram<u32>, duration: Duration) {
    histogram.saturating_record(whole_micros(duration));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_at_the_end_counts_as_one_in_the_middle_does() {
        let mut recorder = Recorder::new(Duration::from_secs(10));
        assert_eq!(
            recorder.longest_gap(Duration::from_secs(13)),
            Duration::from_secs(3)
        );
        for second in [11, 15, 16] {
            recorder.counter.add(&good(second));
            recorder.note_good(0, Duration::from_secs(second));
        }
        assert_eq!(
            recorder.longest_gap(Duration::from_secs(16)),
            Duration::from_secs(4)
        );
        assert_eq!(
            recorder.longest_gap(Duration::from_secs(30)),
            Duration::from_secs(14)
        );
        assert_eq!(recorder.seen()[0]["1"], Duration::from_secs(11));
        assert_eq!(recorder.seen()[1]["1"], Duration::from_secs(16));
    }

    fn good(second: u64) -> Sample {
        Sample {
            lane: Lane::Fresh,
            scheduled: Duration::from_secs(second),
            sent: Some(Duration::from_secs(second)),
            to: None,
            latency: Duration::ZERO,
            connect: None,
            status: Some(200),
            version: Some("1".into()),
            error: None,
            detail: None,
        }
    }
}
