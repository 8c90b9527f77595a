//! Foreign text made harmless: versions, causes, log lines, names and addresses as other programs wrote them.
//!
//! Guarantees: whatever goes in, no escape sequence, control character, text direction mark or line break comes
//! out; nothing takes effect as Markdown, HTML, a mention, a link or a workflow command; every length is bounded.

/// The most characters of one foreign string that a report shows.
pub(super) const MOST_CHARS: usize = 600;
/// The most lines of a log that a report shows.
pub(super) const MOST_LINES: usize = 200;
/// The most characters of a log that a report shows.
pub(super) const MOST_LOG_CHARS: usize = 100_000;
/// Breaks what GitHub would turn into a mention or a link; nobody sees it.
const BREAK: &str = "&#8203;";

/// One line of plain text: escape sequences and invisible characters gone, white space collapsed, length bounded.
pub(super) fn line(foreign: &str) -> String {
    let mut line = String::new();
    for word in visible(foreign).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    cut(&line, MOST_CHARS)
}

/// Our own first line of a document, which nothing may break.
pub(super) fn first_line(own: &str) -> String {
    visible(own).trim().to_owned()
}

/// The last lines of a log, each of them plain text; the second value says how many lines were left out before.
pub(super) fn tail(foreign: &str) -> (Vec<String>, usize) {
    let all: Vec<&str> = foreign.lines().collect();
    let mut kept = Vec::new();
    let mut chars = 0;
    for raw in all.iter().rev().take(MOST_LINES) {
        let text = visible(raw).replace('\t', "    ");
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
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// As part of a line on a terminal or in a job's log, where the runner looks for commands.
pub(super) fn console(foreign: &str) -> String {
    let text = line(foreign).replace("##[", "## [");
    if text.starts_with("::") {
        format!("| {text}")
    } else {
        text
    }
}

/// Lines for a job's log, as they are but for what the runner would take for a command.
pub(super) fn without_commands(text: &str) -> String {
    // The runner ends a line at these, whatever a terminal does.
    let lines = text.split('\n').map(|line| {
        let line = line.replace('\r', " ").replace("##[", "## [");
        if line.trim_start_matches(is_blank).starts_with("::") {
            format!("| {line}")
        } else {
            line
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// White space, and marks that some count as such.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_invisible(c)
}

/// As inline Markdown that reads as the plain text, in a paragraph, list or table.
pub(super) fn markdown(foreign: &str) -> String {
    let chars: Vec<char> = line(foreign).chars().collect();
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
pub(super) fn code(foreign: &str) -> String {
    let text = line(foreign);
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
pub(super) fn fenced(lines: &[String]) -> String {
    let longest = lines.iter().map(|text| longest_run(text, '`')).max();
    let fence = "`".repeat((longest.unwrap_or(0) + 1).max(3));
    let body: String = lines
        .iter()
        .map(|text| format!("{}\n", visible(text)))
        .collect();
    format!("{fence}text\n{body}{fence}\n")
}

/// As one word of a command that a person pastes into a shell.
pub(super) fn shell_word(foreign: &str) -> String {
    let text = line(foreign);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:=,+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('-') {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// An address that may become a link: https or http, and nothing in it that could end it early.
pub(super) fn link(foreign: &str) -> Option<String> {
    let text = line(foreign);
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@%&=+,;".contains(c);
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    (is_web && text.chars().all(is_safe)).then_some(text)
}

/// How many columns a text takes on a terminal.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// At most `most` columns of a text.
pub(super) fn fit(text: &str, most: usize) -> String {
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

/// Two columns from the first wide script on: never too few, so a line never wraps.
fn width_of(c: char) -> usize {
    if c as u32 >= 0x1100 && !('\u{2000}'..='\u{2bff}').contains(&c) {
        2
    } else {
        1
    }
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

/// Without escape sequences and whatever has no shape of its own; line breaks become spaces. It reads as much of a
/// text as can matter, so that a huge one costs nothing.
fn visible(foreign: &str) -> String {
    let mut out = String::with_capacity(foreign.len().min(8 * MOST_CHARS));
    let mut chars = foreign.chars().take(8 * MOST_CHARS).peekable();
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
            c if c.is_control() || is_invisible(c) => {}
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
pub(super) mod tests {
    use super::*;

    /// Strings that have broken reports, logs and terminals before.
    pub(in crate::report) const NASTY: [&str; 28] = [
        "@octocat",
        "a @org/team b",
        "#123 and GH-7 and org/repo#9",
        "https://evil.example/x?y=1",
        "www.evil.example",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</details></table></code>",
        "<!-- bg-deploy -->",
        "| a | b |\n|---|---|",
        "a|b\\|c\\\\|d",
        "`code` ``` fence\n```\n# head",
        "```mermaid\ngraph TD\n```",
        "[x](javascript:alert(1)) ![i](http://t/p.png)",
        "\u{1b}[31mred\u{1b}[0m \u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}",
        "\u{1b}]0;title",
        "\u{9b}2J\u{1b}[2J\u{1b}c",
        "a\r\nb\rc\nd\u{2028}e\u{85}f",
        "::set-output name=x::y",
        "  ::error file=a::b",
        "\u{feff}::add-mask::secret",
        "\n::stop-commands::x",
        "##[error]boom and ##[group]x",
        "\u{202e}gpj.exe\u{202c} \u{2066}x\u{2069} \u{200f}",
        "- item\n1. one\n+ plus\n=== \n> quote",
        ":tada: :+1: 12:30:45 $x^2$ ~~no~~ **b** _i_ &lt; &#64;you",
        "",
        "\0\u{7f}\u{8}\u{b}\u{c}",
    ];

    #[test]
    fn a_line_has_no_control_characters_direction_marks_or_line_breaks() {
        for nasty in NASTY {
            let line = line(nasty);
            assert!(
                !line.chars().any(|c| c.is_control() || is_invisible(c)),
                "{nasty:?} became {line:?}"
            );
        }
        assert_eq!(line("\u{1b}[31mred\u{1b}[0m\tand\r\nmore"), "red and more");
        assert_eq!(line("\u{1b}]8;;http://x\u{7}link"), "link");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for plain in [
            "0.0.2",
            "keep-alive timeout (60 s)",
            "a8f3c21",
            "größer, 日本",
        ] {
            assert_eq!(line(plain), plain);
            assert_eq!(console(plain), plain);
            assert_eq!(code(plain), format!("`{plain}`"));
        }
        assert_eq!(
            markdown("2 of 3 healthy, i-0a1b (zone b)"),
            "2 of 3 healthy, i-0a1b (zone b)"
        );
    }

    #[test]
    fn no_foreign_line_is_a_workflow_command() {
        for nasty in NASTY {
            let text = console(nasty);
            assert!(!text.trim_start().starts_with("::"), "{text:?}");
            assert!(!text.contains("##["), "{text:?}");
        }
    }

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
    fn an_address_becomes_a_link_only_when_nothing_in_it_can_end_the_link() {
        let good = "https://github.com/o/r/actions/runs/1?attempt=2#summary-3";
        assert_eq!(link(good).as_deref(), Some(good));
        for bad in [
            "javascript:alert(1)",
            "https://x)[y](z",
            "https://x\"><b>",
            "ftp://x",
            "https://x y",
        ] {
            assert_eq!(link(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_word_of_a_command_is_quoted_when_a_shell_would_read_more_into_it() {
        assert_eq!(shell_word("prod"), "prod");
        assert_eq!(shell_word("a; rm -rf /"), "'a; rm -rf /'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("-x"), "'-x'");
    }

    #[test]
    fn a_text_is_cut_to_the_columns_it_has() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(columns("日本"), 4);
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("abc", 3), "abc");
    }
}
