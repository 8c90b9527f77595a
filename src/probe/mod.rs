//! The probe: a visitor that never stops asking, and writes everything down.
//!
//! It asks at a constant rate whatever the answers, so an outage cannot hide by slowing the asking down ("coordinated
//! omission"): latency counts from when a request was due. [`lanes`] says who asks what, `schedule` when, [`load`] paces the
//! `workers`, `exchange` does one request, [`sample`] is what came of it, `recorder` keeps it, [`tally`] and [`series`]
//! count, [`ledger`] writes, [`verdict`] judges, [`table`](mod@table) draws, [`excerpt`] keeps the lines that a person looks for.
//!
//! Guarantees: a small fixed pool of connections for each lane; memory that does not grow with the number of requests;
//! a planted failure on every run, so that a probe that could not see a failure is found out; a failure is not the service's
//! when something unrelated (`reference`) did not answer at that time either; nothing a server sends, and nothing a disk
//! does, stops it. It runs on the wall's time even when everything else is accelerated.

pub mod ask;
pub mod evidence;
pub mod excerpt;
pub mod lanes;
pub mod ledger;
pub mod load;
pub mod sample;
pub mod series;
pub mod table;
pub mod tally;
pub mod verdict;

mod addresses;
mod answer;
mod baseline;
mod counter;
mod counts;
mod endpoint;
mod exchange;
mod recorder;
mod reference;
mod schedule;
mod spec;
mod units;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};

pub use addresses::reachable;
pub use baseline::Counts;
pub use endpoint::Endpoint;
pub use evidence::{AddressTally, Changeover, Evidence, Judged, LaneTally, Percentiles};
pub use excerpt::{Excerpt, Mention};
pub use sample::{ErrorClass, Lane, Sample};
pub use series::Bucket;
pub use spec::Spec;
pub use table::table;
pub use tally::Tally;
pub use verdict::{Verdict, judge};

use self::recorder::Recorder;
use self::reference::Reference;
use self::workers::Workers;
use net_clock::{Clock, Network};

/// The way to a [`Running`] probe.
#[derive(Clone, Copy, Debug)]
pub struct Probe;

impl Probe {
    /// Starts asking, on a thread of its own (in a memory network: on the current runtime). An error means that nothing
    /// was started.
    pub fn start(network: &Network, clock: &Clock, mut spec: Spec) -> Result<Running> {
        // What it asks tells nothing of the runner's network apart from itself.
        let is_itself =
            |other: &Endpoint| (&other.host, other.port) == (&spec.base.host, spec.base.port);
        spec.reference = spec.reference.filter(|other| !is_itself(other));
        let started = clock.wall();
        let lanes = lanes::lane_specs(network, &spec, started)?;
        let ledger = spec
            .ledger
            .as_deref()
            .map(|path| ledger::Ledger::create(path, started));
        let mut recorder = Recorder::new(started).slow_beyond(spec.slow_beyond);
        for lane in &lanes {
            recorder.open(lane.shape);
            if lane.shape == Lane::Reference {
                recorder.reference = Some(Reference::asked_every(lanes::reference_interval(&spec)));
            }
        }
        let shared = Arc::new(load::Shared::new(clock, recorder, ledger, spec.timeout));
        let workers = Workers::start(!network.is_memory(), &shared, lanes)?;
        Ok(Running {
            spec,
            shared,
            workers,
        })
    }
}

/// A probe that is asking. Dropped, it stops at once; [`Running::stop`] lets it finish.
#[derive(Debug)]
pub struct Running {
    spec: Spec,
    shared: Arc<load::Shared>,
    workers: Workers,
}

impl Running {
    /// The time base of everything the probe reports: the wall's time since the clock was made.
    pub fn wall(&self) -> Duration {
        self.shared.clock.wall()
    }

    /// Counts the requests that were due at `wall` or later and are finished by now.
    ///
    /// Requests are told apart to [`tally::GRANULARITY`]: of those due less than that after `wall` some may be left
    /// out, but no earlier one is ever counted. An hour is remembered.
    pub fn tally_since(&self, wall: Duration) -> Tally {
        let now = self.wall();
        self.shared.recorder().tally_since(wall, now)
    }

    /// Has only the requests that are due at `wall` or later be judged in the end; what failed before is still told. With
    /// `baseline` they are compared with those before: what failed already is no fault of what came then.
    pub fn judge_from(&self, wall: Duration, baseline: Option<Counts>) {
        self.shared.recorder().judge_from(wall, baseline);
    }

    /// Whether one of its workers panicked: then what is counted is not all that was due.
    pub fn has_panicked(&self) -> bool {
        self.shared
            .has_panicked
            .load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Counts all requests that are finished by now.
    pub fn tally(&self) -> Tally {
        let now = self.wall();
        self.shared.recorder().tally(now)
    }

    /// Whether so many requests are finished that they prove something, one way or the other.
    pub fn has_enough(&self) -> bool {
        let all = self.tally();
        let judged = self.shared.recorder().judged();
        let judged = judged.as_ref().map_or(&all, |judged| &judged.tally);
        verdict::is_enough(&all, judged, self.spec.control)
    }

    /// Stops asking, waits for what is on its way (for at most the timeout) and for the ledger.
    pub async fn stop(self) -> Result<Evidence> {
        let Self {
            spec,
            shared,
            workers,
        } = self;
        let ended = shared.stop();
        workers.finish().await?;
        let shared = Arc::into_inner(shared).context("a worker of the probe is still running")?;
        let (recorder, ledger) = shared.into_parts();
        let ledger_error = match ledger {
            Some(ledger) => tokio::task::spawn_blocking(|| ledger.close())
                .await
                .context("closing the ledger")?,
            None => None,
        };
        Ok(sum_up(spec, recorder, ended, ledger_error))
    }
}

fn sum_up(
    spec: Spec,
    mut recorder: Recorder,
    ended: Duration,
    ledger_error: Option<String>,
) -> Evidence {
    let tally = recorder.tally(Duration::MAX);
    let judged = recorder.judged();
    let [latency, connect, lateness] = recorder.percentiles();
    let [first_seen, last_seen] = recorder.seen();
    Evidence {
        endpoint: spec.base.to_string(),
        path: spec.path,
        lanes: recorder.lanes(),
        addresses: recorder.addresses(),
        latency,
        connect,
        lateness_p99: lateness.p99,
        longest_gap: recorder.longest_gap(ended),
        first_seen,
        last_seen,
        series: recorder.series(),
        excerpt: recorder.excerpt(),
        ledger: spec.ledger,
        ledger_error,
        control: spec.control,
        reference: spec.reference.map(|endpoint| endpoint.to_string()),
        runner_stalls: recorder.runner_stalls,
        started: recorder.started(),
        ended,
        tally,
        judged,
    }
}

#[cfg(test)]
mod tests;
