//! A finding: what was seen, how bad that is, and what to type.

use serde::{Serialize, Serializer};

use crate::names::Colour;

/// What a finding does to the next release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It would fail, be refused, or first have to clean up; or live is in trouble now.
    Fails,
    /// It would say something that is not so, or prove something else than what visitors get.
    Lies,
    /// It would go well; something costs money or stands about.
    LeftOver,
}

impl Severity {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Lies => "lies",
            Self::LeftOver => "left over",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, for programs: one of those in docs/doctor.md.
    pub what: &'static str,
    /// What was seen.
    pub seen: String,
    /// What to type.
    pub remedy: String,
    /// What `--fix` does about it, if it does.
    #[serde(rename = "fixable", serialize_with = "is_some")]
    pub fix: Option<Fix>,
}

/// What `--fix` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Takes its turn: what an earlier run left half done is brought to its end, and the lease is free afterwards.
    TakeTurn,
    /// Lets the processes of the live group act again.
    Thaw(Colour),
    /// Gives the live group its floor back.
    Floor(Colour),
    /// Closes the preview route.
    ClosePreview,
    /// Has AWS scale the idle colour in.
    ArmScaleIn(Colour),
    /// Takes back a scale-in of the colour that serves.
    TakeBackScaleIn(Colour),
    /// Ends a builder.
    EndBuilder(String),
    /// Ends an instance that was kept to be looked at, and is past its time.
    EndKept(String),
    /// Removes the images beyond those that are kept.
    PruneImages,
    /// Deletes the snapshots whose image is gone.
    DeleteSnapshots,
}

impl Finding {
    /// One that `--fix` leaves to a person.
    pub(super) fn new(
        severity: Severity,
        what: &'static str,
        seen: String,
        remedy: String,
    ) -> Self {
        Self {
            severity,
            what,
            seen,
            remedy,
            fix: None,
        }
    }

    /// The same, mended by `--fix`.
    pub(super) fn mended_by(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// Whether the next release would fail or lie.
    pub fn is_in_the_way(&self) -> bool {
        self.severity < Severity::LeftOver
    }
}

fn is_some<S: Serializer>(fix: &Option<Fix>, to: S) -> Result<S::Ok, S::Error> {
    fix.is_some().serialize(to)
}
