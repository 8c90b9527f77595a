//! A terminal, and the log of a job: nothing moves a cursor, and no line is a command to the runner.
//!
//! Guarantees: a width is never too small, so no line of a terminal wraps that was fitted to it.

use unicode_width::UnicodeWidthChar as _;

use super::plain::{one_line, visible};

/// As part of a line on a terminal or in a job's log, where the runner looks for commands.
pub fn for_log(foreign: &str) -> String {
    let text = one_line(foreign).replace("##[", "## [");
    if text.starts_with("::") {
        format!("| {text}")
    } else {
        text
    }
}

/// Lines for a terminal or a job's log, as they are but for what would steer the one or be a command to the runner of
/// the other. Its length is not bounded.
pub fn for_terminal(text: &str) -> String {
    // The runner ends a line at these, whatever a terminal does.
    let lines = text.split('\n').map(|line| {
        let line = visible(line.chars()).replace("##[", "## [");
        if line.trim_start().starts_with("::") {
            format!("| {line}")
        } else {
            line
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How many columns a text takes on a terminal.
pub fn columns(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// At most `most` columns of a text.
pub fn fit(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += width_of(c);
        if used > most {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

/// Character by character: where a terminal joins several into one, this is more than it takes, and never less.
fn width_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::nasty::NASTY;
    use super::*;

    #[test]
    fn no_foreign_line_is_a_workflow_command() {
        for nasty in NASTY {
            for text in [for_log(nasty), for_terminal(nasty)] {
                for line in text.lines() {
                    assert!(!line.trim_start().starts_with("::"), "{text:?}");
                }
                assert!(!text.contains("##["), "{text:?}");
            }
        }
    }

    #[test]
    fn lines_keep_their_breaks_and_their_indentation_and_lose_what_moves_a_cursor() {
        assert_eq!(
            for_terminal("a\n  b\u{1b}[2J\tc\n\n\u{202e}d\n ::add-mask::x\n"),
            "a\n  b\tc\n\nd\n|  ::add-mask::x\n"
        );
        let long = format!("{}\n", "x".repeat(9_000)).repeat(3);
        assert_eq!(for_terminal(&long), long);
    }

    #[test]
    fn a_text_is_cut_to_the_columns_it_has() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(columns("日本"), 4);
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("abc", 3), "abc");
        // Korean and an emoji are wide; Cyrillic, Thai, accents and arrows are not.
        assert_eq!((columns("한국"), columns("🦀")), (4, 2));
        assert_eq!((columns("Ёж"), columns("กข"), columns("→…")), (2, 2, 2));
        assert_eq!(columns("e\u{301}"), 1);
    }
}
