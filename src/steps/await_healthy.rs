//! Waits until every instance of the candidate is healthy in its target group, several looks in a row.
//!
//! `InService` is Auto Scaling's word and does not mean that the load balancer thinks so too, and an HTTP 200 through a
//! target group whose targets are all unhealthy proves nothing: it fails open.
//!
//! A service that ends by itself again and again is not waited for: see `crash_loop`.
//!
//! Changes: nothing.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;

use super::crash_loop::CrashLoop;
use super::group::tell_healthy;
use crate::aws::autoscaling::Fleet;
use crate::aws::elbv2::{self, Target};
use crate::cause::Reason;
use crate::names::Colour;
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Check, Settled};
use crate::run::step_id::StepId;
use crate::run::wait::{Limits, Look, WaitError};

/// Between the looks of a streak.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The step.
#[derive(Debug)]
pub struct AwaitHealthy {
    colour: Option<Colour>,
    group: String,
    target_group: String,
    who: Who,
    streak: u32,
    within: Duration,
    /// The service's unit, if it was started anew: what is up already may have been restarted in its life.
    unit: Option<String>,
}

/// Who is waited for.
#[derive(Debug)]
enum Who {
    /// These instances.
    Started(Vec<String>),
    /// So many of the group that are in service, of this template version.
    AtHand { version: i64, wanted: usize },
}

impl AwaitHealthy {
    /// Waits for these instances in the idle colour's target group.
    pub fn of(plan: &Plan, instances: &[String]) -> Self {
        Self {
            colour: plan.candidate_colour(),
            group: plan.idle_group(),
            target_group: plan.idle_target_group().to_owned(),
            who: Who::Started(instances.to_vec()),
            streak: plan.health.streak,
            within: plan.health.within,
            unit: Some(format!("{}.service", plan.app)),
        }
    }

    /// Waits for what is at hand: instances of this template version that are up. What was live has proved itself, so one
    /// look is enough; the shift looks once more.
    pub fn at_hand(plan: &Plan, version: i64) -> Self {
        let wanted = usize::try_from(plan.capacity.desired).unwrap_or_default();
        Self {
            who: Who::AtHand { version, wanted },
            streak: 1,
            unit: None,
            ..Self::of(plan, &[])
        }
    }

    /// Whoever is waited for, as it stands, and the health of all targets.
    async fn see(&self, cx: &Context) -> Result<(Vec<String>, Vec<Target>)> {
        match &self.who {
            Who::Started(instances) => {
                let targets = elbv2::describe_targets(&cx.aws, &self.target_group).await?;
                Ok((instances.clone(), targets))
            }
            Who::AtHand { version, .. } => {
                let fleet = Fleet::look(&cx.aws, &self.group, &self.target_group).await?;
                Ok((fleet.in_service(*version), fleet.targets))
            }
        }
    }

    fn wanted(&self) -> usize {
        match &self.who {
            Who::Started(instances) => instances.len(),
            Who::AtHand { wanted, .. } => *wanted,
        }
    }
}

impl Check for AwaitHealthy {
    type Output = ();

    const ABOUT: About = About {
        id: StepId::AwaitHealthy,
        name: "await healthy",
        zone: Zone::Prepare,
        does: "waits until every instance of this template version is `healthy` in its target group, \
               several looks in a row; ends at once when the service ends by itself again and again",
        undo: "",
        calls: &[],
        undo_calls: &[],
    };

