//! The last words of a command that ended without a report: what is said, and what the step of a workflow is given.
//!
//! Guarantees: a step that ran a command has the output `exit-code`, and one that ended before it could answer has a
//! `result` as well, so that nothing after it takes silence for success.

use std::path::Path;

use super::answer;
use super::publish::Publisher;
use super::reports::Reports;
use super::{EarlyExit, Terminal};
use crate::cli::{Command, Options};
use crate::inputs::Inputs;
use crate::outcome::EXIT_BAD_INPUT;

/// Says why a command could not answer, and gives its exit code.
pub(super) fn of_a_failure(failure: &EarlyExit, inputs: &Inputs, terminal: &Terminal) -> u8 {
    terminal.error(&failure.text);
    terminal.answer(|| answer::of_failure(failure).to_string());
    let code = failure.exit_code;
    let result = answer::result_of(code).to_owned();
    give(&[("result", result), exit_code(code)], inputs, terminal);
    code
}

/// Gives the exit code of a command that answered and that published nothing.
pub(super) fn of_an_answer(command: &Command, code: u8, inputs: &Inputs, terminal: &Terminal) {
    let is_published = match command {
        Command::Deploy(_)
        | Command::Rollback(_)
        | Command::Verify(_)
        | Command::Finish(_)
        | Command::Rehearse(_)
        // They run until they are stopped, beside the step's own command.
        | Command::LocalAws(_)
        | Command::SampleApp(_) => true,
        Command::Status
        | Command::Doctor(_)
        | Command::Hold(_)
        | Command::ReleaseHold
        | Command::Unlock(_)
        | Command::History(_)
        | Command::Plan
        | Command::Policy(_)
        | Command::Provision
        | Command::Destroy(_)
        | Command::Probe(_)
        | Command::Calibrate(_)
        | Command::Compare(_)
        | Command::Schema(_)
        | Command::Completions(_)
        | Command::Man(_) => false,
    };
    if !is_published {
        give(&[exit_code(code)], inputs, terminal);
    }
}

/// Says what is wrong with the command line or the variables, or shows the help; gives the exit code.
pub fn misunderstood(error: &clap::Error, inputs: &Inputs) -> u8 {
    if error.exit_code() == 0 {
        // Nobody reading it any more is no reason to fail.
        let _ = error.print();
        return 0;
    }
    let terminal = Terminal::of(&Options::default(), inputs);
    if !inputs.ci.is_github {
        let _ = error.print();
        return EXIT_BAD_INPUT;
    }
    let text = error.render().to_string();
    of_a_failure(&EarlyExit::bad_input(text), inputs, &terminal)
}

fn exit_code(code: u8) -> (&'static str, String) {
    ("exit-code", code.to_string())
}

fn give(outputs: &[(&'static str, String)], inputs: &Inputs, terminal: &Terminal) {
    let publisher = Publisher {
        inputs,
        terminal,
        reports: &Reports::only_in(Path::new("")),
        announcer: None,
    };
    publisher.outputs(outputs);
}
