//! The binary itself, as a process: what only a whole program shows.

mod bad_inputs;
mod probe;
#[cfg(unix)]
mod signals;
