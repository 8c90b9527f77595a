//! The probe: a visitor that never stops asking, and writes everything down.
//!
//! It asks at a constant rate whatever the answers, so an outage cannot hide by slowing the asking down ("coordinated
//! omission"): latency counts from when a request was due. [`load`] paces, [`lanes`] says who asks what, `exchange`
//! does one request, [`sample`] is what came of it, [`tally`] and [`series`] count, [`ledger`] writes, [`verdict`]
//! judges, [`table`](mod@table) draws, [`excerpt`] keeps the lines that a person looks for.
//!
//! Guarantees: a small fixed pool of connections for each lane; memory that does not grow with the number of requests;
//! a planted failure on every run, so that a probe that could not see a failure is found out; nothing a server sends,
//! and nothing a disk does, stops it. It runs on the wall's time even when everything else is accelerated.

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

mod answer;
mod books;
mod crew;
mod endpoint;
mod exchange;
mod units;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};

pub use endpoint::Endpoint;
pub use evidence::{Changeover, Evidence, Judged, LaneTally, Percentiles};
pub use excerpt::{Excerpt, Mention};
pub use sample::{ErrorClass, Lane, Sample};
pub use series::Bucket;
pub use table::table;
pub use tally::Tally;
pub use verdict::{Verdict, judge};

use net_clock::Clock;
use net_clock::Network;

/// What to ask, how often, and what a good answer is.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Whom to ask.
    pub base: Endpoint,
    /// The path that tells the version.
    pub path: String,
    /// Where in its JSON the version stands (RFC 6901). Without one: at `/version` if the answer is JSON, else all of
    /// its text.
    pub pointer: Option<String>,
    /// Headers to send along.
    pub headers: Vec<(String, String)>,
    /// Requests per second, on the fresh and on the keep-alive lane each.
    pub rate_per_second: f64,
    /// Whether there is a lane of fresh connections. Without it no verdict is better than unproven; it is for rates
    /// at which a machine would run out of ports.
    pub fresh: bool,
    /// How long a request may take, connecting included.
    pub timeout: Duration,
    /// The path of a request that outlasts the shift, if the app has one.
    pub long_path: Option<String>,
    /// Where to write the ledger.
    pub ledger: Option<PathBuf>,
    /// Whether to plant failures that have to be caught.
    pub control: bool,
    /// Makes the planted path one that no app has.
    pub random: String,
    /// The statuses of good answers.
    pub expected: std::ops::RangeInclusive<u16>,
}

impl Spec {
    /// Asks twenty times a second on each lane, with a negative control, and wants any 2xx within five seconds.
    pub fn new(base: Endpoint, path: &str) -> Self {
        Self {
            base,
            path: path.to_owned(),
            pointer: None,
            headers: Vec::new(),
            rate_per_second: 20.0,
            fresh: true,
            timeout: Duration::from_secs(5),
            long_path: None,
            ledger: None,
            control: true,
            random: "path".to_owned(),
            expected: 200..=299,
        }
    }
}

/// The way to a [`Running`] probe.
#[derive(Clone, Copy, Debug)]
pub struct Probe;

impl Probe {
    /// Starts asking, on a thread of its own (in a memory network: on the current runtime). An error means that nothing
    /// was started.
    pub fn start(network: &Network, clock: &Clock, spec: Spec) -> Result<Running> {
        let started = clock.wall();
        let plans = lanes::plan(network, &spec, started)?;
        let ledger = spec
            .ledger
            .as_deref()
            .map(|path| ledger::Ledger::create(path, started));
        let mut books = books::Books::new(started);
        for plan in &plans {
            books.open(plan.lane);
        }
        let shared = Arc::new(load::Shared::new(clock, books, ledger, spec.timeout));
        let crew = crew::Crew::start(!network.is_memory(), &shared, plans)?;
        Ok(Running { spec, shared, crew })
    }
}

/// A probe that is asking. Dropped, it stops at once; [`Running::stop`] lets it finish.
#[derive(Debug)]
pub struct Running {
    spec: Spec,
    shared: Arc<load::Shared>,
    crew: crew::Crew,
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
        self.shared.books().tally_since(wall)
    }

    /// Has only the requests that are due at `wall` or later be judged in the end; what failed before is still told.
    pub fn judge_from(&self, wall: Duration) {
        self.shared.books().judged_from = Some(wall);
    }

    /// Counts all requests that are finished by now.
    pub fn tally(&self) -> Tally {
        self.shared.books().tally()
    }

    /// Stops asking, waits for what is on its way (for at most the timeout) and for the ledger.
    pub async fn stop(self) -> Result<Evidence> {
        let Self { spec, shared, crew } = self;
        let ended = shared.stop();
        crew.finish().await?;
        let shared = Arc::into_inner(shared).context("a worker of the probe is still running")?;
        let (books, ledger) = shared.into_parts();
        let ledger_error = match ledger {
            Some(ledger) => tokio::task::spawn_blocking(|| ledger.close())
                .await
                .context("closing the ledger")?,
            None => None,
        };
        Ok(sum_up(spec, books, ended, ledger_error))
    }
}

fn sum_up(
    spec: Spec,
    books: books::Books,
    ended: Duration,
    ledger_error: Option<String>,
) -> Evidence {
    let tally = books.tally();
    let judged = books.judged();
    let [latency, connect, lateness] = books.percentiles();
    let [first_seen, last_seen] = books.seen();
    Evidence {
        endpoint: spec.base.to_string(),
        path: spec.path,
        lanes: books.lanes(),
        latency,
        connect,
        lateness_p99: lateness.p99,
        longest_gap: books.longest_gap(ended),
        first_seen,
        last_seen,
        series: books.series(),
        excerpt: books.excerpt(),
        ledger: spec.ledger,
        ledger_error,
        control: spec.control,
        runner_stalls: books.runner_stalls,
        started: books.started(),
        ended,
        tally,
        judged,
    }
}

#[cfg(test)]
mod tests;
