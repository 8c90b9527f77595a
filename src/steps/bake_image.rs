//! Bakes the image: uploads the bundle, starts the runbook, waits for its end. An image of the same recipe is used as
//! it stands.
//!
//! Changes: an object in the bucket; what the runbook makes (builder, image, snapshot), tagged with the deployment.
//! Undo: cancels the automation, ends the builder, removes the image and its snapshot; not an image that a template
//! version starts instances from, in any environment of the app.
//! Waits for: the image being available, or the automation's end.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::begin_bake;
use super::builder_log;
use super::end_bake::{end_automation, remove_what_it_made};
use crate::aws::images::Image;
use crate::aws::s3::{self, Bucket};
use crate::aws::ssm::{self, Automation};
use crate::aws::{Tags, images};
use crate::bake::runbook::{CREATE_IMAGE, SEE_IMAGE};
use crate::cause::Reason;
use crate::plan::{Bake, Plan, Source};
use crate::run::context::{Context, Undoing};
use crate::run::event::{Event, Zone};
use crate::run::step::{About, Settled, Step};
use crate::run::step_id::StepId;
use crate::run::wait::{Limits, Look, WaitError};
use crate::stack::Names;

/// EC2 shows what was just made seconds later; half a minute of looks.
const LOOKS: u32 = 7;
/// Between them.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// The step.
#[derive(Debug)]
pub struct BakeImage {
    source: Source,
    names: Names,
    /// Of what it starts, and takes.
    tags: Tags,
    account: String,
    deployment: String,
    bundle: PathBuf,
}

/// What has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handle {
    /// An image of this recipe stands.
    Standing {
        /// Its id.
        image: String,
    },
    /// Another run's bake makes it, and is not done yet.
    Awaited {
        /// Its id.
        image: String,
    },
    /// An automation bakes it.
    Baking {
        /// Its id.
        automation: String,
    },
}

impl BakeImage {
    /// Bakes what `plan` says from the packed bundle.
    pub fn of(plan: &Plan, bundle: PathBuf) -> Self {
        Self {
            source: plan.source.clone(),
            names: plan.names(),
            tags: plan.tags(),
            account: plan.account.clone(),
            deployment: plan.deployment.clone(),
            bundle,
        }
    }
}

impl Step for BakeImage {
    type Handle = Handle;
    type Output = String;

    const ABOUT: About = About {
        id: StepId::BakeImage,
        name: "bake image",
        zone: Zone::Prepare,
        does: "uploads the bundle and bakes an image from it on a builder instance, by an SSM Automation; \
               an image of the same recipe is used as it stands",
        undo: "cancels the automation, ends the builder, removes the image and its snapshot",
        calls: &["PutObject", "StartAutomationExecution"],
        undo_calls: &[
            "StopAutomationExecution",
            "TerminateInstances",
            "DeregisterImage",
            "DeleteSnapshot",
        ],
    };

    async fn start(&self, cx: &Context) -> Result<Handle> {
        let bake = self.bake()?;
        if let Some(image) = &bake.existing {
            return Ok(Handle::Standing {
                image: image.clone(),
            });
        }
        if let Some(handle) = self.look_again(cx, bake).await? {
            return Ok(handle);
        }
        let tell = |done: u64, of: u64| {
            const MIB: u64 = 1024 * 1024;
            cx.events.emit(Event::Waiting {
                step: Self::ABOUT.name.to_owned(),
                reason: format!(
                    "{} of {} MiB of the bundle are uploaded",
                    done / MIB,
                    of / MIB
                ),
            });
        };
        let bucket = Bucket {
            name: bake.bucket.clone(),
            account: self.account.clone(),
        };
        s3::upload_once(&cx.aws, (&bucket, &bake.key), &self.bundle, tell).await?;
        let automation = self.begin(cx, 0).await?;
        Ok(Handle::Baking { automation })
    }

