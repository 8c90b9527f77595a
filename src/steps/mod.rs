//! The steps of [`crate::deploy`], [`crate::rollback`] and [`crate::verify`], one file each.

pub mod await_healthy;
pub mod bake_image;
pub mod clear_idle;
pub mod drain_previous;
mod group;
pub mod hold_previous;
pub mod looks;
pub mod open_preview;
pub mod probe_version;
pub mod prune_images;
pub mod publish_template;
pub mod retain_previous;
pub mod scale_up_idle;
pub mod shift_traffic;
pub mod smoke_test;
pub mod soak;
pub mod start_probe;
pub mod watch;

use crate::run::step::{About, Step as _};

/// The step table: every step of a release, in order.
pub const TABLE: [About; 14] = [
    bake_image::BakeImage::ABOUT,
    publish_template::PublishTemplate::ABOUT,
    clear_idle::ClearIdle::ABOUT,
    scale_up_idle::ScaleUpIdle::ABOUT,
    await_healthy::AwaitHealthy::ABOUT,
    open_preview::OpenPreview::ABOUT,
    smoke_test::SmokeTest::ABOUT,
    probe_version::ProbeVersion::ABOUT,
    start_probe::StartProbe::ABOUT,
    shift_traffic::ShiftTraffic::ABOUT,
    soak::Soak::ABOUT,
    drain_previous::DrainPrevious::ABOUT,
    retain_previous::RetainPrevious::ABOUT,
    prune_images::PruneImages::ABOUT,
];

/// A step of a rollback, and when it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfRollback {
    /// When it is taken; empty for always.
    pub when: &'static str,
    /// The step.
    pub about: About,
}

const fn always(about: About) -> OfRollback {
    when("", about)
}

const fn when(when: &'static str, about: About) -> OfRollback {
    OfRollback { when, about }
}

const GONE: &str = "its instances are gone";

/// The step table of a rollback, in order: a release's steps but for bake, soak and prune.
pub const ROLLBACK: [OfRollback; 12] = [
    always(start_probe::StartProbe::ABOUT),
    when(
        "the previous colour is up",
        hold_previous::HoldPrevious::ABOUT,
    ),
    when(
        "an earlier release is asked for",
        publish_template::PublishTemplate::ABOUT,
    ),
    when(GONE, clear_idle::ClearIdle::ABOUT),
    when(GONE, scale_up_idle::ScaleUpIdle::ABOUT),
    always(await_healthy::AwaitHealthy::ABOUT),
    always(open_preview::OpenPreview::ABOUT),
    always(smoke_test::SmokeTest::ABOUT),
    always(probe_version::ProbeVersion::ABOUT),
    always(shift_traffic::ShiftTraffic::ABOUT),
    always(drain_previous::DrainPrevious::ABOUT),
    always(retain_previous::RetainPrevious::ABOUT),
];
