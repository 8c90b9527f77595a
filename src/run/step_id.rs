//! Which step: the key of the journal and of a run's state file.
//!
//! What a step is called there is fixed here and says nothing to people; its name in reports is `About::name`, and can be
//! changed freely. A variant's own name can't: a state file of the same format would be misread.

use serde::{Deserialize, Serialize};

/// Every step of every kind of run, in the order of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepId {
    /// Bakes the image.
    BakeImage,
    /// Publishes a launch template version.
    PublishTemplate,
    /// Empties the idle group.
    ClearIdle,
    /// Starts the probe.
    StartProbe,
    /// Scales the idle group up.
    ScaleUpIdle,
    /// Holds the previous colour up, to go back to it.
    HoldPrevious,
    /// Waits for the candidate's health.
    AwaitHealthy,
    /// Opens the preview route.
    OpenPreview,
    /// Runs the smoke tests.
    SmokeTest,
    /// Asks the candidate for its version.
    ProbeVersion,
    /// Counts what live is answered.
    WatchLive,
    /// Arms the guard.
    ArmGuard,
    /// Shifts the traffic.
    ShiftTraffic,
    /// Soaks.
    Soak,
    /// Disarms the guard.
    DisarmGuard,
    /// Drains the previous colour.
    DrainPrevious,
    /// Retains the previous colour.
    RetainPrevious,
    /// Prunes images.
    PruneImages,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_written_in_words_that_no_display_changes() {
        let written = |id: StepId| serde_json::to_value(id).expect("a string");
        assert_eq!(written(StepId::BakeImage), "bake-image");
        assert_eq!(written(StepId::PublishTemplate), "publish-template");
        assert_eq!(written(StepId::ScaleUpIdle), "scale-up-idle");
        assert!(serde_json::from_str::<StepId>("\"bake image\"").is_err());
    }
}
