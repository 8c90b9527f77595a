//! What every run shares: steps and their runner, the journal, events, waiting.

pub mod context;
pub mod event;
pub mod journal;
pub mod runner;
pub mod state;
pub mod step;
pub mod wait;
