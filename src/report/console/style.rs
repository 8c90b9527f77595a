//! What the writer of a console can do, and how much it is told.

use crate::report::plain;
use crate::report::story::Story;

/// What the writer can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// It shows colours.
    pub ansi: bool,
    /// It is a terminal: its last line can be rewritten.
    pub live: bool,
    /// It is a job's log: say at least every half minute that the run is alive.
    pub ci: bool,
    /// It is a job's log of GitHub Actions, which folds groups and puts annotations on the page of the run.
    pub github: bool,
    /// How much is said.
    pub says: Says,
}

/// How much a run says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Says {
    /// How it ended.
    TheEnd,
    /// What it does as well.
    #[default]
    AsUsual,
    /// And why it does that, and its calls that changed something.
    More,
}

impl Says {
    /// What is said when all is over.
    pub(super) fn at_the_end(self, story: &Story) -> String {
        match self {
            Self::TheEnd => plain::outcome(story),
            Self::AsUsual => plain::ending(story),
            Self::More => plain::calls(story) + &plain::ending(story),
        }
    }
}
