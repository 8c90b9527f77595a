//! Where a recording differs from walks on the local cloud.
//!
//! Guarantees: pure. Walks on the local cloud differ among each other, as chance has it; what some of them show is no difference
//! where the recording shows it, nor where it does not. So is how long a thing took, within twice the longest and half the shortest
//! of theirs, and some seconds beside.

use std::collections::BTreeSet;

use serde::Serialize;

use super::profile::{Operation, Profile, Seen, Shape};
use super::recording::Recording;
use crate::aws::calls::is_look;

/// How many times the longest, or a part of the shortest, a duration may be.
const TIMES: f64 = 2.0;
/// And how many seconds beside that.
const BESIDE: f64 = 15.0;
/// And on the wall's time, which is longer on a faster clock: what a run waits for on its own clock, and the machine's own delays.
const ON_THE_WALL: f64 = 3.0;
/// What was so long after another thing did not follow it by chance.
const APART: f64 = 1.0;

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// How a part of the walk ended.
    End,
    /// Whether an operation was asked for, or done.
    Operation,
    /// The codes of refusals.
    Code,
    /// What is in an answer.
    Answer,
    /// What came before what.
    Order,
    /// How long something took.
    Duration,
}

impl About {
    /// All of them, what matters most first.
    pub const ALL: [Self; 6] = [
        Self::End,
        Self::Operation,
        Self::Code,
        Self::Answer,
        Self::Order,
        Self::Duration,
    ];

    /// As a heading.
    pub fn words(self) -> &'static str {
        match self {
            Self::End => "how parts of the walk ended",
            Self::Operation => "what was asked for",
            Self::Code => "codes of refusals",
            Self::Answer => "what is in answers",
            Self::Order => "what came before what",
            Self::Duration => "how long it took",
        }
    }
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// What it is about.
    pub about: About,
    /// Of which part, or operation.
    pub of: String,
    /// What is in the recording.
    pub recorded: String,
    /// What was seen on the local cloud.
    pub local: String,
}

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// All differences, by what they are about.
    pub differences: Vec<Difference>,
    /// How many operations both have.
    pub operations: usize,
    /// With how many walks it was compared.
    pub walks: usize,
}

/// Compares a recording with walks on the local cloud.
pub fn compare(recorded: &Recording, local: &[Recording]) -> Comparison {
    let one = Profile::of(recorded);
    let all: Vec<_> = local.iter().map(Profile::of).collect();
    let mut differences = Vec::new();
    ends(&one, &all, &mut differences);
    operations(&one, &all, &mut differences);
    order(&one, &all, &mut differences);
    let beside = BESIDE + ON_THE_WALL * (recorded.head.speed - 1.0).max(0.0);
    durations(&one, &all, beside, &mut differences);
    differences.sort();
    let both = |of: &&Operation| all.iter().any(|other| other.seen.contains_key(of));
    Comparison {
        differences,
        operations: one.seen.keys().filter(both).count(),
        walks: local.len(),
    }
}

fn ends(one: &Profile, all: &[Profile], differences: &mut Vec<Difference>) {
    for part in keys(all, |profile| profile.ended.keys().cloned().collect()) {
        let here: BTreeSet<_> = all.iter().filter_map(|it| it.ended.get(&part)).collect();
        let there = one.ended.get(&part);
        if there.is_some_and(|ended| here.contains(ended)) {
            continue;
        }
        let here: Vec<_> = here.into_iter().map(String::as_str).collect();
        differences.push(Difference {
            about: About::End,
            recorded: there.map_or("it is not there", String::as_str).to_owned(),
            local: here.join(", or "),
            of: part,
        });
    }
}

/// What any of the walks has.
fn keys<T: Ord>(all: &[Profile], of: impl Fn(&Profile) -> Vec<T>) -> BTreeSet<T> {
    all.iter().flat_map(of).collect()
}

fn operations(one: &Profile, all: &[Profile], differences: &mut Vec<Difference>) {
    let mut both = keys(all, |profile| profile.seen.keys().cloned().collect());
    both.extend(one.seen.keys().cloned());
    for operation in both {
        let of = format!("{} {}", operation.0, operation.1);
        let here: Vec<_> = all
            .iter()
            .filter_map(|it| it.seen.get(&operation))
            .collect();
        match one.seen.get(&operation) {
            // A wait that lasts looks closer, on some days: what it asks then can be held against nothing.
            Some(there) if here.is_empty() && there.is_done && is_look(&operation.1) => {}
            Some(there) if here.is_empty() => differences.push(Difference {
                about: About::Operation,
                recorded: match there.is_done {
                    true => "asked for, and done".to_owned(),
                    false => format!("asked for, and refused: {}", list(&there.codes)),
                },
                local: "never asked for".to_owned(),
                of,
            }),
            None if here.len() == all.len() => differences.push(Difference {
                about: About::Operation,
                recorded: "never asked for".to_owned(),
                local: "asked for".to_owned(),
                of,
            }),
            None => {}
            Some(there) => {
                if there.is_done {
                    codes((&of, there), &here, all.len(), differences);
                }
                answers((&of, there), &here, differences);
            }
        }
    }
}

