//! Waits until every instance of the candidate is healthy in its target group, several looks in a row.
//!
//! `InService` is Auto Scaling's word and does not mean that the load balancer thinks so too, and an HTTP 200 through a
//! target group whose targets are all unhealthy proves nothing: it fails open.
//!
//! A service that ends by itself again and again is not waited for: see `crash_loop`.
//!
//! Changes: nothing.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::Result;

use super::crash_loop::CrashLoop;
use crate::aws::elbv2::{self, Target};
use crate::cause::Reason;
use crate::names::Colour;
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::event::{Event, Zone};
use crate::run::step::{About, Check, Settled};
use crate::run::step_id::StepId;
use crate::run::wait::{Limits, Look, WaitError};

/// Between the looks of a streak.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The step.
#[derive(Debug)]
pub struct AwaitHealthy {
    colour: Colour,
    target_group: String,
    instances: Vec<String>,
    streak: u32,
    within: Duration,
    /// The service's unit, if it was started anew: what is up already may have been restarted in its life.
    unit: Option<String>,
}

impl AwaitHealthy {
    /// Waits for these instances in the idle colour's target group.
    pub fn of(plan: &Plan, instances: &[String]) -> Self {
        Self {
            colour: plan.idle,
            target_group: plan.target_groups.of(plan.idle).to_owned(),
            instances: instances.to_vec(),
            // What was live has proved itself; the shift looks once more.
            streak: match plan.is_at_hand() {
                true => 1,
                false => plan.health.streak,
            },
            within: plan.health.within,
            unit: (!plan.is_at_hand()).then(|| format!("{}.service", plan.app)),
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
    };

    async fn check(&self, cx: &Context) -> Result<Settled<()>> {
        let limits = Limits::new(self.within, LOOK_EVERY)
            .growing_to(Duration::from_secs(5))
            .in_a_row(self.streak);
        let why = RefCell::new(Reason::NeverHealthy);
        let crash_loop = self.unit.as_deref().map(|unit| CrashLoop::of(unit, cx));
        let waited = cx
            .wait(
                Self::ABOUT.name,
                "the candidate becoming healthy",
                limits,
                || async {
                    let targets = elbv2::describe_targets(&cx.aws, &self.target_group).await?;
                    *why.borrow_mut() = reason_of(&self.instances, &targets);
                    let seen = look(&self.instances, &targets);
                    if let (Look::NotYet(_), Some(asked)) = (&seen, &crash_loop)
                        && let Some(ends) = asked.ask(cx, &sick(&self.instances, &targets)).await
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
        let count = u32::try_from(self.instances.len()).unwrap_or(u32::MAX);
        cx.events.emit(Event::Fleet {
            colour: self.colour,
            healthy: count,
            wanted: count,
            release: None,
        });
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

/// Whether exactly these instances are healthy; else who is not, in AWS's words.
fn look(instances: &[String], targets: &[Target]) -> Look<()> {
    let mut healthy = 0;
    let mut worst = String::new();
    for id in instances {
        match targets.iter().find(|target| target.id == *id) {
            Some(target) if target.state == "healthy" => healthy += 1,
            Some(target) => worst = format!("; {id} is {} ({})", target.state, target.description),
            None => worst = format!("; {id} is not registered"),
        }
    }
    if healthy == instances.len() {
        Look::Ready(())
    } else {
        Look::NotYet(format!("{healthy} of {} healthy{worst}", instances.len()))
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
        assert_eq!(look(&ours, &all), Look::Ready(()));
        let stranger = [target("a", "healthy"), target("c", "healthy")];
        assert_eq!(
            look(&ours, &stranger),
            Look::NotYet("1 of 2 healthy; b is not registered".into())
        );
        let sick = [target("a", "healthy"), target("b", "unhealthy")];
        assert_eq!(
            look(&ours, &sick),
            Look::NotYet(
                "1 of 2 healthy; b is unhealthy (Health checks failed with these codes: [500])"
                    .into()
            )
        );
    }
}
