//! The instances of the colour that has visitors, while time passes: how many of them may fail their health check.

use anyhow::Result;

use crate::aws::elbv2::{self, Target};
use crate::cause::Reason;
use crate::run::context::Context;

/// They.
#[derive(Debug)]
pub(super) struct Carrier<'a> {
    pub(super) target_group: &'a str,
    /// How many it has to have.
    pub(super) instances: usize,
}

impl Carrier<'_> {
    /// Fails when the health check has given up on more of them than it can do without: the load balancer goes on to lead
    /// visitors to them if it gave up on all, so that none may notice before it is too late. A look that sees nothing says
    /// nothing, and one that is being replaced is not one that failed.
    pub(super) async fn stays(&self, cx: &Context, when: &str) -> Result<()> {
        let Ok(targets) = cx.reading(self.targets(cx)).await else {
            return Ok(());
        };
        let is_sick = |target: &&Target| target.state == "unhealthy";
        let sick = targets.iter().filter(is_sick).count();
        match self.instances.saturating_sub(sick) < enough(self.instances) {
            true => Err(self.unsteady(&targets, when)),
            false => Ok(()),
        }
    }

    /// Fails unless all of them are healthy.
    pub(super) async fn is_whole(&self, cx: &Context, when: &str) -> Result<()> {
        let targets = cx.reading(self.targets(cx)).await?;
        match targets.iter().filter(|it| it.is_healthy()).count() < self.instances {
            true => Err(self.unsteady(&targets, when)),
            false => Ok(()),
        }
    }

    async fn targets(&self, cx: &Context) -> Result<Vec<Target>> {
        Ok(elbv2::describe_targets(&cx.aws, self.target_group).await?)
    }

    fn unsteady(&self, targets: &[Target], when: &str) -> anyhow::Error {
        let healthy = targets.iter().filter(|target| target.is_healthy()).count();
        let mut sick: Vec<_> = targets.iter().filter(|it| !it.is_healthy()).collect();
        // What is draining or initial says less.
        sick.sort_by_key(|target| target.state != "unhealthy");
        let sick = sick.first();
        let sick = sick.map(|it| format!("; {} is {} ({})", it.id, it.state, it.description));
        let words = format!(
            "only {healthy} of {} instances are healthy {when}{}",
            self.instances,
            sick.unwrap_or_default()
        );
        Reason::HealthUnsteady.because(words).into()
    }
}

/// How many of so many instances can carry everything: three of four. One that is being replaced is no reason to leave
/// visitors with a release that fails them.
pub(super) fn enough(instances: usize) -> usize {
    (instances - instances / 4).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instance_of_four_may_be_missing_for_a_way_back_and_none_of_three() {
        let enough = [0, 1, 2, 3, 4, 7, 8].map(enough);
        assert_eq!(enough, [1, 1, 2, 3, 3, 6, 6]);
    }
}
