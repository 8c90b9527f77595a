//! What costs money and serves nobody: builders, images and snapshots past their time.

use super::case::Case;
use super::case::left_over;
use super::finding::{Finding, Fix};
use super::look::Seen;

/// All of it.
pub(super) fn findings(case: &Case<'_>, seen: &Seen) -> Vec<Finding> {
    // A run is about to deal with them itself; of a bake, in whatever environment, all three may be.
    if case.is_under_way || !case.inventory.automations.bakes.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for builder in seen.builders.iter().flatten() {
        let seen = format!(
            "the builder {} is {}, and no bake is under way",
            builder.id, builder.state
        );
        let finding = left_over("builder-forgotten", seen, case.fix());
        found.push(finding.mended_by(Fix::EndBuilder(builder.id.clone())));
    }
    let count = |all: &[String], one: &str| match all.len() {
        1 => format!("1 {one}"),
        many => format!("{many} {one}s"),
    };
    if let Ok(surplus) = &seen.surplus
        && !surplus.is_empty()
    {
        let seen = format!(
            "{} beyond the {} that retain.images keeps: {}",
            count(surplus, "image"),
            case.config.retain.images,
            surplus.join(", ")
        );
        found.push(left_over("images-past-time", seen, case.fix()).mended_by(Fix::PruneImages));
    }
    if let Ok(orphans) = &seen.snapshots
        && !orphans.is_empty()
    {
        let seen = format!(
            "{} without an image: {}",
            count(orphans, "snapshot"),
            orphans.join(", ")
        );
        found.push(
            left_over("snapshots-past-time", seen, case.fix()).mended_by(Fix::DeleteSnapshots),
        );
    }
    found
}
