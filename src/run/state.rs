//! A run's state outside its process: one file, from which `bg-deploy finish` goes on when the run was killed.
//!
//! Guarantees: the file holds either the state before a change or the one after it, never half of one; only its owner
//! can read it; it holds no secret of the run's (the preview route's is never written: closing the route needs none).
//! It is a note of what was intended. What is live, and whose, AWS says.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::beginning::{Beginning, Memory};
use super::progress::Progress;
use crate::outcome::Outcome;
use crate::plan::Plan;

/// Which form of the file this is; a change that an older `finish` would misread makes it another.
const FORMAT: u64 = 2;

/// All that finishing a run needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// What the run is about.
    pub beginning: Beginning,
    /// What was begun with others.
    pub memory: Memory,
    /// What was to be done.
    pub plan: Plan,
    /// How far it came.
    pub progress: Progress,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
    /// All others know how it ended.
    pub is_published: bool,
}

/// Why a file is not the state of a run, in the user's words.
#[derive(Debug)]
pub struct Unreadable(pub String);

impl State {
    /// Of a run that has not begun anything.
    pub fn new(beginning: Beginning, plan: Plan) -> Self {
        Self {
            beginning,
            memory: Memory::default(),
            plan,
            progress: Progress::default(),
            outcome: None,
            is_published: false,
        }
    }

    /// Whether nobody has to do anything about this run any more. One that is stuck may be helped by trying again.
    pub fn has_ended(&self) -> bool {
        matches!(&self.outcome, Some(outcome) if !matches!(outcome, Outcome::Stuck { .. }))
    }

    /// Whether it began something and did not come to its end: whoever has the next turn brings it there.
    pub fn is_unfinished(&self) -> bool {
        !self.has_ended() && !self.progress.steps.is_empty()
    }

    /// Writes it beside `path`, and puts it there in one go.
    pub fn write(&self, path: &Path) -> Result<()> {
        let about = || format!("writing the run's state to {}", path.display());
        let text = self.text().with_context(about)?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Such a file is its owner's alone.
        let mut file = tempfile::Builder::new()
            .prefix(".bg-deploy-state-")
            .tempfile_in(folder)
            .with_context(about)?;
        file.write_all(text.as_bytes()).with_context(about)?;
        file.persist(path).with_context(about)?;
        Ok(())
    }

    /// The state in this file; `None` when there is no file.
    pub fn read(path: &Path) -> Result<Option<Self>, Unreadable> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Unreadable(format!("{}: {error}", path.display()))),
        };
        Self::parse(&text).map(Some).map_err(|why| {
            Unreadable(format!(
                "{} {why}; `status` says what is live now; a new run clears what that one left on the idle \
                 colour; then delete the file",
                path.display()
            ))
        })
    }

    /// As it is written, in a file or elsewhere.
    pub fn to_value(&self) -> Result<Value> {
        let mut state = serde_json::to_value(self)?;
        state["format"] = FORMAT.into();
        state["version"] = env!("CARGO_PKG_VERSION").into();
        Ok(state)
    }

    fn text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(&self.to_value()?)?)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let no_state = |error| format!("is not the state of a run ({error})");
        Self::of_value(serde_json::from_str(text).map_err(no_state)?)
    }

    /// The state that was written so, or why it is none.
    pub fn of_value(state: Value) -> Result<Self, String> {
        let no_state = |error| format!("is not the state of a run ({error})");
        match state.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(format!(
                    "was written by bg-deploy {} in format {other}, and this one reads format {FORMAT}: let the one that \
                     wrote it run its `finish`",
                    state["version"].as_str().unwrap_or("of another version")
                ));
            }
            None => return Err("is not the state of a run (it names no format)".to_owned()),
        }
        serde_json::from_value(state).map_err(no_state)
    }
}
