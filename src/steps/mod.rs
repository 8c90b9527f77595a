//! The steps of a release, one file each, in the order of [`crate::deploy`].

pub mod await_healthy;
pub mod bake_image;
pub mod clear_idle;
pub mod drain_previous;
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
