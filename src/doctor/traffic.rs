//! Who is led where: the parts that stand, the weights, routes of others, the preview route.

use super::case::{Case, fails, left_over};
use super::finding::{Finding, Fix};
use super::look::Seen;
use crate::aws::elbv2::{TrafficRules, modify_rules_by_hand};
use crate::command_line::Next;
use crate::names::{Colour, utc};
use crate::plan::put_all_traffic;
use crate::steps::request_count::TOLD_FOR;

/// All of it.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(parts(case));
    found.extend(balancer(case));
    found.extend(weights(case));
    found.extend(sticky(case));
    found.extend(other_routes(case));
    found.extend(preview(case));
    found
}

/// A colour that no rule leads to and that somebody uses all the same: the next release would wait for him, and then fail.
pub(super) fn of_idle(case: &Case<'_>, seen: &Seen) -> Option<Finding> {
    let (idle, _) = case.idle()?;
    let (at, requests) = seen.idle_requests.as_ref().ok()?.last_key_value()?;
    // What a release or a person has just left behind had visitors until then.
    let automations = &case.inventory.automations;
    let kept_since = automations.scale_in_of(&case.names, idle)?.since;
    if case.is_under_way || case.now < kept_since + TOLD_FOR {
        return None;
    }
    let seen = format!(
        "{} has no weight in any rule, and answered {requests} requests in the minute from {}: another load balancer, a person \
         with the preview route's secret, or one that no rule shows leads there",
        case.names.group(idle),
        utc(*at)
    );
    let group = case.inventory.target_groups.as_ref()?.of(idle);
    let options = format!("--target-group-arns {group}");
    let remedy = case.aws("elbv2 describe-target-groups", &options);
    Some(fails("idle-answers", seen, remedy))
}

fn parts(case: &Case<'_>) -> Option<Finding> {
    let absent = case.inventory.absent();
    if absent.is_empty() {
        return None;
    }
    let (stack, absent) = (case.names.stack(), absent.join(", no "));
    let seen = format!("of {stack} there is no {absent}");
    Some(fails("not-provisioned", seen, case.next(Next::Provision)))
}

fn balancer(case: &Case<'_>) -> Option<Finding> {
    let balancer = case.inventory.load_balancer.as_ref()?;
    let seen = format!(
        "the load balancer {} is {}, not active",
        case.names.stack(),
        balancer.state
    );
    let remedy = case.aws(
        "elbv2 describe-load-balancers",
        &format!("--names {}", case.names.stack()),
    );
    (balancer.state != "active").then(|| fails("balancer-not-active", seen, remedy))
}

fn weights(case: &Case<'_>) -> Option<Finding> {
    let inventory = case.inventory;
    let groups = inventory.target_groups.as_ref()?;
    let [blue, green] = put_all_traffic(inventory)?;
    let weights = inventory.weights();
    if weights.is_some_and(|it| it.live().is_some() || case.is_under_way) {
        return None;
    }
    if weights.is_none()
        && let Some(only) = inventory.traffic_rule.as_ref()?.only(groups)
    {
        // Completed with all traffic where it is.
        let seen = format!("the traffic rule names {only} alone: somebody wrote it anew");
        return Some(fails("weights-missing", seen, case.next(Next::Provision)));
    }
    let healthy = |colour: Colour| inventory.stacks.get(&colour).map_or(0, |it| it.healthy());
    let is_better = |colour: Colour| (healthy(colour) > 0, weights.map_or(0, |it| it.of(colour)));
    let remedy = match is_better(Colour::Green) > is_better(Colour::Blue) {
        true => green,
        false => blue,
    };
    let of = |colour: Colour| {
        let release = inventory.release_in_words(colour);
        format!("{colour} has {release}, {} healthy", healthy(colour))
    };
    let standing = format!(
        "{}; {}; if the command leads to the wrong one: change its weights",
        of(Colour::Blue),
        of(Colour::Green)
    );
    Some(match weights {
        None => {
            let seen = format!("the traffic rule does not name both target groups; {standing}");
            fails("weights-missing", seen, remedy)
        }
        Some(weights) => {
            let seen =
                format!("the traffic is divided ({weights}), and no run is under way; {standing}");
            let remedy = match case.is_unfinished {
                true => case.fix(),
                false => remedy,
            };
            fails("weights-divided", seen, remedy)
        }
    })
}

fn sticky(case: &Case<'_>) -> Option<Finding> {
    let rule = case.inventory.traffic_rule.as_ref()?;
    if !rule.sticky {
        return None;
    }
    let seen =
        "the traffic rule has stickiness on: clients would stay on a colour whatever its weight";
    let remedy = match (
        case.inventory.target_groups.as_ref(),
        case.inventory.weights(),
    ) {
        // Written anew, without it.
        (Some(groups), Some(weights)) => {
            modify_rules_by_hand(&TrafficRules::only(&rule.arn), groups, weights)
        }
        _ => case.next(Next::Provision),
    };
    Some(fails("sticky-rule", seen.to_owned(), remedy))
}

/// A shift would not move these routes, and their visitors would be left behind.
fn other_routes(case: &Case<'_>) -> Vec<Finding> {
    let told = case.inventory.beside.iter().filter_map(|beside| {
        let stays = beside.stays.as_ref()?;
        let seen = format!("{} {}", beside.route.words(), stays.why);
        // A run writes them one after the other.
        (!case.is_under_way).then(|| fails("other-route", seen, stays.remedy.clone()))
    });
    told.collect()
}

fn preview(case: &Case<'_>) -> Option<Finding> {
    let rule = case.inventory.preview_rule.as_ref()?;
    if rule.is_closed || case.is_under_way {
        return None;
    }
    let seen = "the preview route is open: whoever knows the secret of an earlier run reaches what is on the idle colour";
    let finding = left_over("preview-open", seen.to_owned(), case.fix());
    Some(finding.mended_by(Fix::ClosePreview))
}
