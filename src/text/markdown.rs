//! GitHub's Markdown: in a paragraph, a list or a table, as a code span, in a fence.

use super::plain::{beginning, one_line};

/// Breaks what GitHub would turn into a mention or a link; nobody sees it.
const BREAK: &str = "&#8203;";

/// Our own first line of a document, which nothing may break.
pub fn first_line(own: &str) -> String {
    beginning(own).trim().to_owned()
}

/// As inline Markdown that reads as the plain text, in a paragraph, list or table.
pub fn markdown(foreign: &str) -> String {
    let chars: Vec<char> = one_line(foreign).chars().collect();
    let mut out = String::with_capacity(chars.len() * 2);
    for (at, &c) in chars.iter().enumerate() {
        let rest = &chars[at + 1..];
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' => out.push_str("&#124;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '$' | '#' => out.extend(['\\', c]),
            '-' | '+' | '=' if at == 0 => out.extend(['\\', c]),
            '.' | ')' if is_list(&chars[..at], rest) => out.extend(['\\', c]),
            _ => out.push(c),
        }
        if takes_effect(&chars[..at], c, rest) {
            out.push_str(BREAK);
        }
    }
    out
}

/// As a code span, in which GitHub looks for nothing; a text with a pipe becomes inline text, for a table splits there.
pub fn code(foreign: &str) -> String {
    let text = one_line(foreign);
    if text.is_empty() {
        return "–".to_owned();
    }
    if text.contains('|') {
        return markdown(&text);
    }
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// As a fenced block of plain lines, whose fence is longer than any run of backticks in it.
pub fn fenced(lines: &[String]) -> String {
    let longest = lines.iter().map(|text| longest_run(text, '`')).max();
    let fence = "`".repeat((longest.unwrap_or(0) + 1).max(3));
    let body: String = lines
        .iter()
        .map(|text| format!("{}\n", beginning(text)))
        .collect();
    format!("{fence}text\n{body}{fence}\n")
}

/// Whether GitHub would see a mention, a reference, a link or an emoji begin after `c`.
fn takes_effect(before: &[char], c: char, rest: &[char]) -> bool {
    let next = rest.first();
    let next_is = |test: fn(&char) -> bool| next.is_some_and(test);
    match c {
        '@' => next_is(|c| c.is_alphanumeric()),
        '#' => next_is(char::is_ascii_digit),
        '-' => ends_with(before, "gh") && next_is(char::is_ascii_digit),
        ':' => rest.starts_with(&['/', '/']) || is_emoji(rest),
        'w' | 'W' => ends_with(before, "ww") && next == Some(&'.'),
        _ => false,
    }
}

fn is_emoji(after_colon: &[char]) -> bool {
    let is_name = |c: &char| c.is_ascii_alphanumeric() || "_+-".contains(*c);
    let name = after_colon.iter().take_while(|c| is_name(c)).count();
    name > 0 && after_colon.get(name) == Some(&':')
}

fn ends_with(chars: &[char], end: &str) -> bool {
    let end: Vec<char> = end.chars().collect();
    chars.len() >= end.len()
        && chars[chars.len() - end.len()..]
            .iter()
            .zip(&end)
            .all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// Whether a number at the beginning would number a list.
fn is_list(before: &[char], rest: &[char]) -> bool {
    let is_number = !before.is_empty() && before.iter().all(char::is_ascii_digit);
    is_number && rest.first().is_none_or(|next| *next == ' ')
}

fn longest_run(text: &str, of: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::super::nasty::NASTY;
    use super::*;

    #[test]
    fn inline_markdown_mentions_links_and_marks_up_nothing() {
        assert_eq!(markdown("@octocat"), "@&#8203;octocat");
        assert_eq!(markdown("a@b.com"), "a@&#8203;b.com");
        assert_eq!(markdown("#12 GH-7"), "\\#&#8203;12 GH-&#8203;7");
        assert_eq!(markdown("https://x www.y"), "https:&#8203;//x www&#8203;.y");
        assert_eq!(markdown("<b>&lt;|"), "&lt;b&gt;&amp;lt;&#124;");
        assert_eq!(markdown("1. *a* [b](c)"), "1\\. \\*a\\* \\[b\\](c)");
        assert_eq!(markdown(":tada:"), ":&#8203;tada:");
        for nasty in NASTY {
            let text = markdown(nasty);
            assert!(!text.contains(['<', '>', '|', '\n']), "{text:?}");
        }
    }

    #[test]
    fn a_code_span_ends_where_we_end_it() {
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code("a|b"), "a&#124;b");
        assert_eq!(code(""), "–");
        for nasty in NASTY {
            let text = code(nasty);
            assert!(!text.contains(['|', '\n']), "{text:?}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        let lines = vec!["```` four".to_owned(), "::x".to_owned()];
        assert_eq!(fenced(&lines), "`````text\n```` four\n::x\n`````\n");
    }
}
