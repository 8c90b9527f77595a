//! The binary itself, as a process: what only a whole program shows.

#[path = "../support/cloud_process.rs"]
mod cloud_process;

#[path = "../support/github/mod.rs"]
mod github;

#[path = "../../crates/local-aws/tests/support/venv.rs"]
mod venv;

mod account;
mod answers;
mod bad_inputs;
mod by_hand;
mod destroy;
#[cfg(unix)]
mod full_disk;
mod gate;
#[cfg(unix)]
mod killed;
mod live_already;
#[cfg(unix)]
mod manual;
#[cfg(unix)]
mod moto;
mod policy;
mod probe;
mod rehearse;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod site;
#[cfg(unix)]
mod suggested;
#[cfg(unix)]
mod together;
