//! An address that may become a link.

use super::plain::one_line;

/// An address that may become a link, in Markdown, on a page, in Slack or at GitHub: https or http, a host, and nothing
/// in it that could end it early.
pub fn link(foreign: &str) -> Option<String> {
    let text = one_line(foreign);
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@%&=+,;".contains(c);
    let rest = text
        .strip_prefix("https://")
        .or(text.strip_prefix("http://"))?;
    let has_host = rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    (has_host && text.chars().all(is_safe)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_a_link_only_when_nothing_in_it_can_end_the_link() {
        let good = "https://github.com/o/r/actions/runs/1?attempt=2#summary-3";
        assert_eq!(link(good).as_deref(), Some(good));
        for bad in [
            "javascript:alert(1)",
            "https://x)[y](z",
            "https://x\"><b>",
            "https://x|y>",
            "ftp://x",
            "https://x y",
            "https://",
            "https:///x",
        ] {
            assert_eq!(link(bad), None, "{bad}");
        }
    }
}
