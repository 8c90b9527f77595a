//! What the rules judge from, and the words that they share.

use std::time::SystemTime;

use super::finding::{Finding, Severity};
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

    /// `bg-deploy COMMAND --environment ENVIRONMENT`
    pub(super) fn bg(&self, command: &str) -> String {
        bg(command, &self.config.environment)
    }

    /// `bg-deploy doctor --environment ENVIRONMENT --fix`
    pub(super) fn fix(&self) -> String {
        fix(&self.config.environment)
    }

    /// `aws SERVICE COMMAND --region REGION ...`
    pub(super) fn aws(&self, command: &str, options: &str) -> String {
        // arn:aws:elasticloadbalancing:REGION:...
        let balancer = self.inventory.load_balancer.as_ref();
        let region = balancer.and_then(|balancer| balancer.arn.split(':').nth(3));
        let region = region.or(self.config.region.as_deref());
        match region {
            Some(region) => format!("aws {command} --region {region} {options}"),
            None => format!("aws {command} {options}"),
        }
    }
}

/// `bg-deploy COMMAND --environment ENVIRONMENT`
pub(super) fn bg(command: &str, environment: &str) -> String {
    format!("bg-deploy {command} --environment {environment}")
}

/// `bg-deploy doctor --environment ENVIRONMENT --fix`
pub(super) fn fix(environment: &str) -> String {
    format!("{} --fix", bg("doctor", environment))
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
