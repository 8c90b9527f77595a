//! What a person has made of the stack that a release would harm, or come to nothing by: named, with what to type.

use crate::aws::elbv2::modify_rules_by_hand;
use crate::command_line::Next;
use crate::config::Config;
use crate::inventory::Inventory;
use crate::names::{Colour, Weights};
use crate::stack::Names;

use super::held_back;

/// Why a release would do harm or come to nothing by what a person has done, with what to type. A way back may help.
pub(super) fn by_hand(inventory: &Inventory) -> Option<String> {
    idle_held_back(inventory).or_else(|| led_to_nobody(inventory))
}

/// All traffic is on a colour without a healthy instance, and the other one could answer it: a release would empty that.
fn led_to_nobody(inventory: &Inventory) -> Option<String> {
    let live = inventory.weights()?.live()?;
    let (empty, up) = (inventory.stacks.get(&live)?, live.other());
    let healthy = inventory.stacks.get(&up)?.healthy();
    if empty.healthy() > 0 || healthy == 0 {
        return None;
    }
    let [blue, green] = put_all_traffic(inventory)?;
    let command = match up {
        Colour::Blue => blue,
        Colour::Green => green,
    };
    let release = inventory.release_of(up).unwrap_or_default();
    Some(format!(
        "nobody is served: all traffic goes to {live}, which has no healthy instance, while {up} is up with {release}\n\
         to lead it there: {command}"
    ))
}

/// Why the idle group can be neither emptied nor filled, if somebody has seen to that.
fn idle_held_back(inventory: &Inventory) -> Option<String> {
    let live = inventory.weights()?.live()?;
    let idle = inventory.stacks.get(&live.other())?;
    held_back(&idle.group, &["Launch", "Terminate", "AddToLoadBalancer"])
}

/// No colour is live alone: a run was interrupted, or is under way, or somebody wrote the weights.
pub(super) fn divided(
    config: &Config,
    inventory: &Inventory,
    names: &Names,
    weights: Weights,
) -> String {
    format!(
        "neither colour of {} is live alone (weights: {weights}): a run was interrupted in its shift or is under way, or a person \
         has divided the traffic\n\
         if a run was interrupted, this puts the traffic back and removes what it made: {}\n\
         if a person did it, put all traffic on the one that is right, then run this again:\n{}",
        names.stack(),
        config.next(Next::Finish),
        by_colour(inventory)
    )
}

/// The traffic rule does not name both target groups: somebody wrote it anew.
pub(super) fn cut_down(config: &Config, inventory: &Inventory, names: &Names) -> String {
    let (rule, groups) = (&inventory.traffic_rule, &inventory.target_groups);
    let only = rule.as_ref().zip(groups.as_ref());
    let only = only.and_then(|(rule, groups)| rule.only(groups));
    let stack = names.stack();
    match only {
        Some(only) => format!(
            "the traffic rule of {stack} names {only} alone: somebody wrote it anew; to have it name both again, with \
             all traffic on {only} as it is now: {}",
            config.next(Next::Provision)
        ),
        None => format!(
            "the traffic rule of {stack} does not name both target groups: somebody wrote it anew\n\
             put all traffic on the colour that is right, then run this again:\n{}",
            by_colour(inventory)
        ),
    }
}

/// The command that puts all traffic on a colour, a line for each.
fn by_colour(inventory: &Inventory) -> String {
    let commands = put_all_traffic(inventory).unwrap_or_default();
    let of = |(colour, command): (Colour, String)| {
        let release = inventory.release_in_words(colour);
        format!("  {colour}, {release}: {command}")
    };
    let lines = Colour::BOTH.into_iter().zip(commands).map(of);
    lines.collect::<Vec<_>>().join("\n")
}

/// The command that puts all traffic on blue, and the one that puts it on green.
pub(crate) fn put_all_traffic(inventory: &Inventory) -> Option<[String; 2]> {
    let rules = inventory.traffic_rules()?;
    let groups = inventory.target_groups.as_ref()?;
    let put = |colour| modify_rules_by_hand(&rules, groups, Weights::split(colour, 100));
    Some(Colour::BOTH.map(put))
}
