//! A local AWS as a program: started, announced, ended when it is told to.
//!
//! The binary `local-aws` is this and its arguments; another program can have it as one of its commands.

use anyhow::{Result, anyhow};
use net_clock::{Clock, Network};

pub use crate::cloud::REGION;
use crate::cloud::{LocalAws, Options};
use crate::pace::Pace;

/// The port that it listens on unless told otherwise.
pub const PORT: u16 = 4566;

/// As many times faster than AWS as it can be asked to be: beyond that, processes cannot keep up.
pub const FASTEST: u32 = 60;

/// What a program's arguments say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The port it listens on, of this machine only; 0 for any free one.
    pub port: u16,
    /// How many times faster than AWS.
    pub speed: u32,
    /// The seed of everything random in it.
    pub seed: u64,
    /// The region that it begins in.
    pub region: String,
}

/// Starts one on this machine's network, says where it answers, and ends it when `told_to_stop` is done. It fails only
/// where it cannot start.
pub async fn serve(
    arguments: Arguments,
    say: impl FnOnce(&str),
    told_to_stop: impl Future<Output = ()>,
) -> Result<()> {
    let local = LocalAws::start(Options {
        network: Network::tcp(),
        clock: Clock::accelerated(f64::from(arguments.speed)),
        port: arguments.port,
        seed: arguments.seed,
        pace: Pace::aws(),
        region: arguments.region.clone(),
    })
    .await
    .map_err(|error| anyhow!("{error:#}; choose another port with --port, or 0 for a free one"))?;
    say(&announcement(&local.endpoint(), &arguments.region));
    told_to_stop.await;
    local.stop().await;
    Ok(())
}

/// What a person needs to know of one that has started. The first word that is a URL is its endpoint.
fn announcement(endpoint: &str, region: &str) -> String {
    format!(
        "the local cloud answers at {endpoint} (region {region}, any credentials); stop it with Ctrl-C\n\
         try: AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={region} \
         aws --endpoint-url {endpoint} sts get-caller-identity"
    )
}