    async fn settle(&self, cx: &Context, handle: &Handle) -> Result<Settled<String>> {
        let automation = match handle {
            Handle::Standing { image } => {
                cx.events.emit(Event::Image {
                    image: image.clone(),
                    baked: false,
                });
                let summary = format!("{image} has the same recipe: nothing to bake");
                return Ok(Settled::skipped(image.clone(), summary));
            }
            Handle::Awaited { image } => return self.await_another_s(cx, image).await,
            Handle::Baking { automation } => automation,
        };
        let ended = self.await_end(cx, automation).await?;
        if (ended.status == "Success" || !ended.has_ended())
            && let Some(image) = ended.output(CREATE_IMAGE, "ImageId")
        {
            cx.events.emit(Event::Image {
                image: image.to_owned(),
                baked: true,
            });
            let summary = format!("{image} ({})", self.bake()?.image_name);
            return Ok(Settled::done(image.to_owned(), summary));
        }
        Err(builder_log::explain(cx, &ended).await)
    }

    async fn undo(&self, cx: Undoing<'_>, handle: Option<&Handle>) -> Result<Option<String>> {
        if matches!(
            handle,
            Some(Handle::Standing { .. } | Handle::Awaited { .. })
        ) {
            return Ok(None);
        }
        let mut undone = Vec::new();
        let mut looks = 1;
        // A call may have got no answer and been carried out, and another one begun since the one that is known.
        let mut automations = self.find_automations(cx).await?;
        if let Some(Handle::Baking { automation }) = handle
            && !automations.contains(automation)
        {
            automations.push(automation.clone());
        }
        for automation in automations {
            if end_automation(cx, &automation).await? {
                undone.push(format!("cancelled automation {automation}"));
                // What it made in its last seconds can't be seen yet.
                looks = LOOKS;
            }
        }
        for look in 0..looks {
            if look > 0 {
                cx.context().clock.sleep(BETWEEN_LOOKS).await;
            }
            remove_what_it_made(cx, &self.names.app, &self.deployment, &mut undone).await?;
        }
        Ok((!undone.is_empty()).then(|| undone.join(", ")))
    }
}

/// An image that can be used, or will be.
fn usable(image: &Image) -> Option<Handle> {
    let image_id = image.id.clone();
    match image.state.as_str() {
        "available" => Some(Handle::Standing { image: image_id }),
        "pending" => Some(Handle::Awaited { image: image_id }),
        _ => None,
    }
}

/// Whether the image can be used, or nothing more comes. The builder's end, the runbook's last step, holds nothing up:
/// pruning looks whether it came.
fn look(state: Automation) -> Look<Automation> {
    if state.has_ended() || state.has_done(SEE_IMAGE) {
        Look::Ready(state)
    } else {
        Look::NotYet(format!("the runbook is at {}", state.current_step))
    }
}

impl BakeImage {
    fn bake(&self) -> Result<&Bake> {
        match &self.source {
            Source::Artifact(bake) => Ok(bake),
            _ => bail!("a rollback bakes nothing"),
        }
    }

    async fn begin(&self, cx: &Context, nth: u32) -> Result<String> {
        let deployment = (self.deployment.as_str(), nth);
        begin_bake::begin(cx, Self::ABOUT.name, &self.tags, self.bake()?, deployment).await
    }

    /// Waits for the end of the bake that this automation began, or of the one in its place.
    async fn await_end(&self, cx: &Context, automation: &str) -> Result<Automation> {
        // One that can't begin has failed within seconds. The runbook itself looks every five seconds: with the same interval,
        // this would be late by the same time again and again.
        let limits = Limits::new(self.bake()?.within, Duration::from_secs(1))
            .growing_to(Duration::from_secs(4))
            .first_after(Duration::from_secs(5));
        let (begun, name) = (cx.clock.elapsed(), Self::ABOUT.name);
        let (mut automation, mut nth) = (automation.to_owned(), 0);
        loop {
            let ended = cx
                .wait(name, "the bake", limits, || async {
                    let state = ssm::describe_automation(&cx.aws, &automation).await?;
                    Ok(look(state))
                })
                .await;
            let ended = match ended {
                Err(late @ WaitError::TimedOut { .. }) => {
                    let words = format!("{:#}", anyhow::Error::from(late));
                    return Err(Reason::BuilderLate.because(words).into());
                }
                other => other?,
            };
            if !begin_bake::is_worth_another(cx, name, &ended, begun).await? {
                return Ok(ended);
            }
            nth += 1;
            automation = self.begin(cx, nth).await?;
            let handle = serde_json::to_value(Handle::Baking {
                automation: automation.clone(),
            })?;
            cx.note_if(cx.journal.renewed(StepId::BakeImage, handle));
        }
    }

