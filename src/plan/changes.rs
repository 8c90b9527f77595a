//! What a release changes of what is live, beside the release itself. Pure.

use sha2::{Digest as _, Sha256};

use super::candidate::user_data;
use super::{Plan, Source};
use crate::config::Config;
use crate::inventory::Inventory;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// What ("instance type").
    pub what: &'static str,
    /// As live has it.
    pub live: String,
    /// As the candidate gets it.
    pub candidate: String,
}

impl Plan {
    /// What the candidate has otherwise than what is live; nothing before a first release.
    pub fn changes(&self, config: &Config, inventory: &Inventory) -> Vec<Change> {
        let mut changes = Vec::new();
        let (Some(release), Some(live)) = (&self.previous.release, inventory.version_of(self.live))
        else {
            return changes;
        };
        let mut differs = |what, live: String, candidate: String| {
            if live != candidate {
                changes.push(Change {
                    what,
                    live,
                    candidate,
                });
            }
        };
        differs("release", release.to_string(), self.release.to_string());
        differs("image", live.image.clone(), self.image());
        let ours = &self.version;
        differs(
            "instance type",
            live.instance_type.clone(),
            ours.instance_type.clone(),
        );
        differs(
            "instance profile",
            live.instance_profile.clone(),
            ours.instance_profile.clone(),
        );
        differs(
            "security groups",
            live.security_groups.join(", "),
            ours.security_groups.join(", "),
        );
        // What is told at boot names the release and the colour: as live would be told today.
        let told = user_data(config, self.live, release);
        if hex::encode(Sha256::digest(told)) != live.user_data_sha256 {
            let names: Vec<_> = config.service.variables.keys().cloned().collect();
            let names = match names.is_empty() {
                true => "none".to_owned(),
                false => names.join(", "),
            };
            let candidate = format!("those of the file now: {names}");
            differs(
                "variables",
                "others, by name or by value (only their hash is known)".to_owned(),
                candidate,
            );
        }
        let (had, gets) = (self.previous.capacity, self.capacity);
        differs(
            "instances",
            had.desired.to_string(),
            gets.desired.to_string(),
        );
        differs("at least", self.live_floor(had.min), self.floor.to_string());
        differs("at most", had.max.to_string(), gets.max.to_string());
        changes
    }

    /// The image that the candidate is started from, as far as that is known.
    fn image(&self) -> String {
        match &self.source {
            Source::Artifact(bake) => match &bake.existing {
                Some(id) => id.clone(),
                None => format!("{}, to be baked", bake.image_name),
            },
            Source::ScaledIn { image, .. } | Source::Earlier { image, .. } => image.clone(),
            Source::Retained { version } => format!("of template version {version}"),
        }
    }

    /// Live's floor: a run that was interrupted may have left it pinned.
    fn live_floor(&self, min: i32) -> String {
        match self.previous.frozen {
            true => self.floor.to_string(),
            false => min.to_string(),
        }
    }
}
