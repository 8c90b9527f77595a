//! The run in 140 characters, for a deployment's status: result, releases, requests, duration; after a failure the step
//! and who serves now.
//!
//! Guarantees: one line of at most [`MOST`] UTF-16 units, so of no more characters; never cut in the middle: what there
//! is no room for is left out whole, the least needed first.

use super::Run;
use super::proof::Proof;
use super::subject;
use super::words::{failed_of, short};
use crate::names::{Release, Weights};
use crate::outcome::Outcome;
use crate::run::beginning::Beginning;
use crate::text;

/// What GitHub takes.
pub(super) const MOST: usize = 140;
/// Characters of a step's name.
const STEP: usize = 24;

/// Writes it.
pub(super) fn of(run: &Run<'_>) -> String {
    let subject = subject::of(run.events);
    let took = subject::duration(run.events);
    let seen = seen(run, &subject);
    let title = super::verdict::of(run.outcome, &subject).1;
    // How long a name may be, and what is said besides.
    for (name, with_duration) in [(24, true), (24, false), (12, true), (12, false)] {
        let mut parts = vec![head(run.outcome, &subject, title, name)];
        parts.extend(seen.clone());
        if with_duration {
            parts.push(took.clone());
        }
        let status = text::one_line(&parts.join("; "));
        if status.encode_utf16().count() <= MOST {
            return status;
        }
    }
    title.to_owned()
}

/// Who goes back on purpose wants to know what failed since.
fn seen(run: &Run<'_>, subject: &Beginning) -> Option<String> {
    let proof = Proof::of(run)?;
    let is_back = matches!(run.outcome, Outcome::Deployed { .. });
    let apart = proof
        .told_apart()
        .filter(|_| subject.is_rollback() && is_back);
    Some(match apart {
        Some([_, since]) => format!("{} since", failed_of(since.failed, since.sent)),
        None => proof.failed_of(),
    })
}

/// Since when what there is nothing to do about serves.
fn since(subject: &Beginning) -> &'static str {
    match subject.undid {
        Some(_) => "again",
        None => "already",
    }
}

/// The result, and who serves.
fn head(outcome: &Outcome, subject: &Beginning, title: &str, room: usize) -> String {
    let name = |release: &str| short(release, room);
    let of = |release: &Release| name(&release.0);
    let wanted = name(&subject.release.0);
    match outcome {
        Outcome::Unproven { release, live, .. } if subject.is_live_already() => {
            format!("{title}: {} on {live}", of(release))
        }
        Outcome::Deployed {
            release,
            previous: Some(previous),
            live,
            ..
        }
        | Outcome::Unproven {
            release,
            previous: Some(previous),
            live,
            ..
        } => format!("{title}: {} → {} on {live}", of(previous), of(release)),
        Outcome::Deployed { release, live, .. } | Outcome::Unproven { release, live, .. } => {
            format!("{title}: {} on {live}", of(release))
        }
        Outcome::NothingToDo { release } => {
            format!("{title}: {} serves {}", of(release), since(subject))
        }
        Outcome::Verified {
            release, serving, ..
        } => format!(
            "{title}: {}, not released; {}",
            of(release),
            still(serving, room)
        ),
        Outcome::Refused { .. } => match &subject.previous {
            Some(previous) => format!(
                "{title}: {wanted}; nothing changed, {} serves",
                of(previous)
            ),
            None => format!("{title}: {wanted}; nothing changed"),
        },
        Outcome::RolledBack {
            step,
            traffic_moved,
            serving,
            ..
        }
        | Outcome::Cancelled {
            step,
            traffic_moved,
            serving,
            ..
        } => {
            let undone = undone(step, *traffic_moved, &still(serving, room));
            let wanted = if wanted.is_empty() {
                wanted
            } else {
                format!(", not {wanted}")
            };
            format!("{title} {undone}{wanted}")
        }
        Outcome::Stopped {
            step,
            serving,
            weights,
            ..
        } => {
            let serving = serving.as_ref().map(of);
            stopped(title, step, serving, *weights)
        }
        Outcome::Stuck { step, weights, .. } => stuck(step, *weights),
    }
}

fn stopped(title: &str, step: &str, serving: Option<String>, weights: Option<Weights>) -> String {
    let step = text::cut(&text::one_line(step), STEP);
    let serving = match (serving, weights) {
        (Some(serving), _) => format!("{serving} serves"),
        (None, Some(weights)) => format!("weights: {weights}"),
        (None, None) => "weights unknown".to_owned(),
    };
    format!("{title} at “{step}”; {serving}")
}

fn stuck(step: &str, weights: Option<Weights>) -> String {
    let step = text::cut(&text::one_line(step), STEP);
    let weights = weights.map_or_else(
        || "weights unknown".to_owned(),
        |weights| format!("weights last seen: {weights}"),
    );
    format!("Stuck at “{step}”, live traffic needs a person; {weights}")
}

fn undone(step: &str, traffic_moved: bool, still: &str) -> String {
    let traffic = if traffic_moved {
        "traffic moved back"
    } else {
        "traffic never moved"
    };
    let step = text::cut(&text::one_line(step), STEP);
    format!("at “{step}”, {traffic}: {still}")
}

fn still(serving: &Option<Release>, room: usize) -> String {
    match serving {
        Some(serving) => format!("{} serves", short(&serving.0, room)),
        None => "nothing serves yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::stories;

    #[test]
    fn every_kind_of_run_fits_and_says_who_serves() {
        for tale in stories::all() {
            let status = of(&tale.run());
            assert!(status.encode_utf16().count() <= MOST, "{status}");
            assert!(status.chars().any(|c| c.is_ascii_digit()), "{status}");
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_left_out_whole() {
        let mut tale = stories::rolled_back_in_commit();
        let long = "🦀".repeat(200);
        if let Outcome::RolledBack { step, serving, .. } = &mut tale.outcome {
            step.clone_from(&long);
            *serving = Some(Release(long));
        }
        let status = of(&tale.run());
        assert!(status.encode_utf16().count() <= MOST, "{status}");
        assert!(status.starts_with("Rolled back"), "{status}");
    }
}
