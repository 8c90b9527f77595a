//! The binary itself, as a process: what only a whole program shows.

#[path = "../support/cloud_process.rs"]
mod cloud_process;

mod bad_inputs;
mod probe;
#[cfg(unix)]
mod signals;
