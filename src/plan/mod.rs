//! Every decision of a run, made before anything is changed: pure, complete, immutable. Printing it is the dry run.
//!
//! It carries what undoing will need and cannot observe later: weights, capacities and template versions as they were.

mod already_live;
mod by_hand;
mod candidate;
mod changes;
mod choices;
mod decide;
pub mod durations;
mod go_back;
pub mod past;
mod phases;
pub(crate) mod preconditions;
mod settings;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aws::Tags;
use crate::aws::autoscaling::{Capacity, Group};
use crate::aws::elbv2::{HealthCheck, PreviewRule, TargetGroups, TrafficRules};
use crate::aws::launch_templates::VersionData;
use crate::aws::lease::Place;
use crate::bake::recipe::Recipe;
use crate::command_line::{CommandLine, Next, aws, region_of};
use crate::config::{Retain, Smoke};
use crate::inventory::VerifyParts;
use crate::names::{Colour, Release, Weights};
use crate::secret::Secret;
use crate::stack::{Names, PURPOSE_VERIFY, TAG_COLOUR, TAG_PURPOSE};

pub(crate) use by_hand::put_all_traffic;
pub use changes::Change;
pub use choices::Choice;
pub use phases::Phase;
pub use settings::{Health, PreviewToken, Shift, Visitor, health_check};

/// What must not act on a group that is warming up. CodeDeploy suspends the same:
/// <https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-auto-scaling.html>.
pub const FROZEN: [&str; 3] = ["AZRebalance", "AlarmNotification", "ScheduledActions"];

/// The process that a colour with visitors needs: without it, it would not grow with them.
pub const ALARMS: &str = "AlarmNotification";

/// Whether a group is as only a run leaves it: of [`FROZEN`] all is suspended, or all but the alarms, which act again from
/// the candidate's first weight on; and nothing else. Who suspends more than that is a person.
pub fn is_frozen(group: &Group) -> bool {
    let suspended = &group.suspended;
    let is_off = |process: &&str| suspended.iter().any(|name| name == process);
    let by_hand = |name: &String| !FROZEN.contains(&name.as_str());
    FROZEN
        .iter()
        .filter(|process| **process != ALARMS)
        .all(is_off)
        && !suspended.iter().any(by_hand)
}

/// Whether a group may not be scaled in below what it has now, which is more than its floor: as only a run leaves it.
pub fn is_pinned(capacity: Capacity, floor: i32) -> bool {
    capacity.min == capacity.desired && capacity.min > floor
}

/// What lets these processes of a group act again.
pub fn resume_processes(region: Option<&str>, group: &str, processes: &[&str]) -> String {
    let processes = processes.join(" ");
    let options = format!("--auto-scaling-group-name {group} --scaling-processes {processes}");
    aws(region, "autoscaling resume-processes", &options)
}

/// Why a group does not do what a run needs of it: somebody has suspended one of these processes, which no run does.
pub fn held_back(group: &Group, processes: &[&str]) -> Option<String> {
    let is_off = |process: &&&str| group.suspended.iter().any(|name| name == **process);
    let off: Vec<_> = processes.iter().filter(is_off).copied().collect();
    (!off.is_empty()).then(|| {
        format!(
            "processes of {} are suspended by hand ({}); to let it act again: {}",
            group.name,
            off.join(", "),
            resume_processes(region_of(&group.arn), &group.name, &off)
        )
    })
}

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Previous {
    /// The release; `None` before a first one.
    pub release: Option<Release>,
    /// The weights.
    pub weights: Weights,
    /// The live group's capacity.
    pub capacity: Capacity,
    /// How many of its instances are healthy.
    pub healthy: u32,
    /// A run that was interrupted left it frozen.
    pub frozen: bool,
    /// It has a release, and no instance of it: nobody is served.
    #[serde(default)]
    pub was_down: bool,
}

/// The idle group as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdleBefore {
    /// Its capacity: a retained previous colour may still be up.
    pub capacity: Capacity,
    /// Its template version.
    pub template_version: Option<i64>,
    /// Its suspended processes.
    pub suspended: Vec<String>,
    /// When it was to be scaled in, in seconds since 1970.
    pub scale_in_at: Option<u64>,
    /// The automation that was to do that.
    #[serde(default)]
    pub scale_in: Option<String>,
}

/// Where the candidate comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The artifact: it is baked, unless an image of the same recipe stands.
    Artifact(Box<Bake>),
    /// The previous colour, which is still up.
    Retained {
        /// The template version that its instances were started from.
        version: i64,
    },
    /// The previous colour's template version, exactly as it ran; its instances are gone.
    ScaledIn {
        /// The version's number.
        version: i64,
        /// Its image.
        image: String,
    },
    /// The image of an earlier release: it gets a template version with today's settings.
    Earlier {
        /// The image.
        image: String,
        /// The template version that the release ran with.
        version: i64,
    },
}

/// How the image is come by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bake {
    /// What addresses it.
    pub recipe: Recipe,
    /// Its name.
    pub image_name: String,
    /// What another environment calls it, from which it may be taken.
    #[serde(default)]
    pub taken: Option<Box<Taken>>,
    /// An image of this recipe that stands already.
    pub existing: Option<String>,
    /// The runbook and its version.
    pub runbook: (String, String),
    /// The bucket for the bundle.
    pub bucket: String,
    /// Where in it.
    #[serde(default)]
    pub key: String,
    /// What the automation is started with.
    pub parameters: BTreeMap<String, String>,
    /// How long the whole bake may take.
    pub within: Duration,
}

