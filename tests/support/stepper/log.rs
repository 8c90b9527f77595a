//! The lines that a step writes, and the commands to the runner among them, by its rules (`OutputManager.cs`,
//! `ActionCommandManager.cs`, `ActionCommand.cs`): on standard output and standard error alike.

/// What the runner takes for a command.
const COMMANDS: [&str; 15] = [
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
];

/// A command to the runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) text: String,
}

/// The lines so far.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// All of it, as it was written.
    pub(super) text: String,
    /// The commands in it.
    pub(super) commands: Vec<Command>,
    /// The word that lets commands take effect again.
    resume: Option<String>,
}

impl Log {
    /// Takes a line.
    pub(super) fn line(&mut self, line: &str) {
        self.text += line;
        self.text.push('\n');
        if let Some(word) = &self.resume {
            if parse(line, &[word]).is_some() {
                self.resume = None;
            }
            return;
        }
        let Some(command) = parse(line, &COMMANDS) else {
            return;
        };
        if command.name == "stop-commands" {
            self.resume = Some(command.text.clone());
        }
        self.commands.push(command);
    }
}

fn parse(line: &str, known: &[&str]) -> Option<Command> {
    second_form(line, known).or_else(|| first_form(line, known))
}

/// `::NAME KEY=VALUE,KEY=VALUE::TEXT`, after spaces.
fn second_form(line: &str, known: &[&str]) -> Option<Command> {
    let (head, text) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    command(head, ',', text, known)
}

/// `##[NAME KEY=VALUE;KEY=VALUE]TEXT`, anywhere in a line.
fn first_form(line: &str, known: &[&str]) -> Option<Command> {
    let (_, rest) = line.split_once("##[")?;
    let (head, text) = rest.split_once(']')?;
    command(head, ';', text, known)
}

fn command(head: &str, between: char, text: &str, known: &[&str]) -> Option<Command> {
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    if !known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return None;
    }
    let pairs = properties.trim().split(between);
    let properties = pairs.filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        Some((key.to_owned(), unescaped(value, &IN_PROPERTIES)))
    });
    Some(Command {
        name: name.to_lowercase(),
        properties: properties.collect(),
        text: unescaped(text, &IN_TEXT),
    })
}

const IN_TEXT: [(&str, &str); 3] = [("%0D", "\r"), ("%0A", "\n"), ("%25", "%")];
const IN_PROPERTIES: [(&str, &str); 5] = [
    ("%0D", "\r"),
    ("%0A", "\n"),
    ("%3A", ":"),
    ("%2C", ","),
    ("%25", "%"),
];

fn unescaped(text: &str, pairs: &[(&str, &str)]) -> String {
    pairs
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
