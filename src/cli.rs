//! The commands and their options, each with its help in the user's words and an example.
//!
//! Guarantees: each option is an input as well ([`crate::inputs::table`]). Those that `Inputs` reads are raw text;
//! everything else is valid once it is parsed.

pub mod answers;
mod calibration;
mod local;
mod policy;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config;
use crate::outcome::EXIT_CODES;

pub use calibration::{Calibrate, Compare};
pub use local::{LocalAws, Rehearse, SPEED, SampleApp};
pub use policy::{Policy, PolicyFormat};
use values::{kept, origin, path, pointer, rate, release};

/// The region of the local cloud unless another one is asked for.
pub const LOCAL_REGION: &str = "eu-central-1";

/// Zero-downtime blue/green releases on plain AWS EC2, with nothing but the AWS API.
#[derive(Clone, Debug, Parser)]
#[command(name = "bg-deploy", version, after_help = after_help(), max_term_width = 100)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub options: Options,
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Options of every command")]
pub struct Options {
    /// The file to read [default: bg-deploy.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<String>,
    /// Which of the file's environments is meant
    #[arg(long, global = true, value_name = "NAME")]
    pub environment: Option<String>,
    /// The release that the app has to answer with [default: in GitHub Actions the commit]
    #[arg(long, global = true, value_name = "RELEASE")]
    pub release: Option<String>,
    /// The file or folder to deploy, instead of the one the file names
    #[arg(long, global = true, value_name = "PATH")]
    pub artifact: Option<String>,
    /// The region of AWS, instead of the file's
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// In GitHub Actions: the role whose sessions are used, and renewed for as long as it takes; needs `id-token: write`
    #[arg(long, global = true, value_name = "ARN")]
    pub role_arn: Option<String>,
    /// Where AWS answers, for example a local cloud [default: AWS_ENDPOINT_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Beside a local cloud: how many times faster than the wall's the clock is, `local-aws --speed`; refused for any
    /// endpoint that is not on this machine
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=60))]
    pub clock_speed: Option<u32>,
    /// Write results as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Say only how it ended
    #[arg(long, global = true)]
    pub quiet: bool,
    /// Say as well what was decided and why, and which calls of AWS changed something
    #[arg(long, global = true)]
    pub verbose: bool,
    /// When to use colours on the terminal
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// When the terminal gets colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that can, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Release the artifact: bake an image, prove it on the idle colour, and move the traffic without losing a request
    #[command(after_help = "Example:\n  bg-deploy deploy --environment prod --release 1.4.2")]
    Deploy(Deploy),
    /// Go back to the previous release, or to an earlier one: no bake, and no launch while the previous colour is up
    #[command(
        after_help = "Examples:\n  bg-deploy rollback --environment prod\n  bg-deploy rollback --environment prod --to 1.4.1"
    )]
    Rollback(Rollback),
    /// Do everything of a deploy that comes before the shift, and undo it again: a check for pull requests
    #[command(after_help = "Example:\n  bg-deploy verify --environment stage --release 1.4.2")]
    Verify(Verify),
    /// Show who serves what now, and what a rollback would find
    #[command(after_help = "Example:\n  bg-deploy status --environment prod --json")]
    Status,
    /// Find what would make the next release fail or lie, and what is left over; change nothing without --fix
    #[command(
        after_help = "Examples:\n  bg-deploy doctor --environment prod\n  bg-deploy doctor --environment prod --fix"
    )]
    Doctor(Doctor),
    /// List the releases that stand in AWS, which of them can be gone back to, and how the latest runs ended
    #[command(after_help = "Example:\n  bg-deploy history --environment prod --limit 10")]
    History(History),
    /// After a run that was cancelled or killed: restore the traffic, and remove what the run made
    #[command(after_help = "Example:\n  bg-deploy finish --state bg-deploy-report/state.json")]
    Finish(Finish),
    /// Stop releases of this app and environment, until release-hold; rollbacks stay possible
    #[command(after_help = "Example:\n  bg-deploy hold --environment prod --reason maintenance")]
    Hold(ByHand),
    /// Let releases go on that were put on hold
    #[command(after_help = "Example:\n  bg-deploy release-hold --environment prod")]
    ReleaseHold,
    /// Make the lease free that keeps two runs from each other; a run that has it changes nothing any more
    #[command(
        after_help = "Example:\n  bg-deploy unlock --environment prod --reason runner-is-gone"
    )]
    Unlock(ByHand),
    /// Show what a deploy would do and why, and change nothing
    #[command(after_help = "Example:\n  bg-deploy plan --environment prod --release 1.4.2 --json")]
    Plan,
    /// Make what a deploy needs in AWS (load balancer, groups, roles), or bring it up to date
    #[command(after_help = "Example:\n  bg-deploy provision --environment prod")]
    Provision,
    /// Show all that belongs to an app in an environment, and who is served by it; with --yes, remove it for good
    #[command(
        after_help = "Examples:\n  bg-deploy destroy --environment pr-7\n  bg-deploy destroy --environment pr-7 --yes hello/pr-7\n  bg-deploy destroy --environment prod --yes hello/prod --even-while-serving 1.4.2"
    )]
    Destroy(Destroy),
    /// Print the least that each role needs: of the jobs that release, check and look, and of what acts inside AWS
    #[command(
        after_help = "Examples:\n  bg-deploy policy --environment prod\n  bg-deploy policy --environment prod --role deploy --format policy > deploy.json\n  bg-deploy policy --environment prod --format terraform --repository octo/hello"
    )]
    Policy(Policy),
    /// Send requests to a service all the time, and say which release answered each and which ones failed
    #[command(
        after_help = "Example:\n  bg-deploy probe --url https://hello.example.com --rate 20 --for 5m --expect 1.4.2"
    )]
    Probe(Probe),
    /// Try a whole release on this machine, against a local cloud that runs your own app; needs no AWS account
    #[command(
        after_help = "Examples:\n  bg-deploy rehearse\n  bg-deploy rehearse --fault unhealthy\n  bg-deploy rehearse --config bg-deploy.toml --release 1.4.2 --fault no-capacity"
    )]
    Rehearse(Rehearse),
    /// Run the local cloud by itself, for any AWS SDK or the AWS CLI to talk to
    #[command(
        after_help = "Example:\n  bg-deploy local-aws --port 4566\n  aws --endpoint-url http://127.0.0.1:4566 sts get-caller-identity"
    )]
    LocalAws(LocalAws),
    /// Record what AWS answers to all that a release does, in an account that can be thrown away; without one, say what it takes
    #[command(
        after_help = "Examples:\n  bg-deploy calibrate\n  bg-deploy calibrate --region us-east-1 --account 123456789012"
    )]
    Calibrate(Calibrate),
    /// List where the local cloud differs from what was recorded
    #[command(after_help = "Example:\n  bg-deploy compare calibration.jsonl")]
    Compare(Compare),
    /// Print the JSON Schema of bg-deploy.toml, for editors, or of what commands answer a program
    #[command(
        after_help = "Examples:\n  bg-deploy schema > bg-deploy.schema.json\n  bg-deploy schema run\n\nrun is what deploy, verify, rollback, finish and rehearse answer; by-hand what hold, release-hold and unlock do; failure what any command answers that could not."
    )]
    Schema(Schema),
    /// Print what completes commands and options in a shell
    #[command(
        after_help = "Examples:\n  bg-deploy completions bash > ~/.local/share/bash-completion/completions/bg-deploy\n  bg-deploy completions zsh > ~/.zfunc/_bg-deploy\n  bg-deploy completions fish > ~/.config/fish/completions/bg-deploy.fish"
    )]
    Completions(Completions),
    /// Print the manual page, of a command if one is named
    #[command(after_help = "Example:\n  bg-deploy man deploy | man -l -")]
    Man(Man),
    /// Run the sample app of the rehearsal from its artifact's folder
    #[command(
        hide = true,
        after_help = "Example:\n  bg-deploy sample-app ./sample --port 8080"
    )]
    SampleApp(SampleApp),
}

