//! A command that a person pastes into a shell.

use super::plain::one_line;

/// As one word of a command.
pub fn shell_word(foreign: &str) -> String {
    let text = one_line(foreign);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:=,+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('-') {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_command_is_quoted_when_a_shell_would_read_more_into_it() {
        assert_eq!(shell_word("prod"), "prod");
        assert_eq!(shell_word("a; rm -rf /"), "'a; rm -rf /'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("-x"), "'-x'");
    }
}
