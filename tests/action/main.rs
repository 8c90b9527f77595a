//! action.yml, run as the runner of GitHub Actions would run it.
//!
//! Needs bash, as the runner does. Windows has another runner.
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/github/mod.rs"]
mod github;

#[path = "../support/cloud_process.rs"]
mod cloud_process;

mod bad_inputs;
mod bootstrap;
mod checkout;
mod credentials;
mod rules;
mod runs;
mod signals;
