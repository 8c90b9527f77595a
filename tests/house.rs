//! The rules of the house that a compiler does not keep: who may name what, and that the tests named in prose exist.

#[path = "../crates/local-aws/tests/support/imports.rs"]
mod imports;
#[path = "../crates/local-aws/tests/support/sources.rs"]
mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bg_deploy::cli::Cli;
use clap::CommandFactory as _;
use imports::Imports;
use sources::Source;

/// The rooms of the deployer from the bottom up. What stands on one floor names only what stands on lower ones.
const FLOORS: &[&[&str]] = &[
    &["cause", "names", "random", "secret", "text", "tls"],
    &["command_line", "http_client"],
    &["id_token"],
    &["aws", "config", "outcome", "probe", "runbook"],
    &["bake", "faults", "github", "lease", "scale_in", "stack"],
    &["cli", "inventory"],
    &["inputs", "plan"],
    &["kept", "preflight"],
    &["history", "prepare", "run"],
    &["standing", "timer"],
    &["guard"],
    &["report", "steps"],
    &["policy"],
    &["provision"],
    &["destroy"],
    &["announce", "doctor", "ending", "reconcile"],
    &["deploy", "finish", "prove_live", "rollback", "status"],
    &["calibrate", "verify"],
    &["commands"],
];

#[test]
fn every_import_of_the_deployer_leads_down() {
    let imports = Imports::of(&root().join("src"));
    assert_eq!(imports.against(&[], FLOORS), [""; 0]);
}

#[test]
fn no_two_files_need_each_other() {
    for folder in ["src", "crates/net-clock/src"] {
        let imports = Imports::of(&root().join(folder));
        assert_eq!(imports.between_siblings().circles(), [""; 0], "{folder}");
    }
}

#[test]
fn a_planted_circle_and_a_planted_way_up_are_found() {
    let house = |soak: &str, watch: &str| {
        let texts = [
            ("", "mod names;\nmod steps;\n"),
            ("names", "use std::fmt;\n"),
            (
                "steps",
                "mod soak;\nmod watch;\npub use watch::{self, Watch};\n",
            ),
            ("steps::soak", soak),
            ("steps::watch", watch),
        ];
        let module = |path: &str| path.split_terminator("::").map(str::to_owned).collect();
        let texts = texts.map(|(path, text)| (module(path), text.to_owned()));
        Imports::of_texts(BTreeMap::from(texts))
    };
    let floors: &[&[&str]] = &[&["names"], &["steps"]];
    let (soak, watch) = (
        "use crate::{names, steps::Watch};\n",
        "use crate::names::{self, Colour};\n",
    );
    let sound = house(soak, watch);
    assert_eq!(sound.between_siblings().circles(), [""; 0]);
    assert_eq!(sound.against(&[], floors), [""; 0]);

    // One of its arrows passes through a name that the folder passes on, the other stands in the middle of code.
    for back in [
        "use super::soak::Soak;\n",
        "fn f() { super::soak::hold() }\n",
    ] {
        let circle = house(soak, back).between_siblings().circles();
        assert_eq!(circle, ["steps::soak, steps::watch"], "{back}");
    }
    // What is said in a comment, or needed by tests alone, is no arrow.
    for none in [
        "// use super::soak::Soak;\n",
        "#[cfg(test)]\nmod tests {\n    use super::super::soak;\n}\n",
    ] {
        let circles = house(soak, none).between_siblings().circles();
        assert_eq!(circles, [""; 0], "{none}");
    }

    let upside_down: &[&[&str]] = &[&["steps"], &["names"]];
    assert_eq!(
        sound.against(&[], upside_down),
        ["steps::soak names names", "steps::watch names names"]
    );
    let one: &[&[&str]] = &[&["steps", "plan"]];
    assert_eq!(
        sound.against(&[], one),
        [
            "plan is on a floor, and not there",
            "names stands on no floor"
        ]
    );
    // Rooms of a room.
    let aside: &[&[&str]] = &[&["soak", "watch"]];
    assert_eq!(
        sound.against(&["steps"], aside),
        ["steps::soak names steps::watch"]
    );
}

/// Beyond this a file has more than one job, or says at its head why it has not.
const LONGEST: usize = 400;
const WHY_LONGER: &str = "//! Longer than most: ";

