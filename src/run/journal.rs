//! What a run intends and has begun: each step's handle, recorded before anything waits for it.
//!
//! Guarantees: a handle is in the journal before its step settles, so whoever reads the journal after a crash knows
//! what may exist. Handles are plain JSON. The journal is held in memory; AWS stays the truth.

use std::cell::RefCell;

use serde::Serialize;

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The step.
    pub step: &'static str,
    /// What it has begun.
    pub handle: serde_json::Value,
}

/// The journal of a run.
#[derive(Debug, Default)]
pub struct Journal {
    entries: RefCell<Vec<Entry>>,
}

impl Journal {
    /// Records that a step has begun.
    pub fn record(&self, step: &'static str, handle: &impl Serialize) -> anyhow::Result<()> {
        let handle = serde_json::to_value(handle)?;
        self.entries.borrow_mut().push(Entry { step, handle });
        Ok(())
    }

    /// Every entry, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.borrow().clone()
    }
}
