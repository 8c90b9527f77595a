//! argv, environment, exit code: nothing else is decided here.

use std::process::ExitCode;

use bg_deploy::cli::Options;
use bg_deploy::commands::{self, Terminal};
use bg_deploy::inputs::{Inputs, arguments};

#[tokio::main]
async fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that reads the environment"
    )]
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let code = match arguments::parse(std::env::args_os(), &environment) {
        Ok(cli) => {
            let inputs = Inputs::from(&cli.options, &environment);
            let terminal = Terminal::of(&cli.options, &inputs);
            commands::run(cli, inputs, terminal).await
        }
        Err(error) => {
            commands::misunderstood(&error, &Inputs::from(&Options::default(), &environment))
        }
    };
    ExitCode::from(code)
}
