//! What the local cloud's own books say of an app: no call of the deployer's is asked.

use bg_deploy::names::Colour;
use bg_deploy::plan::Plan;
use bg_deploy::stack::TAG_RELEASE;
use local_aws::account::Account;
use local_aws::account::autoscaling::group::Lifecycle;
use local_aws::account::elbv2::actions::ActionKind;
use local_aws::account::elbv2::target_state::health;
use local_aws::account::elbv2::{listeners, rules};

use crate::support::World;

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    /// Min, max and desired.
    pub(crate) capacity: [u32; 3],
    pub(crate) suspended: Vec<String>,
    /// The releases of its instances, by their tag.
    pub(crate) releases: Vec<String>,
    /// How many of these the load balancer takes for healthy.
    pub(crate) healthy: usize,
    /// When it is to be scaled in, something counts down to it.
    pub(crate) is_due: bool,
}

/// An app's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Books {
    /// The colour with all the traffic, if one has it.
    pub(crate) live: Option<Colour>,
    pub(crate) weights: [u32; 2],
    pub(crate) groups: [Group; 2],
    /// Automations of the guard that have not ended.
    pub(crate) guards: usize,
}

impl Books {
    /// As they stand now.
    pub(crate) fn read(world: &World, plan: &Plan) -> Self {
        let account = world.cloud.account();
        let weights = Colour::BOTH.map(|colour| weight(&account, plan, colour));
        let live = match weights {
            [0, 0] => None,
            [_, 0] => Some(Colour::Blue),
            [0, _] => Some(Colour::Green),
            _ => None,
        };
        let running = account.ssm.automations.values();
        let running = running.filter(|run| !run.status.is_final());
        Self {
            live,
            weights,
            groups: Colour::BOTH.map(|colour| group(&account, plan, colour)),
            guards: running
                .filter(|run| run.document.ends_with("-guard"))
                .count(),
        }
    }

    /// The group of the live colour, and the other one.
    pub(crate) fn live_and_idle(&self) -> Option<(&Group, &Group)> {
        let [blue, green] = &self.groups;
        Some(match self.live? {
            Colour::Blue => (blue, green),
            Colour::Green => (green, blue),
        })
    }

    /// The one release that all instances behind a weight are of.
    pub(crate) fn serving(&self) -> Option<&str> {
        let with_weight = self.groups.iter().zip(self.weights);
        let mut releases = with_weight
            .filter(|(_, weight)| *weight > 0)
            .flat_map(|(group, _)| &group.releases);
        let first = releases.next()?;
        releases.all(|it| it == first).then_some(first)
    }
}

fn weight(account: &Account, plan: &Plan, colour: Colour) -> u32 {
    weight_by(
        account,
        plan.traffic_rules.own(),
        plan.target_groups.of(colour),
    )
}

/// The weight of a target group by this rule, or by the default action of this listener.
pub(crate) fn weight_by(account: &Account, arn: &str, target_group: &str) -> u32 {
    let of = |listener: &str| listeners::find(account, listener).expect("the listener");
    let rule = match rules::listener_of(arn) {
        Some(listener) => {
            let mut all = of(&listener).rules.latest().iter();
            all.find(|rule| rule.arn == arn).expect("the traffic rule")
        }
        None => &of(arn).rules.latest().default,
    };
    let ActionKind::Forward(forward) = &rule.action.kind else {
        panic!("{rule:?}");
    };
    let groups = forward.groups.iter();
    let of_own = groups.filter(|(group, _)| **group == *target_group);
    of_own.map(|(_, weight)| weight).sum()
}

fn group(account: &Account, plan: &Plan, colour: Colour) -> Group {
    let name = plan.names().group(colour);
    let Some(group) = account.autoscaling.groups.get(&name) else {
        return Group::default();
    };
    let in_service = group.members.iter();
    let in_service = in_service.filter(|(_, member)| member.lifecycle == Lifecycle::InService);
    let target_group = plan.target_groups.of(colour);
    let is_healthy = |id: &String| health(account, target_group, id) == Some("healthy");
    let healthy = in_service.clone().filter(|(id, _)| is_healthy(id)).count();
    let release = |id: &String| account.ec2.instances[id].tags.get(TAG_RELEASE).cloned();
    let quoted = format!("\"{name}\"");
    let mut timers = account.ssm.automations.values();
    Group {
        capacity: [group.min, group.max, group.desired],
        suspended: group.suspended.keys().cloned().collect(),
        releases: in_service.filter_map(|(id, _)| release(id)).collect(),
        healthy,
        is_due: timers.any(|run| {
            let is_of_it = run
                .parameters
                .values()
                .any(|it| it.to_string().contains(&quoted));
            !run.status.is_final() && run.document.ends_with("-scale-in") && is_of_it
        }),
    }
}
