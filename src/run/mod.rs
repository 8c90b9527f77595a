//! What every run shares: events, waiting.

pub mod event;
pub mod wait;
