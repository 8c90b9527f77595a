//! What Auto Scaling refuses now and then because it is about something else: whoever changes a group asks again.
//!
//! `ResourceContention` is an error of all its changes, `ScalingActivityInProgress` of a few, while activities are in progress
//! (<https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html>, "Errors"). How often, nobody has
//! published; people meet both (<https://github.com/TwiN/aws-eks-asg-rolling-update-handler/issues/16>).
//!
//! Guarantees: of `GAP`'s most changes one at least is refused, never more than `MOST_IN_A_ROW` in a row, and nothing has changed
//! then; what is drawn here is drawn from a stream of its own.

use std::ops::RangeInclusive;

use crate::account::{Account, ApiError};

/// How many changes it lets pass between two that it refuses.
const GAP: RangeInclusive<u32> = 4..=12;
/// How many it refuses in a row: as many as a step of a runbook with three attempts forgives.
const MOST_IN_A_ROW: u32 = 2;

/// The changes that are refused while activities are in progress.
const WAIT_FOR_ACTIVITIES: [&str; 4] = [
    "DeleteAutoScalingGroup",
    "SetDesiredCapacity",
    "TerminateInstanceInAutoScalingGroup",
    "UpdateAutoScalingGroup",
];

/// When it refuses next.
#[derive(Debug)]
pub struct Contention {
    passing: u32,
    refusing: u32,
    rng: fastrand::Rng,
}

impl Contention {
    /// The habit of a region whose chances begin with this seed.
    pub fn new(seed: u64) -> Self {
        let mut begun = Self {
            passing: 0,
            refusing: 0,
            rng: fastrand::Rng::with_seed(seed ^ 0xa56),
        };
        begun.draw();
        begun
    }

    fn draw(&mut self) {
        self.passing = self.rng.u32(GAP);
        self.refusing = self.rng.u32(1..=MOST_IN_A_ROW);
    }

    /// Whether the next change is refused.
    fn strikes(&mut self) -> bool {
        if self.passing > 0 {
            self.passing -= 1;
            return false;
        }
        self.refusing -= 1;
        if self.refusing == 0 {
            self.draw();
        }
        true
    }
}

/// Refuses a change of this group, when it is time to.
pub fn meet(account: &mut Account, operation: &str, group: Option<&str>) -> Result<(), ApiError> {
    let held = &mut account.autoscaling;
    if !held.contention.strikes() {
        return Ok(());
    }
    let group = group.and_then(|name| held.groups.get(name));
    let is_active = group.is_some_and(|group| {
        let mut activities = group.activities.iter();
        activities.any(|activity| activity.end.is_none())
    });
    if is_active && WAIT_FOR_ACTIVITIES.contains(&operation) && held.contention.rng.bool() {
        return Err(ApiError::refused(
            "ScalingActivityInProgress",
            "The operation can't be performed because there are scaling activities in progress.",
        ));
    }
    Err(ApiError::new(
        "ResourceContention",
        500,
        "You already have a pending update to an Amazon EC2 Auto Scaling resource (for example, an Auto Scaling group, instance, or load balancer).",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_dozen_changes_one_is_refused_and_never_three_in_a_row() {
        for seed in 0..50 {
            let mut habit = Contention::new(seed);
            let refused: Vec<_> = (0..200).map(|_| habit.strikes()).collect();
            let longest = usize::try_from(*GAP.end()).expect("small") + 1;
            assert!(refused.windows(longest).all(|some| some.contains(&true)));
            assert!(refused.windows(3).all(|three| three.contains(&false)));
            assert!(!refused[0], "it begins with none");
        }
    }
}
