//! What the rules judge from, and the words that they share.

use std::time::SystemTime;

use super::finding::{Finding, Severity};
use crate::command_line::{Next, aws, region_of};
use crate::config::Config;
use crate::inventory::{Inventory, Stack};
use crate::names::Colour;
use crate::stack::Names;

/// What the rules judge from.
pub(super) struct Case<'a> {
    pub(super) config: &'a Config,
    pub(super) names: Names,
    pub(super) inventory: &'a Inventory,
    /// A run holds the lease: what it does now is not left over.
    pub(super) is_under_way: bool,
    /// The lease tells of a run that did not come to its end: whoever has the next turn brings it there.
    pub(super) is_unfinished: bool,
    pub(super) now: SystemTime,
}

impl<'a> Case<'a> {
    /// The colour that has all the traffic, and its stack.
    pub(super) fn live(&self) -> Option<(Colour, &'a Stack)> {
        let live = self.inventory.weights()?.live()?;
        Some((live, self.inventory.stacks.get(&live)?))
    }

    /// The other one.
    pub(super) fn idle(&self) -> Option<(Colour, &'a Stack)> {
        let idle = self.inventory.weights()?.live()?.other();
        Some((idle, self.inventory.stacks.get(&idle)?))
    }

    /// How this command is typed.
    pub(super) fn next(&self, next: Next<'_>) -> String {
        self.config.next(next)
    }

    /// How `doctor --fix` is typed.
    pub(super) fn fix(&self) -> String {
        self.next(Next::Fix)
    }

    /// `aws SERVICE COMMAND --region REGION ...`
    pub(super) fn aws(&self, command: &str, options: &str) -> String {
        let balancer = self.inventory.load_balancer.as_ref();
        let region = balancer.and_then(|balancer| region_of(&balancer.arn));
        aws(region.or(self.config.region.as_deref()), command, options)
    }
}

/// A finding that makes the next release fail.
pub(super) fn fails(what: &'static str, seen: String, remedy: String) -> Finding {
    Finding::new(Severity::Fails, what, seen, remedy)
}

/// One that makes it lie.
pub(super) fn lies(what: &'static str, seen: String, remedy: String) -> Finding {
    Finding::new(Severity::Lies, what, seen, remedy)
}

/// One that it leaves as it is.
pub(super) fn left_over(what: &'static str, seen: String, remedy: String) -> Finding {
    Finding::new(Severity::LeftOver, what, seen, remedy)
}
