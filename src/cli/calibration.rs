//! What a calibration, and what is done with it, take.

use std::path::PathBuf;

use clap::Args;

/// `calibrate`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Calibrate {
    /// The number of the account: nothing is done in another one, and nothing without it
    #[arg(long, value_name = "NUMBER")]
    pub account: Option<String>,
    /// Where it is written down
    #[arg(long, value_name = "FILE", default_value = "calibration.jsonl")]
    pub out: PathBuf,
    /// Only remove what an earlier one left
    #[arg(long)]
    pub tear_down: bool,
}

/// `compare`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    /// What `calibrate` wrote down
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,
}
