//! The words of a release as types: colours, releases, and the names everything of a deployment is found by.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Release(pub String);

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
