//! How a run ended, and the exit code that says so: constants, documented once, here.

use serde::{Deserialize, Serialize};

use crate::cause::{Cause, Reason};
use crate::names::{Colour, Release, Weights};

/// Deployed, verified, or nothing to do.
pub const EXIT_OK: u8 = 0;
/// Something unexpected: our mistake, or the world's.
pub const EXIT_UNEXPECTED: u8 = 1;
/// Bad inputs: nothing was changed.
pub const EXIT_BAD_INPUT: u8 = 2;
/// Refused: the state of AWS does not allow it; nothing was changed.
pub const EXIT_REFUSED: u8 = 3;
/// Rolled back: the previous release serves.
pub const EXIT_ROLLED_BACK: u8 = 4;
/// Cancelled, and the previous release serves; or stopped by somebody else's change, and the report says who serves.
pub const EXIT_CANCELLED: u8 = 5;
/// Stuck: the traffic needs a person.
pub const EXIT_STUCK: u8 = 6;
/// Deployed, or live already, but without proof that nobody noticed.
pub const EXIT_UNPROVEN: u8 = 7;
/// There are differences.
pub const EXIT_DIFFERENT: u8 = 8;

/// Every exit code with its meaning, for `--help` and docs/reports.md.
pub const EXIT_CODES: [(u8, &str); 9] = [
    (EXIT_OK, "deployed, verified, or nothing to do"),
    (
        EXIT_UNEXPECTED,
        "something unexpected; the message says what",
    ),
    (EXIT_BAD_INPUT, "bad inputs: nothing was changed"),
    (
        EXIT_REFUSED,
        "refused: the state of AWS does not allow it; nothing was changed; of doctor and status: something is in the way of the next release; of destroy: or something is left",
    ),
    (EXIT_ROLLED_BACK, "rolled back: the previous release serves"),
    (
        EXIT_CANCELLED,
        "cancelled: the previous release serves; or stopped by somebody else's change: the report says who serves; of destroy: the same command goes on",
    ),
    (
        EXIT_STUCK,
        "stuck, and of status as well: live traffic needs a person; the commands to type are printed",
    ),
    (
        EXIT_UNPROVEN,
        "live, but without proof that no request failed",
    ),
    (
        EXIT_DIFFERENT,
        "of compare: the local cloud differs from the recording",
    ),
];

/// How live traffic is, by a look of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Everybody is served, and nothing is about to change that.
    pub is_well: bool,
    /// In words: who serves, or that nobody does.
    pub words: String,
}

