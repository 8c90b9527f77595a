//! Removes images beyond those that are kept, never one that a group can still start an instance from.
//!
//! The bake did not wait for its builder's end, so that is looked at here: a builder that the runbook left is ended. So is what
//! earlier bakes left, of which nobody else would know.
//!
//! Changes: old images and their snapshots; builders, and snapshots without an image, while no bake is under way. Forward only: what AWS
//! does not let go keeps nothing else from going, is named, and is found by its tags the next time.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use anyhow::{Error, Result};

use super::end_bake::end_builders;
use super::{images_in_use, left_by_bakes};
use crate::aws::error::Failure;
use crate::aws::images::{self, Image};
use crate::aws::{Aws, ec2};
use crate::names::utc;
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Forward, Settled};
use crate::run::step_id::StepId;
use crate::stack::{Names, TAG_APP};

/// Longer than a verification takes.
const VERIFIED_WITHIN: Duration = Duration::from_secs(6 * 3600);

/// The step.
#[derive(Debug)]
pub struct PruneImages {
    names: Names,
    /// The launch template of the environment.
    template: String,
    deployment: String,
    /// How many are kept.
    keep: usize,
    /// What was just released.
    image: String,
}

/// What was removed, and what could not be.
#[derive(Debug, Default)]
pub struct Removed {
    /// Images, by their ids.
    images: Vec<String>,
    /// Snapshots, by their ids.
    snapshots: Vec<String>,
    /// The rest, and why it is left.
    left: Vec<(String, Failure)>,
}

impl Removed {
    /// Removes an image, and then its snapshots.
    pub(crate) async fn image(&mut self, aws: &Aws, image: Image) {
        if let Err(failure) = images::deregister_image(aws, &image.id).await {
            self.left.push((image.id, failure));
            return;
        }
        for snapshot in &image.snapshots {
            self.snapshot(aws, snapshot).await;
        }
        self.images.push(image.id);
    }

    /// Removes a snapshot, unless that was tried.
    pub(crate) async fn snapshot(&mut self, aws: &Aws, id: &str) {
        let what = format!("snapshot {id}");
        if self.left.iter().any(|(left, _)| *left == what) {
            return;
        }
        match images::delete_snapshot(aws, id).await {
            Ok(()) => self.snapshots.push(id.to_owned()),
            Err(failure) => self.left.push((what, failure)),
        }
    }

    /// The images and the snapshots that are gone; fails where anything is left, with the reason of each.
    pub(crate) fn complete(&self) -> Result<(&[String], &[String])> {
        let mut left = self.left.iter();
        let Some((what, failure)) = left.next() else {
            return Ok((&self.images, &self.snapshots));
        };
        let others = left.map(|(what, failure)| format!("{what} is left ({failure}); "));
        let others: String = others.collect();
        Err(Error::new(failure.clone()).context(format!("{others}{what} is left")))
    }
}

impl PruneImages {
    /// Prunes as `plan` says; `image` is the one that was just released.
    pub fn of(plan: &Plan, image: &str) -> Self {
        Self {
            names: plan.names(),
            template: plan.template.clone(),
            deployment: plan.deployment.clone(),
            keep: plan.retain.images,
            image: image.to_owned(),
        }
    }
}

/// The environment's images beyond `keep` that can go, by whoever has the turn of it, with its template `ours`; `released` was just
/// released there, and stays, and so does what another environment has taken.
pub(crate) async fn find_surplus(
    aws: &Aws,
    (names, ours): (&Names, &str),
    keep: usize,
    released: Option<&str>,
    now: SystemTime,
) -> Result<Vec<Image>> {
    let mut images = images::find_images_by_tag(aws, TAG_APP, &names.app).await?;
    images.retain(|image| names.made(&image.tags));
    let (verified, images): (Vec<_>, Vec<_>) = images
        .into_iter()
        .partition(|image| Names::is_to_verify(&image.tags));
    if images.len() <= keep && verified.is_empty() {
        return Ok(Vec::new());
    }
    let mut in_use = images_in_use::in_use(aws, &names.app, ours, now).await?;
    in_use.extend(released.map(str::to_owned));
    // A verification removes its own, unless it was killed.
    let old = utc(now - VERIFIED_WITHIN);
    let forgotten = verified.iter().filter(|image| image.created < old);
    let forgotten = forgotten.filter(|image| is_free(image, &in_use));
    let surplus = surplus(&images, &in_use, keep).into_iter();
    Ok(surplus.chain(forgotten).cloned().collect())
}

