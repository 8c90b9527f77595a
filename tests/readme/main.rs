//! What README.md and docs/ say about steps, exit codes, faults, commands, inputs, outputs and keys is made from the code;
//! so are the inputs, the outputs and the variables of action.yml. Links lead somewhere, and configs that are shown are some.
//!
//! `BGD_UPDATE_GOLDEN=1 cargo test --test readme` writes what is made from the code anew.

mod links;
mod tables;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bg_deploy::cli::{Cli, Command};
use bg_deploy::config;
use bg_deploy::inputs::table::Reader;
use clap::Parser as _;

#[test]
fn what_is_generated_is_as_the_code_has_it() {
    let parts = [
        ("steps", tables::steps_table()),
        ("rollback-steps", tables::rollback_steps()),
        ("exit-codes", tables::exit_codes()),
        ("faults", tables::faults()),
        ("commands", tables::commands()),
        ("inputs", tables::inputs_table()),
        ("outputs", tables::outputs_table()),
        ("config", config::reference_markdown()),
    ];
    // Each in the document that has its mark, whichever that is.
    for (name, text) in parts {
        let document = document_with(name);
        hold(&document, |name| format!("<!-- {name} -->"), [(name, text)]);
    }
}

#[test]
fn every_mark_stands_once_and_means_something() {
    // The commands that .ci/run takes from README.md.
    assert_eq!(document_with("rehearse"), "README.md");
    assert_eq!(document_with("test"), "README.md");
    let known = BTreeSet::from([
        "broken",
        "commands",
        "config",
        "exit-codes",
        "faults",
        "inputs",
        "outputs",
        "rehearse",
        "rollback-steps",
        "steps",
        "test",
    ]);
    for (document, text) in documents() {
        for rest in text.split("<!-- ").skip(1) {
            let (name, _) = rest.split_once(" -->").expect("the end of a mark");
            let name = name.strip_prefix('/').unwrap_or(name);
            assert!(known.contains(name), "{document}: nothing makes {name:?}");
        }
    }
}

/// The one document with the mark of this name.
fn document_with(name: &str) -> String {
    for mark in [format!("<!-- {name} -->"), format!("<!-- /{name} -->")] {
        let places: Vec<_> = documents()
            .into_iter()
            .flat_map(|(document, text)| {
                text.match_indices(&mark)
                    .map(|_| document.clone())
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(places.len(), 1, "{mark} stands not once but in {places:?}");
    }
    documents()
        .into_iter()
        .find(|(_, text)| text.contains(&format!("<!-- {name} -->")))
        .map(|(document, _)| document)
        .expect("it was found before")
}

/// README.md and all of docs/, by their paths.
fn documents() -> Vec<(String, String)> {
    let mut paths = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).expect("docs/") {
        let name = entry.expect("an entry").file_name();
        paths.push(format!("docs/{}", name.to_string_lossy()));
    }
    paths.sort();
    assert!(paths.len() > 5, "{paths:?}");
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(root().join(&path)).expect(&path);
            (path, text)
        })
        .collect()
}

#[test]
fn the_action_s_inputs_outputs_and_variables_are_as_the_code_has_them() {
    let parts = [
        ("inputs", tables::action_inputs()),
        ("outputs", tables::action_outputs()),
        ("env", tables::action_variables(|_| true)),
        (
            "env-of-finish",
            // It has its binary already.
            tables::action_variables(|input| match input.reader {
                Reader::Bootstrap => input.name == "working-directory",
                _ => input.is_of("finish"),
            }),
        ),
    ];
    hold("action.yml", |name| format!("# {name}\n"), parts);
}

/// Fails unless the file has these texts between their marks, or puts them there.
fn hold<const N: usize>(file: &str, mark: impl Fn(&str) -> String, parts: [(&str, String); N]) {
    let path = root().join(file);
    let mut whole = std::fs::read_to_string(&path).expect(file);
    for (name, text) in parts {
        let (from, to) = between(&whole, &mark(name), &mark(&format!("/{name}")));
        let text = if file.ends_with(".md") {
            // A blank line on both sides, or some renderers take the table for the comment's.
            format!("\n\n{}\n\n", text.trim_end())
        } else {
            let indent = &whole[whole[..from].trim_end().rfind('\n').unwrap_or(0)..from];
            let indent: String = indent.chars().skip(1).take_while(|c| *c == ' ').collect();
            let lines = text.lines().map(|line| format!("{indent}{line}\n"));
            lines.collect::<String>() + &indent
        };
        if whole[from..to] == text {
            continue;
        }
        assert!(
            updating(),
            "{file}, {name}: not as the code has it; run: BGD_UPDATE_GOLDEN=1 cargo test --test readme\n\
             --- {file} ---{}--- the code ---{text}",
            &whole[from..to]
        );
        whole.replace_range(from..to, &text);
    }
    if updating() {
        std::fs::write(&path, &whole).expect("writing it");
    }
}

#[test]
fn every_config_that_is_shown_is_one() {
    let readme = fenced(&readme(), "```toml");
    assert!(
        readme[0].lines().count() <= 4,
        "README.md promises four lines"
    );
    let mut seen = 0;
    for (document, text) in documents() {
        for config in fenced(&text, "```toml") {
            seen += 1;
            let loaded = loaded(&config);
            assert!(loaded.is_ok(), "{document}: {loaded:?}\n{config}");
        }
    }
    assert!(seen >= 2, "README.md and the quickstart show one each");
}

/// What is made of a config beside the artifact that it names.
fn loaded(text: &str) -> anyhow::Result<config::Config> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bg-deploy.toml");
    std::fs::write(&file, text).expect("writing the config");
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
    Ok(config::load(&inputs)?)
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

/// Where the text between these marks begins and ends.
fn between(text: &str, opening: &str, closing: &str) -> (usize, usize) {
    let from = text.find(opening).expect("the mark that opens") + opening.len();
    let length = text[from..].find(closing).expect("the mark that closes");
    (from, from + length)
}

/// The blocks of a document that are fenced like this.
fn fenced(document: &str, opening: &str) -> Vec<String> {
    let blocks = document.split(opening).skip(1);
    blocks
        .map(|rest| {
            let (text, _) = rest.split_once("```").expect("its end");
            text.trim_start().to_owned()
        })
        .collect()
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