fn codes(
    (of, there): (&str, &Seen),
    here: &[&Seen],
    walks: usize,
    differences: &mut Vec<Difference>,
) {
    let any: BTreeSet<_> = here.iter().flat_map(|it| it.codes.clone()).collect();
    let always =
        |code: &&String| here.len() == walks && here.iter().all(|it| it.codes.contains(*code));
    let mut only_there = there
        .codes
        .difference(&any)
        .filter(|code| !is_anywhere(code));
    let mut only_here = any.difference(&there.codes).filter(always);
    for code in only_there.by_ref() {
        differences.push(Difference {
            about: About::Code,
            of: of.to_owned(),
            recorded: code.clone(),
            local: "never".to_owned(),
        });
    }
    for code in only_here.by_ref() {
        differences.push(Difference {
            about: About::Code,
            of: of.to_owned(),
            recorded: "never".to_owned(),
            local: code.clone(),
        });
    }
}

/// Codes that any call may be refused with by chance.
fn is_anywhere(code: &str) -> bool {
    const CHANCE: [&str; 8] = [
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "SlowDown",
        "ScalingActivityInProgress",
        "ResourceContention",
        "InternalError",
        "ServiceUnavailable",
    ];
    CHANCE.contains(&code)
}

fn answers((of, there): (&str, &Seen), here: &[&Seen], differences: &mut Vec<Difference>) {
    if !there.is_done {
        if here.iter().any(|it| it.is_done) {
            differences.push(Difference {
                about: About::Operation,
                of: of.to_owned(),
                recorded: format!("never done: {}", list(&there.codes)),
                local: "done".to_owned(),
            });
        }
        return;
    }
    let done: Vec<_> = here.iter().filter(|it| it.is_done).collect();
    let mut add = |path: &str, recorded: String, local: String| {
        differences.push(Difference {
            about: About::Answer,
            of: format!("{of} {path}"),
            recorded,
            local,
        });
    };
    for (path, shapes) in &there.members {
        let local: BTreeSet<Shape> = done
            .iter()
            .filter_map(|it| it.members.get(path))
            .flatten()
            .copied()
            .collect();
        // An empty list is told as nothing.
        let is_hollow = shapes.iter().all(|shape| *shape == Shape::Empty);
        if local.is_empty() && !is_hollow {
            add(path, of_shapes(shapes), "not there".to_owned());
        } else if !local.is_empty() && !is_hollow && local.is_disjoint(shapes) {
            let is_hollow = local.iter().all(|shape| *shape == Shape::Empty);
            if !is_hollow {
                add(path, of_shapes(shapes), of_shapes(&local));
            }
        }
    }
    let Some(first) = done.first() else {
        return;
    };
    for (path, shapes) in &first.members {
        let is_always =
            done.len() == here.len() && done.iter().all(|it| it.members.contains_key(path));
        let is_hollow = shapes.iter().all(|shape| *shape == Shape::Empty);
        if is_always && !is_hollow && !there.members.contains_key(path) {
            add(path, "not there".to_owned(), of_shapes(shapes));
        }
    }
}

fn order(one: &Profile, all: &[Profile], differences: &mut Vec<Difference>) {
    let Some((first, others)) = all.split_first() else {
        return;
    };
    for (of, gap) in &first.before {
        let is_always = others
            .iter()
            .all(|other| other.before.get(of).is_some_and(|gap| *gap > APART));
        let (part, before, after) = of;
        let reversed = (part.clone(), after.clone(), before.clone());
        let is_reversed = one.before.get(&reversed).is_some_and(|gap| *gap > APART);
        if *gap > APART && is_always && is_reversed {
            differences.push(Difference {
                about: About::Order,
                of: part.clone(),
                recorded: format!("{after}, then {before}"),
                local: format!("{before}, then {after}"),
            });
        }
    }
}

fn durations(one: &Profile, all: &[Profile], beside: f64, differences: &mut Vec<Difference>) {
    for (of, took) in &one.took {
        let here: Vec<_> = all.iter().filter_map(|it| it.took.get(of)).collect();
        let least = here.iter().copied().copied().fold(f64::INFINITY, f64::min);
        let most = here.iter().copied().copied().fold(0.0, f64::max);
        if here.is_empty() || (least / TIMES - beside..=most * TIMES + beside).contains(took) {
            continue;
        }
        differences.push(Difference {
            about: About::Duration,
            of: of.clone(),
            recorded: format!("{took:.0} s"),
            local: format!("{least:.0} to {most:.0} s"),
        });
    }
}

fn list(codes: &BTreeSet<String>) -> String {
    let codes: Vec<_> = codes.iter().map(String::as_str).collect();
    match codes.as_slice() {
        [] => "no answer".to_owned(),
        codes => codes.join(", "),
    }
}

fn of_shapes(shapes: &BTreeSet<Shape>) -> String {
    let words: Vec<_> = shapes.iter().map(|shape| shape.words()).collect();
    words.join(" or ")
}

#[cfg(test)]
mod tests;