    /// What another run has made meanwhile, or makes; what one has failed to make is removed, because its name belongs to one
    /// image.
    async fn look_again(&self, cx: &Context, bake: &Bake) -> Result<Option<Handle>> {
        if let Some(image) = images::find_image_by_name(&cx.aws, &bake.image_name).await? {
            ensure!(
                self.names.made(&image.tags),
                "{} is called {}, and was not made in {}: whoever made it has to remove it",
                image.id,
                image.name,
                self.names.environment
            );
            ensure!(
                Names::is_to_verify(&image.tags) == Names::is_to_verify(&self.tags),
                "{} is called {}, and a verification made it, from whose image nothing is released: remove it",
                image.id,
                image.name
            );
            if let Some(handle) = usable(&image) {
                return Ok(Some(handle));
            }
            cx.held().await?;
            images::remove_image(&cx.aws, &image).await?;
            let (id, state) = (image.id, image.state);
            cx.events
                .note(format!("{id} of an earlier bake is {state}: removed"));
        }
        let Some(taken) = &bake.taken else {
            return Ok(None);
        };
        let there = Names::new(&self.names.app, &taken.environment);
        let image = images::find_image_by_name(&cx.aws, &taken.image_name).await?;
        let image = image.filter(|image| there.made(&image.tags));
        Ok(image.as_ref().and_then(usable))
    }

    /// Waits for an image that another run's bake has begun.
    async fn await_another_s(&self, cx: &Context, image: &str) -> Result<Settled<String>> {
        let limits = Limits::new(self.bake()?.within, Duration::from_secs(5));
        let what = format!("{image}, which another run bakes");
        cx.wait(Self::ABOUT.name, &what, limits, || async {
            let found = images::find_image(&cx.aws, image).await?;
            Ok(match found.as_ref().map(|found| found.state.as_str()) {
                Some("available") => Look::Ready(()),
                Some("pending") => Look::NotYet("it is pending".to_owned()),
                Some(other) => Look::Never(format!("it is {other}")),
                None => Look::Never("it is gone: that bake was undone".to_owned()),
            })
        })
        .await?;
        cx.events.emit(Event::Image {
            image: image.to_owned(),
            baked: false,
        });
        let summary = format!("{image} has the same recipe, and was baked by another run");
        Ok(Settled::skipped(image.to_owned(), summary))
    }

    async fn find_automations(&self, cx: Undoing<'_>) -> Result<Vec<String>> {
        let (runbook, _) = &self.bake()?.runbook;
        let deployment = &self.deployment;
        let found =
            ssm::find_running_automations(cx.aws(), runbook, "Deployment", deployment).await?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_available_image_does_not_wait_for_the_builder_s_end_and_a_failure_does() {
        let state = |status: &str, await_image: &str| Automation {
            status: status.into(),
            current_step: "terminateBuilder".into(),
            steps: vec![crate::aws::ssm::AutomationStep {
                name: SEE_IMAGE.into(),
                status: await_image.into(),
                failure: String::new(),
                outputs: Default::default(),
            }],
        };
        let is_ready = |status, step| matches!(look(state(status, step)), Look::Ready(_));
        assert!(is_ready("InProgress", "Success"));
        assert!(!is_ready("InProgress", "InProgress"));
        assert!(!is_ready("InProgress", "Failed"));
        assert!(is_ready("Failed", "Failed"));
    }
}
