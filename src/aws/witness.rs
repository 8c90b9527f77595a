//! Witnesses: what a call that could harm those who use the service takes, and only a fresh look can make.
//!
//! | witness | says | is made by |
//! |---|---|---|
//! | [`Held`] | the lease of this app and environment is this run's | [`super::lease::write`] |
//! | [`NoWeight`] | nothing leads visitors to this group: no rule, no default action of any listener | [`super::autoscaling::see_no_weight`] |
//! | [`WeightsSeen`] | the traffic rules have these weights | [`super::elbv2::see_weights`] |
//! | [`Able`] | so many instances behind this target group are healthy, and of the right template version | [`super::elbv2::see_able`], [`super::autoscaling::Fleet::able`] |
//!
//! Guarantees: outside `aws/` none can be made without its look, as its fields are private; a call
//! takes it away; and after [`FRESH`] it says nothing any more. What a plan believed when the run began is no witness.
//!
//! AWS has no write that depends on what was read, so between a look and its call somebody else's change still fits. That
//! is as short as one call; the lease keeps other runs out of it.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::names::{Colour, Weights};

/// How long a look counts, on the wall: some calls, each with a retry.
pub const FRESH: Duration = Duration::from_secs(15);

/// How long a write of the lease counts: nobody takes it before twice that time.
pub const HELD: Duration = Duration::from_secs(60);

/// What a look saw that is not as the run goes by: somebody else's change, or nothing to stand on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Visitors are led to a group that was to be idle.
    Carries {
        /// The group.
        group: String,
        /// The routes that lead there, for people.
        routes: Vec<String>,
    },
    /// The weights are not those that this run found or wrote.
    Moved {
        /// What they are; `None` when the rule does not name both target groups any more.
        found: Option<Weights>,
        /// What they were.
        expected: Weights,
    },
    /// Too few instances could carry what they were to get.
    TooFew {
        /// What was looked at.
        group: String,
        /// How many are healthy.
        healthy: usize,
        /// How many it takes.
        wanted: usize,
    },
    /// What this run made is used by what is not this run's any more.
    InUse {
        /// What it made.
        what: String,
        /// Who uses it, for people.
        by: String,
    },
    /// The look was too long ago.
    Stale {
        /// What was looked at.
        what: &'static str,
    },
    /// The look was at something else.
    Other {
        /// What was looked at.
        seen: String,
        /// What was to be changed.
        wanted: String,
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Carries { group, routes } => {
                write!(
                    f,
                    "{group} has a share of the traffic now ({})",
                    routes.join(", ")
                )
            }
            Self::Moved {
                found: Some(found),
                expected,
            } => write!(
                f,
                "somebody else changed the weights: they are {found}, and this run left them at {expected}"
            ),
            Self::Moved {
                found: None,
                expected,
            } => write!(
                f,
                "somebody else changed the traffic rule: it does not name both target groups any more, and this run left \
                 it at {expected}"
            ),
            Self::TooFew {
                group,
                healthy,
                wanted,
            } => {
                write!(
                    f,
                    "only {healthy} of {wanted} instances of {group} are healthy"
                )
            }
            Self::InUse { what, by } => write!(f, "{what} is used by {by} now"),
            Self::Stale { what } => {
                write!(f, "the look at {what} was too long ago")
            }
            Self::Other { seen, wanted } => write!(f, "the look was at {seen}, not at {wanted}"),
        }
    }
}

impl std::error::Error for Contradiction {}

impl Contradiction {
    /// The one that an error is about, if it is about one.
    pub fn of(error: &anyhow::Error) -> Option<&Self> {
        error.chain().find_map(|cause| cause.downcast_ref())
    }

    /// Whether it shows that somebody else changed what this run goes by.
    pub fn is_another_s(&self) -> bool {
        matches!(
            self,
            Self::Carries { .. } | Self::Moved { .. } | Self::InUse { .. }
        )
    }
}

/// When something was looked at.
#[derive(Clone, Copy, Debug)]
pub(in crate::aws) struct Seen(Instant);

impl Seen {
    pub(in crate::aws) fn now() -> Self {
        Self(Instant::now())
    }

    fn is_fresh(&self, what: &'static str) -> Result<(), Contradiction> {
        self.is_younger(FRESH, what)
    }

    fn is_younger(&self, than: Duration, what: &'static str) -> Result<(), Contradiction> {
        if self.0.elapsed() > than {
            return Err(Contradiction::Stale { what });
        }
        Ok(())
    }
}

/// The lease is this run's: nobody who asks for it changes anything meanwhile.
#[derive(Clone, Debug)]
pub struct Held {
    at: Seen,
}

impl Held {
    /// For the write that AWS took.
    pub(in crate::aws) fn seen() -> Self {
        Self { at: Seen::now() }
    }

    /// Lets one call pass, if the write still counts.
    pub(in crate::aws) fn spend(self) -> Result<(), Contradiction> {
        self.at.is_younger(HELD, "the lease")
    }
}

/// Nothing leads visitors to this Auto Scaling group now.
#[derive(Debug)]
pub struct NoWeight {
    group: String,
    at: Seen,
}

impl NoWeight {
    /// For the look that has seen it.
    pub(in crate::aws) fn seen(group: &str) -> Self {
        Self {
            group: group.to_owned(),
            at: Seen::now(),
        }
    }

    /// The group that may be changed, if the look still counts.
    pub(in crate::aws) fn spend(self) -> Result<String, Contradiction> {
        self.at.is_fresh("where the traffic goes")?;
        Ok(self.group)
    }
}