/// `deploy`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Deploy {
    /// Release outside of the file's deploy windows, too; the report says so
    #[arg(long)]
    pub ignore_windows: bool,
    /// Release a commit that is older than the one that is live, too; the report says so
    #[arg(long)]
    pub allow_older: bool,
    /// Keep an instance of a release that fails this long, without visitors, to be looked at [default: the file's]
    #[arg(long, value_name = "DURATION", value_parser = kept)]
    pub keep_failed: Option<Duration>,
    /// Where reports and the ledger of requests are written
    #[arg(long, value_name = "DIR", default_value = "bg-deploy-report")]
    pub report_dir: PathBuf,
    /// Where the run writes down what `finish` needs [default: in GitHub Actions in the job's temporary folder, else
    /// state.json among the reports]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// `rollback`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// The release to go back to [default: the one that was live before]
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    pub to: Option<String>,
    /// Stop the run that is under way, and undo it first; otherwise its end is waited for
    #[arg(long)]
    pub take_over: bool,
    /// Where reports and the ledger of requests are written
    #[arg(long, value_name = "DIR", default_value = "bg-deploy-report")]
    pub report_dir: PathBuf,
    /// Where the run writes down what `finish` needs [default: in GitHub Actions in the job's temporary folder, else
    /// state.json among the reports]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// `hold`, `unlock`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    /// Why, for whoever meets it
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `verify`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Verify {
    /// Keep an instance of a release that fails this long, without visitors, to be looked at [default: the file's]
    #[arg(long, value_name = "DURATION", value_parser = kept)]
    pub keep_failed: Option<Duration>,
    /// Where reports are written
    #[arg(long, value_name = "DIR", default_value = "bg-deploy-report")]
    pub report_dir: PathBuf,
    /// Where the run writes down what `finish` needs [default: in GitHub Actions in the job's temporary folder, else
    /// state.json among the reports]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// `doctor`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Doctor {
    /// Do what is safe about it, in a turn of its own; an earlier run that did not end is brought to its end first
    #[arg(long)]
    pub fix: bool,
}

