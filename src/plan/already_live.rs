//! A release that is live already: whether there is nothing to do, or what is live only bears its name.
//!
//! "Nothing to do" is said of what was made of the same image, told the same at boot, and may grow and shrink as the file
//! says. Of anything else it would be a green run that changed nothing of what was asked for. What an interrupted run left
//! of its own there, a pinned floor and suspended policies, whoever says it takes away first ([`crate::reconcile`]); and it
//! is proved first, unless a run that is remembered did that.

use hex::encode;
use sha2::{Digest as _, Sha256};

use crate::aws::launch_templates::Version;
use crate::command_line::Next;
use crate::config::Config;
use crate::inventory::{Inventory, Stack};
use crate::names::{Colour, Release};
use crate::stack::Names;

use super::candidate::user_data;
use super::preconditions::floor;
use super::{Decision, is_pinned};

/// What there is to do for the release that is live on this colour.
pub(super) fn decide(
    config: &Config,
    inventory: &Inventory,
    live: Colour,
    release: &Release,
) -> Result<Decision, Vec<String>> {
    let version = inventory.version_of(live);
    let running = version.map(|version| version.image.as_str());
    let image = inventory.bakery.as_ref().and_then(|it| it.image.as_ref());
    let ours = image.map(|image| image.id.as_str());
    if ours.is_none() || running != ours {
        return Err(vec![another(
            release,
            &["another artifact, base image or command".to_owned()],
        )]);
    }
    let (Some(version), Some(stack)) = (version, inventory.stacks.get(&live)) else {
        return Err(vec![another(release, &["another template".to_owned()])]);
    };
    if stack.healthy() == 0 {
        return Err(vec![format!(
            "{release} has all the traffic, and none of its instances is healthy: nobody is served\n\
             to go back: {}",
            config.next(Next::Rollback)
        )]);
    }
    let mut differs = at_boot(config, version, live, release);
    differs.extend(in_size(config, stack));
    if !differs.is_empty() {
        return Err(vec![another(release, &differs)]);
    }
    Ok(Decision::NothingToDo(release.clone()))
}

/// No run could prove that it is this one, and not the other, that answers.
fn another(release: &Release, differs: &[String]) -> String {
    format!(
        "release {release} is live already, but with {}: /version could not tell them apart; give this one a release name \
         of its own (--release)",
        differs.join(", and ")
    )
}

/// What its instances are made with, other than the image.
fn at_boot(config: &Config, version: &Version, live: Colour, release: &Release) -> Vec<String> {
    let mut differs = Vec::new();
    let told = user_data(config, live, release);
    if version.user_data_sha256 != encode(Sha256::digest(&told)) {
        differs.push("other variables ([service.variables])".to_owned());
    }
    let wanted = &config.fleet.instance_type;
    if version.instance_type != *wanted {
        differs.push(format!(
            "instances of type {} (the file says {wanted})",
            version.instance_type
        ));
    }
    let profile = Names::new(&config.app, &config.environment).instance_role();
    if version.instance_profile != profile {
        differs.push(format!(
            "the instance profile {} instead of {profile}",
            version.instance_profile
        ));
    }
    differs
}

/// A group may have more than the file's `max`: live had, when it was made.
fn in_size(config: &Config, live: &Stack) -> Option<String> {
    let capacity = live.group.capacity;
    let (min, max) = (floor(config), i64::from(config.fleet.max));
    let has_other_min = capacity.min != min && !is_pinned(capacity, min);
    (has_other_min || i64::from(capacity.max) < max).then(|| {
        format!(
            "{} to {} instances (the file says {min} to {max})",
            capacity.min, capacity.max
        )
    })
}
