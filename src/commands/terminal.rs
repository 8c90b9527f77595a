//! What a command writes on: the one place that holds standard output and standard error.
//!
//! Guarantees: a text may hold what others wrote; nothing of it steers a terminal, or is a command to a job's runner.

use std::io::{self, IsTerminal as _, Write};

use terminal_size::{Height, Width, terminal_size_of};

use crate::cli::{Color, Options};
use crate::inputs::Inputs;
use crate::report::{Console, Says, Style};
use crate::text;

/// The columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

/// Where a command writes, and what that can show.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    style: Style,
    /// Standard output is for a program: people read standard error.
    json: bool,
}

impl Terminal {
    /// The process's own output.
    pub fn of(options: &Options, inputs: &Inputs) -> Self {
        let (color, json) = (options.color, options.json);
        let is_terminal = if json {
            io::stderr().is_terminal()
        } else {
            io::stdout().is_terminal()
        };
        let live = is_terminal && !inputs.ci.is_ci;
        let ansi = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => live && !inputs.no_color,
        };
        Self {
            style: Style {
                ansi,
                live,
                ci: inputs.ci.is_ci,
                github: inputs.ci.is_github,
                says: match (options.quiet, options.verbose) {
                    (true, _) => Says::TheEnd,
                    (false, true) => Says::More,
                    (false, false) => Says::AsUsual,
                },
            },
            json,
        }
    }

    /// Where a run is told as it happens.
    pub fn console(self) -> Console<Box<dyn Write>> {
        Console::new(self.progress(), self.style, self.columns())
    }

    /// How many columns a line of progress has now: the terminal's own, and 80 where nobody says.
    pub fn columns(self) -> usize {
        let size = if self.json {
            terminal_size_of(io::stderr())
        } else {
            terminal_size_of(io::stdout())
        };
        columns_of(size)
    }

    /// Writes a text to standard output; nobody reading it any more is no reason to stop.
    pub fn say(self, text: &str) {
        let text = if self.json {
            text::for_json(text)
        } else {
            text::for_terminal(text)
        };
        let _ = writeln!(io::stdout(), "{}", text.trim_end_matches('\n'));
    }

    /// Answers a program, if it is one that reads.
    pub fn answer(self, answer: impl FnOnce() -> String) {
        if self.json {
            self.say(&answer());
        }
    }

    /// Where progress is written.
    pub fn progress(self) -> Box<dyn Write> {
        if self.json {
            Box::new(io::stderr())
        } else {
            Box::new(io::stdout())
        }
    }

    /// Writes a line about progress.
    pub fn tell(self, text: &str) {
        if self.style.says == Says::TheEnd {
            return;
        }
        let text = text::for_terminal(text);
        let _ = writeln!(self.progress(), "{}", text.trim_end_matches('\n'));
    }

    /// Writes a line that is worth knowing and changes nothing: in GitHub Actions, a notice of the job.
    pub fn notice(self, text: &str) {
        if self.style.github {
            let _ = writeln!(
                io::stderr(),
                "{}",
                text::workflow_command("notice", None, text)
            );
        } else {
            self.complain(&format!("note: {}", text.replace('\n', " ")));
        }
    }

    /// Writes the last words of a command that could not answer: in GitHub Actions, an error of the job.
    pub fn error(self, text: &str) {
        if self.style.github {
            let _ = writeln!(
                io::stderr(),
                "{}",
                text::workflow_command("error", None, text)
            );
        } else {
            self.complain(text);
        }
    }

    /// Writes a text to standard error.
    pub fn complain(self, text: &str) {
        let text = text::for_terminal(text);
        let _ = writeln!(io::stderr(), "{}", text.trim_end_matches('\n'));
    }
}

/// A terminal that has no columns is one that does not know how many.
fn columns_of(size: Option<(Width, Height)>) -> usize {
    match size {
        Some((Width(columns), _)) if columns > 0 => usize::from(columns),
        _ => COLUMNS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_does_not_say_how_wide_it_is_has_80_columns() {
        assert_eq!(columns_of(Some((Width(132), Height(43)))), 132);
        assert_eq!(columns_of(Some((Width(0), Height(0)))), 80);
        assert_eq!(columns_of(None), 80);
    }
}