/// `destroy`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Destroy {
    /// Remove it: by its name, so that it is no other [default: show what would be removed]
    #[arg(long, value_name = "APP/ENVIRONMENT")]
    pub yes: Option<String>,
    /// Remove it though visitors are served, by this release: they get no answer any more
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    pub even_while_serving: Option<String>,
}

/// `history`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The most releases to list
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
}

/// `finish`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// What the run wrote down about itself [default: where deploy, verify and rollback write it]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Where reports are written
    #[arg(long, value_name = "DIR", default_value = "bg-deploy-report")]
    pub report_dir: PathBuf,
}

/// `probe`
#[derive(Args, Clone, Debug, PartialEq)]
pub struct Probe {
    /// The service's URL [default: the file's `probe.url`]
    #[arg(long, value_name = "URL", value_parser = origin)]
    pub url: Option<String>,
    /// The path that answers with the release [default: the file's `service.version-path`]
    #[arg(long, value_name = "PATH", value_parser = path)]
    pub path: Option<String>,
    /// Where in its JSON the release stands [default: the file's `service.version-pointer`]
    #[arg(long, value_name = "POINTER", value_parser = pointer)]
    pub pointer: Option<String>,
    /// Requests a second in each lane [default: the file's `probe.rate`]
    #[arg(long, value_name = "N", value_parser = rate)]
    pub rate: Option<f64>,
    /// How long to go on
    #[arg(long = "for", value_name = "DURATION", default_value = "1m", value_parser = config::duration::parse)]
    pub duration: Duration,
    /// Fail unless this release answers, and no other, at the end
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    pub expect: Option<String>,
    /// Write a line for each request to this file
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// A path whose answer takes long [default: the file's `probe.long-path`]
    #[arg(long, value_name = "PATH", value_parser = path)]
    pub long_path: Option<String>,
    /// Something unrelated, asked to tell this machine's own network apart [default: the file's `probe.reference`]
    #[arg(long, value_name = "URL", value_parser = origin)]
    pub reference: Option<String>,
}

/// `schema`
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Whose answer with --json [default: the file's schema]
    #[arg(value_name = "ANSWER", value_parser = PossibleValuesParser::new(answers::ANSWERS.map(|(name, _)| name)))]
    pub answer: Option<String>,
}

/// `completions`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// `man`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Man {
    /// The command [default: all of the program]
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}

/// The end of the help: variables and exit codes.
fn after_help() -> String {
    let mut text = "Every option can be given as a variable, too: BGD_REPORT_DIR for --report-dir, and BGD_COMMAND \
                    for the command. The command line goes before them.\n\nExit codes:"
        .to_owned();
    for (code, meaning) in EXIT_CODES {
        text += &format!("\n  {code}  {meaning}");
    }
    text
}

#[cfg(test)]
mod tests;
