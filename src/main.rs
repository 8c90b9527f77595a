//! argv, environment, exit code: nothing else is decided here.

use std::process::ExitCode;

use bg_deploy::cli::Cli;
use bg_deploy::commands::{self, Terminal};
use bg_deploy::inputs::Inputs;
use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that reads the environment"
    )]
    let environment = std::env::vars().collect();
    let inputs = Inputs::from(&cli.options, &environment);
    let terminal = Terminal::of(cli.options.color, cli.options.json, &inputs);
    ExitCode::from(commands::run(cli, inputs, terminal).await)
}
