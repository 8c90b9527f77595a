//! How far a run came, step by step: plain values, as they stand in its state file.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::Zone;
use super::step_id::StepId;
use crate::cause::Cause;

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It is about to start: its change may be made, half or whole, and nothing is known of it.
    Began,
    /// Its change was made, and the handle is known.
    Started,
    /// It is done.
    Done,
    /// It was undone.
    Undone,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The step.
    pub step: StepId,
    /// Its zone.
    pub zone: Zone,
    /// How far it came.
    pub phase: Phase,
    /// What it has begun, to be read back by its step's type ([`super::step::handle_of`]); nothing before that is known.
    pub handle: Value,
    /// What undoing it removed or restored.
    pub undone: Option<String>,
}

/// Why a run goes no further: a step failed, or it was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The step.
    pub step: StepId,
    /// The furthest zone that the run had reached.
    pub zone: Zone,
    /// Why.
    #[serde(flatten)]
    pub cause: Cause,
    /// The run was cancelled.
    pub cancelled: bool,
}

/// How far a run came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Every step that began, in order.
    pub steps: Vec<Entry>,
    /// Why it went no further, if it did not.
    pub stopped: Option<Stopped>,
}

impl Progress {
    /// What is noted about a step.
    pub fn of(&self, step: StepId) -> Option<&Entry> {
        self.steps.iter().find(|entry| entry.step == step)
    }

    /// Whether a step is done, and was not undone.
    pub fn has_done(&self, step: StepId) -> bool {
        self.of(step)
            .is_some_and(|entry| entry.phase == Phase::Done)
    }

    /// Whether this was noted after `other`, of the same run: a journal only grows, and each step goes on.
    pub fn is_further_than(&self, other: &Self) -> bool {
        let far = |progress: &Self| {
            let phases = progress.steps.iter().map(|entry| entry.phase as usize + 1);
            (phases.sum::<usize>(), progress.stopped.is_some())
        };
        far(self) > far(other)
    }

    pub(super) fn of_mut(&mut self, step: StepId) -> Option<&mut Entry> {
        self.steps.iter_mut().find(|entry| entry.step == step)
    }
}
