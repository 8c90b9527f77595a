//! The rules of the house that a compiler does not keep: who may name what, and that the tests named in prose exist.

use std::fs;
use std::path::{Path, PathBuf};

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
fn nobody_but_its_commands_knows_of_the_local_cloud() {
    let strays = naming(&["rehearsal::"], |file| {
        file.starts_with("src/rehearsal/")
            || matches!(
                file,
                "src/commands/rehearse.rs"
                    | "src/commands/local_aws.rs"
                    | "src/commands/sample_app.rs"
                    // The architecture page links to it.
                    | "src/lib.rs"
            )
    });
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn a_plan_and_the_account_do_no_io() {
    let pure = |file: &str| file == "src/plan.rs" || file.starts_with("src/rehearsal/account/");
    let io = [
        "tokio::",
        "std::fs",
        "std::net::Tcp",
        "std::process",
        "SystemTime::now",
        "Instant::now",
    ];
    let strays = naming(&io, |file| !pure(file));
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn every_test_that_prose_names_exists() {
    let sources: String = rust_files()
        .iter()
        .map(|file| fs::read_to_string(root().join(file)).expect("a source"))
        .collect();
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
    let mut found = Vec::new();
    for file in rust_files() {
        if !file.starts_with("src/") || may(&file) {
            continue;
        }
        let text = fs::read_to_string(root().join(&file)).expect("a source");
        for (index, line) in text.lines().enumerate() {
            let comment = line.trim_start().starts_with("//");
            if !comment && words.iter().any(|word| line.contains(word)) {
                found.push(format!("{file}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    found
}

/// Every source and test, relative to the repository, with slashes.
fn rust_files() -> Vec<String> {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        collect(&root().join(folder), &mut files);
    }
    assert!(files.len() > 100, "only {} files", files.len());
    files
}

fn collect(folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let relative = path.strip_prefix(root()).expect("below the root");
            files.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
