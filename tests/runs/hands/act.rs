//! What a person does, straight in the account: looks at nothing, asks nobody; and what that costs visitors by itself.

use std::sync::Arc;
use std::time::Duration;

use bg_deploy::names::Colour;
use bg_deploy::plan::Plan;
use bg_deploy::stack::PREVIEW_PRIORITY;
use local_aws::account::Account;
use local_aws::account::autoscaling::group::{Lifecycle, Settings};
use local_aws::account::autoscaling::{changes, processes};
use local_aws::account::ec2::{launch_templates, lives};
use local_aws::account::elbv2::actions::{Action, ActionKind, Forward};
use local_aws::account::elbv2::{listeners, rules, tags};

use crate::books::Books;
use crate::support::World;

/// An act of a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// All traffic to the colour that has less of it.
    WeightsToTheOther,
    /// Half of the traffic to either colour.
    WeightsInHalf,
    /// What was live when the run began gets two more instances.
    LiveScaledUp,
    /// The same is scaled in to one.
    LiveScaledDown,
    /// The candidate's group is scaled in to nothing.
    CandidateScaledToNothing,
    LiveInstanceTerminated,
    CandidateInstanceTerminated,
    PreviewRuleDeleted,
    CandidateGroupDeleted,
    /// The launch template's default version becomes the newest one.
    DefaultVersionChanged,
    /// Every process of what was live when the run began is suspended.
    LiveSuspended,
    /// `terraform apply`: the traffic rule leads to blue alone, and no tag of ours is left.
    TerraformApplied,
}

pub(super) const ACTS: [Act; 12] = [
    Act::WeightsToTheOther,
    Act::WeightsInHalf,
    Act::LiveScaledUp,
    Act::LiveScaledDown,
    Act::CandidateScaledToNothing,
    Act::LiveInstanceTerminated,
    Act::CandidateInstanceTerminated,
    Act::PreviewRuleDeleted,
    Act::CandidateGroupDeleted,
    Act::DefaultVersionChanged,
    Act::LiveSuspended,
    Act::TerraformApplied,
];

/// What an act costs visitors, whatever anybody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    Nothing,
    /// Until the load balancer has noticed.
    For(Duration),
    /// Until somebody has led the traffic elsewhere.
    UntilPutRight,
}

/// Two failed health checks, and what is on its way to the instance.
const NOTICED: Duration = Duration::from_secs(60);
/// A run sees it, puts all traffic back, and the last node of the load balancer knows.
const RESTORED: Duration = Duration::from_secs(300);

impl Act {
    /// Does it; answers with what it costs. With `is_shifting` the run has just looked at both colours, and its first weight
    /// is written next, or not every node of the load balancer knows it: either colour has visitors.
    pub(super) fn carry_out(
        self,
        world: &World,
        plan: &Plan,
        is_finishing: bool,
        is_shifting: bool,
    ) -> Cost {
        let before = Books::read(world, plan);
        self.change(world, plan, &before);
        // Whoever waits for the account's next moment looks again.
        world.cloud.skip(Duration::ZERO);
        let after = Books::read(world, plan);
        let of = |colour: Colour| Colour::BOTH.into_iter().position(|it| it == colour);
        let index = |colour: Colour| of(colour).unwrap_or_default();
        let has_weight = |colour: Colour| after.weights[index(colour)] > 0;
        match self {
            Self::WeightsToTheOther | Self::WeightsInHalf | Self::TerraformApplied => {
                let serves = |colour: &Colour| {
                    let group = &before.groups[index(*colour)];
                    group.healthy > 0 && group.capacity[2] > 0
                };
                let led_to = Colour::BOTH.into_iter().filter(|it| has_weight(*it));
                match led_to.into_iter().all(|colour| serves(&colour)) {
                    true => Cost::Nothing,
                    false => Cost::UntilPutRight,
                }
            }
            Self::LiveInstanceTerminated if is_shifting || has_weight(plan.live) => {
                Cost::For(NOTICED)
            }
            Self::CandidateInstanceTerminated if is_shifting || has_weight(plan.idle) => {
                Cost::For(NOTICED)
            }
            Self::CandidateScaledToNothing | Self::CandidateGroupDeleted
                if is_shifting || has_weight(plan.idle) =>
            {
                match is_finishing {
                    true => Cost::UntilPutRight,
                    false => Cost::For(RESTORED),
                }
            }
            _ => Cost::Nothing,
        }
    }

