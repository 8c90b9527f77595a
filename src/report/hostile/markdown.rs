//! Markdown, read again: what it is made of, and what GitHub would look for in its text.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::check;

/// What GitHub's Markdown knows, and more.
const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_MATH)
    .union(Options::ENABLE_GFM);

/// Whether a document is made of the same as `harmless`, and nothing in its text is more than text.
pub(super) fn same(document: &str, harmless: &Parts) -> Result<(), String> {
    let Parts { made, texts } = parts(document);
    let expected = &harmless.made;
    if made != *expected {
        let at = made.iter().zip(expected).position(|(a, b)| a != b);
        let at = at.unwrap_or(made.len().min(expected.len()));
        let (a, b) = (made.get(at), expected.get(at));
        return Err(format!("Markdown of {a:?} and not {b:?} in:\n{document}"));
    }
    for text in texts {
        is_text(&text)?;
    }
    match open_parts(document) {
        Some(open) => Err(format!("{open} is left open")),
        None => Ok(()),
    }
}

/// What a document is made of, without the texts; and the texts that GitHub looks into.
pub(super) struct Parts {
    made: Vec<String>,
    texts: Vec<String>,
}

impl Parts {
    /// What it is made of, for a table: a cell may be a code span or a text.
    pub(super) fn cells(&self) -> &[String] {
        &self.made
    }
}

/// Reads a document.
pub(super) fn parts(document: &str) -> Parts {
    let (mut made, mut texts) = (Vec::new(), vec![String::new()]);
    let mut is_code = false;
    for event in Parser::new_ext(document, OPTIONS) {
        match event {
            Event::Text(text) if !is_code => {
                if let Some(last) = texts.last_mut() {
                    last.push_str(&text);
                }
            }
            // What is in code is what it is; a code span instead of a text is no more than that.
            Event::Text(_) | Event::Code(_) => {}
            // A fence of ours has more backticks when the text has many; what it is called is ours.
            Event::Start(Tag::CodeBlock(kind)) => {
                is_code = true;
                let name = match &kind {
                    CodeBlockKind::Fenced(name) => name,
                    CodeBlockKind::Indented => "indented",
                };
                made.push(format!("code {name}"));
            }
            Event::End(TagEnd::CodeBlock) => is_code = false,
            other => {
                // How many lines were left out is no matter.
                let other = format!("{other:?}");
                made.push(other.split(|c: char| c.is_ascii_digit()).collect());
                texts.push(String::new());
            }
        }
    }
    Parts { made, texts }
}

/// Nothing in it is a mention, a reference, a link or an emoji for GitHub.
fn is_text(text: &str) -> Result<(), String> {
    let chars: Vec<char> = text.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        let otherwise = match c {
            '@' if next.is_alphanumeric() => "a mention",
            '#' if next.is_ascii_digit() => "a reference",
            ':' if next == '/' && chars.get(at + 2) == Some(&'/') => "a link",
            _ => continue,
        };
        return Err(format!("{otherwise} in {text:?}"));
    }
    let lower = text.to_lowercase();
    check(!lower.contains("www."), &format!("a link in {text:?}"))
}

/// Which fold or fence a document leaves open, by GitHub's rule that each is closed on a line of its own.
pub(super) fn open_parts(document: &str) -> Option<&'static str> {
    let mut fence: Option<usize> = None;
    let mut folds = 0;
    for line in document.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(length) if ticks >= length && line.trim_matches('`').is_empty() => fence = None,
            Some(_) => {}
            None if ticks >= 3 => fence = Some(ticks),
            None if line.starts_with("<details>") => folds += 1,
            None if line == "</details>" => folds -= 1,
            None => {}
        }
    }
    match (fence, folds) {
        (Some(_), _) => Some("a fence"),
        (None, 0) => None,
        (None, _) => Some("a fold"),
    }
}

#[test]
fn the_check_sees_what_is_not_escaped() {
    for (nasty, harmless) in [
        ("@octocat", "octocat"),
        ("see #12", "see 12"),
        ("https://evil.example", "evil"),
        ("www.evil.example", "evil"),
        ("[x](javascript:alert(1))", "x"),
        ("![x](http://t/p.png)", "x"),
        ("<b>x", "x"),
        ("a **b**", "a b"),
        ("~~no~~", "no"),
        ("# x", "x"),
        ("- x", "x"),
        ("<!-- x -->", "x"),
        ("$x$", "x"),
        ("```\nx", "```\nx\n```"),
        ("<details>\n\nx", "x"),
    ] {
        assert!(same(nasty, &parts(harmless)).is_err(), "{nasty}");
        assert_eq!(same(harmless, &parts(harmless)), Ok(()));
    }
}
