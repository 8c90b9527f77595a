//! Every link from one document to another, or to a heading, leads somewhere. Those to other servers are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::root;

#[test]
fn every_link_and_anchor_leads_somewhere() {
    let documents = documents();
    let names: Vec<_> = documents
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    for known in [
        "README.md",
        "SECURITY.md",
        ".github/CONTRIBUTING.md",
        "docs/action.md",
    ] {
        assert!(names.iter().any(|name| name == known), "{names:?}");
    }
    let read: BTreeMap<_, _> = documents
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(root().join(path)).expect("a document");
            (path.clone(), Read::from(&text))
        })
        .collect();
    let (mut links, mut anchors, mut dead) = (0, 0, Vec::new());
    for (document, text) in &read {
        for link in text.links.iter().filter(|link| !link.contains("://")) {
            links += 1;
            let (file, anchor) = match link.split_once('#') {
                Some((file, anchor)) => (file, Some(anchor)),
                None => (link.as_str(), None),
            };
            let target = match file {
                "" => document.clone(),
                file => joined(document, file),
            };
            let leads = match (anchor, read.get(&target)) {
                (None, _) => root().join(&target).exists(),
                (Some(anchor), Some(text)) => text.anchors.contains(anchor),
                // Line numbers and the like: nobody holds them.
                (Some(_), None) => false,
            };
            anchors += usize::from(anchor.is_some());
            if !leads {
                dead.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(
        links > 40 && anchors > 10,
        "{links} links, {anchors} anchors: they are not read"
    );
    assert!(dead.is_empty(), "these lead nowhere: {dead:#?}");
}

#[test]
fn an_anchor_is_made_of_a_heading_as_github_makes_it() {
    let text = "# `bg-deploy.toml`\n\n## What, and why?\n\n## Twice\n\n## Twice\n\n#### `[[smoke]]`\n\n[a](#b)\n\n`[c](d)`\n";
    let read = Read::from(text);
    let wanted = ["bg-deploytoml", "what-and-why", "twice", "twice-1", "smoke"];
    assert_eq!(read.anchors, BTreeSet::from(wanted.map(str::to_owned)));
    assert_eq!(read.links, ["#b"]);
}

/// Every document that GitHub shows, by its path in the repository.
fn documents() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().expect("a kind");
            let skipped = ["target", ".git"]
                .iter()
                .any(|name| path == Path::new(name));
            // Golden files are what a report says, not what a reader follows.
            if kind.is_dir() && !skipped && !path.ends_with("golden") {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|ending| ending == "md") {
                found.insert(path);
            }
        }
    }
    found
}

/// Where a document's links go, and what can be linked to in it.
struct Read {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

impl Read {
    fn from(text: &str) -> Self {
        let (mut links, mut anchors) = (Vec::new(), BTreeSet::new());
        let mut heading: Option<String> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. }) => links.push(dest_url.into_string()),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    let again = (1..).map(|time| format!("{slug}-{time}"));
                    let mut names = std::iter::once(slug.clone()).chain(again);
                    let free = names.find(|name| !anchors.contains(name));
                    anchors.extend(free);
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        Self { links, anchors }
    }
}

/// What GitHub makes of a heading: small letters, hyphens for spaces, and nothing else but digits, `-` and `_`.
fn slug(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}

/// Where a link in this document leads to, from the repository's root on.
fn joined(document: &Path, link: &str) -> PathBuf {
    let mut path = document.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(link) {
        if part == ".." {
            path.pop();
        } else if part != "." {
            path.push(part);
        }
    }
    path
}
