//! What every run shares: how it begins, steps and their runner, the journal, events, waiting.

pub mod alive;
pub mod beginning;
pub(crate) mod bug;
pub mod context;
pub mod event;
pub mod journal;
pub mod progress;
pub mod runner;
pub mod state;
pub mod step;
pub mod step_id;
pub mod wait;
