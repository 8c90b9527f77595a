//! `local-aws`: a pretend AWS account on this machine, until Ctrl-C.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use local_aws::program::{self, Arguments, FASTEST, PORT, REGION};
use local_aws::sample_app;

/// A pretend AWS account on this machine, for any AWS SDK or the AWS CLI to talk to
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
#[command(after_help = "Example:\n  local-aws --port 4566 --speed 10")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Args)]
struct Serve {
    /// The port it listens on, on this machine only; 0 for any free one
    #[arg(long, value_name = "P", default_value_t = PORT)]
    port: u16,
    /// How many times faster than AWS
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(FASTEST)))]
    speed: u32,
    /// Makes its chances repeatable
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The region it has
    #[arg(long, value_name = "REGION", default_value = REGION)]
    region: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the sample app from its artifact's folder
    SampleApp {
        /// The folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// The port it listens on
        #[arg(long, env = "PORT", value_name = "P")]
        port: u16,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.command {
        Some(Command::SampleApp { dir, port }) => sample_app::main(&dir, port).await,
        None => serve(cli.serve).await.map(|()| 0),
    };
    match ended {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(io::stderr(), "local-aws: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn serve(serve: Serve) -> anyhow::Result<()> {
    let arguments = Arguments {
        port: serve.port,
        speed: serve.speed,
        seed: serve.seed,
        region: serve.region,
    };
    let say = |text: &str| {
        let _ = writeln!(io::stdout(), "{text}");
    };
    program::serve(arguments, say, told_to_stop()).await
}

/// Returns at SIGINT or SIGTERM.
#[cfg(unix)]
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    if let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// Returns at Ctrl-C.
#[cfg(not(unix))]
async fn told_to_stop() {
    let _ = tokio::signal::ctrl_c().await;
}
