//! A crate's Rust files, and their lines that name what they must not. The deployer's tests use this file, too.

use std::fs;
use std::path::Path;

/// A file: its path below the folder that was read, with slashes, and its text.
pub(crate) type Source = (String, String);

/// Every `.rs` file below `folder`.
pub(crate) fn below(folder: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    collect(folder, "", &mut sources);
    sources
}

fn collect(folder: &Path, path: &str, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        let path = match path {
            "" => name,
            path => format!("{path}/{name}"),
        };
        if entry.path().is_dir() {
            collect(&entry.path(), &path, sources);
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).expect("a source");
            sources.push((path, text));
        }
    }
}

/// Lines with one of these words that are no comments, in files that must not have them.
pub(crate) fn naming(
    words: &[&str],
    sources: &[Source],
    must_not: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources.iter().filter(|(file, _)| must_not(file)) {
        for (index, line) in text.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            if !is_comment && words.iter().any(|word| line.contains(word)) {
                found.push(format!("{file}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    found
}
