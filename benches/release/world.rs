//! The world of the tests, for benches: a local cloud in memory, an app in two versions, and a deployer.

#[path = "../../tests/support/mod.rs"]
mod support;

pub(crate) use support::{World, config_of};
