//! How things stand in one word, one sentence and one exit code: the first thing that somebody reads who was woken up.

use serde::Serialize;

use super::Status;
use crate::outcome::{EXIT_OK, EXIT_REFUSED, EXIT_STUCK};

/// How things stand, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// One release serves all traffic, and nothing is in the way of the next one.
    Fine,
    /// Nothing was released yet.
    Empty,
    /// A run is under way: what stands is its doing.
    UnderWay,
    /// Visitors are served; something is in the way of the next release.
    Hindered,
    /// Visitors are served, by fewer healthy instances than are wanted.
    Weakened,
    /// Visitors are served by what is about to be scaled in.
    Ending,
    /// Both colours have a share of the traffic, or nobody can say which one has, and no run is under way.
    Divided,
    /// All traffic goes where nothing healthy is.
    Unserved,
}

/// Findings that make it this, the worst first.
const BY_FINDING: [(Condition, &[&str]); 4] = [
    (Condition::Unserved, &["live-empty", "balancer-not-active"]),
    (Condition::Divided, &["weights-divided", "weights-missing"]),
    (Condition::Ending, &["scale-in-of-live"]),
    (
        Condition::Hindered,
        &[
            "not-provisioned",
            "on-hold",
            "run-unfinished",
            "guard-armed",
            "guard-fired",
            "holder-gone",
            "lease-unreadable",
            "other-route",
            "sticky-rule",
            "group-deleting",
            "processes-suspended",
            "processes-frozen",
            "minimum-pinned",
        ],
    ),
];

impl Condition {
    /// By all that a status saw.
    pub(super) fn of(status: &Status) -> Self {
        let found = |what: &str| status.findings.iter().any(|finding| finding.what == what);
        let live = status.colours.iter().find(|colour| colour.role == "live");
        let mut worst = match live {
            _ if status.held_by.is_some() => Self::UnderWay,
            Some(live) if live.release.is_none() => Self::Empty,
            _ => Self::Fine,
        };
        if found("live-unhealthy") {
            let is_served = live.is_some_and(|live| live.healthy > 0);
            worst = if is_served {
                Self::Weakened
            } else {
                Self::Unserved
            };
        }
        for (condition, whats) in BY_FINDING {
            if whats.iter().any(|what| found(what)) {
                worst = worst.max(condition);
            }
        }
        worst
    }

    /// 0 when all is well, 3 when something is in the way, 6 when live traffic needs a person.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Fine | Self::Empty | Self::UnderWay => EXIT_OK,
            Self::Hindered | Self::Weakened => EXIT_REFUSED,
            Self::Ending | Self::Divided | Self::Unserved => EXIT_STUCK,
        }
    }

    /// For people, about this status.
    pub(super) fn words(self, status: &Status) -> String {
        let live = status.colours.iter().find(|colour| colour.role == "live");
        let serves = match live {
            Some(live) => {
                let release = live.release.as_ref().map_or("nothing", |it| it.0.as_str());
                format!("{release} serves all traffic, on {}", live.colour)
            }
            None => "traffic goes to both colours".to_owned(),
        };
        match self {
            Self::Fine => serves,
            Self::Empty => "nothing was released yet".to_owned(),
            Self::UnderWay => format!("a run is under way; {serves}"),
            Self::Hindered => format!("{serves}; something is in the way of the next release"),
            Self::Weakened => match live {
                Some(live) => format!(
                    "{serves}, by {} of {} instances: the others are not healthy",
                    live.healthy, live.wanted
                ),
                None => serves,
            },
            Self::Ending => format!("{serves}, AND IS ABOUT TO BE SCALED IN"),
            Self::Divided => "THE TRAFFIC IS DIVIDED, and no run is under way".to_owned(),
            Self::Unserved => match live {
                Some(live) => format!(
                    "NOBODY IS SERVED: all traffic goes to {}, which has no healthy instance",
                    live.colour
                ),
                None => "NOBODY IS SERVED".to_owned(),
            },
        }
    }
}
