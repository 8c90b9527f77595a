//! THE PAGE of a release that is live already, and that no run which is remembered has proved: it is proved where it stands, by
//! live traffic. A person had moved the weights, say, or a run was stopped before its verdict.
//!
//! Nothing is changed: no weight, no capacity, no template.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::aws::elbv2;
use crate::ending::Finished;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::probe::{Evidence, Verdict, judge};
use crate::run::context::Context;
use crate::run::event::{Event, Zone};
use crate::steps::serving::Serving;
use crate::steps::watch::Watch;

/// How long live traffic is asked at least, on the wall.
const TIME: Duration = Duration::from_secs(10);
/// What is told while it goes on.
const STEP: &str = "prove live traffic";

/// Asks live traffic, where `plan` is what stands: the colour that has all of it is its candidate. `why` no run has proved
/// it yet; `ledger` is where the probe writes.
pub async fn prove_live(cx: &Context, plan: &Plan, why: &str, ledger: Option<PathBuf>) -> Finished {
    cx.events.note(format!(
        "{} is live, and not proven yet: {why}; it is proved now, and nothing is changed",
        plan.release
    ));
    let watch = Watch::of(plan, ledger);
    cx.keep_lease(prove(cx, plan, why, &watch)).await
}

async fn prove(cx: &Context, plan: &Plan, why: &str, watch: &Watch) -> Finished {
    cx.events.emit(Event::StepBegan {
        step: STEP.to_owned(),
        zone: Zone::Prepare,
    });
    let mut reasons = Vec::new();
    let evidence = match ask(cx, plan, watch).await {
        Ok(evidence) => evidence,
        Err(error) => {
            reasons.push(format!("live traffic could not be asked: {error:#}"));
            None
        }
    };
    let verdict = evidence
        .as_ref()
        .map(|evidence| judge(evidence, Some(&plan.release.0)));
    match &verdict {
        Some(Verdict::Failed { reasons: more } | Verdict::Unproven { reasons: more }) => {
            reasons.extend(more.iter().cloned());
        }
        Some(Verdict::Passed) | None => {}
    }
    reasons.extend(elsewhere(cx, plan).await);
    let outcome = match reasons.as_slice() {
        [] => {
            let sent = evidence.as_ref().map_or(0, |evidence| evidence.tally.sent);
            cx.events.emit(Event::StepDone {
                step: STEP.to_owned(),
                summary: format!("{sent} requests, none failed"),
                skipped: false,
            });
            Outcome::NothingToDo {
                release: plan.release.clone(),
            }
        }
        [first, ..] => {
            cx.events.emit(Event::StepFailed {
                step: STEP.to_owned(),
                cause: first.as_str().into(),
            });
            reasons.push(format!("no run has proved it before: {why}"));
            Outcome::Unproven {
                release: plan.release.clone(),
                // It was live before, as it is now.
                previous: Some(plan.release.clone()),
                live: plan.idle,
                reasons,
                leftovers: Vec::new(),
            }
        }
    };
    Finished {
        outcome,
        evidence,
        verdict,
    }
}

/// Asks live traffic for a while, once visitors get what the weights say: a person may have written them a moment ago.
async fn ask(cx: &Context, plan: &Plan, watch: &Watch) -> Result<Option<Evidence>> {
    Serving::look_until_settled(cx, plan).await?;
    watch.start(cx)?;
    let paused = cx.pause_wall(TIME).await;
    watch.until_enough(cx).await;
    let evidence = watch.stop().await?;
    paused?;
    Ok(evidence)
}

/// What the weights and the answers say against it when all is over: what somebody wrote meanwhile, not every node of the load
/// balancer may know yet.
async fn elsewhere(cx: &Context, plan: &Plan) -> Option<String> {
    let serving = match Serving::look(cx, plan).await {
        Ok(serving) => serving,
        Err(error) => return Some(format!("who serves could not be looked at: {error:#}")),
    };
    if let Some(weights) = serving.weights {
        cx.events.emit(Event::WeightsSeen { weights });
    }
    tell_fleet(cx, plan).await;
    let is_live = serving.is(plan.idle, &plan.release) && serving.answers_somebody();
    (!is_live).then(|| serving.words())
}

/// Tells how many instances stand behind it, if that can be seen.
async fn tell_fleet(cx: &Context, plan: &Plan) {
    let target_group = plan.target_groups.of(plan.idle);
    if let Ok(targets) = elbv2::describe_targets(&cx.aws, target_group).await {
        let healthy = targets.iter().filter(|target| target.is_healthy()).count();
        cx.events.emit(Event::Fleet {
            colour: plan.idle,
            healthy: u32::try_from(healthy).unwrap_or_default(),
            wanted: u32::try_from(plan.capacity.desired).unwrap_or_default(),
            release: Some(plan.release.to_string()),
        });
    }
}
