//! What a step is: one of three kinds, by what it means for those who use the service.
//!
//! | kind | it | when the run fails |
//! |---|---|---|
//! | [`Step`] | changes something: `start` makes the one change, `settle` waits for it | `undo` takes it back |
//! | [`Check`] | changes nothing: `check` looks, and says whether the run may go on | there is nothing to take back |
//! | [`Forward`] | finishes a release that stands: `start`, `settle` | it is done again, or named as left over |
//!
//! All are idempotent and survive half-done, repeated and missing work: they look by deterministic name or tag first,
//! and then act.

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::{Context, Undoing};
use super::event::Zone;
use super::progress::{Entry, Phase};
use super::step_id::StepId;

/// What is known about a step without running it: a line of the step table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Which it is.
    pub id: StepId,
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
    /// The same of undoing it.
    pub undo_calls: &'static [&'static str],
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

/// A step that changes something, and can take it back.
pub trait Step {
    /// What the step has begun: enough to settle it, or to undo it.
    type Handle: Clone + Serialize + DeserializeOwned;
    /// What the steps after it get.
    type Output;

    /// Its line in the step table.
    const ABOUT: About;

    /// Whether `start` looks first, and each of its changes takes a witness that the lease is held: that is written where the
    /// lease is, and with it that the step has begun ([`Context::held`]), while `start` looks. Of any other step it is
    /// written before `start`.
    const LOOKS_FIRST: bool = false;

    /// Makes the one change.
    fn start(&self, cx: &Context) -> impl Future<Output = Result<Self::Handle>>;

    /// Waits until the change has taken effect.
    fn settle(
        &self,
        cx: &Context,
        handle: &Self::Handle,
    ) -> impl Future<Output = Result<Settled<Self::Output>>>;

    /// Takes the change back. Without a handle `start` failed, and may have happened half or not at all.
    /// Answers with what was removed or restored; `None` when there was nothing to undo.
    fn undo(
        &self,
        cx: Undoing<'_>,
        handle: Option<&Self::Handle>,
    ) -> impl Future<Output = Result<Option<String>>>;
}

/// A step that changes nothing in AWS.
pub trait Check {
    /// What the steps after it get.
    type Output;

    /// Its line in the step table.
    const ABOUT: About;

    /// Looks until it is sure, or says why the run may not go on.
    fn check(&self, cx: &Context) -> impl Future<Output = Result<Settled<Self::Output>>>;
}

/// A step of the finish zone: it only goes forward, and a run that was stopped in it does it again.
pub trait Forward {
    /// What `settle` has to know of `start`.
    type Begun;

    /// Its line in the step table.
    const ABOUT: About;

    /// Makes the change.
    fn start(&self, cx: &Context) -> impl Future<Output = Result<Self::Begun>>;

    /// Waits until the change has taken effect.
    fn settle(
        &self,
        cx: &Context,
        begun: &Self::Begun,
    ) -> impl Future<Output = Result<Settled<()>>>;
}

/// What `S` had begun by its line of the journal; `None` when it was stopped before that was known.
pub fn handle_of<S: Step>(entry: &Entry) -> Result<Option<S::Handle>> {
    let about = S::ABOUT;
    ensure!(
        entry.step == about.id,
        "what {:?} has begun says nothing about \"{}\"",
        entry.step,
        about.name
    );
    if entry.phase == Phase::Began {
        return Ok(None);
    }
    let handle = serde_json::from_value(entry.handle.clone());
    let handle = handle.with_context(|| format!("reading what \"{}\" had begun", about.name))?;
    Ok(Some(handle))
}
