//! action.yml, run as the runner of GitHub Actions would run it.
//!
//! Needs bash, as the runner does. Windows has another runner.
#![cfg(unix)]

mod support;

#[path = "support/github/mod.rs"]
mod github;

#[path = "action/bad_inputs.rs"]
mod bad_inputs;
#[path = "action/bootstrap.rs"]
mod bootstrap;
#[path = "action/checkout.rs"]
mod checkout;
#[path = "action/rules.rs"]
mod rules;
#[path = "action/runs.rs"]
mod runs;
#[path = "action/signals.rs"]
mod signals;
