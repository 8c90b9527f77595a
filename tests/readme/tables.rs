//! What is made from the code: the tables of the documents, and the lists of action.yml.

use std::fmt::Write as _;

use bg_deploy::cli::Cli;
use bg_deploy::faults::FAULTS;
use bg_deploy::inputs::table::{INPUTS, Input, Reader};
use bg_deploy::outcome::EXIT_CODES;
use bg_deploy::report::OUTPUTS;
use bg_deploy::run::event::Zone;
use bg_deploy::run::step::About;
use bg_deploy::steps;
use clap::CommandFactory as _;

/// The step table, with what undoes each step.
pub(super) fn steps_table() -> String {
    let mut text = "| zone | step | what it does | undone by | calls that change something |\n|---|---|---|---|---|\n"
        .to_owned();
    for step in steps::TABLE {
        let calls: Vec<_> = step.calls.iter().map(|call| format!("`{call}`")).collect();
        let row = [
            zone(&step),
            step.name,
            step.does,
            undo(&step),
            &calls.join(", "),
        ];
        text += &line(&row);
    }
    text
}

/// The steps of a rollback, and when each is taken.
pub(super) fn rollback_steps() -> String {
    let mut text = "| zone | step | when | undone by |\n|---|---|---|---|\n".to_owned();
    for step in steps::ROLLBACK {
        let when = if step.when.is_empty() {
            "always"
        } else {
            step.when
        };
        let about = step.about;
        text += &line(&[zone(&about), about.name, when, undo(&about)]);
    }
    text
}

fn zone(step: &About) -> &'static str {
    match step.zone {
        Zone::Prepare => "prepare",
        Zone::Commit => "commit",
        Zone::Finish => "finish",
    }
}

fn undo(step: &About) -> &'static str {
    match (step.zone, step.undo, step.calls) {
        (Zone::Finish, ..) => "forward only",
        (_, "", []) => "changes nothing",
        (_, "", _) => "not undone",
        (_, undo, _) => undo,
    }
}

pub(super) fn exit_codes() -> String {
    let mut text = "| code | meaning |\n|---|---|\n".to_owned();
    for (code, meaning) in EXIT_CODES {
        text += &line(&[&code.to_string(), meaning]);
    }
    text
}

/// Every fault, and how a rehearsal with it has to end.
pub(super) fn faults() -> String {
    let mut text =
        "| `--fault` | what goes wrong | ends with | because |\n|---|---|---|---|\n".to_owned();
    for fault in &FAULTS {
        let code = fault.ending.exit_code();
        let (_, ending) = EXIT_CODES[usize::from(code)];
        let ending = ending.split([',', ':']).next().unwrap_or(ending);
        text += &line(&[
            &format!("`{fault}`"),
            fault.help,
            &format!("{code}, {ending}"),
            fault.why,
        ]);
    }
    text
}

pub(super) fn commands() -> String {
    let mut text = "| command | what it does |\n|---|---|\n".to_owned();
    for command in Cli::command().get_subcommands() {
        if command.is_hide_set() {
            continue;
        }
        let about = command
            .get_about()
            .expect("every command says what it does");
        text += &line(&[&format!("`{}`", command.get_name()), &about.to_string()]);
    }
    text
}

pub(super) fn inputs_table() -> String {
    let mut text = "| input | variable | what it is for | when it is not given | commands |\n|---|---|---|---|---|\n"
        .to_owned();
    for input in INPUTS {
        let names: Vec<_> = input
            .commands
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let mut commands = match (names.is_empty(), input.reader) {
            (_, Reader::Bootstrap) => "the Action".to_owned(),
            (true, _) => "all".to_owned(),
            (false, _) => names.join(", "),
        };
        if !input.is_of_action {
            commands += "; not in the Action";
        }
        let default = match (input.in_action, input.default) {
            ("", words) => words.to_owned(),
            (given, "") => format!("in the Action `{given}`"),
            (given, words) => format!("in the Action `{given}`, else {words}"),
        };
        text += &line(&[
            &format!("`{}`", input.name),
            &format!("`{}`", input.variable),
            input.what,
            &default,
            &commands,
        ]);
    }
    text
}

pub(super) fn outputs_table() -> String {
    let mut text = "| output | what it is |\n|---|---|\n".to_owned();
    for (name, what) in OUTPUTS {
        text += &line(&[&format!("`{name}`"), what]);
    }
    text
}

/// The inputs of action.yml.
pub(super) fn action_inputs() -> String {
    let mut text = String::new();
    for input in INPUTS.iter().filter(|input| input.is_of_action) {
        let mut what = input.what.to_owned();
        if !input.default.is_empty() {
            let _ = write!(what, " Default: {}.", input.default);
        }
        if !input.commands.is_empty() {
            let _ = write!(what, " For {}.", input.commands.join(", "));
        }
        let _ = writeln!(text, "{}:\n  description: {}", input.name, scalar(&what));
        if !input.in_action.is_empty() {
            let _ = writeln!(text, "  default: {}", input.in_action);
        }
    }
    text
}

/// The outputs of action.yml: what the cleaning up says goes before what the run that it cleaned up after said.
pub(super) fn action_outputs() -> String {
    let mut text = String::new();
    for (name, what) in OUTPUTS {
        let value = format!("${{{{ steps.finish.outputs.{name} || steps.run.outputs.{name} }}}}");
        let _ = writeln!(
            text,
            "{name}:\n  description: {}\n  value: {value}",
            scalar(what)
        );
    }
    text
}

/// The variables of a step of action.yml.
pub(super) fn action_variables(takes: impl Fn(&Input) -> bool) -> String {
    let mut text = String::new();
    let takes = |input: &&Input| input.is_of_action && takes(input);
    for input in INPUTS.iter().filter(takes) {
        let _ = writeln!(text, "{}: ${{{{ inputs.{} }}}}", input.variable, input.name);
    }
    text
}

/// A text of YAML in double quotes, which JSON's are.
fn scalar(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A row of a table; a bar would end a cell.
fn line(cells: &[&str]) -> String {
    let mut text = "|".to_owned();
    for cell in cells {
        let _ = write!(text, " {} |", cell.replace('|', "\\|"));
    }
    text.push('\n');
    text
}
