//! What the runner of GitHub Actions reads: commands in a job's log, and the file of a step's outputs.
//!
//! Guarantees: a command is one line, and says nothing else to the runner; a value ends where we end it.

use super::plain::{steers, visible};

/// A command to the runner, with a title if it has one. The lines of the message stay lines of it; nothing in it ends
/// the command or begins another one.
pub fn workflow_command(name: &str, title: Option<&str>, message: &str) -> String {
    let title = title.map(|title| format!(" title={}", property(title)));
    let lines = message.trim_end_matches('\n').split('\n');
    let lines: Vec<String> = lines.map(data).collect();
    format!(
        "::{name}{}::{}",
        title.unwrap_or_default(),
        lines.join("%0A")
    )
}

/// A line of the text of a command, as the runner unescapes it (`ActionCommand.cs`).
fn data(line: &str) -> String {
    let line = visible(line.chars()).replace('%', "%25");
    line.replace("##[", "## [")
}

/// A property of a command, as the runner unescapes it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A name and a value for the runner's file of outputs: the name, a line that ends the value, the value, that line.
/// `delimiter` is one that nobody could guess; a value that has it nevertheless loses it.
pub fn output(name: &str, value: &str, delimiter: &str) -> String {
    let mut out = format!("{name}<<{delimiter}\n");
    // Other characters end a line for some readers; the values have none of them, whoever made them.
    for line in value.split(['\n', '\r']).filter(|line| *line != delimiter) {
        out.push_str(line);
        out.push('\n');
    }
    out.push_str(&format!("{delimiter}\n"));
    out
}

/// A JSON document as it is printed: it says the same, and holds neither a command nor what steers a terminal.
pub fn for_json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    // What is escaped here can only stand inside of a text.
    for c in document.chars() {
        if c != '\n' && steers(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out.replace("##[", "\\u0023#[")
}

#[cfg(test)]
mod tests {
    use super::super::nasty::NASTY;
    use super::*;

    #[test]
    fn a_command_is_one_line_whatever_it_says() {
        assert_eq!(
            workflow_command(
                "error",
                Some("Rolled back: hello, prod"),
                "100 %\r\n::error::x ##[y"
            ),
            "::error title=Rolled back%3A hello%2C prod::100 %25 %0A::error::x ## [y"
        );
        assert_eq!(
            workflow_command("error", None, "100 %\r\n::add-mask::x\u{1b}[2J\n"),
            "::error::100 %25 %0A::add-mask::x"
        );
        for nasty in NASTY {
            let line = workflow_command("error", Some(nasty), nasty);
            assert!(!line.chars().any(|c| c != '\t' && steers(c)), "{line:?}");
            assert!(line.starts_with("::error title="), "{line:?}");
            assert!(!line.contains("##["), "{line:?}");
        }
    }

    #[test]
    fn printed_json_says_the_same_and_steers_nothing() {
        for nasty in NASTY {
            let value = serde_json::json!({ "text": nasty, nasty: [nasty] });
            let printed = for_json(&format!("{value:#}"));
            assert!(!printed.contains("##["), "{printed}");
            assert!(
                !printed.chars().any(|c| c != '\n' && steers(c)),
                "{printed:?}"
            );
            let read: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
            assert_eq!(read, value);
        }
    }
}
