//! Slack's own markup, and what programs of its kind read as Markdown.

use super::plain::visible;

/// Keeps a mention, a link or a fence from being one; nobody sees it.
const BREAK: char = '\u{200b}';

/// Text for Slack: nobody is mentioned, nothing is linked, no code block ends, not even where another program of
/// Slack's kind reads it as Markdown. Its lines stay lines; at most `most` characters come out.
///
/// `&`, `<` and `>` have to be escaped: <https://docs.slack.dev/messaging/formatting-message-text>.
pub fn slack(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let lines: Vec<String> = text.split('\n').map(|line| visible(line.chars())).collect();
    for character in lines.join("\n").chars() {
        let more = match character {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '@' | '`' | ']' => format!("{character}{BREAK}"),
            other => other.to_string(),
        };
        length += more.chars().count();
        if length >= most {
            out.push('…');
            break;
        }
        out += &more;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::nasty::NASTY;
    use super::*;

    #[test]
    fn nothing_is_mentioned_linked_or_fenced_and_the_length_is_kept() {
        assert_eq!(slack("<<<", 10), "&lt;&lt;…");
        assert_eq!(slack("a\n\u{1b}[2Jb", 10), "a\nb");
        for nasty in NASTY {
            let text = slack(nasty, 40);
            assert!(text.chars().count() <= 40, "{text:?}");
            for active in ["<", ">", "```", "]("] {
                assert!(!text.contains(active), "{active} in {text:?}");
            }
            let mut after = text.split('@').skip(1);
            assert!(after.all(|rest| rest.starts_with([BREAK, '…'])), "{text:?}");
        }
    }
}
