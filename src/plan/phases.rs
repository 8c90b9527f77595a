//! How long a release will take, by phase, and where each figure is from. Pure.

use std::time::Duration;

use super::durations::{USUAL_BAKE, USUAL_FLEET, USUAL_MOVE, USUAL_PROOF};
use super::{Plan, Source};
use crate::names::human;

/// Until a previous colour that had traffic is known to be silent: its last minute without a request, and what the load
/// balancer's count is late.
const USUAL_DRAIN: Duration = Duration::from_secs(4 * 60);

/// Where a usual time is from.
const USUAL: &str = "usual";

/// A phase of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What happens in it.
    pub what: &'static str,
    /// How long it will take.
    pub time: Duration,
    /// Where that is from.
    pub source: String,
}

impl Plan {
    /// The phases of a release of this plan, in their order; those that take no time are left out.
    pub fn phases(&self) -> Vec<Phase> {
        let stages = u32::try_from(self.shift.percents.len()).unwrap_or(u32::MAX);
        let held = stages.saturating_sub(1);
        let hold = self.shift.hold;
        let (bake, why) = match &self.source {
            Source::Artifact(bake) if bake.existing.is_none() => (
                USUAL_BAKE.min(bake.within),
                format!("{USUAL}; bake.timeout is {}", human(bake.within)),
            ),
            _ => (Duration::ZERO, String::new()),
        };
        let fleet = match self.is_at_hand() {
            true => Duration::ZERO,
            false => USUAL_FLEET.min(self.health.within),
        };
        let drain = match self.previous.release {
            Some(_) => USUAL_DRAIN,
            None => Duration::ZERO,
        };
        let healthy_within = human(self.health.within);
        let phases = [
            ("bake", bake, why),
            (
                "instances, healthy",
                fleet,
                format!("{USUAL}; fleet.healthy-within is {healthy_within}"),
            ),
            ("proof before the shift", USUAL_PROOF, USUAL.to_owned()),
            (
                "shift",
                USUAL_MOVE * stages + hold * held,
                match held {
                    0 => USUAL.to_owned(),
                    _ => format!(
                        "{stages} stages, {} each as usual, and shift.hold ({}) between them",
                        human(USUAL_MOVE),
                        human(hold)
                    ),
                },
            ),
            ("soak", self.shift.soak, "shift.soak".to_owned()),
            ("drain", drain, USUAL.to_owned()),
        ];
        let phase = |(what, time, source)| Phase { what, time, source };
        let phases = phases.into_iter().map(phase);
        phases.filter(|phase| !phase.time.is_zero()).collect()
    }
}