/// What could not be removed, and what to type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// What stays behind.
    pub what: String,
    /// The command to type.
    pub remedy: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// The wanted release answers live traffic, and no probe request failed.
    Deployed {
        /// What is live now.
        release: Release,
        /// What was live before.
        previous: Option<Release>,
        /// The live colour.
        live: Colour,
        /// What is worth knowing.
        warnings: Vec<String>,
        /// What could not be cleaned up.
        leftovers: Vec<Leftover>,
    },
    /// It is live already, and proven: by an earlier run, or by this one, which released nothing.
    NothingToDo {
        /// What is live.
        release: Release,
    },
    /// Everything before the shift went well, and was undone again: nothing was released.
    Verified {
        /// What was verified.
        release: Release,
        /// What serves now, as before.
        serving: Option<Release>,
        /// What was undone.
        undone: Vec<String>,
        /// What could not be removed.
        leftovers: Vec<Leftover>,
    },
    /// The state of AWS does not allow it.
    Refused {
        /// Why, and the remedy.
        reason: String,
        /// How live traffic was then, if it could be seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        now: Option<Now>,
    },
    /// A step failed, and the run was undone; the previous release serves.
    RolledBack {
        /// The step that failed.
        step: String,
        /// Why.
        #[serde(flatten)]
        cause: Cause,
        /// Whether traffic had begun to move, and was restored and verified.
        traffic_moved: bool,
        /// What serves now; `None` when nothing was live before.
        serving: Option<Release>,
        /// What was undone.
        undone: Vec<String>,
        /// What could not be removed.
        leftovers: Vec<Leftover>,
    },
    /// The run was cancelled and undone.
    Cancelled {
        /// During which step.
        step: String,
        /// Whether traffic had begun to move, and was restored and verified.
        traffic_moved: bool,
        /// What serves now.
        serving: Option<Release>,
        /// What was undone.
        undone: Vec<String>,
        /// What could not be removed.
        leftovers: Vec<Leftover>,
    },
    /// What the run goes by was changed by somebody else: it stopped, and touched nothing that is theirs.
    Stopped {
        /// During which step.
        step: String,
        /// What they changed.
        #[serde(flatten)]
        cause: Cause,
        /// Who serves now, if one release answers everybody.
        serving: Option<Release>,
        /// The weights now, if they could be read.
        weights: Option<Weights>,
        /// What was undone.
        undone: Vec<String>,
        /// What is left as it is.
        leftovers: Vec<Leftover>,
    },
    /// Traffic could not be restored: a person is needed.
    Stuck {
        /// The step that failed.
        step: String,
        /// Why it failed.
        #[serde(flatten)]
        cause: Cause,
        /// Why the traffic could not be restored.
        #[serde(flatten, with = "undo_failure")]
        undo_failure: Cause,
        /// The weights as last seen, if they could be read.
        weights: Option<Weights>,
        /// The commands to type, in order.
        commands: Vec<String>,
        /// What could not be removed.
        leftovers: Vec<Leftover>,
    },
    /// The wanted release is live, but the probe could not prove that nobody noticed.
    Unproven {
        /// What is live now.
        release: Release,
        /// What was live before; the same release, when it was live already.
        previous: Option<Release>,
        /// The live colour.
        live: Colour,
        /// Why it is not proven.
        reasons: Vec<String>,
        /// What could not be cleaned up.
        leftovers: Vec<Leftover>,
    },
}

/// A second cause beside the first one, under names of its own.
mod undo_failure {
    use serde::{Deserializer, Serializer};

    use super::{Cause, Deserialize, Reason, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Named {
        undo_failure: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undo_reason: Option<Reason>,
    }

    pub(super) fn serialize<S: Serializer>(cause: &Cause, to: S) -> Result<S::Ok, S::Error> {
        let named = Named {
            undo_failure: cause.words.clone(),
            undo_reason: cause.reason.clone(),
        };
        named.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Cause, D::Error> {
        let named = Named::deserialize(from)?;
        Ok(Cause {
            words: named.undo_failure,
            reason: named.undo_reason,
        })
    }
}

impl Outcome {
    /// The same, where this release serves by now, if that is known.
    #[must_use]
    pub fn served_by(mut self, release: Option<Release>) -> Self {
        if let Self::Verified { serving, .. }
        | Self::RolledBack { serving, .. }
        | Self::Cancelled { serving, .. } = &mut self
            && release.is_some()
        {
            *serving = release;
        }
        self
    }

    /// In one word, for programs: `deployed`, `rolled-back`, ...
    pub fn word(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["result"].as_str().unwrap_or_default().to_owned()
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Deployed { .. } | Self::NothingToDo { .. } | Self::Verified { .. } => EXIT_OK,
            Self::Refused { .. } => EXIT_REFUSED,
            Self::RolledBack { .. } => EXIT_ROLLED_BACK,
            Self::Cancelled { .. } => EXIT_CANCELLED,
            Self::Stopped {
                serving: Some(_), ..
            } => EXIT_CANCELLED,
            // Nobody can say that all is well.
            Self::Stopped { serving: None, .. } | Self::Stuck { .. } => EXIT_STUCK,
            Self::Unproven { .. } => EXIT_UNPROVEN,
        }
    }
}

/// How the result of a command is called to whoever reads it: a rollback that succeeds is no deployment, and one that failed and
/// was undone has rolled nothing back.
pub fn answered<'a>(command: &str, result: &'a str) -> &'a str {
    match (command, result) {
        ("rollback", "deployed") => "reverted",
        ("rollback", "rolled-back") => "not-reverted",
        _ => result,
    }
}