/// The traffic rules have these weights now.
#[derive(Debug)]
pub struct WeightsSeen {
    /// Each rule and what it says: all the same, or a run was stopped while it wrote them.
    rules: Vec<(String, Weights)>,
    /// The target groups, blue first.
    groups: [String; 2],
    at: Seen,
}

impl WeightsSeen {
    /// For the look that has seen it.
    pub(in crate::aws) fn seen(rules: Vec<(String, Weights)>, groups: [&str; 2]) -> Self {
        Self {
            rules,
            groups: groups.map(str::to_owned),
            at: Seen::now(),
        }
    }

    /// The rules and the target groups that may get `weights`, if the look still counts and every colour that is to get
    /// more than it has by any of them was seen to be able to carry it.
    pub(in crate::aws) fn spend(
        self,
        able: Vec<Able>,
        weights: Weights,
    ) -> Result<(Vec<String>, [String; 2]), Contradiction> {
        self.at.is_fresh("the weights")?;
        for (index, colour) in Colour::BOTH.into_iter().enumerate() {
            let has = self.rules.iter().map(|(_, now)| now.of(colour)).min();
            if has.is_some_and(|has| weights.of(colour) <= has) {
                continue;
            }
            let group = &self.groups[index];
            let Some(able) = able.iter().find(|able| able.target_group == *group) else {
                return Err(Contradiction::Other {
                    seen: "nothing".to_owned(),
                    wanted: group.clone(),
                });
            };
            able.at.is_fresh("the health of who gets the traffic")?;
        }
        let rules = self.rules.into_iter().map(|(rule, _)| rule).collect();
        Ok((rules, self.groups))
    }
}

/// Enough instances behind this target group are healthy now.
#[derive(Debug)]
pub struct Able {
    target_group: String,
    at: Seen,
}

impl Able {
    /// For the way back to before a first release: nobody was served then, so nobody loses anything.
    pub fn as_before_a_first_release(target_group: &str) -> Self {
        Self {
            target_group: target_group.to_owned(),
            at: Seen::now(),
        }
    }

    /// For the look that has seen `healthy` of `wanted` now; `group` for people.
    pub(in crate::aws) fn seen(
        target_group: &str,
        group: &str,
        healthy: usize,
        wanted: usize,
    ) -> Result<Self, Contradiction> {
        Self::seen_at(Seen::now(), target_group, group, healthy, wanted)
    }

    /// The same for a look that was begun `at`.
    pub(in crate::aws) fn seen_at(
        at: Seen,
        target_group: &str,
        group: &str,
        healthy: usize,
        wanted: usize,
    ) -> Result<Self, Contradiction> {
        if healthy < wanted.max(1) {
            return Err(Contradiction::TooFew {
                group: group.to_owned(),
                healthy,
                wanted: wanted.max(1),
            });
        }
        Ok(Self {
            target_group: target_group.to_owned(),
            at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> WeightsSeen {
        let live = Weights::split(Colour::Blue, 100);
        WeightsSeen::seen(vec![("rule".to_owned(), live)], ["b", "g"])
    }

    fn able(target_group: &str) -> Able {
        Able::seen(target_group, target_group, 2, 2).expect("enough")
    }

    async fn time_passes() {
        tokio::time::advance(FRESH + Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_look_is_no_witness() {
        let half = Weights::split(Colour::Green, 50);
        let idle = NoWeight::seen("group");
        let (seen, sick) = (weights(), able("g"));
        time_passes().await;
        assert!(matches!(idle.spend(), Err(Contradiction::Stale { .. })));
        let written = seen.spend(vec![able("g")], half);
        assert!(matches!(written, Err(Contradiction::Stale { .. })));
        let written = weights().spend(vec![sick], half);
        assert!(matches!(written, Err(Contradiction::Stale { .. })));
        assert!(weights().spend(vec![able("g")], half).is_ok());
        assert_eq!(NoWeight::seen("group").spend(), Ok("group".to_owned()));
        let held = Held::seen();
        assert!(held.clone().spend().is_ok());
        tokio::time::advance(HELD + Duration::from_millis(1)).await;
        assert!(matches!(held.spend(), Err(Contradiction::Stale { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_more_was_seen_to_be_able_and_who_gets_less_need_not() {
        let half = Weights::split(Colour::Green, 50);
        for wrong in [vec![], vec![able("b")]] {
            let written = weights().spend(wrong, half);
            assert!(matches!(written, Err(Contradiction::Other { .. })));
        }
        let (rules, groups) = weights().spend(vec![able("g")], half).expect("a witness");
        assert_eq!(
            (rules, groups),
            (vec!["rule".into()], ["b".into(), "g".into()])
        );
        assert!(
            weights()
                .spend(vec![], Weights::split(Colour::Blue, 100))
                .is_ok()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_gets_more_by_one_rule_of_several_was_seen_to_be_able() {
        let mixed = || {
            let said = [(Colour::Blue, "1"), (Colour::Green, "2")];
            let said = said.map(|(colour, rule)| (rule.to_owned(), Weights::split(colour, 100)));
            WeightsSeen::seen(said.into(), ["b", "g"])
        };
        let back = Weights::split(Colour::Blue, 100);
        assert!(mixed().spend(vec![], back).is_err());
        let (rules, _) = mixed().spend(vec![able("b")], back).expect("a witness");
        assert_eq!(rules, ["1", "2"]);
    }

    #[test]
    fn nobody_is_able_without_a_healthy_instance() {
        for (healthy, wanted) in [(1, 2), (0, 0), (0, 1)] {
            let seen = Able::seen("g", "green", healthy, wanted);
            assert!(
                matches!(seen, Err(Contradiction::TooFew { .. })),
                "{healthy}"
            );
        }
        assert!(Able::seen("g", "green", 3, 2).is_ok());
    }
}
