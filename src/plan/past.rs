//! The releases that AWS still knows of: template versions that were published for one.
//!
//! A run that is undone deletes its version, so these are the releases that got through, and at most one of a run that
//! was interrupted or is under way.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde::Serialize;

use crate::inventory::{Inventory, release};
use crate::names::{Colour, Release, Weights};
use crate::stack::TAG_COLOUR;

use super::is_frozen;

/// A release and the template version that it ran with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The release.
    pub release: Release,
    /// The template version's number.
    pub version: i64,
    /// When that was made.
    pub created: SystemTime,
    /// The colour it ran on.
    pub colour: Option<Colour>,
    /// Its image.
    pub image: String,
    /// The image can be started.
    pub image_stands: bool,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It has traffic.
    Live,
    /// It is up on the idle colour, for a rollback in seconds.
    Retained,
    /// It is up on the idle colour, as a run left it that was interrupted, or is under way.
    Unfinished,
    /// Its instances are gone, its image stands: it can be gone back to.
    Standing,
    /// It can be gone back to, by another of its template versions, which is live, up or newer.
    Repeated,
    /// Its image is gone, so it can't be gone back to.
    ImageGone,
}

/// Every release that AWS knows of, the newest first.
pub fn releases(inventory: &Inventory) -> Vec<Past> {
    let mut all: Vec<Past> = inventory
        .versions
        .iter()
        .filter_map(|version| {
            let tag = version.tags.get(TAG_COLOUR).map(String::as_str);
            Some(Past {
                release: release(version)?,
                version: version.number,
                created: version.created,
                colour: Colour::BOTH
                    .into_iter()
                    .find(|colour| tag == Some(colour.to_string().as_str())),
                image: version.image.clone(),
                image_stands: inventory.stands(&version.image),
                fate: fate_of(inventory, version.number, &version.image),
            })
        })
        .collect();
    let is_up = |past: &Past| matches!(past.fate, Fate::Live | Fate::Retained | Fate::Unfinished);
    let mut told: BTreeSet<Release> = all
        .iter()
        .filter(|past| is_up(past))
        .map(|past| past.release.clone())
        .collect();
    for past in all.iter_mut().filter(|past| past.fate == Fate::Standing) {
        if !told.insert(past.release.clone()) {
            past.fate = Fate::Repeated;
        }
    }
    all
}

fn fate_of(inventory: &Inventory, version: i64, image: &str) -> Fate {
    let weights = inventory.weights();
    for (colour, stack) in &inventory.stacks {
        if stack.group.template_version != Some(version) || !stack.is_up() {
            continue;
        }
        return match weights {
            Some(weights) if weights.of(*colour) > 0 => Fate::Live,
            _ if is_frozen(&stack.group) => Fate::Unfinished,
            _ => Fate::Retained,
        };
    }
    if inventory.stands(image) {
        Fate::Standing
    } else {
        Fate::ImageGone
    }
}

/// The releases that can be gone back to while `weights` hold, each once, the newest first.
pub fn within_reach(inventory: &Inventory) -> Vec<Release> {
    let of_live = inventory
        .weights()
        .and_then(Weights::live)
        .and_then(|live| inventory.release_of(live));
    let mut releases = Vec::new();
    for past in self::releases(inventory) {
        let can = match past.fate {
            Fate::Retained | Fate::Standing => true,
            // What a run left that was stopped has never been live, as far as anybody knows.
            Fate::Live | Fate::Unfinished | Fate::Repeated | Fate::ImageGone => false,
        };
        if can && Some(&past.release) != of_live.as_ref() && !releases.contains(&past.release) {
            releases.push(past.release);
        }
    }
    releases
}
