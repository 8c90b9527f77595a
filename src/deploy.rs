//! THE PAGE: a release from the first step to the last, one line a step.
//!
//! | zone | steps | a failure |
//! |---|---|---|
//! | prepare | bake to probe version | live was not touched: what this run made is removed, in reverse |
//! | commit | shift traffic, soak | the weights are restored first, seen on the data plane, then the rest is removed |
//! | finish | drain, retain, prune | the release stands: what could not be done is named |
//!
//! A lease would be taken before the first line, and the journal read: both belong in front of `release`.

use std::path::{Path, PathBuf};

use crate::names::Release;
use crate::outcome::{Leftover, Outcome};
use crate::plan::{FROZEN, Plan};
use crate::probe::{Evidence, Verdict, judge};
use crate::run::context::Context;
use crate::run::event::{Event, Zone};
use crate::run::runner::{Runner, Stop};
use crate::run::step::Step as _;
use crate::steps::await_healthy::AwaitHealthy;
use crate::steps::bake_image::BakeImage;
use crate::steps::clear_idle::ClearIdle;
use crate::steps::drain_previous::DrainPrevious;
use crate::steps::open_preview::OpenPreview;
use crate::steps::probe_version::ProbeVersion;
use crate::steps::prune_images::PruneImages;
use crate::steps::publish_template::PublishTemplate;
use crate::steps::retain_previous::{RetainPrevious, hand_over};
use crate::steps::scale_up_idle::ScaleUpIdle;
use crate::steps::shift_traffic::ShiftTraffic;
use crate::steps::smoke_test::SmokeTest;
use crate::steps::soak::Soak;
use crate::steps::start_probe::StartProbe;
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

/// Carries out a plan. `bundle` is the packed bundle, `ledger` where the probe writes.
pub async fn deploy(cx: &Context, plan: &Plan, bundle: &Path, ledger: Option<PathBuf>) -> Finished {
    for decision in plan.decisions() {
        cx.events.emit(decision);
    }
    if let Some(release) = &plan.previous.release {
        cx.events.emit(Event::Fleet {
            colour: plan.live,
            healthy: plan.previous.healthy,
            wanted: u32::try_from(plan.previous.capacity.desired).unwrap_or_default(),
            release: Some(release.to_string()),
        });
    }
    let watch = Watch::new(ledger);
    let mut run = Runner::new(cx);
    let mut evidence = None;
    let ended = release(&mut run, plan, bundle, &watch).await;
    let outcome = match ended {
        Ok(()) => deployed(plan, Vec::new()),
        Err(stop) if stop.zone == Zone::Finish => deployed(plan, unfinished(cx, plan, &stop).await),
        Err(stop) => {
            // On the way back to nothing live, everything fails, and that proves nothing.
            if plan.previous.release.is_none() {
                evidence = gather(cx, &watch).await;
            }
            undone(cx, plan, run, stop).await
        }
    };
    let evidence = match evidence {
        Some(evidence) => Some(evidence),
        None => gather(cx, &watch).await,
    };
    conclude(plan, outcome, evidence)
}

/// Stops the probe and takes what it saw.
async fn gather(cx: &Context, watch: &Watch) -> Option<Evidence> {
    watch.stop().await.unwrap_or_else(|error| {
        let lost = format!("the probe's evidence is lost: {error:#}");
        cx.events.note(lost);
        None
    })
}

/// The sequence.
async fn release<'a>(
    run: &mut Runner<'a>,
    plan: &Plan,
    bundle: &Path,
    watch: &Watch,
) -> Result<(), Stop> {
    // Prepare: live is not touched.
    let image = run.step(BakeImage::of(plan, bundle.to_owned())).await?;
    let version = run.step(PublishTemplate::of(plan, &image)).await?;
    run.step(ClearIdle::of(plan)).await?;
    let instances = run.step(ScaleUpIdle::of(plan, version)).await?;
    run.step(AwaitHealthy::of(plan, &instances)).await?;
    let preview = run.step(OpenPreview::of(plan)).await?;
    run.step(SmokeTest::of(plan, &preview)).await?;
    run.step(ProbeVersion::of(plan, &preview)).await?;
    run.step(StartProbe::of(plan, watch)).await?;

    // Commit: a failure restores the traffic first.
    let shifted = run.step(ShiftTraffic::of(plan, watch)).await?;
    run.step(Soak::of(plan, watch, shifted)).await?;

    // Finish: only forward.
    run.step(DrainPrevious::of(plan, watch)).await?;
    run.step(RetainPrevious::of(plan)).await?;
    run.step(PruneImages::of(plan, &image)).await
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
async fn unfinished(cx: &Context, plan: &Plan, stop: &Stop) -> Vec<Leftover> {
    let mut leftovers = vec![left_over(cx, plan, stop)];
    if stop.step == PruneImages::ABOUT.name {
        // Its policies rule already, and may have scaled it since.
        return leftovers;
    }
    if let Err(error) = hand_over(cx, plan).await {
        let group = plan.idle_group();
        leftovers.push(Leftover {
            what: format!("{group} still has its scaling policies frozen: {error:#}"),
            remedy: format!(
                "aws autoscaling resume-processes --auto-scaling-group-name {group} --scaling-processes {}",
                FROZEN.join(" ")
            ),
        });
    }
    leftovers
}

/// What a failure after the shift leaves behind: nothing that serves traffic, but something that costs.
fn left_over(cx: &Context, plan: &Plan, stop: &Stop) -> Leftover {
    let leftover = Leftover {
        what: format!("{} was not finished: {}", stop.step, stop.cause),
        remedy: format!(
            "aws autoscaling update-auto-scaling-group --auto-scaling-group-name {} --min-size 0 --max-size 0 \
             --desired-capacity 0   # once nobody needs the previous release",
            plan.names().group(plan.live)
        ),
    };
    cx.events.emit(Event::LeftOver {
        what: leftover.what.clone(),
        remedy: leftover.remedy.clone(),
    });
    leftover
}

/// Undoes a run that stopped before it was done.
async fn undone(cx: &Context, plan: &Plan, run: Runner<'_>, stop: Stop) -> Outcome {
    let traffic_moved = stop.zone == Zone::Commit;
    let unwound = run.unwind().await;
    let step = stop.step.to_owned();
    let serving: Option<Release> = plan.previous.release.clone();
    if let Some(undo_failure) = unwound.stuck {
        let weights = crate::aws::elbv2::describe_rule(&cx.aws, &plan.traffic_rule)
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

/// What a person types when the weights could not be restored.
fn restore_by_hand(plan: &Plan) -> Vec<String> {
    let groups = &plan.target_groups;
    let weights = plan.previous.weights;
    let actions = serde_json::json!([{
        "Type": "forward",
        "ForwardConfig": {"TargetGroups": [
            {"TargetGroupArn": groups.blue, "Weight": weights.blue},
            {"TargetGroupArn": groups.green, "Weight": weights.green},
        ]},
    }]);
    vec![
        format!(
            "aws elbv2 modify-rule --region {} --rule-arn {} --actions '{actions}'",
            plan.region, plan.traffic_rule
        ),
        format!("curl -s {}{}", plan.url, plan.config.service.version_path),
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
        other => other,
    };
    Finished {
        outcome,
        evidence,
        verdict,
    }
}