    fn change(self, world: &World, plan: &Plan, before: &Books) {
        let account = &mut *world.cloud.account();
        let (live, candidate) = (plan.names().group(plan.live), plan.idle_group());
        let resize = |account: &mut Account, group: &str, settings: Settings| {
            changes::update(account, group, settings).expect("a group");
        };
        match self {
            Self::WeightsToTheOther => {
                let [blue, green] = before.weights;
                let to = match blue < green {
                    true => [100, 0],
                    false => [0, 100],
                };
                write_weights(account, plan, to);
            }
            Self::WeightsInHalf => write_weights(account, plan, [50, 50]),
            Self::LiveScaledUp => {
                let desired = account.autoscaling.groups[&live].desired + 2;
                resize(account, &live, sizes(None, Some(desired.max(4)), desired));
            }
            Self::LiveScaledDown => resize(account, &live, sizes(Some(1), None, 1)),
            Self::CandidateScaledToNothing => {
                resize(account, &candidate, sizes(Some(0), Some(0), 0));
            }
            Self::LiveInstanceTerminated => terminate_one(account, &live),
            Self::CandidateInstanceTerminated => terminate_one(account, &candidate),
            Self::PreviewRuleDeleted => {
                if let Some(rule) = preview_rule(account, plan) {
                    rules::delete(account, &rule).expect("a rule");
                }
            }
            Self::CandidateGroupDeleted => {
                changes::delete(account, &candidate, true).expect("a group");
            }
            Self::DefaultVersionChanged => {
                let template = &account.ec2.launch_templates[&plan.template];
                let newest = template.latest_version();
                launch_templates::set_default(account, &plan.template, newest).expect("a version");
            }
            Self::LiveSuspended => processes::suspend(account, &live, &[]).expect("a group"),
            Self::TerraformApplied => {
                lead_to_one_alone(account, plan, Colour::Blue);
                remove_tags(account, plan);
            }
        }
    }

    /// Whether what it has done lasts until the person who did it takes it back.
    pub(super) fn takes_back(self, world: &World, plan: &Plan) {
        if self != Self::LiveSuspended {
            return;
        }
        let account = &mut *world.cloud.account();
        for colour in Colour::BOTH {
            let group = plan.names().group(colour);
            processes::resume(account, &group, &[]).expect("a group");
        }
    }
}

fn sizes(min: Option<u32>, max: Option<u32>, desired: u32) -> Settings {
    Settings {
        min,
        max,
        desired: Some(desired),
        ..Settings::default()
    }
}

/// Writes weights, blue's first.
pub(super) fn write_weights(account: &mut Account, plan: &Plan, [blue, green]: [u32; 2]) {
    let groups = &plan.target_groups;
    let both = [(&groups.blue, blue), (&groups.green, green)];
    forward_to(account, plan, &both, None);
}

/// Writes a rule that names one colour's target group and no other.
pub(crate) fn lead_to_one_alone(account: &mut Account, plan: &Plan, colour: Colour) {
    let only = plan.target_groups.of(colour).to_owned();
    forward_to(account, plan, &[(&only, 1)], None);
}

/// With `sticky_seconds` a client stays so long where it was led first.
pub(crate) fn forward_to(
    account: &mut Account,
    plan: &Plan,
    groups: &[(&String, u32)],
    sticky_seconds: Option<u32>,
) {
    let groups = groups.iter();
    let forward = Forward {
        groups: groups
            .map(|(arn, weight)| (Arc::from(arn.as_str()), *weight))
            .collect(),
        is_sticky: sticky_seconds.is_some(),
        sticky_seconds,
    };
    let action = Action {
        order: None,
        kind: ActionKind::Forward(forward),
    };
    rules::modify(account, plan.traffic_rules.own(), None, Some(action)).expect("the rule");
}

/// The first instance of a group that is in service, if there is one.
fn terminate_one(account: &mut Account, group: &str) {
    let members = account.autoscaling.groups[group].members.iter();
    let mut in_service = members.filter(|(_, one)| one.lifecycle == Lifecycle::InService);
    if let Some((id, _)) = in_service.next() {
        let id = id.clone();
        lives::terminate(account, &[id]).expect("an instance");
    }
}

fn preview_rule(account: &Account, plan: &Plan) -> Option<String> {
    let listener = rules::listener_of(plan.traffic_rules.own())?;
    let listener = listeners::find(account, &listener).ok()?;
    let priority = u32::try_from(PREVIEW_PRIORITY).ok();
    let mut all = listener.rules.latest().iter();
    let rule = all.find(|rule| rule.priority == priority)?;
    Some(rule.arn.clone())
}

fn remove_tags(account: &mut Account, plan: &Plan) {
    let rule = plan.traffic_rules.own();
    let mut arns = vec![rule.to_owned()];
    arns.extend(rules::listener_of(rule));
    arns.extend(Colour::BOTH.map(|colour| plan.target_groups.of(colour).to_owned()));
    for arn in arns {
        tags::of(account, &arn).expect("tags").clear();
    }
    for group in account.autoscaling.groups.values_mut() {
        group.tags.clear();
    }
}
