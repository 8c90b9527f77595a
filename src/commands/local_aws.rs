//! `local-aws`: the local cloud by itself, until a signal.

use super::signals::signal;
use super::{Failure, Terminal};
use crate::cli::{self, LOCAL_REGION};
use crate::outcome::EXIT_OK;
use local_aws::cloud::{LocalCloud, Options};
use local_aws::pace::Pace;
use net_clock::Clock;
use net_clock::Network;

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::LocalAws,
    terminal: &Terminal,
) -> Result<u8, Failure> {
    let region = options
        .region
        .clone()
        .unwrap_or_else(|| LOCAL_REGION.to_owned());
    let started = LocalCloud::start(Options {
        network: Network::tcp(),
        clock: Clock::accelerated(f64::from(command.speed)),
        port: command.port,
        seed: command.seed.unwrap_or(1),
        pace: Pace::aws(),
        region: region.clone(),
    })
    .await;
    let cloud = started.map_err(|error| {
        Failure::bad_input(format!(
            "{error:#}; choose another port with --port, or 0 for a free one"
        ))
    })?;
    terminal.say(&format!(
        "the local cloud answers at {} (region {region}, any credentials); stop it with Ctrl-C\n\
         try: AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION={region} \
         aws --endpoint-url {} sts get-caller-identity",
        cloud.endpoint(),
        cloud.endpoint()
    ));
    signal().await;
    cloud.stop().await;
    Ok(EXIT_OK)
}
