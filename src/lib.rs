//! Zero-downtime blue/green releases on plain AWS EC2, with nothing but the AWS API.

pub mod aws;
pub mod bake;
pub mod cli;
pub mod commands;
pub mod config;
pub mod deploy;
pub mod inputs;
pub mod inventory;
pub mod names;
pub mod net;
pub mod outcome;
pub mod plan;
pub mod prepare;
pub mod probe;
pub mod provision;
pub mod rehearsal;
pub mod report;
pub mod run;
pub mod stack;
pub mod steps;