    async fn check(&self, cx: &Context) -> Result<Settled<()>> {
        let limits = Limits::new(self.within, LOOK_EVERY)
            .growing_to(Duration::from_secs(5))
            .in_a_row(self.streak);
        let why = RefCell::new(Reason::NeverHealthy);
        let well = RefCell::new(BTreeSet::new());
        let crash_loop = self.unit.as_deref().map(|unit| CrashLoop::of(unit, cx));
        let waited = cx
            .wait(
                Self::ABOUT.name,
                "the candidate becoming healthy",
                limits,
                || async {
                    let (instances, targets) = self.see(cx).await?;
                    let sick = sick(&instances, &targets);
                    *why.borrow_mut() = match sick.iter().any(|id| well.borrow().contains(id)) {
                        true => Reason::HealthUnsteady,
                        false => reason_of(&instances, &targets),
                    };
                    let is_sick = |id: &&String| sick.contains(id);
                    well.borrow_mut()
                        .extend(instances.iter().filter(|id| !is_sick(id)).cloned());
                    let seen = look(&instances, &targets, self.wanted());
                    if let (Look::NotYet(_), Some(asked)) = (&seen, &crash_loop)
                        && let Some(ends) = asked.ask(cx, &sick).await
                    {
                        *why.borrow_mut() = ends.reason;
                        return Ok(Look::Never(ends.words));
                    }
                    Ok(seen)
                },
            )
            .await;
        match waited {
            Err(ended @ (WaitError::TimedOut { unseen: None, .. } | WaitError::Never { .. })) => {
                return Err(why.into_inner().because(ended.to_string()).into());
            }
            other => other?,
        }
        let count = u32::try_from(self.wanted()).unwrap_or(u32::MAX);
        tell_healthy(cx, self.colour, (count, count), None);
        let mut summary = format!("{count} of {count} healthy");
        if self.streak > 1 {
            summary += &format!(", {} looks in a row", self.streak);
        }
        Ok(Settled::done((), summary))
    }
}

/// What the load balancer's code says about the last of these instances that is not healthy.
fn reason_of(instances: &[String], targets: &[Target]) -> Reason {
    let sick = targets
        .iter()
        .rfind(|target| instances.contains(&target.id) && target.state != "healthy");
    match sick.map(|target| target.reason.as_str()) {
        Some("Target.ResponseCodeMismatch") => Reason::HealthStatus,
        Some("Target.Timeout") => Reason::HealthTimeout,
        Some("Target.FailedHealthChecks") => Reason::HealthRefused,
        _ => Reason::NeverHealthy,
    }
}

/// Those of these instances that are not healthy.
fn sick(instances: &[String], targets: &[Target]) -> Vec<String> {
    let is_healthy = |id: &str| {
        let mut own = targets.iter().filter(|target| target.id == id);
        own.any(|target| target.state == "healthy")
    };
    let sick = instances.iter().filter(|id| !is_healthy(id));
    sick.cloned().collect()
}

/// Whether these instances, so many at least, are healthy; else who is not, in AWS's words.
fn look(instances: &[String], targets: &[Target], wanted: usize) -> Look<()> {
    let mut healthy = 0;
    let mut worst = String::new();
    for id in instances {
        match targets.iter().find(|target| target.id == *id) {
            Some(target) if target.state == "healthy" => healthy += 1,
            Some(target) => worst = format!("; {id} is {} ({})", target.state, target.description),
            None => worst = format!("; {id} is not registered"),
        }
    }
    if healthy == instances.len() && healthy >= wanted {
        Look::Ready(())
    } else {
        let wanted = wanted.max(instances.len());
        Look::NotYet(format!("{healthy} of {wanted} healthy{worst}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: &str, state: &str) -> Target {
        Target {
            id: id.into(),
            state: state.into(),
            reason: String::new(),
            description: "Health checks failed with these codes: [500]".into(),
        }
    }

    #[test]
    fn every_instance_must_be_healthy_and_others_do_not_count() {
        let ours = ["a".to_owned(), "b".to_owned()];
        let all = [target("a", "healthy"), target("b", "healthy")];
        assert_eq!(look(&ours, &all, 2), Look::Ready(()));
        assert_eq!(look(&ours, &all, 3), Look::NotYet("2 of 3 healthy".into()));
        let stranger = [target("a", "healthy"), target("c", "healthy")];
        assert_eq!(
            look(&ours, &stranger, 2),
            Look::NotYet("1 of 2 healthy; b is not registered".into())
        );
        let sick = [target("a", "healthy"), target("b", "unhealthy")];
        assert_eq!(
            look(&ours, &sick, 2),
            Look::NotYet(
                "1 of 2 healthy; b is unhealthy (Health checks failed with these codes: [500])"
                    .into()
            )
        );
    }
}
