//! What happens in a run, as it happens: one stream that every report is made from, so that none can disagree.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::beginning::Beginning;
use crate::cause::Cause;
use crate::names::{Colour, Weights};

/// Which part of a release a step belongs to; it decides how a failure is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Zone {
    /// Live is untouched: a failure removes what this run made.
    Prepare,
    /// Traffic moves: a failure restores it first.
    Commit,
    /// The release is done: only forward, what can't be done is left over and named.
    Finish,
}

/// An event and when it happened, in the wall's time since the run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// Since the run began.
    pub at: Duration,
    /// What happened.
    pub event: Event,
}

/// What live traffic is answered at this moment. Not an event: there are too many, and each is soon of no interest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Good answers of the last seconds, by version.
    pub by_version: BTreeMap<String, u64>,
    /// Requests since the probe began.
    pub sent: u64,
    /// Those that failed.
    pub failed: u64,
}

/// Where the last lines of an instance are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogSource {
    /// The journal of its service.
    Journal,
    /// Its serial console, which has what the boot said, and of the service little.
    Console,
}

/// What happens in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run began.
    Began(Beginning),
    /// A decision of the plan.
    Decided {
        /// What about ("capacity").
        what: String,
        /// The decision ("2 instances").
        value: String,
        /// Why ("as many as live has now").
        why: String,
    },
    /// A step began.
    StepBegan {
        /// Its name, as in the step table ("bake image").
        step: String,
        /// Its zone.
        zone: Zone,
    },
    /// A step waits, and for this reason.
    Waiting {
        /// Its name.
        step: String,
        /// What it waits for, in the user's words.
        reason: String,
    },
    /// A step is done.
    StepDone {
        /// Its name.
        step: String,
        /// What came of it, in a few words.
        summary: String,
        /// There was nothing to do.
        skipped: bool,
    },
    /// A step failed.
    StepFailed {
        /// Its name.
        step: String,
        /// Why.
        #[serde(flatten)]
        cause: Cause,
    },
    /// A smoke test was run.
    SmokeTested {
        /// Its name.
        name: String,
        /// What was asked for ("GET /hc").
        request: String,
        /// What was wrong; empty when it passed.
        problems: Vec<String>,
        /// How long the answer took.
        took: Duration,
    },
    /// Weights were written (or restored).
    WeightsWritten {
        /// The weights.
        weights: Weights,
    },
    /// The data plane was seen to obey the weights.
    WeightsSeen {
        /// The weights.
        weights: Weights,
    },
    /// Who is who, and how many instances stand behind it.
    Fleet {
        /// The colour.
        colour: Colour,
        /// Instances healthy in its target group.
        healthy: u32,
        /// Instances wanted.
        wanted: u32,
        /// The release it was seen to answer, if it was asked.
        release: Option<String>,
    },
    /// The release has its image.
    Image {
        /// Its id.
        image: String,
        /// This run baked it, and removes it when it is undone; else it stood already.
        baked: bool,
    },
    /// The end of the builder's log.
    BuilderLog {
        /// Its last lines.
        tail: String,
    },
    /// What an instance of the failed candidate said last, before it was ended.
    CandidateLog {
        /// The instance.
        instance: String,
        /// What the load balancer says of it ("unhealthy: Health checks failed").
        health: String,
        /// How its service is ("failed (failed), exit status 1"); empty when that is not known.
        service: String,
        /// Where its last lines are from.
        source: LogSource,
        /// Its last lines.
        tail: String,
    },
    /// Undoing begins.
    UndoBegan {
        /// What is undone first ("restore the weights").
        what: String,
    },
    /// A step was undone.
    Undone {
        /// Its name.
        step: String,
        /// What was removed or restored.
        summary: String,
    },
    /// A step could not be undone.
    UndoFailed {
        /// Its name.
        step: String,
        /// Why.
        error: String,
    },
    /// Something of this run's stays behind.
    LeftOver {
        /// What.
        what: String,
        /// The command to type.
        remedy: String,
    },
    /// Worth knowing.
    Note {
        /// In a sentence.
        text: String,
    },
}
