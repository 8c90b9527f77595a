//! What would make the next release fail or lie, and what an earlier one left over: each with what was seen and what to
//! type.
//!
//! The rules are pure, in a file by what they are about; [`look`] looks, and [`mend`] does what is safe. What could not be
//! looked at is a finding as well, never the end of it.

mod around;
mod case;
mod finding;
mod fleet;
mod leftovers;
mod look;
mod mend;
mod records;
mod told;
mod traffic;

use std::time::SystemTime;

pub use self::finding::{Finding, Fix, Severity};
pub use self::look::{Seen, Turn, look, whose_turn};
pub use self::mend::{Mended, mend};
pub use self::told::Diagnosis;

use self::case::Case;
use crate::config::Config;
use crate::run::state::State;
use crate::stack::Names;
use crate::standing::Standing;

/// All that is found, the worst first.
pub fn findings(config: &Config, seen: &Seen, now: SystemTime) -> Vec<Finding> {
    if let Some(other) = around::other_account(config, seen) {
        return vec![other];
    }
    if let Some(other) = around::other_app(config, &seen.standing) {
        return vec![other];
    }
    let mut found = around::unseen(config, seen);
    found.extend(around::findings(config, seen, now));
    if !is_nothing(&seen.standing) {
        found.extend(records::of_runbooks(config, seen));
    }
    found.extend(of_standing(config, &seen.standing, &seen.turn, now));
    if let Some(case) = case(config, &seen.standing, &seen.turn, now) {
        found.extend(traffic::of_idle(&case, seen));
        found.extend(leftovers::findings(&case, seen));
        found.extend(leftovers::verification(&case, seen));
    }
    worst_first(found)
}

/// What is found by what a `status` looks at, the worst first.
pub fn of_standing(
    config: &Config,
    standing: &Standing,
    turn: &Turn,
    now: SystemTime,
) -> Vec<Finding> {
    if is_nothing(standing) {
        return vec![around::nothing(config)];
    }
    if let Some(other) = around::other_app(config, standing) {
        return vec![other];
    }
    let mut found = records::of_lease(config, standing, turn);
    if let Some(case) = case(config, standing, turn, now) {
        found.extend(traffic::findings(&case));
        found.extend(fleet::findings(&case));
        found.extend(records::of_automations(&case, standing));
    }
    worst_first(found)
}

/// Whether nothing stands at all, for sure.
fn is_nothing(standing: &Standing) -> bool {
    let inventory = standing.inventory.as_ref();
    inventory.is_ok_and(|inventory| {
        inventory.load_balancer.is_none()
            && inventory.stacks.is_empty()
            && inventory.template.is_none()
    })
}

/// Of equals in the order in which they were found: what explains comes before what it explains.
fn worst_first(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by_key(|finding| finding.severity);
    found
}

fn case<'a>(
    config: &'a Config,
    standing: &'a Standing,
    turn: &Turn,
    now: SystemTime,
) -> Option<Case<'a>> {
    let lease = standing.lease.as_ref().ok();
    let run = lease.and_then(|lease| lease.as_ref()?.run.clone());
    let is_half_done = |run| State::of_value(run).is_ok_and(|run| run.is_unfinished());
    Some(Case {
        config,
        names: Names::new(&config.app, &config.environment),
        inventory: standing.inventory.as_ref().ok()?,
        is_under_way: matches!(turn, Turn::UnderWay(_)),
        is_unfinished: run.is_some_and(is_half_done),
        now,
    })
}