#[test]
fn no_file_is_long_without_saying_why() {
    let mut found = Vec::new();
    for (file, text) in rust_files() {
        let lines = text.lines().count();
        let head = text.lines().take_while(|line| line.starts_with("//!"));
        let says_why = head.into_iter().any(|line| line.starts_with(WHY_LONGER));
        if (lines > LONGEST) != says_why {
            found.push(format!("{file}: {lines} lines, reason given: {says_why}"));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_aws_names_types_of_the_sdk() {
    let strays = naming(&["aws_sdk_", "aws_config", "aws_smithy_"], |file| {
        file.starts_with("src/aws/")
    });
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn only_github_names_octocrab() {
    let strays = naming(&["octocrab"], |file| file == "src/github.rs");
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn only_the_http_client_names_reqwest() {
    let strays = naming(&["reqwest"], |file| file.starts_with("src/http_client"));
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn nobody_but_its_commands_knows_of_the_local_cloud() {
    let strays = naming(&["local_aws::"], |file| {
        file.starts_with("crates/local-aws/")
            || file.starts_with("src/commands/rehearse/")
            // What a recording is held against.
            || file.starts_with("src/commands/calibrate/")
            // What a rehearsal can have go wrong.
            || file == "src/faults.rs"
            || matches!(
                file,
                // Whose clock it asks.
                "src/commands/clock.rs"
                    | "src/commands/local_aws.rs"
                    // Calls that command.
                    | "src/commands/mod.rs"
                    | "src/commands/sample_app.rs"
                    // The architecture page links to it.
                    | "src/lib.rs"
            )
    });
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn what_a_person_is_to_type_is_written_in_one_place() {
    // What is told a test is no suggestion.
    let told: Vec<_> = rust_files()
        .into_iter()
        .map(|(file, text)| match text.split_once("#[cfg(test)]") {
            Some((told, _)) => (file, told.to_owned()),
            None => (file, text),
        })
        .collect();
    let cli = Cli::command();
    let mut words: Vec<_> = cli
        .get_subcommands()
        .map(|command| format!("bg-deploy {} --", command.get_name()))
        .collect();
    for service in ["elbv2", "autoscaling", "ec2", "ssm", "s3", "sts"] {
        words.push(format!("aws {service} "));
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let strays = sources::naming(&words, &told, |file| {
        let is_fixture = ["/stories/", "/hostile/", "tests"].map(|part| file.contains(part));
        let may = matches!(file, "src/command_line.rs" | "src/cli.rs");
        file.starts_with("src/") && !may && !is_fixture.contains(&true)
    });
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn a_plan_and_the_account_do_no_io() {
    let io = [
        "tokio::",
        "std::fs",
        "std::net::Tcp",
        "std::process",
        "SystemTime::now",
        "Instant::now",
    ];
    for pure in ["src/plan/", "crates/local-aws/src/account/"] {
        let is_there = rust_files().iter().any(|(file, _)| file.starts_with(pure));
        assert!(is_there, "there is no {pure}");
        let strays = naming(&io, |file| !file.starts_with(pure));
        assert!(strays.is_empty(), "{strays:#?}");
    }
}

#[test]
fn every_test_that_prose_names_exists() {
    let sources: String = rust_files().into_iter().map(|(_, text)| text).collect();
    for document in ["src/lib.rs", ".github/CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(document)).expect(document);
        let sentences: Vec<_> = text.split('`').filter(|word| is_sentence(word)).collect();
        assert!(!sentences.is_empty(), "{document} names no test");
        for name in sentences {
            let defined = format!("fn {name}()");
            assert!(sources.contains(&defined), "{document} names {name}");
        }
    }
}

/// Whether this is the name of a test: words with underscores, enough of them for a sentence.
fn is_sentence(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.chars().all(plain) && word.matches('_').count() >= 4
}

/// Lines of our own sources with one of these words, in files that may not have them.
fn naming(words: &[&str], may: impl Fn(&str) -> bool) -> Vec<String> {
    sources::naming(words, &rust_files(), |file| is_source(file) && !may(file))
}

fn is_source(file: &str) -> bool {
    file.starts_with("src/") || (file.starts_with("crates/") && file.contains("/src/"))
}

/// Every source and test, with its path in the repository.
fn rust_files() -> Vec<Source> {
    let of = |folder: &str| {
        let files = sources::below(&root().join(folder)).into_iter();
        let named = |(file, text)| (format!("{folder}/{file}"), text);
        files.map(named).collect::<Vec<_>>()
    };
    let files = ["src", "tests", "crates"].map(of).concat();
    assert!(files.len() > 100, "only {} files", files.len());
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