impl Forward for PruneImages {
    type Begun = Removed;

    const ABOUT: About = About {
        id: StepId::PruneImages,
        name: "prune images",
        zone: Zone::Finish,
        does: "removes images beyond `retain.images`, never one that a group or an instance of one uses; \
               ends a builder and removes a snapshot that a bake left",
        undo: "",
        calls: &["TerminateInstances", "DeregisterImage", "DeleteSnapshot"],
        undo_calls: &[],
    };

    async fn start(&self, cx: &Context) -> Result<Removed> {
        for builder in end_builders(&cx.aws, &self.deployment).await? {
            cx.events.note(format!(
                "ended builder {builder}, which the runbook had left"
            ));
        }
        let (stack, now) = ((&self.names, self.template.as_str()), cx.clock.utc());
        let released = Some(self.image.as_str());
        let surplus = find_surplus(&cx.aws, stack, self.keep, released, now).await?;
        let mut removed = Removed::default();
        for image in surplus {
            removed.image(&cx.aws, image).await;
        }
        self.sweep(cx, &mut removed).await?;
        Ok(removed)
    }

    async fn settle(&self, _: &Context, removed: &Removed) -> Result<Settled<()>> {
        let (images, _) = removed.complete()?;
        if images.is_empty() {
            let summary = format!("none beyond the {} that are kept", self.keep);
            return Ok(Settled::skipped((), summary));
        }
        Ok(Settled::done((), format!("removed {}", images.join(", "))))
    }
}

impl PruneImages {
    /// Ends and removes what earlier bakes left.
    async fn sweep(&self, cx: &Context, removed: &mut Removed) -> Result<()> {
        let found = left_by_bakes::find(&cx.aws, &self.names).await?;
        let Some(left) = found else {
            return Ok(());
        };
        for builder in left.builders {
            cx.held().await?;
            ec2::terminate_instance(&cx.aws, &builder.id).await?;
            let id = builder.id;
            cx.events.note(format!(
                "ended builder {id}, which an earlier bake had left"
            ));
        }
        for snapshot in left.snapshots {
            cx.held().await?;
            removed.snapshot(&cx.aws, &snapshot).await;
            if removed.snapshots.contains(&snapshot) {
                cx.events
                    .note(format!("deleted snapshot {snapshot}, whose image is gone"));
            }
        }
        Ok(())
    }
}

/// Of images, the newest first, those beyond `keep` that nothing uses and that are not being made now.
fn surplus<'a>(images: &'a [Image], in_use: &BTreeSet<String>, keep: usize) -> Vec<&'a Image> {
    images
        .iter()
        .skip(keep)
        .filter(|image| is_free(image, in_use))
        .collect()
}

fn is_free(image: &Image, in_use: &BTreeSet<String>) -> bool {
    image.state == "available" && !in_use.contains(&image.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, state: &str) -> Image {
        Image {
            id: id.into(),
            name: String::new(),
            state: state.into(),
            architecture: String::new(),
            created: String::new(),
            tags: Default::default(),
            snapshots: Vec::new(),
        }
    }

    #[test]
    fn the_newest_are_kept_and_so_is_whatever_is_in_use_or_under_way() {
        let images = [
            image("new", "available"),
            image("kept", "available"),
            image("live", "available"),
            image("baking", "pending"),
            image("old", "available"),
        ];
        let in_use = BTreeSet::from(["live".to_owned()]);
        let surplus: Vec<_> = surplus(&images, &in_use, 2)
            .iter()
            .map(|i| i.id.as_str())
            .collect();
        assert_eq!(surplus, ["old"]);
    }
}
