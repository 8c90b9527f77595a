//! What every page has in common: how its run begins, and how it ends: done, or undone, and what the probe proves of it.

use crate::aws::elbv2;
use crate::cause::{Cause, Reason};
use crate::command_line::Next;
use crate::lease::Lost;
use crate::names::{Colour, Release, Weights};
use crate::outcome::{Leftover, Outcome};
use crate::plan::{Choice, FROZEN, Plan, resume_processes};
use crate::probe::{Evidence, Verdict, judge};
use crate::run::context::Context;
use crate::run::event::{Event, Zone};
use crate::run::runner::{Runner, Stop};
use crate::run::step_id::StepId;
use crate::steps::hand_back::hand_back;
use crate::steps::retain_previous::HandOver;
use crate::steps::serving::Serving;
use crate::steps::watch::Watch;

/// What a run leaves for its reports.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// What the probe saw, if it ran.
    pub evidence: Option<Evidence>,
    /// What that proves.
    pub verdict: Option<Verdict>,
}

/// Tells what was decided, and what is live.
pub(crate) fn begin(cx: &Context, plan: &Plan) {
    for Choice { what, value, why } in plan.choices() {
        cx.events.emit(Event::Decided {
            what: what.to_owned(),
            value,
            why,
        });
    }
    if let Some(release) = &plan.previous.release {
        cx.events.emit(Event::Fleet {
            colour: plan.live,
            healthy: plan.previous.healthy,
            wanted: u32::try_from(plan.previous.capacity.desired).unwrap_or_default(),
            release: Some(release.to_string()),
        });
    }
}

/// Ends a run whose steps moved the traffic, or stopped on the way.
pub(crate) async fn end(
    cx: &Context,
    plan: &Plan,
    run: Runner<'_>,
    watch: &Watch,
    ended: Result<(), Stop>,
) -> Finished {
    let mut evidence = None;
    let stands = match &ended {
        Ok(()) => true,
        Err(stop) => stop.zone == Zone::Finish,
    };
    if stands {
        watch.until_enough(cx).await;
    }
    let outcome = match ended {
        Ok(()) => deployed(plan, Vec::new()),
        Err(stop) if stop.zone == Zone::Finish => {
            deployed(plan, unfinished(cx, plan, &stop, &HandOver::of(plan)).await)
        }
        Err(stop) => {
            // On the way back to nothing live, everything fails, and that proves nothing.
            if plan.previous.release.is_none() {
                evidence = gather(cx, watch).await;
            }
            undone(cx, plan, run, stop).await
        }
    };
    let evidence = match evidence {
        Some(evidence) => Some(evidence),
        None => gather(cx, watch).await,
    };
    let outcome = by_looking(cx, plan, outcome).await;
    conclude(plan, outcome, evidence)
}

/// The outcome as it stands when the run is over: who serves is looked at, and what somebody else has made of it is told.
/// Whoever is live by their doing is not left pinned and frozen.
pub(crate) async fn by_looking(cx: &Context, plan: &Plan, mut outcome: Outcome) -> Outcome {
    if let Outcome::Stuck { commands, .. } = &mut outcome
        && let Some(up) = only_healthy(cx, plan).await
    {
        *commands = lead_by_hand(plan, Weights::split(up, 100));
    }
    let serving = match Serving::look(cx, plan).await {
        Ok(serving) => serving,
        Err(error) => {
            cx.events.note(format!(
                "who serves now could not be looked at ({error:#}); to look: {}",
                plan.next(Next::Status)
            ));
            return outcome;
        }
    };
    if plan.verify_fleet.is_some() {
        // Which has nothing to do with who serves: a release may have gone by beside it.
        return outcome.served_by(serving.release());
    }
    let is_as_told = match &outcome {
        Outcome::Deployed { release, live, .. } | Outcome::Unproven { release, live, .. } => {
            serving.is(*live, release) && serving.answers_somebody()
        }
        Outcome::RolledBack { .. } | Outcome::Cancelled { .. } => {
            match &plan.previous.release {
                // What is gone back from may have been at its worst before, and nobody's doing.
                Some(previous) => {
                    serving.is(plan.live, previous)
                        && (plan.goes_back() || serving.answers_somebody())
                }
                None => serving.weights == Some(plan.previous.weights),
            }
        }
        Outcome::Stopped { .. } => false,
        _ => true,
    };
    if is_as_told {
        return outcome;
    }
    // It may be that not every node of the load balancer knows yet what somebody wrote a moment ago.
    let settled = Serving::look_until_settled(cx, plan).await;
    hand_back(cx, plan).await;
    stopped(plan, outcome, &settled.unwrap_or(serving))
}

