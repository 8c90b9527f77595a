//! Commands to the runner of GitHub Actions: groups of a log, and the one line that stands on the page of a run.
//!
//! Guarantees: whatever the text, a command is one line and says nothing else to the runner.

use super::story::Story;
use super::verdict::Tone;
use crate::outcome::EXIT_OK;
use crate::text;

/// What an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The job fails for it.
    Error,
    /// All is well, but something is left to do.
    Warning,
}

/// An annotation with this title and text.
pub(super) fn annotation(level: Level, title: &str, message: &str) -> String {
    let command = match level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let (title, message) = (text::one_line(title), text::one_line(message));
    text::workflow_command(command, Some(&title), &message)
}

/// The verdict for the page of the run, if somebody has to look.
pub(super) fn verdict(story: &Story) -> Option<String> {
    let level = if story.exit_code != EXIT_OK {
        Level::Error
    } else if story.tone == Tone::Warning {
        Level::Warning
    } else {
        return None;
    };
    let title = format!("{}: {}", story.title, story.place.plain());
    Some(annotation(level, &title, &story.sentence.plain()))
}

/// Begins a group, which lasts to its end or to the next one.
pub(super) fn group(title: &str) -> String {
    text::workflow_command("group", None, &text::one_line(title))
}

/// Ends a group.
pub(super) const END_GROUP: &str = "::endgroup::";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_one_line_whatever_it_says() {
        assert_eq!(
            annotation(
                Level::Error,
                "Rolled back: hello, prod",
                "100 %\r\n::error::x ##[y"
            ),
            "::error title=Rolled back%3A hello%2C prod::100 %25 ::error::x ## [y"
        );
    }
}
