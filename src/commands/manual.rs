//! `completions` and `man`: what a shell and a manual know of the commands, made of the same words as `--help`.

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{EarlyExit, Terminal};
use crate::cli::{Cli, Completions, Man};
use crate::outcome::EXIT_OK;

const NAME: &str = "bg-deploy";
const PLAIN_NAME: &str = "bgdeploy";

/// What completes commands and options in a shell.
pub(super) fn completions(command: &Completions, terminal: &Terminal) -> Result<u8, EarlyExit> {
    let generate = |name: &str| {
        let mut script = Vec::new();
        clap_complete::generate(command.shell, &mut Cli::command(), name, &mut script);
        String::from_utf8_lossy(&script).into_owned()
    };
    let script = match command.shell {
        // Its bash script takes a name with a hyphen for a command below another one, and there is one of that name: no option
        // would be completed. The name is only in what binds the script.
        Shell::Bash => {
            generate(PLAIN_NAME).replace(&format!(" {PLAIN_NAME}\n"), &format!(" {NAME}\n"))
        }
        _ => generate(NAME),
    };
    say(&script, terminal)
}

/// The manual page, of one command or of all.
pub(super) fn man(command: &Man, terminal: &Terminal) -> Result<u8, EarlyExit> {
    let mut cli = Cli::command();
    cli.build();
    let page = match &command.command {
        None => cli,
        Some(name) => {
            let mut all = cli.get_subcommands();
            let found = all.find(|one| one.get_name() == name).cloned();
            found.ok_or_else(|| {
                EarlyExit::bad_input(format!(
                    "there is no command {name}; all are in: {NAME} --help"
                ))
            })?
        }
    };
    let mut roff = Vec::new();
    let rendered = clap_mangen::Man::new(page).render(&mut roff);
    rendered.context("writing the manual page")?;
    say(&String::from_utf8_lossy(&roff), terminal)
}

fn say(text: &str, terminal: &Terminal) -> Result<u8, EarlyExit> {
    terminal.say(text.trim_end());
    Ok(EXIT_OK)
}
