//! The command line, completed by the variables: every option can be given as `BGD_OPTION`, and the command as
//! `BGD_COMMAND`.
//!
//! Guarantees: what the command line says goes before a variable; an empty variable counts as not given; a variable of
//! another command is ignored; what is wrong with a variable's text is said of the variable, not of an option that nobody
//! typed.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _};

use super::table::{self, COMMAND, INPUTS, Input, Reader};
use crate::cli::Cli;
use crate::config::nearest;
use crate::text;

/// What the command line and the environment ask for.
pub fn parse(
    argv: impl IntoIterator<Item = OsString>,
    environment: &BTreeMap<String, String>,
) -> Result<Cli, clap::Error> {
    let mut cli = told_once(Cli::command());
    let mut words: Vec<OsString> = argv.into_iter().collect();
    let variable = |name: &str| {
        let text = environment.get(name)?.trim();
        (!text.is_empty()).then_some(text)
    };
    let asked = command_of(&cli, &words).map(|at| words[at].to_string_lossy().into_owned());
    let command = match (asked, variable(COMMAND)) {
        (None, Some(name)) if !asks_for_help(&words) => {
            if !is_command(&cli, name) {
                return Err(no_such_command(&mut cli, name));
            }
            words.insert(1.min(words.len()), name.into());
            Some(name.to_owned())
        }
        (asked, _) => asked,
    };
    let mut added = Vec::new();
    if let Some(command) = command.filter(|name| is_command(&cli, name)) {
        for input in of_variables(&command, &words) {
            let Some(text) = variable(input.variable) else {
                continue;
            };
            let word = word(&mut cli, &command, input, text)?;
            words.extend(word.map(OsString::from));
            added.push(input);
        }
    }
    let parsed = cli
        .try_get_matches_from_mut(&words)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let parsed = parsed.map_err(|error| about_the_variable(error, &added))?;
    match parsed.options.quiet && parsed.options.verbose {
        true => Err(cli.error(
            ErrorKind::ArgumentConflict,
            "--quiet says only how it ended, and --verbose more than usual: leave one of them out",
        )),
        false => Ok(parsed),
    }
}

/// Built, with what every command takes in the help of the program alone: a command's own options are soon read.
fn told_once(mut cli: Command) -> Command {
    cli.build();
    cli.mut_subcommands(|command| {
        let own = command.get_after_help().map(ToString::to_string);
        let elsewhere = "Options of every command (--config, --environment, --release, --region and others): bg-deploy --help";
        let after = own.into_iter().chain([elsewhere.to_owned()]);
        let after = after.collect::<Vec<_>>().join("\n\n");
        let command = command.after_help(after);
        command.mut_args(|arg| match arg.is_global_set() {
            true => arg.hide(true),
            false => arg,
        })
    })
}

/// The inputs that this command line leaves to variables.
fn of_variables(command: &str, words: &[OsString]) -> Vec<&'static Input> {
    let is_left = |input: &&Input| {
        let option = format!("--{}", input.name);
        let is_given = |word: &OsString| {
            let word = word.to_string_lossy();
            word.split('=').next() == Some(&option)
        };
        input.reader == Reader::CommandLine
            && input.variable != COMMAND
            && input.is_of(command)
            && !words.iter().any(is_given)
    };
    INPUTS.iter().filter(is_left).collect()
}

/// How a variable's text is written on the command line; a `false` is not.
fn word(
    cli: &mut Command,
    command: &str,
    input: &Input,
    text: &str,
) -> Result<Option<String>, clap::Error> {
    if option_of(cli, command, input.name).is_some_and(takes_a_value) {
        return Ok(Some(format!("--{}={text}", input.name)));
    }
    match yes_or_no(text) {
        Some(yes) => Ok(yes.then(|| format!("--{}", input.name))),
        None => Err(cli.error(
            ErrorKind::InvalidValue,
            format!(
                "{} is {}, but must be true or false",
                called(input),
                text::quoted(text)
            ),
        )),
    }
}

/// A boolean of YAML 1.2's core schema; nothing else is one, as in GitHub's own actions.
fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Where in the command line the command stands: the first word that is neither an option nor an option's value.
fn command_of(cli: &Command, words: &[OsString]) -> Option<usize> {
    let mut at = 1;
    while let Some(word) = words.get(at) {
        let word = word.to_string_lossy();
        let Some(option) = word.strip_prefix("--") else {
            if word.starts_with('-') {
                at += 1;
                continue;
            }
            return Some(at);
        };
        let is_valued = |command: &Command| {
            let mut options = command.get_arguments();
            options.any(|arg| arg.get_long() == Some(option) && takes_a_value(arg))
        };
        let takes_the_next = is_valued(cli) || cli.get_subcommands().any(is_valued);
        at += if takes_the_next { 2 } else { 1 };
    }
    None
}

fn asks_for_help(words: &[OsString]) -> bool {
    let is_help = |word: &OsString| {
        matches!(
            word.to_string_lossy().as_ref(),
            "-h" | "--help" | "-V" | "--version"
        )
    };
    words.iter().any(is_help)
}

fn is_command(cli: &Command, name: &str) -> bool {
    known_commands(cli).any(|known| known == name)
}

/// The commands that are documented.
fn known_commands(cli: &Command) -> impl Iterator<Item = &str> {
    let shown = cli.get_subcommands().filter(|command| {
        let name = command.get_name();
        !command.is_hide_set() && name != "help"
    });
    shown.map(Command::get_name)
}

fn no_such_command(cli: &mut Command, name: &str) -> clap::Error {
    let hint = nearest(name, known_commands(cli))
        .map(|meant| format!("did you mean `{meant}`? "))
        .unwrap_or_default();
    let all: Vec<_> = known_commands(cli).collect();
    let text = format!(
        "{} is {}, which is no command; {hint}there are {}",
        called_of(COMMAND),
        text::quoted(name),
        all.join(", ")
    );
    cli.error(ErrorKind::InvalidSubcommand, text)
}

fn option_of<'a>(cli: &'a Command, command: &str, name: &str) -> Option<&'a Arg> {
    let command = cli.find_subcommand(command)?;
    let mut options = command.get_arguments();
    options.find(|arg| arg.get_long() == Some(name))
}

fn takes_a_value(option: &Arg) -> bool {
    option.get_action().takes_values()
}

/// An error about an option that a variable gave becomes one about that variable.
fn about_the_variable(mut error: clap::Error, added: &[&Input]) -> clap::Error {
    let Some(ContextValue::String(blamed)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let option = blamed.split([' ', '=']).next().unwrap_or_default();
    let name = option.trim_start_matches('-');
    if let Some(input) = added.iter().find(|input| input.name == name) {
        let words = ContextValue::String(called(input));
        error.insert(ContextKind::InvalidArg, words);
    }
    error
}

fn called(input: &Input) -> String {
    let kind = if input.is_of_action {
        "input"
    } else {
        "option"
    };
    format!("{} (the {kind} {})", input.variable, input.name)
}

fn called_of(variable: &str) -> String {
    table::input(variable).map_or_else(|| variable.to_owned(), called)
}

#[cfg(test)]
mod tests;
