//! What a probe observed, for people and for other programs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::baseline::Counts;
use super::excerpt::Excerpt;
use super::sample::Lane;
use super::series::Bucket;
use super::tally::Tally;
use super::units;

/// Everything a probe observed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// Whom it asked.
    pub endpoint: String,
    /// For which path.
    pub path: String,
    /// The counts of the whole run.
    pub tally: Tally,
    /// The part that is judged, where that is not the whole: what failed before it was no fault of the release.
    pub judged: Option<Judged>,
    /// Each lane by itself, the negative control among them.
    pub lanes: BTreeMap<Lane, LaneTally>,
    /// What became of the visitors' requests at each address that the name has: a load balancer has one for each node.
    pub addresses: BTreeMap<IpAddr, AddressTally>,
    /// Latency of the fresh and keep-alive lanes, counted from when each request was due.
    pub latency: Percentiles,
    /// How long connecting took, TLS included.
    pub connect: Percentiles,
    /// How late requests were sent: the 99th percentile.
    #[serde(rename = "lateness_p99_ms", serialize_with = "units::millis")]
    pub lateness_p99: Duration,
    /// The longest time without a good answer being completed, the beginning and the end included.
    #[serde(rename = "longest_gap_ms", serialize_with = "units::millis")]
    pub longest_gap: Duration,
    /// When each version's first good answer was complete.
    #[serde(rename = "first_seen_ms", serialize_with = "units::millis_by_key")]
    pub first_seen: BTreeMap<String, Duration>,
    /// When each version's last good answer was complete.
    #[serde(rename = "last_seen_ms", serialize_with = "units::millis_by_key")]
    pub last_seen: BTreeMap<String, Duration>,
    /// What answered when, for a chart.
    pub series: Vec<Bucket>,
    /// The lines of the ledger that a person looks for.
    pub excerpt: Excerpt,
    /// Where the ledger is, if one was kept.
    pub ledger: Option<PathBuf>,
    /// Why the ledger is not complete, if it is not.
    pub ledger_error: Option<String>,
    /// Whether there was a negative control.
    pub control: bool,
    /// What was asked to tell the runner's own network apart, if something was.
    pub reference: Option<String>,
    /// How often the runner itself stood still for longer than [`super::load::STALL`].
    pub runner_stalls: u64,
    /// When the probe began, on the wall since the clock was made.
    #[serde(rename = "started_ms", serialize_with = "units::millis")]
    pub started: Duration,
    /// When it was told to stop.
    #[serde(rename = "ended_ms", serialize_with = "units::millis")]
    pub ended: Duration,
}

/// The part of a run that is judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// When it begins.
    #[serde(rename = "since_ms", serialize_with = "units::millis")]
    pub since: Duration,
    /// Its counts.
    pub tally: Tally,
    /// What it is compared with, where that is what was before.
    pub baseline: Option<Counts>,
}

/// The counts of one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AddressTally {
    /// Requests that were sent there and are finished.
    pub sent: u64,
    /// Those that failed.
    pub failed: u64,
}

/// The counts and latencies of one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LaneTally {
    /// Requests that were due and are finished.
    pub sent: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that the probe itself cut short when it stopped; neither good nor failed.
    pub unfinished: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Half of the requests took no longer.
    #[serde(rename = "p50_ms", serialize_with = "units::millis")]
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    #[serde(rename = "p99_ms", serialize_with = "units::millis")]
    pub p99: Duration,
    /// The longest.
    #[serde(rename = "max_ms", serialize_with = "units::millis")]
    pub max: Duration,
}

/// How long something took; zero when it never happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// The median.
    #[serde(rename = "p50_ms", serialize_with = "units::millis")]
    pub p50: Duration,
    /// The 90th percentile.
    #[serde(rename = "p90_ms", serialize_with = "units::millis")]
    pub p90: Duration,
    /// The 95th percentile.
    #[serde(rename = "p95_ms", serialize_with = "units::millis")]
    pub p95: Duration,
    /// The 99th percentile.
    #[serde(rename = "p99_ms", serialize_with = "units::millis")]
    pub p99: Duration,
    /// The 99.9th percentile.
    #[serde(rename = "p999_ms", serialize_with = "units::millis")]
    pub p999: Duration,
    /// The longest.
    #[serde(rename = "max_ms", serialize_with = "units::millis")]
    pub max: Duration,
}

impl Percentiles {
    /// Reads them from a histogram of microseconds.
    pub(super) fn of(histogram: &Histogram<u32>) -> Self {
        let at = |quantile| Duration::from_micros(histogram.value_at_quantile(quantile));
        if histogram.is_empty() {
            return Self::default();
        }
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: Duration::from_micros(histogram.max()),
        }
    }
}

/// How one version gave way to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Changeover {
    /// When the new version's first good answer was complete.
    #[serde(rename = "first_new_ms", serialize_with = "units::millis")]
    pub first_new: Duration,
    /// When the old version's last good answer was complete.
    #[serde(rename = "last_old_ms", serialize_with = "units::millis")]
    pub last_old: Duration,
    /// For how long both answered; zero if the old had stopped before.
    #[serde(rename = "overlap_ms", serialize_with = "units::millis")]
    pub overlap: Duration,
}

impl Evidence {
    /// The counts that a verdict is about.
    pub fn judged_tally(&self) -> &Tally {
        self.judged.as_ref().map_or(&self.tally, |part| &part.tally)
    }

    /// How many requests were sent before the part that is judged, and how many of them failed.
    pub fn before_judged(&self) -> Option<(u64, u64)> {
        let judged = &self.judged.as_ref()?.tally;
        Some((
            self.tally.sent.saturating_sub(judged.sent),
            self.tally.failed.saturating_sub(judged.failed),
        ))
    }

    /// What failures are compared with, where that is what was before.
    pub fn baseline(&self) -> Option<Counts> {
        self.judged.as_ref()?.baseline
    }

    /// How `old` gave way to `new`; `None` unless both answered.
    pub fn changeover(&self, old: &str, new: &str) -> Option<Changeover> {
        let first_new = *self.first_seen.get(new)?;
        let last_old = *self.last_seen.get(old)?;
        Some(Changeover {
            first_new,
            last_old,
            overlap: last_old.saturating_sub(first_new),
        })
    }
}
