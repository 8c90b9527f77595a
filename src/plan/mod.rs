//! Every decision of a release, made before anything is changed: pure, complete, immutable. Printing it is the dry run.
//!
//! It carries what undoing will need and cannot observe later: weights, capacities and template versions as they were.

mod candidate;
mod decide;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::aws::autoscaling::Capacity;
use crate::aws::elbv2::TargetGroups;
use crate::aws::launch_templates::VersionData;
use crate::bake::recipe::Recipe;
use crate::config::Config;
use crate::names::{Colour, Release, Weights, human};
use crate::run::event::Event;
use crate::stack::Names;

/// What must not act on a group that is warming up. CodeDeploy suspends the same:
/// <https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-auto-scaling.html>.
pub const FROZEN: [&str; 3] = ["AZRebalance", "AlarmNotification", "ScheduledActions"];

/// What there is to do.
#[derive(Clone, Debug)]
pub enum Decision {
    /// A release.
    Release(Box<Plan>),
    /// The release is live already.
    NothingToDo(Release),
    /// The state of AWS does not allow it: why, and the remedy.
    Refused(String),
}

/// What was live when the run began, and how.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Previous {
    /// The release; `None` before a first one.
    pub release: Option<Release>,
    /// The weights.
    pub weights: Weights,
    /// The live group's capacity.
    pub capacity: Capacity,
    /// How many of its instances are healthy.
    pub healthy: u32,
}

/// The idle group as it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IdleBefore {
    /// Its capacity: a retained previous colour may still be up.
    pub capacity: Capacity,
    /// Its template version.
    pub template_version: Option<i64>,
    /// Its suspended processes.
    pub suspended: Vec<String>,
}

/// How the image is come by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bake {
    /// What addresses it.
    pub recipe: Recipe,
    /// Its name.
    pub image_name: String,
    /// An image of this recipe that stands already.
    pub existing: Option<String>,
    /// The runbook and its version.
    pub runbook: (String, String),
    /// The bucket for the bundle.
    pub bucket: String,
    /// What the automation is started with.
    pub parameters: BTreeMap<String, String>,
}

/// Every decision of a release.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// One run; the tag on everything it makes.
    pub deployment: String,
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// What is to be live at the end.
    pub release: Release,
    /// The colour that is live now.
    pub live: Colour,
    /// The colour that the candidate gets.
    pub idle: Colour,
    /// What was live when the run began.
    pub previous: Previous,
    /// The idle group as it was.
    pub idle_before: IdleBefore,
    /// The candidate's capacity.
    pub capacity: Capacity,
    /// The image.
    pub bake: Bake,
    /// The launch template.
    pub template: String,
    /// Everything of the candidate's template version but the image.
    pub version: VersionData,
    /// Both target groups.
    pub target_groups: TargetGroups,
    /// The rule that divides the traffic.
    pub traffic_rule: String,
    /// The rule of the preview route.
    pub preview_rule: String,
    /// Where live traffic is answered.
    pub url: String,
    /// The settings that steps need as they are.
    #[serde(skip)]
    pub config: Config,
    /// The secret of the preview route.
    #[serde(skip)]
    pub preview_token: Secret,
}

/// A value that no output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What a run is called by, and what its preview route is opened with: drawn once, by the caller.
#[derive(Clone, Debug)]
pub struct Draw {
    /// The deployment's id.
    pub deployment: String,
    /// The secret of the preview route.
    pub preview_token: Secret,
}

impl Plan {
    /// The names of this plan's resources.
    pub fn names(&self) -> Names {
        Names::new(&self.app, &self.environment)
    }

    /// The candidate's group.
    pub fn idle_group(&self) -> String {
        self.names().group(self.idle)
    }

    /// The decisions, for people.
    pub fn decisions(&self) -> Vec<Event> {
        let decided = |what: &str, value: String, why: &str| Event::Decided {
            what: what.to_owned(),
            value,
            why: why.to_owned(),
        };
        let image = match &self.bake.existing {
            Some(id) => decided(
                "image",
                id.clone(),
                "an image of the same recipe stands already: nothing is baked",
            ),
            None => decided(
                "image",
                self.bake.image_name.clone(),
                "no image of this recipe stands: it is baked",
            ),
        };
        let stages: Vec<_> = self
            .config
            .shift
            .weights
            .iter()
            .map(|w| format!("{w} %"))
            .collect();
        let capacity_why = match self.previous.release {
            Some(_) => "as many as live has now, and not below fleet.min",
            None => "a first release starts with fleet.min",
        };
        vec![
            decided(
                "account",
                format!("{} in {}", self.account, self.region),
                "the caller's",
            ),
            decided(
                "live colour",
                match &self.previous.release {
                    Some(release) => format!("{} with {release}", self.live),
                    None => format!("{}, empty", self.live),
                },
                "the traffic rule's weights",
            ),
            decided(
                "candidate",
                format!("{} on {}", self.release, self.idle),
                "the idle colour",
            ),
            image,
            decided("instances", self.capacity.desired.to_string(), capacity_why),
            decided(
                "shift",
                format!(
                    "{}, each held {}",
                    stages.join(", "),
                    human(self.config.shift.hold)
                ),
                "shift.weights and shift.hold",
            ),
            decided("soak", human(self.config.shift.soak), "shift.soak"),
            decided(
                "previous colour",
                match self.previous.release {
                    Some(_) if self.config.retain.previous_for.is_zero() => {
                        "scaled in at once".to_owned()
                    }
                    Some(_) => format!("kept for {}", human(self.config.retain.previous_for)),
                    None => "none".to_owned(),
                },
                "retain.for",
            ),
        ]
    }
}