/// The same outcome, where somebody else had the last word.
fn stopped(plan: &Plan, outcome: Outcome, serving: &Serving) -> Outcome {
    let left = |step, cause, undone, leftovers| Outcome::Stopped {
        step,
        cause,
        serving: serving.release(),
        weights: serving.weights,
        undone,
        leftovers,
    };
    let theirs = |cause: Cause| match cause.reason {
        Some(Reason::Another) => cause,
        _ => Cause::from(format!("{}; {}", cause.words, serving.words())).with(Reason::Another),
    };
    match outcome {
        Outcome::RolledBack {
            step,
            cause,
            undone,
            leftovers,
            ..
        } => left(step, theirs(cause), undone, leftovers),
        Outcome::Cancelled {
            step,
            undone,
            leftovers,
            ..
        } => left(step, theirs("it was cancelled".into()), undone, leftovers),
        Outcome::Deployed { leftovers, .. } | Outcome::Unproven { leftovers, .. } => {
            let cause = match serving.weights.and_then(Weights::live) == Some(plan.idle) {
                true => format!(
                    "{} has all the traffic, and does not answer it",
                    plan.release
                ),
                false => format!("{} had all the traffic, and has not any more", plan.release),
            };
            left(
                "the end".to_owned(),
                theirs(cause.into()),
                Vec::new(),
                leftovers,
            )
        }
        Outcome::Stopped {
            step,
            cause,
            undone,
            leftovers,
            ..
        } => left(step, cause, undone, leftovers),
        other => other,
    }
}

/// Stops the probe and takes what it saw.
async fn gather(cx: &Context, watch: &Watch) -> Option<Evidence> {
    watch.stop().await.unwrap_or_else(|error| {
        let lost = format!("the probe's evidence is lost: {error:#}");
        cx.events.note(lost);
        None
    })
}

fn deployed(plan: &Plan, leftovers: Vec<Leftover>) -> Outcome {
    Outcome::Deployed {
        release: plan.release.clone(),
        previous: plan.previous.release.clone(),
        live: plan.idle,
        warnings: Vec::new(),
        leftovers,
    }
}

/// Names what is not finished; frozen, the new live group must not stay for that.
pub(crate) async fn unfinished(
    cx: &Context,
    plan: &Plan,
    stop: &Stop,
    hand_over: &HandOver,
) -> Vec<Leftover> {
    let mut leftovers = vec![left_over(cx, plan, stop)];
    // Its policies rule already, and may have scaled it since; or whose it is has to be looked at first.
    if stop.step.id == StepId::PruneImages || stop.cause.reason == Some(Reason::Another) {
        return leftovers;
    }
    if let Err(error) = hand_over.carry_out(cx).await {
        let group = &hand_over.group;
        leftovers.push(Leftover {
            what: format!("{group} still has its scaling policies frozen: {error:#}"),
            remedy: resume_processes(Some(&cx.aws.region), group, &FROZEN),
        });
    }
    leftovers
}

/// What a failure after the shift leaves behind: nothing that serves traffic, but something that costs.
/// Where somebody else has led the traffic back there, it serves.
fn left_over(cx: &Context, plan: &Plan, stop: &Stop) -> Leftover {
    let remedy = match &stop.cause.reason {
        Some(Reason::Another) => plan.next(Next::Status),
        // Not a command that empties a group without a look at who is led to it by then.
        _ => plan.next(Next::DeployOver),
    };
    cx.events.left_over(Leftover {
        what: format!("{} was not finished: {}", stop.step.name, stop.cause),
        remedy,
    })
}

