//! THE PAGE: a release from the first step to the last, one line a step.
//!
//! | zone | steps | a failure |
//! |---|---|---|
//! | prepare | bake to arm guard | live was not touched: what this run made is removed, in reverse |
//! | commit | shift traffic, soak, disarm guard | the weights are restored first, seen on the data plane, then the rest is removed |
//! | finish | drain, retain, prune | the release stands: what could not be done is named |
//!
//! It holds the lease from before its plan was made ([`crate::lease`]), and keeps it to its last word.

use std::path::{Path, PathBuf};

use crate::ending::{begin, end};
use crate::guard::Guard;
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::runner::{Runner, Stop};
use crate::steps::arm_guard::ArmGuard;
use crate::steps::await_healthy::AwaitHealthy;
use crate::steps::bake_image::BakeImage;
use crate::steps::clear_idle::ClearIdle;
use crate::steps::disarm_guard::DisarmGuard;
use crate::steps::drain_previous::DrainPrevious;
use crate::steps::open_preview::OpenPreview;
use crate::steps::probe_version::ProbeVersion;
use crate::steps::prune_images::PruneImages;
use crate::steps::publish_template::PublishTemplate;
use crate::steps::retain_previous::RetainPrevious;
use crate::steps::scale_up_idle::ScaleUpIdle;
use crate::steps::shift_traffic::ShiftTraffic;
use crate::steps::smoke_test::SmokeTest;
use crate::steps::soak::Soak;
use crate::steps::start_probe::StartProbe;
use crate::steps::watch::Watch;
use crate::steps::watch_live::WatchLive;

pub use crate::ending::Finished;

/// Carries out a plan. `bundle` is the packed bundle, `ledger` where the probe writes.
pub async fn deploy(cx: &Context, plan: &Plan, bundle: &Path, ledger: Option<PathBuf>) -> Finished {
    begin(cx, plan);
    let watch = Watch::of(plan, ledger);
    let run = Runner::new(cx);
    let whole = async {
        let ended = release(&run, plan, bundle, &watch).await;
        end(cx, plan, run, &watch, ended).await
    };
    cx.keep_lease(whole).await
}

/// The sequence.
async fn release<'a>(
    run: &Runner<'a>,
    plan: &Plan,
    bundle: &Path,
    watch: &Watch,
) -> Result<(), Stop> {
    // Prepare: live is not touched.
    let candidate = publish(run, plan, bundle).await?;
    run.check(StartProbe::of(plan, watch)).await?;
    let Candidate { image, version } = prove(run, plan, candidate).await?;
    run.check(WatchLive::of(watch)).await?;
    let guard = Guard::of(plan);
    run.step(ArmGuard::of(plan, &guard)).await?;

    // Commit: a failure restores the traffic first.
    let shifting = ShiftTraffic::of(plan, watch, &guard, version);
    let shifted = run.step(shifting).await?;
    run.check(Soak::of(plan, watch, &guard, shifted)).await?;
    run.check(DisarmGuard::of(&guard)).await?;

    // Finish: only forward.
    run.forward(DrainPrevious::of(plan, watch)).await?;
    run.forward(RetainPrevious::of(plan)).await?;
    run.forward(PruneImages::of(plan, &image)).await
}

/// What is to be brought up and proved.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// Its image.
    image: String,
    /// The launch template version of its instances.
    version: i64,
}

/// The candidate, baked and published; nothing of it is up yet.
pub(crate) async fn publish<'a>(
    run: &Runner<'a>,
    plan: &Plan,
    bundle: &Path,
) -> Result<Candidate, Stop> {
    let image = run.step(BakeImage::of(plan, bundle.to_owned())).await?;
    let version = run.step(PublishTemplate::of(plan, &image)).await?;
    run.step(ClearIdle::of(plan)).await?;
    Ok(Candidate { image, version })
}

/// The candidate, brought up and proved without any traffic. [`crate::verify`] goes so far.
pub(crate) async fn prove<'a>(
    run: &Runner<'a>,
    plan: &Plan,
    candidate: Candidate,
) -> Result<Candidate, Stop> {
    let scaling_up = ScaleUpIdle::of(plan, candidate.version);
    let instances = run.step(scaling_up).await?;
    run.check(AwaitHealthy::of(plan, &instances)).await?;
    let preview = run.step(OpenPreview::of(plan)).await?;
    run.check(SmokeTest::of(plan, &preview)).await?;
    run.check(ProbeVersion::of(plan, &preview)).await?;
    Ok(candidate)
}
