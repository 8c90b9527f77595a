//! What is written on a terminal and in a job's log, read again by the runner's rules.

use std::time::Duration;

use super::check;
use crate::report::stories::Tale;
use crate::report::{Console, Style};

/// Long enough for a job's log to say that the run is alive.
const TICK: Duration = Duration::from_secs(90);

/// The sequences that are ours, on a live terminal.
const OURS: [&str; 8] = [
    "\u{1b}[1A\r\u{1b}[K",
    "\r\u{1b}[K",
    "\u{1b}[0m",
    "\u{1b}[1m",
    "\u{1b}[2m",
    "\u{1b}[31m",
    "\u{1b}[32m",
    "\u{1b}[K",
];

/// Whether nothing of it is a command, and nothing of it moves a cursor, but what is ours.
pub(super) fn same(tale: &Tale, expected: &[String]) -> Result<(), String> {
    let run = tale.run();
    let log = written(tale);
    if kinds(&log) != expected {
        return Err(format!("commands {:?} and not {expected:?}", kinds(&log)));
    }
    let stderr = crate::report::failure_text(&run);
    check(commands(&stderr).is_empty(), "a command on stderr")?;
    let mut live = Vec::new();
    tell(
        tale,
        Style {
            ansi: true,
            live: true,
            ..Style::default()
        },
        &mut live,
    );
    let live = String::from_utf8_lossy(&live).into_owned();
    let live = OURS.iter().fold(live, |text, ours| text.replace(ours, ""));
    for text in [&log, &stderr, &live, &crate::report::sentence(&run)] {
        check(
            !text.contains(|c: char| c.is_control() && c != '\n'),
            "a control character on the console",
        )?;
    }
    Ok(())
}

/// The commands of a log, without what they say: that is foreign, what they are is not.
pub(super) fn kinds(log: &str) -> Vec<String> {
    let kind = |command: String| {
        let kind = command.split([' ', ':']).nth(2);
        kind.unwrap_or_default().to_owned()
    };
    commands(log).into_iter().map(kind).collect()
}

/// A job's log of the run.
pub(super) fn written(tale: &Tale) -> String {
    let mut log = Vec::new();
    let style = Style {
        ci: true,
        github: true,
        ..Style::default()
    };
    tell(tale, style, &mut log);
    String::from_utf8_lossy(&log).into_owned()
}

fn tell(tale: &Tale, style: Style, to: &mut Vec<u8>) {
    let pulse = tale
        .evidence
        .as_ref()
        .map(|evidence| crate::run::event::Pulse {
            by_version: evidence.tally.by_version.clone(),
            sent: evidence.tally.sent,
            failed: evidence.tally.failed,
        });
    let mut console = Console::new(to, style, 80);
    for (nth, stamped) in (0_u32..).zip(&tale.events) {
        console.event(stamped);
        console.pulse(pulse.clone());
        console.tick(TICK * nth);
    }
    console.finish(&tale.run());
}

/// The lines that the runner takes for commands (`ActionCommand.cs`), a line ending at any of the marks that a reader
/// might take for an end.
pub(super) fn commands(text: &str) -> Vec<String> {
    let lines = text.split([
        '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}',
    ]);
    let trim = |line: &str| {
        let blank = |c: char| c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}';
        line.trim_start_matches(blank).to_owned()
    };
    let lines = lines.map(trim);
    lines
        .filter(|line| line.starts_with("::") || line.contains("##["))
        .collect()
}

#[test]
fn the_check_sees_commands_wherever_a_line_may_begin() {
    for command in [
        "::error::x",
        "a\r  ::error::x",
        "\u{feff}::x",
        "a ##[error]b",
        "a\u{2028}::x",
    ] {
        assert_eq!(commands(command).len(), 1, "{command:?}");
    }
    assert!(commands("a ::error::x\n| ::x\n## [x]").is_empty());
}

#[test]
fn a_text_of_several_lines_has_no_command_and_stays_what_it_is() {
    let text = crate::text::for_terminal("a\n  ::error::x\r::y\n\u{feff}::z\n##[q]\n  b");
    assert!(commands(&text).is_empty(), "{text:?}");
    assert!(
        text.starts_with("a\n|   ::error::x") && text.ends_with("\n  b"),
        "{text:?}"
    );
}
