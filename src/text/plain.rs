//! Plain text: what has no shape of its own is gone, and what is too long is cut.

/// The most characters of one foreign text that is shown.
pub(super) const MOST_CHARS: usize = 600;
/// The most lines of a log that are shown.
const MOST_LINES: usize = 200;
/// The most characters of a log that are shown.
const MOST_LOG_CHARS: usize = 100_000;
/// The most characters that a message quotes.
const MOST_QUOTED: usize = 60;

/// One line of plain text: escape sequences and invisible characters gone, white space collapsed, length bounded.
pub fn one_line(foreign: &str) -> String {
    let mut line = String::new();
    for word in beginning(foreign).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    cut(&line, MOST_CHARS)
}

/// The last lines of a log, each of them plain text; the second value says how many lines were left out before.
pub fn tail(foreign: &str) -> (Vec<String>, usize) {
    let all: Vec<&str> = foreign.lines().collect();
    let mut kept = Vec::new();
    let mut chars = 0;
    for raw in all.iter().rev().take(MOST_LINES) {
        let text = beginning(raw).replace('\t', "    ");
        let text = cut(text.trim_end(), MOST_CHARS);
        chars += text.chars().count() + 1;
        if chars > MOST_LOG_CHARS {
            break;
        }
        kept.push(text);
    }
    let left_out = all.len() - kept.len();
    kept.reverse();
    (kept, left_out)
}

/// At most `most` characters; what is cut off leaves an ellipsis.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// The first `most` characters, in which a mark stands for each one that could steer a terminal or hide: as long as it
/// was, and never equal to a text without such characters.
pub fn marked(foreign: &str, most: usize) -> String {
    let mark = |c: char| if steers(c) { '\u{fffd}' } else { c };
    foreign.chars().take(most).map(mark).collect()
}

/// As a message quotes it: on one line, not too long, with what could not be seen written out.
pub fn quoted(foreign: &str) -> String {
    let mut quoted = String::new();
    for c in foreign.chars().take(MOST_QUOTED) {
        if steers(c) {
            quoted.extend(c.escape_default());
        } else {
            quoted.push(c);
        }
    }
    if foreign.chars().nth(MOST_QUOTED).is_some() {
        quoted.push_str("...");
    }
    format!("`{quoted}`")
}

/// As much of a text as can matter to one line, so that a huge one costs nothing.
pub(super) fn beginning(foreign: &str) -> String {
    visible(foreign.chars().take(8 * MOST_CHARS))
}

/// Without escape sequences and whatever has no shape of its own; line breaks become spaces.
pub(super) fn visible(foreign: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    let mut chars = foreign.peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => skip_to(&mut chars, |c| ('\u{40}'..='\u{7e}').contains(&c)),
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    skip_to(&mut chars, |c| matches!(c, '\u{7}' | '\u{1b}' | '\u{9c}'));
                    if chars.peek() == Some(&'\\') {
                        chars.next();
                    }
                }
                _ => {}
            },
            '\u{9b}' => skip_to(&mut chars, |c| ('\u{40}'..='\u{7e}').contains(&c)),
            '\t' => out.push('\t'),
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push(' '),
            c if steers(c) => {}
            c => out.push(c),
        }
    }
    out
}

fn skip_to(
    chars: &mut std::iter::Peekable<impl Iterator<Item = char>>,
    is_last: impl Fn(char) -> bool,
) {
    for c in chars.by_ref() {
        if is_last(c) || c == '\n' {
            return;
        }
    }
}

/// What has no shape, and could move a cursor, break a line, turn text around or hide in it.
pub(super) fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || is_invisible(c)
}

/// Marks that change the direction of text, or join, hide and tag it.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::super::nasty::NASTY;
    use super::super::{code, for_log, markdown};
    use super::*;

    #[test]
    fn a_line_has_no_control_characters_direction_marks_or_line_breaks() {
        for nasty in NASTY {
            let line = one_line(nasty);
            assert!(!line.chars().any(steers), "{nasty:?} became {line:?}");
        }
        assert_eq!(
            one_line("\u{1b}[31mred\u{1b}[0m\tand\r\nmore"),
            "red and more"
        );
        assert_eq!(one_line("\u{1b}]8;;http://x\u{7}link"), "link");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for plain in [
            "0.0.2",
            "keep-alive timeout (60 s)",
            "a8f3c21",
            "größer, 日本",
        ] {
            assert_eq!(one_line(plain), plain);
            assert_eq!(for_log(plain), plain);
            assert_eq!(marked(plain, 100), plain);
            assert_eq!(quoted(plain), format!("`{plain}`"));
            assert_eq!(code(plain), format!("`{plain}`"));
        }
        assert_eq!(
            markdown("2 of 3 healthy, i-0a1b (zone b)"),
            "2 of 3 healthy, i-0a1b (zone b)"
        );
    }

    #[test]
    fn a_log_keeps_its_last_lines_and_says_how_many_are_missing() {
        let log: String = (0..500).map(|n| format!("line {n}\n")).collect();
        let (lines, left_out) = tail(&log);
        assert_eq!((lines.len(), left_out), (200, 300));
        assert_eq!(lines[199], "line 499");
        let (lines, _) = tail(&"x".repeat(1_000_000));
        assert_eq!(lines[0].chars().count(), MOST_CHARS);
        let (lines, _) = tail(&format!("{}\n", "y".repeat(900)).repeat(200));
        assert!(lines.iter().map(String::len).sum::<usize>() <= MOST_LOG_CHARS);
    }

    #[test]
    fn what_is_marked_differs_from_what_it_wants_to_be_taken_for() {
        for hidden in ["0.0.2\u{200b}", "0.0.2\u{feff}", "\u{202e}0.0.2", "0.0.2\0"] {
            let marked = marked(hidden, 100);
            assert_ne!(marked, "0.0.2", "{hidden:?}");
            assert_eq!(marked.chars().count(), hidden.chars().count());
            assert!(!marked.chars().any(steers), "{marked:?}");
        }
        assert_eq!(marked("abcdef", 3), "abc");
    }

    #[test]
    fn a_quoted_text_is_short_and_on_one_line() {
        assert_eq!(quoted("a\nb"), "`a\\nb`");
        assert_eq!(quoted("a\u{202e}b"), "`a\\u{202e}b`");
        assert_eq!(quoted(&"x".repeat(100)).len(), 65);
    }
}
