//! What a step is: `start` makes the one change, `settle` waits for it, `undo` takes it back.
//!
//! All three are idempotent and survive half-done, repeated and missing work: they look by deterministic name or tag
//! first, and then act.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::{Context, Undoing};
use super::event::Zone;

/// What is known about a step without running it: a line of the step table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name, in reports and messages.
    pub name: &'static str,
    /// Its zone.
    pub zone: Zone,
    /// What it does, in a line.
    pub does: &'static str,
    /// What undoing it does; empty where there is nothing to undo.
    pub undo: &'static str,
    /// The calls to AWS that change something.
    pub calls: &'static [&'static str],
}

/// What came of a step.
#[derive(Debug)]
pub struct Settled<T> {
    /// Its value, for the steps after it.
    pub value: T,
    /// In a few words, for people.
    pub summary: String,
    /// There was nothing to do.
    pub skipped: bool,
}

impl<T> Settled<T> {
    /// Done, with a value.
    pub fn done(value: T, summary: impl Into<String>) -> Self {
        Self {
            value,
            summary: summary.into(),
            skipped: false,
        }
    }

    /// There was nothing to do, and this is why.
    pub fn skipped(value: T, summary: impl Into<String>) -> Self {
        Self {
            skipped: true,
            ..Self::done(value, summary)
        }
    }
}

/// A step of a run.
pub trait Step {
    /// What the step has begun: enough to settle it, or to undo it.
    type Handle: Clone + Serialize + DeserializeOwned;
    /// What the steps after it get.
    type Output;

    /// Its line in the step table.
    const ABOUT: About;

    /// Makes the one change.
    fn start(&self, cx: &Context) -> impl Future<Output = anyhow::Result<Self::Handle>>;

    /// Waits until the change has taken effect.
    fn settle(
        &self,
        cx: &Context,
        handle: &Self::Handle,
    ) -> impl Future<Output = anyhow::Result<Settled<Self::Output>>>;

    /// Takes the change back. Without a handle `start` failed, and may have happened half or not at all.
    /// Answers with what was removed or restored; `None` when there was nothing to undo.
    fn undo(
        &self,
        cx: Undoing<'_>,
        handle: Option<&Self::Handle>,
    ) -> impl Future<Output = anyhow::Result<Option<String>>>;
}
