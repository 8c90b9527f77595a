//! `local-aws`: the local cloud by itself, until a signal.

use super::signals::signal;
use super::{EarlyExit, Terminal};
use crate::cli::{self, LOCAL_REGION};
use crate::outcome::EXIT_OK;
use local_aws::program::{self, Arguments};

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::LocalAws,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let region = options.region.as_deref().unwrap_or(LOCAL_REGION);
    let arguments = Arguments {
        port: command.port,
        speed: command.speed,
        seed: command.seed.unwrap_or(1),
        region: region.to_owned(),
    };
    program::serve(arguments, |text| terminal.say(text), signal())
        .await
        .map_err(|error| EarlyExit::bad_input(format!("{error:#}")))?;
    Ok(EXIT_OK)
}
