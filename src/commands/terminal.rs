//! What a command writes on: the one place that holds standard output and standard error.

use std::io::{self, IsTerminal as _, Write};

use crate::cli::Color;
use crate::inputs::Inputs;
use crate::report::Style;

/// Where a command writes, and what that can show.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    style: Style,
    /// Standard output is for a program: people read standard error.
    json: bool,
}

impl Terminal {
    /// The process's own output.
    pub fn of(color: Color, json: bool, inputs: &Inputs) -> Self {
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
            },
            json,
        }
    }

    /// What it can show.
    pub fn style(self) -> Style {
        self.style
    }

    /// Writes a line to standard output; nobody reading it any more is no reason to stop.
    pub fn say(self, text: &str) {
        let _ = writeln!(io::stdout(), "{}", text.trim_end_matches('\n'));
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
        let _ = writeln!(self.progress(), "{}", text.trim_end_matches('\n'));
    }

    /// Writes a line to standard error.
    pub fn complain(self, text: &str) {
        let _ = writeln!(io::stderr(), "{}", text.trim_end_matches('\n'));
    }
}
