//! What costs money and serves nobody: builders, what was kept to be looked at, images and snapshots past their time.

use std::time::Duration;

use super::case::Case;
use super::case::left_over;
use super::finding::{Finding, Fix};
use super::look::{Seen, Turn};
use crate::aws::ec2::Instance;
use crate::command_line::Next;
use crate::kept::TAG_KEPT_UNTIL;
use crate::names::utc;
use crate::stack::TAG_RELEASE;

/// How long after its time an instance that was kept may still be there: AWS wakes, and ends it.
const LATE: Duration = Duration::from_secs(600);

/// An instance of a release that failed, which somebody wanted to look at.
fn kept(case: &Case<'_>, one: &Instance) -> Finding {
    let release = one.tags.get(TAG_RELEASE).map_or("", String::as_str);
    let until = one.tags.get(TAG_KEPT_UNTIL).map_or("", String::as_str);
    if until < utc(case.now - LATE).as_str() {
        let seen = format!(
            "{} of {release} was kept until {until}, and AWS has not ended it",
            one.id
        );
        let finding = left_over("kept-past-time", seen, case.fix());
        return finding.mended_by(Fix::EndKept(one.id.clone()));
    }
    let seen = format!(
        "{} of {release}, which failed, is kept to be looked at; AWS ends it at {until}",
        one.id
    );
    let options = format!("--target {}", one.id);
    left_over("kept", seen, case.aws("ssm start-session", &options))
}

/// What a verification left that was killed.
pub(super) fn verification(case: &Case<'_>, seen: &Seen) -> Option<Finding> {
    let up = *seen.verified.as_ref().ok()?;
    let of = match &seen.verifies {
        _ if up == 0 => return None,
        Turn::UnderWay(_) => return None,
        Turn::Gone(holder) => format!("its verification says nothing any more: {holder}"),
        Turn::Free => "no verification is under way".to_owned(),
    };
    let group = case.names.verify_fleet();
    let seen = match up {
        1 => format!("an instance of {group} is up, and {of}"),
        many => format!("{many} instances of {group} are up, and {of}"),
    };
    let remedy = case.next(Next::Finish);
    Some(left_over("verification-forgotten", seen, remedy))
}

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
    found.extend(seen.kept.iter().map(|one| kept(case, one)));
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
