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
    let say = |text: &str| {
        terminal.say(text);
        let mut words = text.split_whitespace();
        if let Some(endpoint) = words.find(|word| word.starts_with("http://")) {
            terminal.say(&for_releases(endpoint, region, command.speed));
        }
    };
    program::serve(arguments, say, signal())
        .await
        .map_err(|error| EarlyExit::bad_input(format!("{error:#}")))?;
    Ok(EXIT_OK)
}

/// What a shell has to say so that this program releases to it.
fn for_releases(endpoint: &str, region: &str, speed: u32) -> String {
    let keys = "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local";
    let clock = match speed {
        1 => String::new(),
        speed => format!(" BGD_CLOCK_SPEED={speed}"),
    };
    format!(
        "to release to it: export {keys} AWS_REGION={region} AWS_ENDPOINT_URL={endpoint}{clock}"
    )
}
