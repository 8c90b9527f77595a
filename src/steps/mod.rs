//! The steps of [`crate::deploy`], [`crate::rollback`] and [`crate::verify`], one file each.

pub mod arm_guard;
pub mod await_healthy;
pub mod bake_image;
mod begin_bake;
mod builder_log;
pub mod candidate_log;
mod carrier;
pub mod clear_idle;
mod crash_loop;
pub mod data_plane;
pub mod disarm_guard;
pub mod drain_previous;
mod end_bake;
mod fleets;
mod group;
pub mod hand_back;
pub mod hold_previous;
pub(crate) mod images_in_use;
mod keep_failed;
pub(crate) mod left_by_bakes;
pub mod open_preview;
pub mod probe_version;
pub mod proof;
pub mod prune_images;
pub mod publish_template;
pub(crate) mod request_count;
pub mod retain_previous;
pub(crate) mod scale_in;
pub mod scale_up_idle;
pub mod serving;
pub mod shift_traffic;
pub mod smoke_test;
pub mod soak;
pub mod start_probe;
mod unit_state;
pub mod watch;
pub mod watch_live;

use std::path::PathBuf;

use anyhow::Result;

use crate::guard::Guard;
use crate::plan::Plan;
use crate::run::progress::Entry;
use crate::run::runner::Runner;
use crate::run::step::{About, Check as _, Forward as _, Step as _};
use crate::run::step_id::StepId;

/// The line of a step in the step tables.
pub const fn about(step: StepId) -> About {
    match step {
        StepId::BakeImage => bake_image::BakeImage::ABOUT,
        StepId::PublishTemplate => publish_template::PublishTemplate::ABOUT,
        StepId::ClearIdle => clear_idle::ClearIdle::ABOUT,
        StepId::ScaleUpIdle => scale_up_idle::ScaleUpIdle::ABOUT,
        StepId::HoldPrevious => hold_previous::HoldPrevious::ABOUT,
        StepId::AwaitHealthy => await_healthy::AwaitHealthy::ABOUT,
        StepId::OpenPreview => open_preview::OpenPreview::ABOUT,
        StepId::SmokeTest => smoke_test::SmokeTest::ABOUT,
        StepId::ProbeVersion => probe_version::ProbeVersion::ABOUT,
        StepId::StartProbe => start_probe::StartProbe::ABOUT,
        StepId::WatchLive => watch_live::WatchLive::ABOUT,
        StepId::ArmGuard => arm_guard::ArmGuard::ABOUT,
        StepId::ShiftTraffic => shift_traffic::ShiftTraffic::ABOUT,
        StepId::Soak => soak::Soak::ABOUT,
        StepId::DisarmGuard => disarm_guard::DisarmGuard::ABOUT,
        StepId::DrainPrevious => drain_previous::DrainPrevious::ABOUT,
        StepId::RetainPrevious => retain_previous::RetainPrevious::ABOUT,
        StepId::PruneImages => prune_images::PruneImages::ABOUT,
    }
}

/// Has the runner undo a step that the journal names, made anew from the plan; what it had begun is read by its type.
pub(crate) fn rearm(run: &Runner<'_>, plan: &Plan, entry: &Entry) -> Result<()> {
    match entry.step {
        StepId::BakeImage => run.rearm(bake_image::BakeImage::of(plan, PathBuf::new()), entry),
        StepId::PublishTemplate => {
            run.rearm(publish_template::PublishTemplate::of(plan, ""), entry)
        }
        StepId::ClearIdle => run.rearm(clear_idle::ClearIdle::of(plan), entry),
        // Undoing puts back the version that was there before.
        StepId::ScaleUpIdle => run.rearm(scale_up_idle::ScaleUpIdle::of(plan, 0), entry),
        StepId::HoldPrevious => run.rearm(hold_previous::HoldPrevious::of(plan), entry),
        StepId::OpenPreview => run.rearm(open_preview::OpenPreview::of(plan), entry),
        StepId::ArmGuard => run.rearm(arm_guard::ArmGuard::of(plan, &Guard::of(plan)), entry),
        StepId::ShiftTraffic => {
            run.rearm(shift_traffic::ShiftTraffic::left_by_another(plan), entry)
        }
        // They change nothing.
        StepId::AwaitHealthy
        | StepId::SmokeTest
        | StepId::ProbeVersion
        | StepId::StartProbe
        | StepId::WatchLive
        | StepId::Soak
        | StepId::DisarmGuard => Ok(()),
        // They only go forward.
        StepId::DrainPrevious | StepId::RetainPrevious | StepId::PruneImages => Ok(()),
    }
}

/// The step table: every step of a release, in order.
pub const TABLE: [About; 17] = [
    bake_image::BakeImage::ABOUT,
    publish_template::PublishTemplate::ABOUT,
    clear_idle::ClearIdle::ABOUT,
    start_probe::StartProbe::ABOUT,
    scale_up_idle::ScaleUpIdle::ABOUT,
    await_healthy::AwaitHealthy::ABOUT,
    open_preview::OpenPreview::ABOUT,
    smoke_test::SmokeTest::ABOUT,
    probe_version::ProbeVersion::ABOUT,
    watch_live::WatchLive::ABOUT,
    arm_guard::ArmGuard::ABOUT,
    shift_traffic::ShiftTraffic::ABOUT,
    soak::Soak::ABOUT,
    disarm_guard::DisarmGuard::ABOUT,
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
pub const ROLLBACK: [OfRollback; 14] = [
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
    when(GONE, smoke_test::SmokeTest::ABOUT),
    when(GONE, probe_version::ProbeVersion::ABOUT),
    always(arm_guard::ArmGuard::ABOUT),
    always(shift_traffic::ShiftTraffic::ABOUT),
    always(disarm_guard::DisarmGuard::ABOUT),
    always(drain_previous::DrainPrevious::ABOUT),
    always(retain_previous::RetainPrevious::ABOUT),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_an_id_of_its_own_and_a_name_of_its_own() {
        let mut ids = Vec::new();
        let mut names = Vec::new();
        for line in TABLE.into_iter().chain(ROLLBACK.map(|step| step.about)) {
            assert_eq!(about(line.id), line);
            ids.push(line.id);
            names.push(line.name);
        }
        ids.sort();
        ids.dedup();
        names.sort_unstable();
        names.dedup();
        assert_eq!((ids.len(), names.len()), (18, 18));
    }
}
