//! What became of the requests of a stretch of time, as it is told and judged.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::baseline;
use super::sample::{ErrorClass, Sample};

/// How finely [`super::Running::tally_since`] can tell requests apart by when they were due.
pub const GRANULARITY: Duration = Duration::from_millis(100);
/// How many of the last good answers' versions are remembered.
pub const LAST_VERSIONS: usize = 64;
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
    /// Those of them that were answered, and badly.
    #[serde(skip)]
    pub bad_answers: u64,
    /// Those that the runner's own network lost, by class.
    #[serde(skip)]
    pub lost_by_error: BTreeMap<ErrorClass, u64>,
    /// Good answers by version.
    pub by_version: BTreeMap<String, u64>,
    /// Those of them that took too long, where that is asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub slow_by_version: BTreeMap<String, u64>,
    /// Answers by status.
    pub by_status: BTreeMap<u16, u64>,
    /// Failures by class.
    pub by_error: BTreeMap<ErrorClass, u64>,
    /// The failure that was finished first, of those that count, if there is one.
    pub first_failure: Option<Sample>,
    /// The versions of up to [`LAST_VERSIONS`] last good answers, in the order they were complete.
    pub last_versions: Vec<String>,
    /// Requests of the negative control.
    pub control_sent: u64,
    /// Those of them that were seen to fail, as they have to.
    pub control_caught: u64,
}

impl Tally {
    /// Of its requests, those that failed by whoever was asked, as far as that is known.
    pub fn counts(&self) -> baseline::Counts {
        baseline::Counts {
            sent: self.sent,
            failed: self
                .failed
                .saturating_sub(self.lost_by_runner + self.undecided),
            bad_answers: self.bad_answers,
        }
    }
}
