//! Where the app's lines go.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

/// Where the app's lines go: a process writes them to its standard error, a task to whoever runs it.
#[derive(Clone)]
pub struct Log(Arc<dyn Fn(&str) + Send + Sync>);

impl Log {
    /// Hands each line to `write`.
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Writes each line to standard error.
    pub fn to_stderr() -> Self {
        Self::new(|line| {
            // Nobody reads: that is no reason to stop serving.
            let _ = writeln!(std::io::stderr(), "{line}");
        })
    }

    /// Drops each line.
    pub fn to_nobody() -> Self {
        Self::new(|_| {})
    }

    pub(super) fn line(&self, line: &str) {
        (self.0)(line);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}
