//! The commands: each reads its inputs, does one thing, and answers with an exit code.
//!
//! Guarantees: bad inputs and refusals change nothing in AWS; whatever ends a command, its last words say what to do.

mod access;
mod answer;
mod by_hand;
pub mod calibrate;
mod carry_out;
mod clock;
mod deploy;
mod destroy;
mod doctor;
mod finish;
mod finish_left;
mod gate;
mod history;
mod last_words;
mod live_already;
mod local_aws;
mod manual;
mod now;
mod outlook;
mod plan;
mod planned;
mod policy;
mod probe;
mod provision;
mod publish;
mod reached;
pub mod rehearse;
mod remembered;
mod reports;
mod rollback;
mod sample_app;
mod show;
mod signals;
mod status;
mod terminal;
mod turn;
mod verify;

use std::fmt;

use crate::announce;
use crate::cli::answers::ANSWERS;
use crate::cli::{Cli, Command};
use crate::config::Problems;
use crate::inputs::Inputs;
use crate::outcome::{EXIT_BAD_INPUT, EXIT_OK, EXIT_REFUSED, EXIT_UNEXPECTED};
use crate::preflight::Concern;

pub use last_words::misunderstood;
pub use terminal::Terminal;

/// A command ended before it could answer: with this exit code, and these last words.
#[derive(Debug)]
pub struct EarlyExit {
    /// The exit code.
    pub exit_code: u8,
    /// What is wrong, and what to type next.
    pub text: String,
    /// The same for programs, where it is a list of what was looked at beforehand.
    pub concerns: Vec<Concern>,
}

impl EarlyExit {
    /// The inputs are wrong.
    pub fn bad_input(text: impl fmt::Display) -> Self {
        Self {
            exit_code: EXIT_BAD_INPUT,
            text: text.to_string(),
            concerns: Vec::new(),
        }
    }

    /// The state of AWS does not allow it.
    pub fn refused(text: impl fmt::Display) -> Self {
        Self {
            exit_code: EXIT_REFUSED,
            text: text.to_string(),
            concerns: Vec::new(),
        }
    }

    /// The same for these reasons.
    fn for_reasons(self, concerns: Vec<Concern>) -> Self {
        Self { concerns, ..self }
    }
}

impl From<Problems> for EarlyExit {
    fn from(problems: Problems) -> Self {
        Self::bad_input(problems)
    }
}

impl From<anyhow::Error> for EarlyExit {
    fn from(error: anyhow::Error) -> Self {
        match access::explain_denied(&error) {
            Some(text) => Self::refused(text),
            None => Self {
                exit_code: EXIT_UNEXPECTED,
                text: format!("{error:#}"),
                concerns: Vec::new(),
            },
        }
    }
}

/// Nobody could be told of what has begun with these inputs. `finish` goes on all the same: traffic matters more.
fn check_telling(command: &Command, inputs: &Inputs) -> Result<(), EarlyExit> {
    match command {
        Command::Deploy(_) | Command::Rollback(_) | Command::Verify(_) => {
            announce::check(&inputs.telling).map_err(EarlyExit::bad_input)
        }
        _ => Ok(()),
    }
}

/// Runs the command, and answers with the process's exit code.
pub async fn run(cli: Cli, inputs: Inputs, terminal: Terminal) -> u8 {
    let options = &cli.options;
    let checked = clock::check(&cli.command, options, &inputs);
    if let Err(failure) = checked.and_then(|()| check_telling(&cli.command, &inputs)) {
        terminal.complain(&failure.text);
        return failure.exit_code;
    }
    let ended = match &cli.command {
        Command::Deploy(command) => deploy::run(options, command, &inputs, &terminal).await,
        Command::Rollback(command) => rollback::run(options, command, &inputs, &terminal).await,
        Command::Verify(command) => verify::run(options, command, &inputs, &terminal).await,
        Command::Status => status::run(options, &inputs, &terminal).await,
        Command::Doctor(command) => doctor::run(options, command, &inputs, &terminal).await,
        Command::History(command) => history::run(options, command, &inputs, &terminal).await,
        Command::Finish(command) => finish::run(options, command, &inputs, &terminal).await,
        Command::Hold(command) => by_hand::hold(options, command, &inputs, &terminal).await,
        Command::ReleaseHold => by_hand::release_hold(options, &inputs, &terminal).await,
        Command::Unlock(command) => by_hand::unlock(options, command, &inputs, &terminal).await,
        Command::Plan => plan::run(options, &inputs, &terminal).await,
        Command::Policy(command) => policy::run(options, command, &inputs, &terminal).await,
        Command::Provision => provision::run(options, &inputs, &terminal).await,
        Command::Calibrate(command) => calibrate::run(options, command, &inputs, &terminal).await,
        Command::Compare(command) => calibrate::run_compare(options, command, &terminal).await,
        Command::Destroy(command) => destroy::run(options, command, &inputs, &terminal).await,
        Command::Probe(command) => probe::run(options, command, &inputs, &terminal).await,
        Command::Rehearse(command) => rehearse::run(command, &inputs, &terminal).await,
        Command::LocalAws(command) => local_aws::run(options, command, &terminal).await,
        Command::Completions(command) => manual::completions(command, &terminal),
        Command::Man(command) => manual::man(command, &terminal),
        Command::Schema(command) => {
            let named = command.answer.as_deref();
            let answer = ANSWERS.iter().find(|(name, _)| Some(*name) == named);
            match answer {
                Some((_, schema)) => terminal.say(schema),
                None => terminal.say(&crate::config::schema_text()),
            }
            Ok(EXIT_OK)
        }
        Command::SampleApp(command) => sample_app::run(command).await,
    };
    match ended {
        Ok(code) => {
            last_words::of_an_answer(&cli.command, code, &inputs, &terminal);
            code
        }
        Err(failure) => last_words::of_a_failure(&failure, &inputs, &terminal),
    }
}
