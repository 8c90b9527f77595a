//! The verdict on a run in a few words, and how good the news is.

use crate::outcome::Outcome;
use crate::run::beginning::Beginning;

/// How good the news is; every report also says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// As wanted.
    Good,
    /// Nothing was changed.
    Neutral,
    /// Live is well, but it did not go as wanted.
    Warning,
    /// Live needs a person.
    Bad,
}

/// Both, of how it ended.
pub(super) fn of(outcome: &Outcome, subject: &Beginning) -> (Tone, &'static str) {
    match outcome {
        Outcome::Deployed { leftovers, .. } if !leftovers.is_empty() => {
            (Tone::Warning, "Deployed, and something is left to do")
        }
        Outcome::Deployed { .. } if subject.is_rollback() => (Tone::Good, "Rolled back, as asked"),
        Outcome::Deployed { previous: None, .. } if !subject.was_down => {
            (Tone::Good, "First release deployed")
        }
        Outcome::Deployed { .. } => (Tone::Good, "Deployed"),
        Outcome::NothingToDo { .. } if subject.undid.is_some() => {
            (Tone::Good, "Rolled back, as asked")
        }
        Outcome::NothingToDo { .. } => (Tone::Neutral, "Nothing to do"),
        Outcome::Verified { .. } => (Tone::Good, "Verified"),
        Outcome::Refused { .. } => (Tone::Neutral, "Refused"),
        Outcome::RolledBack { .. } if subject.command == "verify" => {
            (Tone::Warning, "Not verified")
        }
        Outcome::RolledBack { .. } if subject.is_rollback() => (Tone::Warning, "Not rolled back"),
        Outcome::RolledBack {
            traffic_moved: false,
            ..
        } => (Tone::Warning, "Not released"),
        Outcome::RolledBack { .. } => (Tone::Warning, "Rolled back"),
        Outcome::Cancelled { .. } if subject.command == "finish" => {
            (Tone::Warning, "Undone after a cancelled run")
        }
        Outcome::Cancelled { .. } => (Tone::Warning, "Cancelled"),
        Outcome::Stopped {
            serving: Some(_), ..
        } => (Tone::Warning, "Stopped, and left as it is"),
        Outcome::Stopped { serving: None, .. } => (Tone::Bad, "Stopped: look at live traffic"),
        Outcome::Stuck { .. } => (Tone::Bad, "Stuck: live traffic needs a person"),
        Outcome::Unproven { .. } if subject.is_live_already() => {
            (Tone::Warning, "Live already, but not proven")
        }
        Outcome::Unproven { .. } if subject.is_rollback() => {
            (Tone::Warning, "Rolled back, but not proven")
        }
        Outcome::Unproven { .. } => (Tone::Warning, "Deployed, but not proven"),
    }
}
