//! Keeps one instance of a candidate that failed, for a person to look at: taken out of its group before that is emptied, and
//! ended by AWS when its time is over ([`crate::kept`]).
//!
//! Guarantees: its end is under way inside AWS before it leaves the group, so it outlives its time for no reason; nothing
//! leads visitors to it; whatever goes wrong is a note, keeps nothing, and holds no undoing up for more than a minute.

use std::time::Duration;

use anyhow::{Result, bail};

use super::candidate_log::{can_be_to_blame, choose};
use crate::aws::autoscaling::{self, Capacity};
use crate::aws::{ec2, elbv2, run_command, ssm};
use crate::command_line::{aws, region_of};
use crate::kept::{self, TAG_KEPT_UNTIL};
use crate::names::{human, utc};
use crate::plan::Plan;
use crate::run::context::Undoing;
use crate::timer;

/// All but the wait for its end to stand.
const WITHIN: Duration = Duration::from_secs(60);

/// What keeps it, if one is to be kept.
#[derive(Debug)]
pub(super) struct KeepFailed(Option<Box<Plan>>);

impl KeepFailed {
    pub(super) fn of(plan: &Plan) -> Self {
        let is_wanted = !plan.retain.failed_for.is_zero();
        Self(is_wanted.then(|| Box::new(plan.clone())))
    }

    /// Keeps one, where the candidate can be to blame; answers with what is said of it.
    pub(super) async fn keep(&self, cx: Undoing<'_>) -> Option<String> {
        let plan = self.0.as_deref()?;
        cx.failed_in().filter(|step| can_be_to_blame(*step))?;
        let keeping = cx.context().clock.within(WITHIN, Box::pin(keep(cx, plan)));
        let why = match keeping.await {
            Some(Ok(kept)) => return Some(kept),
            Some(Err(why)) => format!("{why:#}"),
            None => format!("AWS did not do it in {} s", WITHIN.as_secs()),
        };
        cx.context().events.note(format!(
            "no instance of the candidate is kept to be looked at: {why}"
        ));
        None
    }
}

async fn keep(cx: Undoing<'_>, plan: &Plan) -> Result<String> {
    let (group, length) = (plan.idle_group(), plan.retain.failed_for);
    let instance = chosen(cx, plan, &group).await?;
    let until = utc(cx.context().clock.utc() + length);
    cx.held().await?;
    ec2::tag_instance(cx.aws(), &instance, TAG_KEPT_UNTIL, &until).await?;
    let version = kept::version(cx.aws(), plan).await?;
    let start = kept::start(plan, version, &instance, length.as_secs());
    cx.held().await?;
    let end = ssm::start_automation(cx.aws(), start).await?;
    timer::await_sleep_undoing(cx, "the instance's end", &end).await?;
    // What is below the group's minimum can't be taken out of it.
    let capacity = autoscaling::describe_group(cx.aws(), &group)
        .await?
        .capacity;
    let idle = autoscaling::see_no_weight(cx.aws(), &group).await?;
    let floorless = Capacity { min: 0, ..capacity };
    autoscaling::change_idle(cx.aws(), cx.held().await?, idle, floorless, None).await?;
    let idle = autoscaling::see_no_weight(cx.aws(), &group).await?;
    autoscaling::detach(cx.aws(), cx.held().await?, idle, &instance).await?;
    Ok(told(plan, &instance, &until))
}

/// Who says most about why it failed, and can be taken out of the group.
async fn chosen(cx: Undoing<'_>, plan: &Plan, group: &str) -> Result<String> {
    let target_group = plan.idle_target_group();
    let mut group = autoscaling::describe_group(cx.aws(), group).await?;
    group.members.retain(|one| one.lifecycle == "InService");
    let members: Vec<_> = group.members.iter().map(|one| one.id.clone()).collect();
    let targets = elbv2::describe_targets(cx.aws(), target_group).await?;
    let agents = run_command::find_agents(cx.aws(), &members).await;
    let mut chosen = choose(&group, &targets, &agents.unwrap_or_default()).into_iter();
    match chosen.next() {
        Some((instance, _)) => Ok(instance),
        None => bail!("none of {} is in service", group.name),
    }
}

/// Which one, for how long, how to get in, and how to end it sooner.
fn told(plan: &Plan, instance: &str, until: &str) -> String {
    let region = region_of(plan.traffic_rules.own());
    let (enter, end) = (
        aws(region, "ssm start-session", &format!("--target {instance}")),
        aws(
            region,
            "ec2 terminate-instances",
            &format!("--instance-ids {instance}"),
        ),
    );
    format!(
        "{instance} of {} is kept for {}, without visitors; AWS ends it at {until}; to get in: {enter}; to end it sooner: {end}",
        plan.release,
        human(plan.retain.failed_for)
    )
}
