//! The options of what runs on this machine alone: the rehearsal, the local cloud, the sample app.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::values::release;
use crate::faults::Fault;

/// How many times faster than AWS a rehearsal is, unless it is told.
pub const SPEED: u32 = 20;

/// `rehearse`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Rehearse {
    /// What goes wrong on purpose
    #[arg(long, value_enum, value_name = "NAME")]
    pub fault: Option<Fault>,
    /// Rehearses the sample app, though there is a bg-deploy.toml
    #[arg(long)]
    pub sample: bool,
    /// An earlier build of your app, which is live before the release [default: the same artifact, as another release]
    #[arg(long, value_name = "PATH")]
    pub previous: Option<PathBuf>,
    /// What the app of --previous answers with [default: the RELEASE that it is started with]
    #[arg(long, value_name = "RELEASE", value_parser = release, requires = "previous")]
    pub previous_release: Option<String>,
    /// Has something else than your app live before the release
    #[arg(long, conflicts_with = "previous")]
    pub stand_in: bool,
    /// After the release, rehearses the rollback to the release before
    #[arg(long, conflicts_with = "fault")]
    pub rollback: bool,
    /// How many times faster than AWS
    #[arg(long, value_name = "N", default_value_t = SPEED, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub speed: u32,
    /// Makes a rehearsal's chances repeatable
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where reports and the ledger of requests are written
    #[arg(long, value_name = "DIR", default_value = "bg-deploy-report")]
    pub report_dir: PathBuf,
}

/// `local-aws`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct LocalAws {
    /// The port it listens on, on this machine only; 0 for any free one
    #[arg(long, value_name = "P", default_value_t = 4566)]
    pub port: u16,
    /// How many times faster than AWS
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub speed: u32,
    /// Makes its chances repeatable
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

impl LocalAws {
    /// Where it listens: on this machine only.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }
}

/// `sample-app`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct SampleApp {
    /// The folder
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// The port it listens on
    #[arg(long, env = "PORT", value_name = "P")]
    pub port: u16,
}
