//! THE PAGE of a rollback: to a release that was live before, as short as can be.
//!
//! It needs no bake, no artifact, and, while the previous colour is up, no launch: then the weights are written first, and the
//! colour, which real traffic proved when it was live, is proved again while the load balancer's nodes follow. What is live is presumed bad, so it is
//! watched from the first step on, and its failures neither turn the way back around nor count in the verdict; those
//! after the traffic was seen to have moved do.
//!
//! | zone | steps | a failure |
//! |---|---|---|
//! | prepare | start probe to arm guard | live was not touched; what was up stays up, retained as before |
//! | commit | shift traffic, disarm guard | only when the weights are refused or not obeyed: they are restored first |
//! | finish | drain, retain | the release stands: what could not be done is named |

use std::path::PathBuf;

use crate::ending::{Finished, begin, end};
use crate::guard::Guard;
use crate::plan::{Plan, Source};
use crate::run::context::Context;
use crate::run::runner::{Runner, Stop};
use crate::run::step::{Check as _, Step as _};
use crate::steps::arm_guard::ArmGuard;
use crate::steps::await_healthy::AwaitHealthy;
use crate::steps::clear_idle::ClearIdle;
use crate::steps::disarm_guard::DisarmGuard;
use crate::steps::drain_previous::DrainPrevious;
use crate::steps::hold_previous::HoldPrevious;
use crate::steps::open_preview::{OpenPreview, Preview};
use crate::steps::probe_version::ProbeVersion;
use crate::steps::proof::Proof;
use crate::steps::publish_template::PublishTemplate;
use crate::steps::retain_previous::RetainPrevious;
use crate::steps::scale_up_idle::ScaleUpIdle;
use crate::steps::shift_traffic::ShiftTraffic;
use crate::steps::smoke_test::SmokeTest;
use crate::steps::start_probe::StartProbe;
use crate::steps::watch::Watch;

/// Carries out the plan of a rollback. `ledger` is where the probe writes.
pub async fn rollback(cx: &Context, plan: &Plan, ledger: Option<PathBuf>) -> Finished {
    begin(cx, plan);
    let watch = Watch::of(plan, ledger);
    let run = Runner::new(cx);
    let whole = async {
        let ended = go_back(&run, plan, &watch).await;
        end(cx, plan, run, &watch, ended).await
    };
    cx.keep_lease(whole).await
}

/// The sequence.
async fn go_back<'a>(run: &Runner<'a>, plan: &Plan, watch: &Watch) -> Result<(), Stop> {
    // Prepare: live is not touched.
    run.check(StartProbe::of(plan, watch)).await?;
    let guard = Guard::of(plan);
    let shifting = match &plan.source {
        Source::Retained { version } if plan.is_at_hand() => {
            // What is at hand was proved by real traffic when it was live: it is proved again while the traffic moves.
            let preview = hold(run, plan, *version, &guard).await?;
            let shifting = ShiftTraffic::of(plan, watch, &guard, *version);
            shifting.proved_meanwhile(Proof::of(plan, &preview))
        }
        _ => {
            let version = bring_up_and_prove(run, plan, &guard).await?;
            ShiftTraffic::of(plan, watch, &guard, version)
        }
    };

    // Commit: a failure restores the traffic first.
    run.step(shifting).await?;
    run.check(DisarmGuard::of(&guard)).await?;

    // Finish: only forward.
    run.forward(DrainPrevious::of(plan, watch)).await?;
    run.forward(RetainPrevious::of(plan)).await
}

/// Has what is at hand ready to be gone back to. Whoever is in a hurry does side by side what does not need each other.
async fn hold<'a>(
    run: &Runner<'a>,
    plan: &Plan,
    version: i64,
    guard: &Guard,
) -> Result<Preview, Stop> {
    run.announce(&[
        AwaitHealthy::ABOUT,
        HoldPrevious::ABOUT,
        OpenPreview::ABOUT,
        ArmGuard::ABOUT,
    ]);
    // Each to its end: what was begun and not answered would be known to nobody.
    let (healthy, held, preview, armed) = tokio::join!(
        Box::pin(run.check(AwaitHealthy::at_hand(plan, version))),
        Box::pin(run.step(HoldPrevious::of(plan))),
        Box::pin(run.step(OpenPreview::of(plan))),
        Box::pin(run.step(ArmGuard::of(plan, guard))),
    );
    held?;
    healthy?;
    armed?;
    preview
}

/// Brings the release up, proves it without any traffic, and arms the guard; answers with its template version.
async fn bring_up_and_prove<'a>(run: &Runner<'a>, plan: &Plan, guard: &Guard) -> Result<i64, Stop> {
    let (version, instances) = bring_up(run, plan).await?;
    run.check(AwaitHealthy::of(plan, &instances)).await?;
    let preview = run.step(OpenPreview::of(plan)).await?;
    run.check(SmokeTest::of(plan, &preview)).await?;
    run.check(ProbeVersion::of(plan, &preview)).await?;
    run.step(ArmGuard::of(plan, guard)).await?;
    Ok(version)
}

/// The release's template version and instances: those that are up, or new ones.
async fn bring_up<'a>(run: &Runner<'a>, plan: &Plan) -> Result<(i64, Vec<String>), Stop> {
    let version = match &plan.source {
        Source::Retained { version } => {
            return Ok((*version, run.step(HoldPrevious::of(plan)).await?));
        }
        Source::ScaledIn { version, .. } => *version,
        Source::Earlier { image, .. } => run.step(PublishTemplate::of(plan, image)).await?,
        Source::Artifact(_) => unreachable!("a rollback is planned from what was live before"),
    };
    run.step(ClearIdle::of(plan)).await?;
    let instances = run.step(ScaleUpIdle::of(plan, version)).await?;
    Ok((version, instances))
}
