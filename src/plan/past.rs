//! The releases that AWS still knows of: template versions that were published for one.
//!
//! A run that is undone deletes its version, so these are the releases that got through, and at most one of a run that
//! was interrupted or is under way.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde::Serialize;

use crate::aws::launch_templates::Version;
use crate::inventory::{Inventory, release};
use crate::lease::Done;
use crate::names::{Colour, Release, Weights};
use crate::stack::{TAG_COLOUR, TAG_DEPLOYMENT};

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
    /// Its run ended without having made it live, and no other did: nobody is led back to it unasked.
    NeverLive,
    /// Its instances are gone, its image stands: it can be gone back to.
    Standing,
    /// It can be gone back to, by another of its template versions, which is live, up or newer.
    Repeated,
    /// Its image is gone, so it can't be gone back to.
    ImageGone,
}

/// Every release that AWS knows of, the newest first; `runs` are those that are remembered.
pub fn releases(inventory: &Inventory, runs: &[Done]) -> Vec<Past> {
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
                fate: fate_of(inventory, version, runs),
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

fn fate_of(inventory: &Inventory, version: &Version, runs: &[Done]) -> Fate {
    let weights = inventory.weights();
    let was_live = known_never_live(version, runs).is_none();
    for (colour, stack) in &inventory.stacks {
        if stack.group.template_version != Some(version.number) || !stack.is_up() {
            continue;
        }
        return match weights {
            Some(weights) if weights.of(*colour) > 0 => Fate::Live,
            _ if !was_live => Fate::NeverLive,
            _ if is_frozen(&stack.group) => Fate::Unfinished,
            _ => Fate::Retained,
        };
    }
    match (inventory.stands(&version.image), was_live) {
        (false, _) => Fate::ImageGone,
        (true, false) => Fate::NeverLive,
        (true, true) => Fate::Standing,
    }
}

/// The run that published this version and ended without having made its release live, where no run is remembered that made
/// it so. That a run is not remembered says nothing.
pub(super) fn known_never_live<'a>(version: &Version, runs: &'a [Done]) -> Option<&'a Done> {
    let of_it = version.tags.get(TAG_DEPLOYMENT)?;
    let release = release(version)?;
    let made_live = |run: &Done| run.release == release.0 && run.ended_live();
    let ended = runs.iter().find(|run| run.deployment == *of_it)?;
    let moved_nobody_for_good = ended.left_live_as_it_was() || ended.result == "stopped";
    (moved_nobody_for_good && !runs.iter().any(made_live)).then_some(ended)
}

/// The releases that can be gone back to while `weights` hold, each once, the newest first.
pub fn within_reach(inventory: &Inventory, runs: &[Done]) -> Vec<Release> {
    let of_live = inventory
        .weights()
        .and_then(Weights::live)
        .and_then(|live| inventory.release_of(live));
    let mut releases = Vec::new();
    for past in self::releases(inventory, runs) {
        let can = match past.fate {
            Fate::Retained | Fate::Standing => true,
            // What a run left that was stopped has never been live, as far as anybody knows.
            Fate::Live | Fate::Unfinished | Fate::NeverLive | Fate::Repeated | Fate::ImageGone => {
                false
            }
        };
        if can && Some(&past.release) != of_live.as_ref() && !releases.contains(&past.release) {
            releases.push(past.release);
        }
    }
    releases
}
