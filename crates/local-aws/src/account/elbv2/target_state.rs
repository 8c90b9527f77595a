//! The one state of a target that AWS shows, made of what its load balancer's nodes think of it.

use super::health::{Outcome, View};
use super::network::state_in_words;
use super::target_groups::TargetGroup;
use super::targets::{Stage, Target, TargetKey};
use super::{NODES, target_groups};
use crate::account::Account;

/// The state that DescribeTargetHealth shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetState {
    /// "healthy", "unhealthy", "initial", ...
    pub name: &'static str,
    /// AWS's reason code, unless it is healthy.
    pub reason: Option<&'static str>,
    /// AWS's words for it.
    pub description: Option<String>,
}

impl TargetState {
    /// A state with its reason.
    pub fn new(name: &'static str, reason: &'static str, description: &str) -> Self {
        Self {
            name,
            reason: Some(reason),
            description: Some(description.to_owned()),
        }
    }

    /// Of an instance that the group does not have.
    pub fn not_registered() -> Self {
        Self::new(
            "unused",
            "Target.NotRegistered",
            "Target is not registered to the target group",
        )
    }
}

/// The state DescribeTargetHealth would show for it ("healthy", "unhealthy", "initial", ...), if it is registered.
pub fn health(account: &Account, target_group: &str, instance: &str) -> Option<&'static str> {
    let group = target_groups::find(account, target_group).ok()?;
    let mut targets = group.targets.iter();
    let (key, target) = targets.find(|(key, _)| &*key.instance == instance)?;
    Some(state_of(account, group, key, target).name)
}

/// A target's state: what most of the nodes see.
pub fn state_of(
    account: &Account,
    group: &TargetGroup,
    key: &TargetKey,
    target: &Target,
) -> TargetState {
    if target.left_from.is_some() {
        return TargetState::new(
            "draining",
            "Target.DeregistrationInProgress",
            "Target deregistration is in progress",
        );
    }
    if group.load_balancers.is_empty() {
        return TargetState::new(
            "unused",
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        );
    }
    if target.invalid_from.is_some() {
        let state = state_in_words(account, &key.instance);
        return TargetState::new(
            "unused",
            "Target.InvalidState",
            &format!("Target is in the {state} state"),
        );
    }
    if target.stage == Stage::OffZone {
        return TargetState::new(
            "unused",
            "Target.NotInUse",
            "Target is in an Availability Zone that is not enabled for the load balancer",
        );
    }
    if target.stage != Stage::Checked {
        return TargetState::new(
            "initial",
            "Elb.RegistrationInProgress",
            "Target registration is in progress",
        );
    }
    let most = NODES / 2 + 1;
    if target.views_that_are(View::Healthy) >= most {
        return TargetState {
            name: "healthy",
            reason: None,
            description: None,
        };
    }
    if target.views_that_are(View::Unhealthy) >= most {
        let mut unhealthy = target
            .views
            .iter()
            .filter(|view| view.view == View::Unhealthy);
        return unhealthy_state(unhealthy.find_map(|view| view.failure));
    }
    TargetState::new(
        "initial",
        "Elb.InitialHealthChecking",
        "Initial health checks in progress",
    )
}

fn unhealthy_state(failure: Option<Outcome>) -> TargetState {
    match failure {
        Some(Outcome::Answered(status)) => TargetState::new(
            "unhealthy",
            "Target.ResponseCodeMismatch",
            &format!("Health checks failed with these codes: [{status}]"),
        ),
        Some(Outcome::TimedOut) => {
            TargetState::new("unhealthy", "Target.Timeout", "Request timed out")
        }
        Some(Outcome::Failed) | None => TargetState::new(
            "unhealthy",
            "Target.FailedHealthChecks",
            "Health checks failed",
        ),
    }
}
