//! What the probe of a run saw, written down for the tests.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::probe::{
    AddressTally, Bucket, ErrorClass, Evidence, Excerpt, Lane, LaneTally, Mention, Percentiles,
    Sample, Tally,
};

/// What a probe of 20 requests a second saw: the old version until the shift, then both, then the new one.
pub(super) struct Seen {
    pub(super) from: f64,
    pub(super) to: f64,
    /// When the share of the new version became this, in percent.
    pub(super) shares: Vec<(f64, u64)>,
    /// Failures at these seconds.
    pub(super) failures: Vec<(f64, u64)>,
    pub(super) versions: (&'static str, &'static str),
}

impl Seen {
    pub(super) fn share(&self, at: f64) -> u64 {
        let last = self.shares.iter().rev().find(|(from, _)| *from <= at);
        last.map_or(0, |(_, share)| *share)
    }

    pub(super) fn evidence(&self) -> Evidence {
        let mut evidence = blank();
        let (old, new) = self.versions;
        let mut width = 0.1;
        while (self.to - self.from) / width > 240.0 {
            width *= 2.0;
        }
        let (mut from, mut owed) = (self.from, 0.0);
        while from < self.to {
            let failed = self
                .failures
                .iter()
                .filter(|(at, _)| (from..from + width).contains(at));
            let failed: u64 = failed.map(|(_, count)| count).sum();
            let covered = width.min(self.to - from);
            let good = ((covered * 20.0).round() as u64).saturating_sub(failed);
            owed += good as f64 * self.share(from) as f64 / 100.0;
            let fresh = (owed as u64).min(good);
            owed -= fresh as f64;
            let mut by_version = BTreeMap::new();
            for (version, count) in [(old, good - fresh), (new, fresh)] {
                if count > 0 {
                    by_version.insert(version.to_owned(), count);
                    *evidence
                        .tally
                        .by_version
                        .entry(version.to_owned())
                        .or_default() += count;
                    let seen = Duration::from_secs_f64(from + width / 2.0);
                    evidence
                        .first_seen
                        .entry(version.to_owned())
                        .or_insert(seen);
                    evidence.last_seen.insert(version.to_owned(), seen);
                }
            }
            evidence.tally.sent += good + failed;
            evidence.tally.failed += failed;
            evidence.series.push(Bucket {
                from: Duration::from_secs_f64(from),
                width: Duration::from_secs_f64(width),
                by_version,
                failed,
            });
            from += width;
        }
        self.sum_up(&mut evidence);
        evidence
    }

    pub(super) fn sum_up(&self, evidence: &mut Evidence) {
        evidence.started = Duration::from_secs_f64(self.from);
        evidence.ended = Duration::from_secs_f64(self.to);
        let tally = &mut evidence.tally;
        let good = tally.sent - tally.failed;
        tally.by_status.insert(200, good);
        if let Some((at, _)) = self.failures.first() {
            tally.by_status.insert(502, tally.failed);
            tally.by_error.insert(ErrorClass::Status, tally.failed);
            tally.first_failure = Some(failure(*at));
        }
        tally.control_sent = 64;
        tally.control_caught = 64;
        let tally = &evidence.tally;
        let half = tally.sent / 2;
        let at = |sent, failed| AddressTally { sent, failed };
        evidence.addresses = [
            (IpAddr::from([203, 0, 113, 1]), at(half, 0)),
            (
                IpAddr::from([203, 0, 113, 2]),
                at(tally.sent - half, tally.failed),
            ),
        ]
        .into();
        evidence.excerpt = excerpt(evidence, &self.failures);
        let tally = &evidence.tally;
        let half = tally.sent / 2;
        evidence.lanes.insert(Lane::Fresh, lane(half, 0, 14));
        evidence
            .lanes
            .insert(Lane::KeepAlive, lane(tally.sent - half, tally.failed, 6));
        evidence.lanes.insert(Lane::Control, lane(64, 64, 6));
    }
}

/// The ends of each version, as a probe would have kept them.
fn excerpt(evidence: &Evidence, failures: &[(f64, u64)]) -> Excerpt {
    let ends = |seen: &BTreeMap<String, Duration>, is_first: bool| {
        let mention = |at: Duration, nth: u32| {
            let off = Duration::from_millis(50) * nth;
            Mention {
                lane: [Lane::Fresh, Lane::KeepAlive][nth as usize % 2],
                finished: if is_first {
                    at + off
                } else {
                    at.saturating_sub(off)
                },
                latency: Duration::from_millis(u64::from(nth) * 3 + 6),
                status: Some(200),
            }
        };
        let of = seen.iter();
        of.map(|(version, at)| {
            (
                version.clone(),
                (0..3).map(|nth| mention(*at, nth)).collect(),
            )
        })
        .collect()
    };
    Excerpt {
        failures: failures.iter().map(|(at, _)| failure(*at)).collect(),
        first: ends(&evidence.first_seen, true),
        last: ends(&evidence.last_seen, false),
    }
}

fn failure(at: f64) -> Sample {
    Sample {
        lane: Lane::KeepAlive,
        scheduled: Duration::from_secs_f64(at),
        sent: Some(Duration::from_secs_f64(at)),
        to: None,
        latency: Duration::from_millis(9),
        connect: None,
        status: Some(502),
        version: None,
        error: Some(ErrorClass::Status),
        detail: Some("status 502".to_owned()),
    }
}

fn lane(sent: u64, failed: u64, millis: u64) -> LaneTally {
    LaneTally {
        sent,
        failed,
        unfinished: 0,
        connections: if millis > 10 { sent } else { 4 },
        p50: Duration::from_millis(millis),
        p99: Duration::from_millis(millis * 4),
        max: Duration::from_millis(millis * 31),
    }
}

pub(in crate::report) fn blank() -> Evidence {
    Evidence {
        endpoint: "http://hello.example".to_owned(),
        path: "/version".to_owned(),
        tally: Tally::default(),
        judged: None,
        lanes: BTreeMap::new(),
        addresses: BTreeMap::new(),
        latency: Percentiles::default(),
        connect: Percentiles::default(),
        lateness_p99: Duration::from_millis(1),
        longest_gap: Duration::from_millis(212),
        first_seen: BTreeMap::new(),
        last_seen: BTreeMap::new(),
        series: Vec::new(),
        excerpt: Excerpt::default(),
        ledger: Some("probe/ledger.jsonl".into()),
        ledger_error: None,
        control: true,
        reference: Some("https://elasticloadbalancing.eu-central-1.amazonaws.com".to_owned()),
        runner_stalls: 0,
        started: Duration::ZERO,
        ended: Duration::ZERO,
    }
}
