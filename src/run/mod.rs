//! What every run shares: waiting.

pub mod wait;
