//! Each form that `crate::text` knows, attacked by itself.

use super::{check, console, markdown};
use crate::text;

/// Whether a text takes effect in none of the forms.
pub(super) fn holds(foreign: &str) -> Result<(), String> {
    plain(foreign)?;
    log(foreign)?;
    in_markdown(foreign)?;
    others(foreign)
}

fn plain(foreign: &str) -> Result<(), String> {
    let line = text::one_line(foreign);
    check(line.chars().count() <= 600, "a line that is too long")?;
    check(
        text::one_line(&line) == line,
        "a line that is not plain yet",
    )?;
    check(
        line.is_empty() || text::columns(&text::fit(&line, 20)) <= 20,
        "more columns than there are",
    )?;
    let (lines, _) = text::tail(foreign);
    let texts = [
        text::marked(foreign, 60),
        text::quoted(foreign),
        text::shell_word(foreign),
    ];
    for text in lines.iter().chain(&texts).chain([&line]) {
        is_calm(text)?;
    }
    match text::link(foreign) {
        Some(link) => check(
            !link.contains([' ', '"', '\'', '<', '>', '|', '(', ')', '[', ']', '`']),
            "a link that can be ended early",
        ),
        None => Ok(()),
    }
}

/// What the runner reads, and a terminal.
fn log(foreign: &str) -> Result<(), String> {
    let lines = text::for_terminal(foreign);
    for text in [text::for_log(foreign), lines.clone()] {
        check(console::commands(&text).is_empty(), "a command in a log")?;
        check(
            !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t'),
            "a control character in a log",
        )?;
    }
    let breaks = |text: &str| text.matches('\n').count();
    check(breaks(&lines) == breaks(foreign), "another number of lines")?;
    let command = text::workflow_command("notice", Some(foreign), foreign);
    let commands = console::commands(&command);
    check(commands == [command.clone()], "not one command")?;
    let property = command.split("::").nth(1).unwrap_or_default();
    check(
        property.starts_with("notice title=") && !property.contains(','),
        "a property that begins another one",
    )?;
    let file = format!(
        "{}{}",
        text::output("release", foreign, "bgd-x"),
        text::output("result", "deployed", "bgd-x")
    );
    let read = super::parse(&file);
    let names: Vec<&str> = read.iter().map(|(name, _)| name.as_str()).collect();
    check(names == ["release", "result"], "another output")?;
    check(read[1].1 == "deployed", "another result")
}

fn in_markdown(foreign: &str) -> Result<(), String> {
    let is_empty = text::one_line(foreign).is_empty();
    let inline = text::markdown(foreign);
    let harmless = if is_empty { "a  b" } else { "a x b" };
    markdown::same(&format!("a {inline} b"), &markdown::parts(harmless))?;
    let (row, rows) = ("| a | b |\n|---|---|\n", "| x | x |\n");
    let table = format!("{row}| {inline} | {} |\n", text::code(foreign));
    let harmless = format!("{row}{rows}");
    let (made, expected) = (markdown::parts(&table), markdown::parts(&harmless));
    check(made.cells() == expected.cells(), "another cell in a table")?;
    let fenced = text::fenced(&[foreign.to_owned()]);
    markdown::same(&fenced, &markdown::parts("```text\nx\n```\n"))
}

fn others(foreign: &str) -> Result<(), String> {
    let slack = text::slack(foreign, 80);
    check(slack.chars().count() <= 80, "more than Slack takes")?;
    check(
        !["<", ">", "```", "]("]
            .iter()
            .any(|active| slack.contains(active)),
        "something that is active in Slack",
    )?;
    let document = serde_json::json!({ foreign: [foreign] });
    let printed = text::for_json(&format!("{document:#}"));
    check(console::commands(&printed).is_empty(), "a command in JSON")?;
    check(
        !printed.contains(|c: char| c.is_control() && c != '\n'),
        "a control character in JSON",
    )?;
    let read: Result<serde_json::Value, _> = serde_json::from_str(&printed);
    check(read.is_ok_and(|read| read == document), "other JSON")
}

/// Nothing in it moves a cursor or turns text around.
fn is_calm(text: &str) -> Result<(), String> {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    check(!text.contains(steers), &format!("what steers, in {text:?}"))
}
