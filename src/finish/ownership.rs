//! Whose is what stands in AWS now? What a run made may have come into the hands of a newer one, or of a person; what
//! is theirs is left as it is, and said.

use anyhow::Result;

use crate::aws::autoscaling::{self, Group};
use crate::aws::launch_templates::{self, Version};
use crate::aws::{elbv2, images};
use crate::names::Weights;
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::progress::{Phase, Progress};
use crate::run::step::handle_of;
use crate::run::step_id::StepId;
use crate::stack::{TAG_APP, TAG_DEPLOYMENT};
use crate::steps::publish_template::PublishTemplate;

/// What stands in AWS now, as far as it decides what may be undone.
#[derive(Clone, Debug)]
pub(super) struct Ownership {
    /// The weights of the traffic rules; `None` when one does not name both target groups, or they disagree.
    pub(super) weights: Option<Weights>,
    /// What each says; `None` when one does not name both target groups.
    each: Option<Vec<Weights>>,
    /// Those that this run may have written, and those before it.
    known: Vec<Weights>,
    /// The weights are this run's to restore.
    shifts: bool,
    /// Who published a template version after this run.
    newer: Option<String>,
    /// The idle group.
    pub(super) group: Group,
    /// How many instances of the previous colour are in service.
    pub(super) previous: usize,
    /// This run's template version, if it was published.
    version: Option<i64>,
    /// The image of that version, if it stands.
    pub(super) image: Option<String>,
    /// Another template version starts instances from this run's image.
    image_shared: bool,
}

impl Ownership {
    /// Looks, and changes nothing.
    pub(super) async fn look(cx: &Context, plan: &Plan, progress: &Progress) -> Result<Self> {
        let traffic = elbv2::describe_traffic(&cx.aws, &plan.traffic_rules).await?;
        let versions = launch_templates::describe_versions(&cx.aws, &plan.template).await?;
        let group = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await?;
        let live = plan.names().group(plan.live);
        let previous = autoscaling::describe_group(&cx.aws, &live).await?;
        let version = own_version(plan, progress, &versions)?;
        let own = versions.iter().find(|it| Some(it.number) == version);
        let stages = plan.shift.stages(plan.idle).into_iter();
        Ok(Self {
            weights: traffic.split(&plan.target_groups),
            each: traffic.each(&plan.target_groups),
            known: stages.chain([plan.previous.weights]).collect(),
            shifts: is_pending(progress, StepId::ShiftTraffic),
            newer: newer(plan, version, &versions),
            group,
            previous: previous
                .members
                .iter()
                .filter(|member| member.lifecycle == "InService")
                .count(),
            version,
            image: own.map(|version| version.image.clone()),
            image_shared: is_pending(progress, StepId::BakeImage)
                && is_image_shared(cx, plan).await?,
        })
    }

    /// Why the run's shift is not this run's to take back, or to complete, if it is not.
    pub(super) fn leaves_traffic(&self) -> Option<String> {
        if let Some(newer) = &self.newer {
            return Some(format!("{newer} has begun since"));
        }
        let Some(each) = &self.each else {
            return Some("the traffic rule does not name both target groups".to_owned());
        };
        let other = each.iter().find(|now| !self.known.contains(now))?;
        Some(format!(
            "the weights are {other}, which this run did not write"
        ))
    }

    /// Why a step is not to be undone, if it is not.
    pub(super) fn leaves(&self, plan: &Plan, step: StepId) -> Option<String> {
        if step == StepId::ShiftTraffic {
            return self.leaves_traffic();
        }
        if step == StepId::ArmGuard {
            // Nobody else's, and nothing may act for a run that is over.
            return None;
        }
        let restores = self.shifts && self.leaves_traffic().is_none();
        let before = plan.previous.weights.of(plan.idle);
        let has_more = |each: &Vec<Weights>| each.iter().any(|now| now.of(plan.idle) > before);
        let serves = self.each.as_ref().is_none_or(has_more);
        if serves && !restores && plan.verify_fleet.is_none() {
            return Some(format!("{} has a share of the traffic now", plan.idle));
        }
        let is_ours = self.version.is_none()
            || [self.version, plan.idle_before.template_version]
                .contains(&self.group.template_version);
        let uses_version = self.version.is_some()
            && (self.group.template_version == self.version
                || self
                    .group
                    .members
                    .iter()
                    .any(|member| member.template_version == self.version));
        let newer = self.newer.as_ref();
        match step {
            // The version and the image are this run's alone, as long as nobody else starts instances from them.
            StepId::BakeImage => self
                .image_shared
                .then(|| "another release uses its image".to_owned()),
            StepId::PublishTemplate => (newer.is_some() && uses_version)
                .then(|| "its instances are another run's now".to_owned()),
            _ if let Some(newer) = newer => Some(format!("{newer} has begun since")),
            StepId::ScaleUpIdle if !is_ours => Some(format!(
                "{} starts instances of another template version now",
                self.group.name
            )),
            _ => None,
        }
    }
}

/// Whether a step began and was not undone.
fn is_pending(progress: &Progress, step: StepId) -> bool {
    progress
        .of(step)
        .is_some_and(|entry| entry.phase != Phase::Undone)
}

/// The template version that the run published, as far as is known.
fn own_version(plan: &Plan, progress: &Progress, versions: &[Version]) -> Result<Option<i64>> {
    let Some(entry) = progress.of(StepId::PublishTemplate) else {
        return Ok(None);
    };
    if let Some(handle) = handle_of::<PublishTemplate>(entry)? {
        return Ok(Some(handle.version));
    }
    let ours = versions
        .iter()
        .find(|version| version.tags.get(TAG_DEPLOYMENT) == Some(&plan.deployment));
    Ok(ours.map(|version| version.number))
}

/// Who published a version after this run's: the first thing of a newer run that can be seen.
fn newer(plan: &Plan, own: Option<i64>, versions: &[Version]) -> Option<String> {
    let own = own?;
    versions
        .iter()
        .filter(|version| version.number > own)
        .find_map(|version| {
            let deployment = version.tags.get(TAG_DEPLOYMENT)?;
            (*deployment != plan.deployment).then(|| format!("deployment {deployment}"))
        })
}

/// Whether another deployment starts instances from the image that this one baked, in any environment of the app.
async fn is_image_shared(cx: &Context, plan: &Plan) -> Result<bool> {
    let images = images::find_images_by_tag(&cx.aws, TAG_DEPLOYMENT, &plan.deployment).await?;
    if images.is_empty() {
        return Ok(false);
    }
    let templates = launch_templates::find_templates_by_tag(&cx.aws, TAG_APP, &plan.app).await?;
    for template in templates {
        let versions = launch_templates::describe_versions(&cx.aws, &template).await?;
        let shared = versions.iter().any(|version| {
            version.tags.get(TAG_DEPLOYMENT) != Some(&plan.deployment)
                && images.iter().any(|image| image.id == version.image)
        });
        if shared {
            return Ok(true);
        }
    }
    Ok(false)
}
