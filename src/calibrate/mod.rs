//! A calibration: a walk through all that a release does, in a real account, with everything that AWS was asked and answered written
//! down; and what differs from that on the local cloud.
//!
//! | file | has |
//! |---|---|
//! | `walk` | the walk: a stack, two releases, a rollback, a killed run and its end, and nothing left |
//! | `ends` | what its parts begin with, and have to come to |
//! | `people` | under whose role each part of it is made: those that `policy` prints |
//! | `notes`, `recording` | what is written down, a line each |
//! | `tree`, `scrub` | what was on the wire as one kind of tree, and without secrets |
//! | `profile`, `compare` | what a recording shows, and where two show something else |
//! | `questions` | what rests on nobody's word yet, and what a recording says of it |
//!
//! Guarantees: no secret and no account number is written down; what the walk made is removed, however far it came.

pub mod compare;
mod ends;
mod notes;
mod people;
mod profile;
mod questions;
pub mod recording;
mod scrub;
mod tree;
pub mod walk;

pub use compare::{Comparison, compare};
pub use people::KINDS;
pub use questions::{Answer, answers};
pub use recording::{Record, Recording};
pub use walk::{Ended, Walk};
