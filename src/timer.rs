//! A timer: an automation inside AWS that sleeps, and acts when its time has come, though no process of ours lives then.
//! Started, seen to sleep, and stopped again. What it does when it wakes is its runbook's ([`crate::runbook`]).

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::aws::elbv2::{self, TrafficRules};
use crate::aws::ssm::{self, Automation, Start};
use crate::aws::{Aws, Tags};
use crate::command_line::Next;
use crate::names::Weights;
use crate::plan::Plan;
use crate::run::context::{Context, Undoing};
use crate::run::wait::{Limits, Look};
use crate::runbook::{Looks, WAIT, left, places_beside};
use crate::stack::TAG_DEPLOYMENT;

/// AWS starts an automation within seconds, unless more of them run than it lets run at a time.
const STANDS: Limits = Limits::new(Duration::from_secs(60), Duration::from_secs(1));
/// How long AWS takes to stop one.
const STOPS: Limits = Limits::new(Duration::from_secs(60), Duration::from_secs(1));

/// The runbook of a timer, as it has to stand in the account, and what a run starts it with each time.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// Its name.
    pub name: String,
    content: Value,
    /// What makes it.
    provision: String,
    rules: TrafficRules,
    parameters: BTreeMap<String, String>,
    tags: Tags,
}

impl Runbook {
    /// Of this name and content, for the run of `plan`; `own` are its parameters beside those of its looks.
    pub fn of(
        plan: &Plan,
        name: String,
        content: Value,
        own: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let names = plan.names();
        let rules = plan.traffic_rules.clone();
        let looks = Looks {
            role: &plan.guard_role(),
            rule: rules.own(),
            also: rules.also(),
            blue: &plan.target_groups.blue,
            green: &plan.target_groups.green,
            deployment: &plan.deployment,
        };
        let mut parameters = looks.parameters();
        let own = own.into_iter();
        parameters.extend(own.map(|(name, value)| (name.to_owned(), value)));
        let mut tags = names.tags();
        tags.insert(TAG_DEPLOYMENT.to_owned(), plan.deployment.clone());
        Self {
            name,
            content,
            provision: plan.next(Next::Provision),
            rules,
            parameters,
            tags,
        }
    }

    /// The same without the rules that were deleted since the plan was made. Nobody is led anywhere by one, and a timer that
    /// acts only if all say the same would never act.
    pub async fn of_those_that_are(&self, cx: &Context) -> Result<Self> {
        let mut runbook = self.clone();
        if self.rules.also().is_empty() {
            return Ok(runbook);
        }
        let traffic = elbv2::describe_traffic(&cx.aws, &self.rules).await?;
        let also = traffic.rules();
        let also = also.as_ref().map_or(&[][..], TrafficRules::also);
        runbook.parameters.extend(places_beside(also));
        Ok(runbook)
    }

    /// The version that says what ours says.
    pub async fn version(&self, cx: &Context) -> Result<String> {
        ssm::compare_document(&cx.aws, &self.name, &self.content)
            .await?
            .version(&self.name, &self.provision)
    }

    /// What starts a timer that sleeps for so many seconds and must find these weights then: the same `token` starts it
    /// once.
    pub async fn prepare(
        &self,
        cx: &Context,
        seconds: u64,
        weights: Weights,
        token: &str,
    ) -> Result<Start> {
        let mut parameters = self.parameters.clone();
        parameters.extend(left(seconds, weights.blue, weights.green));
        Ok(Start {
            document: self.name.clone(),
            version: self.version(cx).await?,
            parameters,
            client_token: ssm::client_token(token),
            tags: self.tags.clone(),
        })
    }
}

/// Waits until a timer that `step` started sleeps: one that AWS keeps waiting for others is none yet.
pub async fn await_sleep(cx: &Context, step: &str, what: &str, id: &str) -> Result<()> {
    let what = format!("{what} to sleep");
    cx.wait(step, &what, STANDS, || sleeps(&cx.aws, id)).await?;
    Ok(())
}

/// The same while undoing, which only its deadline ends.
pub async fn await_sleep_undoing(cx: Undoing<'_>, what: &str, id: &str) -> Result<()> {
    let what = format!("{what} to sleep");
    cx.wait(&what, STANDS, || sleeps(cx.aws(), id)).await?;
    Ok(())
}

async fn sleeps(aws: &Aws, id: &str) -> Result<Look<()>> {
    Ok(look_for_sleep(&ssm::describe_automation(aws, id).await?))
}

fn look_for_sleep(state: &Automation) -> Look<()> {
    if state.has_ended() {
        let why = state.failed_step().map_or("", |step| step.failure.as_str());
        return Look::Never(format!("it is {}: {why}", state.status));
    }
    if state.current_step == WAIT {
        return Look::Ready(());
    }
    Look::NotYet(format!("it is {}", state.status))
}

/// Stops a timer, and waits for its end; answers whether it had come as far as a step whose name begins with `act`.
pub async fn stop(cx: Undoing<'_>, what: &str, id: &str, act: &str) -> Result<bool> {
    ssm::cancel_automation(cx.aws(), id).await?;
    let ended = cx
        .wait(&format!("the end of {what}"), STOPS, || async {
            let state = ssm::describe_automation(cx.aws(), id).await?;
            Ok(if state.has_ended() {
                Look::Ready(state)
            } else {
                Look::NotYet(format!("{what}'s automation is {}", state.status))
            })
        })
        .await?;
    Ok(has_acted(&ended, act))
}

fn has_acted(ended: &Automation, act: &str) -> bool {
    let mut steps = ended.steps.iter();
    steps.any(|step| step.name.starts_with(act) && step.status != "Pending")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::ssm::AutomationStep;

    const ACT: &str = "restore";

    fn automation(status: &str, current: &str, act: &str) -> Automation {
        Automation {
            status: status.to_owned(),
            current_step: current.to_owned(),
            steps: vec![AutomationStep {
                name: ACT.to_owned(),
                status: act.to_owned(),
                failure: String::new(),
                outputs: BTreeMap::new(),
            }],
        }
    }

    #[test]
    fn a_timer_stands_once_it_sleeps_and_one_that_ended_never_will() {
        let sleeps = automation("InProgress", WAIT, "Pending");
        assert_eq!(look_for_sleep(&sleeps), Look::Ready(()));
        let queued = automation("Pending", "", "Pending");
        assert!(matches!(look_for_sleep(&queued), Look::NotYet(_)));
        let failed = automation("Failed", "", "Pending");
        assert!(matches!(look_for_sleep(&failed), Look::Never(_)));
    }

    #[test]
    fn a_timer_that_was_stopped_while_it_acted_has_acted() {
        assert!(!has_acted(&automation("Cancelled", "", "Pending"), ACT));
        assert!(has_acted(&automation("Cancelled", "", "Cancelled"), ACT));
        assert!(has_acted(&automation("Success", "", "Success"), ACT));
    }
}
