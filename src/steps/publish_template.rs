//! Publishes a numbered launch template version for the candidate.
//!
//! Changes: one version of the launch template. Undo: deletes it, unless somebody has taken it: has led visitors to what
//! was started from it, or made it the template's default.
//! Waits for: EC2 showing the version, so that whoever undoes the run finds it.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::aws::error::ErrorKind;
use crate::aws::lag;
use crate::aws::launch_templates::{self, VersionData};
use crate::aws::witness::Contradiction;
use crate::aws::{Aws, autoscaling, images};
use crate::plan::{Plan, Source};
use crate::run::context::{Context, Undoing};
use crate::run::event::Zone;
use crate::run::step::{About, Settled, Step};
use crate::run::step_id::StepId;
use crate::run::wait::{Limits, Look, WaitError};

/// What helps when the image is gone.
const AGAIN: &str = "run this again, and it is made anew, or chosen among those that stand";

/// What is EC2's own is seen everywhere within seconds.
const UNSEEN: Limits = Limits::new(Duration::from_secs(15), Duration::from_secs(1));

/// The step.
#[derive(Debug)]
pub struct PublishTemplate {
    template: String,
    data: VersionData,
    description: String,
    deployment: String,
    /// This run found its image, and did not make it.
    is_found: bool,
    /// The group that starts instances from it.
    group: String,
}

/// What has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handle {
    /// The version's number.
    pub version: i64,
}

impl PublishTemplate {
    /// Publishes what `plan` says with this image.
    pub fn of(plan: &Plan, image: &str) -> Self {
        let data = VersionData {
            image: image.to_owned(),
            ..plan.version.clone()
        };
        Self {
            template: plan.template.clone(),
            data,
            description: format!("{} by deployment {}", plan.release, plan.deployment),
            deployment: plan.deployment.clone(),
            group: plan.idle_group(),
            is_found: match &plan.source {
                Source::Artifact(bake) => bake.existing.is_some(),
                _ => true,
            },
        }
    }

    /// An image that another environment made may have been removed with what it was made for.
    async fn check_image(&self, cx: &Context) -> Result<()> {
        let image = &self.data.image;
        match images::find_image(&cx.aws, image).await? {
            Some(found) if found.state == "available" => Ok(()),
            Some(found) => bail!("image {image} is {} now; {AGAIN}", found.state),
            None => bail!("image {image} was removed since this run looked; {AGAIN}"),
        }
    }

    /// Deletes a version that nobody has taken. One that EC2 does not see is not seen yet, or gone: that is told by time alone.
    /// Whether it was there to be deleted, some time.
    async fn delete(&self, cx: Undoing<'_>, version: i64) -> Result<bool> {
        let what = format!("version {version} of {}", self.template);
        let deleted = cx
            .wait(&what, UNSEEN, || async {
                let deleted = self.try_delete(cx.aws(), version).await?;
                Ok(match deleted {
                    true => Look::Ready(()),
                    false => Look::NotYet("EC2 does not see it".to_owned()),
                })
            })
            .await;
        match deleted {
            Err(WaitError::TimedOut { unseen: None, .. }) => Ok(false),
            other => {
                other?;
                Ok(true)
            }
        }
    }

    /// Whether it was there to be deleted.
    async fn try_delete(&self, aws: &Aws, version: i64) -> Result<bool> {
        let in_use = autoscaling::find_versions_in_use(aws, &self.template).await?;
        if in_use.contains(&version) {
            // Its instances may be anybody's but visitors'.
            autoscaling::see_no_weight(aws, &self.group).await?;
        }
        match launch_templates::delete_version(aws, &self.template, version).await {
            Err(kept) if kept.kind == ErrorKind::Conflict => Err(Contradiction::InUse {
                what: format!("version {version}"),
                by: format!("{}: {}", self.template, kept.message),
            }
            .into()),
            other => Ok(other?),
        }
    }
}

impl Step for PublishTemplate {
    type Handle = Handle;
    type Output = i64;

    const ABOUT: About = About {
        id: StepId::PublishTemplate,
        name: "publish template version",
        zone: Zone::Prepare,
        does: "adds a numbered launch template version with the image; never `$Latest`",
        undo: "deletes the version",
        calls: &["CreateLaunchTemplateVersion"],
        undo_calls: &["DeleteLaunchTemplateVersions"],
    };

    async fn start(&self, cx: &Context) -> Result<Handle> {
        if self.is_found {
            self.check_image(cx).await?;
        }
        let version = launch_templates::create_version(
            &cx.aws,
            &self.template,
            &self.data,
            &self.description,
            &self.deployment,
        )
        .await?;
        Ok(Handle { version })
    }

    async fn settle(&self, cx: &Context, handle: &Handle) -> Result<Settled<i64>> {
        let version = handle.version;
        let what = format!("version {version} of {} being shown", self.template);
        let limits = Limits::new(lag::LONGEST, Duration::from_millis(500));
        cx.wait(Self::ABOUT.name, &what, limits, || async {
            let shown = launch_templates::has_version(&cx.aws, &self.template, version).await?;
            Ok(match shown {
                true => Look::Ready(()),
                false => Look::NotYet(format!("EC2 does not show version {version} yet")),
            })
        })
        .await?;
        Ok(Settled::done(version, format!("version {version}")))
    }

    async fn undo(&self, cx: Undoing<'_>, handle: Option<&Handle>) -> Result<Option<String>> {
        let versions = match handle {
            Some(handle) => vec![handle.version],
            // The call got no answer: it may have been carried out.
            None => launch_templates::describe_versions(cx.aws(), &self.template)
                .await?
                .into_iter()
                .filter(|version| version.description == self.description)
                .map(|version| version.number)
                .collect(),
        };
        let mut undone = Vec::new();
        for version in versions {
            undone.push(match self.delete(cx, version).await? {
                true => format!("deleted template version {version}"),
                false => format!("template version {version} is not there any more"),
            });
        }
        Ok((!undone.is_empty()).then(|| undone.join(", ")))
    }
}
