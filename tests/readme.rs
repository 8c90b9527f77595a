//! What README.md says about steps, exit codes, faults, commands and keys is made from the code.
//!
//! `BGD_UPDATE_GOLDEN=1 cargo test --test readme` writes it anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bg_deploy::cli::{Cli, Command, Fault};
use bg_deploy::config;
use bg_deploy::outcome::EXIT_CODES;
use bg_deploy::rehearsal::stage;
use bg_deploy::run::event::Zone;
use bg_deploy::steps;
use clap::{CommandFactory as _, Parser as _, ValueEnum as _};

#[test]
fn what_is_generated_is_as_the_code_has_it() {
    let mut readme = readme();
    for (name, text) in [
        ("steps", steps_table()),
        ("exit-codes", exit_codes()),
        ("faults", faults()),
        ("commands", commands()),
        ("config", config::reference_markdown()),
    ] {
        let (from, to) = between(&readme, name);
        // A blank line on both sides, or some renderers take the table for the comment's.
        let text = format!("\n\n{}\n\n", text.trim_end());
        if readme[from..to] == text {
            continue;
        }
        assert!(
            updating(),
            "README.md, {name}: not as the code has it; run: BGD_UPDATE_GOLDEN=1 cargo test --test readme\n\
             --- README.md ---{}--- the code ---{text}",
            &readme[from..to]
        );
        readme.replace_range(from..to, &text);
    }
    if updating() {
        std::fs::write(root().join("README.md"), &readme).expect("writing README.md");
    }
}

#[test]
fn the_config_that_it_shows_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = fenced(&readme(), "```toml");
    let file = folder.path().join("bg-deploy.toml");
    std::fs::write(&file, &text).expect("writing the config");
    let dist = folder.path().join("dist");
    std::fs::create_dir(&dist).expect("the artifact's folder");
    let program = dist.join("hello");
    std::fs::write(&program, "#!/bin/sh\n").expect("the artifact");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, executable).expect("its mode");
    }
    let inputs = bg_deploy::inputs::Inputs {
        config: Some(bg_deploy::inputs::Given::new(
            "--config",
            file.display().to_string(),
        )),
        ..Default::default()
    };
    let config = config::load(&inputs);
    assert!(config.is_ok(), "{config:?}\n{text}");
    assert!(text.lines().count() <= 4, "four lines are promised");
}

#[test]
fn the_speed_that_it_tells_is_the_default() {
    let cli = Cli::try_parse_from(["bg-deploy", "rehearse"]).expect("a command");
    let Command::Rehearse(rehearse) = cli.command else {
        unreachable!("asked for rehearse");
    };
    let told = format!("divided by {} (`--speed`)", rehearse.speed);
    assert!(readme().contains(&told), "README.md does not say {told:?}");
}

#[test]
fn every_file_that_it_links_to_exists() {
    for document in ["README.md", "CHANGELOG.md", ".github/CONTRIBUTING.md"] {
        let path = root().join(document);
        let text = std::fs::read_to_string(&path).expect(document);
        let links = text.split("](").skip(1).filter_map(|rest| {
            let (target, _) = rest.split_once(')')?;
            let (file, _) = target.split_once('#').unwrap_or((target, ""));
            (!file.is_empty() && !file.contains("://")).then_some(file)
        });
        for link in links {
            let folder = path.parent().expect("a folder");
            assert!(folder.join(link).exists(), "{document} links to {link}");
        }
    }
}

/// The step table, with what undoes each step.
fn steps_table() -> String {
    let mut text = "| zone | step | what it does | undone by | calls that change something |\n|---|---|---|---|---|\n"
        .to_owned();
    for step in steps::TABLE {
        let zone = match step.zone {
            Zone::Prepare => "prepare",
            Zone::Commit => "commit",
            Zone::Finish => "finish",
        };
        let undo = match (step.zone, step.undo, step.calls) {
            (Zone::Finish, ..) => "forward only",
            (_, "", []) => "changes nothing",
            (_, "", _) => "not undone",
            (_, undo, _) => undo,
        };
        let calls: Vec<_> = step.calls.iter().map(|call| format!("`{call}`")).collect();
        let row = [zone, step.name, step.does, undo, &calls.join(", ")];
        text += &line(&row);
    }
    text
}

fn exit_codes() -> String {
    let mut text = "| code | meaning |\n|---|---|\n".to_owned();
    for (code, meaning) in EXIT_CODES {
        text += &line(&[&code.to_string(), meaning]);
    }
    text
}

/// Every fault, and how a rehearsal with it has to end.
fn faults() -> String {
    let mut text =
        "| `--fault` | what goes wrong | ends with | because |\n|---|---|---|---|\n".to_owned();
    for fault in Fault::value_variants() {
        let value = fault.to_possible_value().expect("no fault is hidden");
        let what = value.get_help().expect("every fault is explained");
        let expected = stage::expected(*fault);
        let (_, ending) = EXIT_CODES[usize::from(expected.exit_code)];
        let ending = ending.split([',', ':']).next().unwrap_or(ending);
        text += &line(&[
            &format!("`{}`", value.get_name()),
            &what.to_string(),
            &format!("{}, {ending}", expected.exit_code),
            expected.why,
        ]);
    }
    text
}

fn commands() -> String {
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

/// A row of a table; a bar would end a cell.
fn line(cells: &[&str]) -> String {
    let mut text = "|".to_owned();
    for cell in cells {
        let _ = write!(text, " {} |", cell.replace('|', "\\|"));
    }
    text.push('\n');
    text
}

/// Where the text between `<!-- NAME -->` and `<!-- /NAME -->` begins and ends.
fn between(readme: &str, name: &str) -> (usize, usize) {
    let opening = format!("<!-- {name} -->");
    let closing = format!("<!-- /{name} -->");
    let from = readme.find(&opening).expect("the marker that opens") + opening.len();
    let length = readme[from..]
        .find(&closing)
        .expect("the marker that closes");
    (from, from + length)
}

/// The first block of the readme that is fenced like this.
fn fenced(readme: &str, opening: &str) -> String {
    let (_, rest) = readme.split_once(opening).expect("such a block");
    let (text, _) = rest.split_once("```").expect("its end");
    text.trim_start().to_owned()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("README.md")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told so by whoever runs them"
)]
fn updating() -> bool {
    std::env::var("BGD_UPDATE_GOLDEN").is_ok()
}
