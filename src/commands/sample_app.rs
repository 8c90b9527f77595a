//! `sample-app`: the app that a rehearsal releases, as the process that an instance starts.

use super::EarlyExit;
use crate::cli;
use local_aws::sample_app;

pub(super) async fn run(command: &cli::SampleApp) -> Result<u8, EarlyExit> {
    let code = sample_app::main(&command.dir, command.port).await?;
    Ok(u8::try_from(code).unwrap_or(1))
}
