//! What a run has begun and how far it came: each step before it starts, its handle before anything waits for it.
//!
//! Guarantees: what is noted here is in the run's state file, too, once there is one ([`Journal::keep`]), before the
//! run goes on; so whoever reads that file after a kill knows what may exist. A file that can't be written any more is
//! told once, and ends no run. Handles are plain JSON. AWS stays the truth.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::beginning::Memory;
use super::event::Zone;
use super::progress::{Entry, Phase, Progress, Stopped};
use super::state::State;
use super::step_id::StepId;
use crate::outcome::Outcome;

/// The run's state, and the file that it is kept in, if it is.
#[derive(Debug)]
struct Kept {
    path: Option<PathBuf>,
    state: Box<State>,
    /// It has changed since it was asked for.
    is_new: bool,
    /// It could not be written once, which was told.
    is_lost: bool,
}

/// Nothing, or the first time that the state could not be written, and why.
pub type Notice = Option<String>;

/// The journal of a run.
#[derive(Debug, Default)]
pub struct Journal {
    progress: RefCell<Progress>,
    kept: RefCell<Option<Kept>>,
}

impl Journal {
    /// Keeps `state` in a file from now on; fails when that can't be written.
    pub fn keep(&self, path: &Path, state: State) -> anyhow::Result<()> {
        state.write(path)?;
        self.go_on(Some(path), state);
        Ok(())
    }

    /// Goes on where the run came to whose `state` is in this file, or in none.
    pub fn go_on(&self, path: Option<&Path>, state: State) {
        *self.progress.borrow_mut() = state.progress.clone();
        *self.kept.borrow_mut() = Some(Kept {
            path: path.map(Path::to_owned),
            is_new: true,
            state: Box::new(state),
            is_lost: false,
        });
    }

    /// The file, if there is one.
    pub fn file(&self) -> Option<PathBuf> {
        self.kept.borrow().as_ref()?.path.clone()
    }

    /// Whether nobody has to do anything about the run any more.
    pub fn has_ended(&self) -> bool {
        let kept = self.kept.borrow();
        kept.as_ref().is_none_or(|kept| kept.state.has_ended())
    }

    /// The run's state, as it is written down elsewhere as well.
    pub fn state(&self) -> Option<Value> {
        let mut kept = self.kept.borrow_mut();
        let kept = kept.as_mut()?;
        kept.is_new = false;
        kept.state.to_value().ok()
    }

    /// The same, if it has changed since it was asked for.
    pub fn state_if_new(&self) -> Option<Value> {
        let is_new = self.kept.borrow().as_ref()?.is_new;
        is_new.then(|| self.state()).flatten()
    }

    /// How far the run came.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// A step is about to start.
    pub fn began(&self, step: StepId, zone: Zone) -> Notice {
        let entry = Entry {
            step,
            zone,
            phase: Phase::Began,
            handle: Value::Null,
            undone: None,
        };
        if self.progress.borrow().of(step) == Some(&entry) {
            // Announced, with others.
            return None;
        }
        self.change(|progress| match progress.of_mut(step) {
            Some(again) => *again = entry,
            None => progress.steps.push(entry),
        })
    }

    /// A step has made its change.
    pub fn started(&self, step: StepId, handle: Value) -> Notice {
        self.change(|progress| {
            if let Some(entry) = progress.of_mut(step) {
                entry.phase = Phase::Started;
                entry.handle = handle;
            }
        })
    }

    /// What a step has begun was replaced by something else, which undoes as well.
    pub fn renewed(&self, step: StepId, handle: Value) -> Notice {
        self.change(|progress| {
            if let Some(entry) = progress.of_mut(step) {
                entry.handle = handle;
            }
        })
    }

    /// A step is done.
    pub fn done(&self, step: StepId) -> Notice {
        self.change(|progress| {
            if let Some(entry) = progress.of_mut(step) {
                entry.phase = Phase::Done;
            }
        })
    }

    /// The run goes no further.
    pub fn stopped(&self, stopped: Stopped) -> Notice {
        self.change(|progress| progress.stopped = Some(stopped))
    }

    /// A step was undone; `summary` is what that removed or restored.
    pub fn undone(&self, step: StepId, summary: Option<&str>) -> Notice {
        self.change(|progress| {
            if let Some(entry) = progress.of_mut(step) {
                entry.phase = Phase::Undone;
                entry.undone = summary.map(str::to_owned);
            }
        })
    }

    /// Others were told that the run begins, and this has to be ended with them.
    pub fn remember(&self, memory: &Memory) -> Notice {
        self.change_state(|state| state.memory = memory.clone())
    }

    /// The run ended; `is_published` when all others know.
    pub fn ended(&self, outcome: &Outcome, is_published: bool) -> Notice {
        self.change_state(|state| {
            state.outcome = Some(outcome.clone());
            state.is_published = is_published;
        })
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) -> Notice {
        change(&mut self.progress.borrow_mut());
        let progress = self.progress();
        self.change_state(|state| state.progress = progress)
    }

    fn change_state(&self, change: impl FnOnce(&mut State)) -> Notice {
        let mut kept = self.kept.borrow_mut();
        let kept = kept.as_mut()?;
        change(&mut kept.state);
        kept.is_new = true;
        let error = kept.state.write(kept.path.as_deref()?).err()?;
        let is_first = !std::mem::replace(&mut kept.is_lost, true);
        is_first.then(|| {
            format!(
                "{error:#}; the run goes on, and the environment's lease keeps what finishing it would need"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_begins_again_is_one_line_and_keeps_no_old_handle() {
        let journal = Journal::default();
        for _ in 0..2 {
            journal.began(StepId::Soak, Zone::Commit);
            assert_eq!(journal.progress().steps[0].phase, Phase::Began);
            assert_eq!(journal.progress().steps[0].handle, Value::Null);
            journal.started(StepId::Soak, Value::from(7));
            journal.done(StepId::Soak);
        }
        assert_eq!(journal.progress().steps.len(), 1);
        assert!(journal.progress().has_done(StepId::Soak));
        journal.undone(StepId::Soak, Some("nothing"));
        assert!(!journal.progress().has_done(StepId::Soak));
    }
}
