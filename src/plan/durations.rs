//! How long credentials have to live for a run: until the first weight as long as that usually takes, from there on as
//! long as it may.
//!
//! Until the first weight nobody is harmed by credentials that end, and the limits are far away: a bake that may take an
//! hour takes minutes. What takes longer than usual is found out before the first weight, where all of what is still to
//! come is held against its limits, with the way back once, from the end of the soak. A way back is held against what is
//! usual throughout: a release that is bad should not stay for the sake of a limit.

use std::time::Duration;

use super::{Plan, Source};
use crate::config::Config;

/// How long reading weights back may differ from what was written.
pub const READ_BACK: Duration = Duration::from_secs(60);
/// How long the last node may take to learn of a change; a minute is the tail that has been reported
/// (<https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/1064>), five leave room.
pub const PROPAGATION: Duration = Duration::from_secs(300);
/// How long it may take to see that restored weights stay.
pub const STAYING: Duration = Duration::from_secs(120);

/// A bake as it usually is: the builder's start and stop, and some minutes for the image.
pub(super) const USUAL_BAKE: Duration = Duration::from_secs(8 * 60);
/// From a group's capacity to instances that are healthy.
pub(super) const USUAL_FLEET: Duration = Duration::from_secs(4 * 60);
/// Template, preview route, smoke tests, version probe.
pub(super) const USUAL_PROOF: Duration = Duration::from_secs(2 * 60);
/// A stage of a shift, or its way back.
pub(super) const USUAL_MOVE: Duration = Duration::from_secs(60);
/// So much longer should a session live than it has to: some of it is gone when a run begins.
const SLACK: Duration = Duration::from_secs(5 * 60);
/// The longest session that a role can give.
const LONGEST_SESSION: u64 = 12 * 60 * 60;

/// How long credentials have to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Until the first weight, as usual.
    pub before: Duration,
    /// From there on, the way back included; zero where none is written.
    pub after: Duration,
}

impl Plan {
    /// What all of its run needs.
    pub fn needed(&self) -> Needed {
        Needed {
            before: self.before_first_weight(),
            after: self.after_first_weight(),
        }
    }

    /// What a verification needs: no weight is written, and what it made is undone.
    pub fn needed_to_verify(&self) -> Needed {
        Needed {
            before: self.before_first_weight() + USUAL_FLEET,
            after: Duration::ZERO,
        }
    }

    fn before_first_weight(&self) -> Duration {
        let bake = match &self.source {
            Source::Artifact(bake) if bake.existing.is_none() => USUAL_BAKE.min(bake.within),
            _ => Duration::ZERO,
        };
        let fleet = match self.is_at_hand() {
            true => Duration::ZERO,
            false => USUAL_FLEET.min(self.health.within),
        };
        bake + fleet + USUAL_PROOF
    }

    fn after_first_weight(&self) -> Duration {
        let (hold, soak) = (self.shift.hold, self.shift.soak);
        after_first_weight(self.goes_back(), self.shift.percents.len(), hold, soak)
    }
}

fn after_first_weight(goes_back: bool, stages: usize, hold: Duration, soak: Duration) -> Duration {
    let stages = u32::try_from(stages).unwrap_or(u32::MAX);
    let (stage, back) = match goes_back {
        true => (USUAL_MOVE, USUAL_MOVE),
        false => (READ_BACK + PROPAGATION, READ_BACK + PROPAGATION + STAYING),
    };
    stage * stages + hold * stages.saturating_sub(1) + soak + back
}

impl Needed {
    /// What a release that is baked needs, as far as the file alone says.
    pub fn of_a_release(config: &Config) -> Self {
        let shift = &config.shift;
        let bake = USUAL_BAKE.min(config.bake.timeout);
        let fleet = USUAL_FLEET.min(config.fleet.healthy_within);
        Self {
            before: bake + fleet + USUAL_PROOF,
            after: after_first_weight(false, shift.weights.len(), shift.hold, shift.soak),
        }
    }

    /// Why credentials that live for `left` are too short-lived, if they are; the run has `taken` so long already.
    pub fn too_short(&self, left: Duration, taken: Duration) -> Option<String> {
        let whole = self.before + self.after;
        if left >= whole {
            return None;
        }
        let parts = match (self.before.is_zero(), self.after.is_zero()) {
            (true, _) => "from its first weight on, its way back included".to_owned(),
            (_, true) => "as usual".to_owned(),
            _ => format!(
                "{} until its first weight, as usual, and {} from there on, its way back included",
                minutes(self.before),
                minutes(self.after)
            ),
        };
        Some(format!(
            "the credentials live {} more minutes, and this run may take {}: {parts}\n{}",
            left.as_secs() / 60,
            minutes(whole),
            remedy(taken + whole)
        ))
    }
}

/// What to do about a session that is shorter than this.
fn remedy(needed: Duration) -> String {
    let role = "give the Action role-arn, whose sessions are renewed (docs/action.md)";
    let seconds = (needed + SLACK).as_secs().div_ceil(600) * 600;
    if seconds > LONGEST_SESSION {
        return format!("no session lives so long: in GitHub Actions, {role}");
    }
    format!(
        "get credentials that live so long: in GitHub Actions, raise role-duration-seconds of \
         aws-actions/configure-aws-credentials to {seconds}, which the role's maximum has to allow, or {role}"
    )
}

/// Whole minutes, rounded up.
fn minutes(duration: Duration) -> u64 {
    duration.as_secs().div_ceil(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn credentials_that_live_as_long_as_the_run_may_take_will_do_and_a_second_less_is_told_with_numbers()
     {
        let needed = Needed {
            before: 14 * MINUTE,
            after: 59 * MINUTE,
        };
        assert_eq!(needed.too_short(73 * MINUTE, Duration::ZERO), None);
        let told = needed.too_short(42 * MINUTE - Duration::from_secs(1), Duration::ZERO);
        assert_eq!(
            told.unwrap(),
            "the credentials live 41 more minutes, and this run may take 73: 14 until its first weight, as usual, and 59 \
             from there on, its way back included\n\
             get credentials that live so long: in GitHub Actions, raise role-duration-seconds of \
             aws-actions/configure-aws-credentials to 4800, which the role's maximum has to allow, or give the Action \
             role-arn, whose sessions are renewed (docs/action.md)"
        );
    }

    #[test]
    fn what_a_run_has_taken_counts_for_the_next_one_s_session_and_none_lives_longer_than_twelve_hours()
     {
        let needed = Needed {
            before: Duration::ZERO,
            after: 15 * MINUTE,
        };
        let told = needed.too_short(Duration::ZERO, 60 * MINUTE).unwrap();
        assert!(
            told.contains("live 0 more minutes, and this run may take 15"),
            "{told}"
        );
        assert!(told.contains("to 4800,"), "{told}");
        let told = needed.too_short(Duration::ZERO, 720 * MINUTE).unwrap();
        assert!(told.contains("no session lives so long"), "{told}");
    }
}
