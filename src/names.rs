//! The words of a release as types: colours, releases, and the names everything of a deployment is found by.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The environment of a file that has none.
pub const NO_ENVIRONMENT: &str = "default";
/// What the ARN of a listener contains, and that of one of its rules does not.
pub const LISTENER: &str = ":listener/";
/// The header of the preview route. Its value is a secret of the run.
pub const PREVIEW_HEADER: &str = "x-bg-deploy-preview";
/// The header's value while the route is closed begins so; nobody knows the rest.
pub const PREVIEW_CLOSED: &str = "closed-";

/// The permanent name of one stack: an Auto Scaling group and its target group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// The first.
    Blue,
    /// The other.
    Green,
}

impl Colour {
    /// Both, in the order they are written everywhere.
    pub const BOTH: [Self; 2] = [Self::Blue, Self::Green];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blue => "blue",
            Self::Green => "green",
        })
    }
}

/// The version string that the app must answer with.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Release(pub String);

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As much of a commit as people need; it may be anybody's words.
pub fn short_commit(commit: &str) -> String {
    commit.chars().take(12).collect()
}

/// What share of the requests each colour gets, in percent; always written for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// Of blue.
    pub blue: u16,
    /// Of green.
    pub green: u16,
}

impl Weights {
    /// `percent` for `colour`, the rest for the other.
    pub fn split(colour: Colour, percent: u8) -> Self {
        let percent = u16::from(percent.min(100));
        match colour {
            Colour::Blue => Self {
                blue: percent,
                green: 100 - percent,
            },
            Colour::Green => Self {
                blue: 100 - percent,
                green: percent,
            },
        }
    }

    /// The weight of `colour`.
    pub fn of(self, colour: Colour) -> u16 {
        match colour {
            Colour::Blue => self.blue,
            Colour::Green => self.green,
        }
    }

    /// The colour that has all the weight, if one has.
    pub fn live(self) -> Option<Colour> {
        match (self.blue, self.green) {
            (0, 0) => None,
            (_, 0) => Some(Colour::Blue),
            (0, _) => Some(Colour::Green),
            _ => None,
        }
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blue {}, green {}", self.blue, self.green)
    }
}

/// A duration as a person writes it: `90s`, `5m`, `2h`, `1d`.
pub fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if !duration.is_zero() => format!("{}ms", duration.as_millis()),
        0 => "0s".to_owned(),
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// The same to the millisecond: `1500ms`.
pub fn exactly(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => human(duration),
        _ => format!("{}ms", duration.as_millis()),
    }
}

/// A time as programs read it, to the second: `2026-11-21T14:05:00Z`.
pub fn utc(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let at = at.replace_nanosecond(0).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}

/// About how long, in one unit: `43m`, `2h`, `3d`.
pub fn roughly(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ ..90 => format!("{seconds}s"),
        seconds @ ..5_400 => format!("{}m", seconds / 60),
        seconds @ ..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_always_adds_up_to_a_hundred_and_names_its_live_colour() {
        let half = Weights::split(Colour::Green, 30);
        assert_eq!((half.blue, half.green), (70, 30));
        assert_eq!(half.live(), None);
        assert_eq!(
            Weights::split(Colour::Green, 100).live(),
            Some(Colour::Green)
        );
        assert_eq!(Weights::split(Colour::Green, 0).live(), Some(Colour::Blue));
    }

    #[test]
    fn times_are_told_to_the_second_and_stretches_in_one_unit() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_500);
        assert_eq!(utc(at), "2027-01-15T08:00:00Z");
        for (seconds, text) in [(45, "45s"), (2_600, "43m"), (7_300, "2h"), (260_000, "3d")] {
            assert_eq!(roughly(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn durations_are_written_in_their_largest_whole_unit() {
        for (seconds, text) in [
            (0, "0s"),
            (90, "90s"),
            (300, "5m"),
            (7_200, "2h"),
            (86_400, "1d"),
        ] {
            assert_eq!(human(Duration::from_secs(seconds)), text);
        }
    }
}