/// An image that another environment makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The environment.
    pub environment: String,
    /// The image's name.
    pub image_name: String,
}

/// The fleet of verifications: its launch template and its rule are the plan's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyFleet {
    /// Its Auto Scaling group.
    pub group: String,
    /// Its target group.
    pub target_group: String,
}

/// Every decision of a release.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// The path of the roles.
    #[serde(default = "default_role_path")]
    pub role_path: String,
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
    /// Where the candidate comes from.
    pub source: Source,
    /// The launch template.
    pub template: String,
    /// Everything of the candidate's template version but the image.
    pub version: VersionData,
    /// Both target groups.
    pub target_groups: TargetGroups,
    /// The rules that divide the traffic.
    #[serde(rename = "traffic_rule")]
    pub traffic_rules: TrafficRules,
    /// The rule of the preview route.
    pub preview_rule: PreviewRule,
    /// Where live traffic is answered.
    pub url: String,
    /// How it is asked.
    pub visitor: Visitor,
    /// When the candidate counts as healthy.
    pub health: Health,
    /// How the load balancer finds that out.
    pub health_check: HealthCheck,
    /// What must hold before the shift.
    pub smoke: Vec<Smoke>,
    /// How the traffic moves.
    pub shift: Shift,
    /// The least that the new live group may be scaled in to.
    pub floor: i32,
    /// What is kept afterwards.
    pub retain: Retain,
    /// Where the candidate is brought up instead of on the idle colour, if it is only verified.
    #[serde(default)]
    pub verify_fleet: Option<VerifyFleet>,
    /// How a command is typed that means the same.
    #[serde(default)]
    pub command_line: CommandLine,
    /// What the preview route is opened with.
    #[serde(skip)]
    pub preview_token: PreviewToken,
}

/// Of runs that wrote none down.
fn default_role_path() -> String {
    crate::config::default::ROLE_PATH.to_owned()
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
    /// How this command is typed.
    pub fn next(&self, next: Next<'_>) -> String {
        self.command_line.of(next)
    }

    /// The names of this plan's resources.
    pub fn names(&self) -> Names {
        Names::new(&self.app, &self.environment)
    }

    /// The role of the guard, and of what is like it.
    pub fn guard_role(&self) -> String {
        let beside = self.traffic_rules.own();
        Names::role_beside(beside, &self.role_path, &self.names().guard_role())
    }

    /// The candidate's group.
    pub fn idle_group(&self) -> String {
        match &self.verify_fleet {
            Some(fleet) => fleet.group.clone(),
            None => self.names().group(self.idle),
        }
    }

    /// The candidate's target group.
    pub fn idle_target_group(&self) -> &str {
        match &self.verify_fleet {
            Some(fleet) => &fleet.target_group,
            None => self.target_groups.of(self.idle),
        }
    }

    /// The tags of what this run starts.
    pub fn tags(&self) -> Tags {
        match &self.verify_fleet {
            Some(_) => self.names().tags_for(PURPOSE_VERIFY),
            None => self.names().tags(),
        }
    }

    /// Where the lease of its turn is.
    pub fn lease(&self) -> Place {
        let names = self.names();
        match &self.verify_fleet {
            Some(_) => names.verify_lease(&self.account, &self.region),
            None => names.lease(&self.account, &self.region),
        }
    }

    /// The colour that the candidate is brought up on; none if it is only verified.
    pub fn candidate_colour(&self) -> Option<Colour> {
        self.verify_fleet.is_none().then_some(self.idle)
    }

    /// The same up to the shift, on the fleet of verifications: neither colour is touched.
    #[must_use]
    pub fn on_verify_fleet(self, parts: &VerifyParts) -> Self {
        let group = &parts.group;
        let source = match self.source {
            Source::Artifact(bake) => Source::Artifact(Box::new(bake.for_verification(
                &Names::new(&self.app, &self.environment),
                &parts.runbook_version,
            ))),
            other => other,
        };
        let mut version = self.version;
        version.tags.remove(TAG_COLOUR);
        version
            .tags
            .insert(TAG_PURPOSE.to_owned(), PURPOSE_VERIFY.to_owned());
        let name = format!("{}-{}-verify", self.app, self.environment);
        version.tags.insert("Name".to_owned(), name);
        Self {
            source,
            version,
            template: parts.template.clone(),
            idle_before: IdleBefore::of(group),
            preview_rule: PreviewRule::new(&parts.rule),
            preview_token: PreviewToken::new(&parts.secret),
            verify_fleet: Some(VerifyFleet {
                group: group.name.clone(),
                target_group: parts.target_group.clone(),
            }),
            ..self
        }
    }

    /// Whether it goes back to a release that was live before, so that what is live now is presumed bad.
    pub fn goes_back(&self) -> bool {
        !matches!(self.source, Source::Artifact(_))
    }

    /// Whether the candidate is up already, with all the instances that are wanted of it.
    pub fn is_at_hand(&self) -> bool {
        matches!(self.source, Source::Retained { .. })
            && self.idle_before.capacity.desired >= self.capacity.desired
    }
}