/// Undoes a run that stopped before it was done.
pub(crate) async fn undone(cx: &Context, plan: &Plan, run: Runner<'_>, stop: Stop) -> Outcome {
    let unwound = run.unwind().await;
    // A shift that failed before its first write moved nobody; one whose write got no answer was seen, and taken back.
    let is_written = |event: &Event| matches!(event, Event::WeightsWritten { .. });
    let traffic_moved = cx.events.all().iter().any(|it| is_written(&it.event));
    let step = stop.step.name.to_owned();
    if let Some(lost) = cx.lost() {
        // Whose the rest is, and who serves, is looked at when all is over.
        return Outcome::Stopped {
            step,
            cause: match lost {
                Lost::Overtaken(_) => Cause::from(lost.to_string()).with(Reason::Another),
                Lost::Unreachable(_) => lost.to_string().into(),
            },
            serving: None,
            weights: None,
            undone: unwound.undone,
            leftovers: unwound.leftovers,
        };
    }
    let serving: Option<Release> = plan.previous.release.clone();
    if let Some(undo_failure) = unwound.stuck {
        let weights = elbv2::describe_traffic(&cx.aws, &plan.traffic_rules)
            .await
            .ok()
            .and_then(|rule| rule.split(&plan.target_groups));
        return Outcome::Stuck {
            step,
            cause: stop.cause,
            undo_failure,
            weights,
            commands: restore_by_hand(plan),
            leftovers: unwound.leftovers,
        };
    }
    if stop.cancelled {
        Outcome::Cancelled {
            step,
            traffic_moved,
            serving,
            undone: unwound.undone,
            leftovers: unwound.leftovers,
        }
    } else {
        Outcome::RolledBack {
            step,
            cause: stop.cause,
            traffic_moved,
            serving,
            undone: unwound.undone,
            leftovers: unwound.leftovers,
        }
    }
}

/// The one colour with healthy instances, where the other has none: nobody is to be told to lead everybody to that.
async fn only_healthy(cx: &Context, plan: &Plan) -> Option<Colour> {
    let mut healthy = Vec::new();
    for colour in Colour::BOTH {
        let group = plan.target_groups.of(colour);
        let targets = elbv2::describe_targets(&cx.aws, group).await.ok()?;
        if targets.iter().any(|target| target.is_healthy()) {
            healthy.push(colour);
        }
    }
    match healthy[..] {
        [up] => Some(up),
        _ => None,
    }
}

/// What a person types when the weights could not be restored.
pub(crate) fn restore_by_hand(plan: &Plan) -> Vec<String> {
    lead_by_hand(plan, plan.previous.weights)
}

fn lead_by_hand(plan: &Plan, weights: Weights) -> Vec<String> {
    vec![
        elbv2::modify_rules_by_hand(&plan.traffic_rules, &plan.target_groups, weights),
        format!("curl -s {}{}", plan.url, plan.visitor.version_path),
    ]
}

/// A release is deployed only when the probe has proved it.
fn conclude(plan: &Plan, outcome: Outcome, evidence: Option<Evidence>) -> Finished {
    let wanted = match &outcome {
        Outcome::Deployed { release, .. } => Some(release.0.clone()),
        _ => plan
            .previous
            .release
            .as_ref()
            .map(|release| release.0.clone()),
    };
    let verdict = evidence
        .as_ref()
        .map(|evidence| judge(evidence, wanted.as_deref()));
    let reasons = match &verdict {
        Some(Verdict::Passed) => Vec::new(),
        Some(Verdict::Failed { reasons } | Verdict::Unproven { reasons }) => reasons.clone(),
        None => vec!["the probe did not run".to_owned()],
    };
    let outcome = match outcome {
        Outcome::Deployed {
            release,
            previous,
            live,
            leftovers,
            ..
        } if !reasons.is_empty() => Outcome::Unproven {
            release,
            previous,
            live,
            reasons,
            leftovers,
        },
        Outcome::Deployed {
            release,
            previous,
            live,
            leftovers,
            ..
        } => Outcome::Deployed {
            release,
            previous,
            live,
            warnings: evidence
                .as_ref()
                .and_then(failed_before)
                .into_iter()
                .collect(),
            leftovers,
        },
        other => other,
    };
    Finished {
        outcome,
        evidence,
        verdict,
    }
}

/// What failed before the part that is judged: on a way back, the reason for it, most likely.
fn failed_before(evidence: &Evidence) -> Option<String> {
    let (sent, failed) = evidence.before_judged()?;
    (failed > 0).then(|| {
        format!(
            "{failed} of {sent} requests failed before the traffic had moved: they are counted, and not judged"
        )
    })
}
