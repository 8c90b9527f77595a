//! Blue against green: who was ready, who answered what, and how the weights moved.

use super::Run;
use super::subject;
use super::words;
use crate::names::{Colour, Weights};
use crate::outcome::Outcome;
use crate::run::event::Event;

/// What is known of one colour at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) colour: Colour,
    /// Healthy, and wanted.
    pub(super) healthy: Option<(u32, u32)>,
    pub(super) version: Option<String>,
    pub(super) before: Option<u16>,
    pub(super) after: Option<u16>,
}

impl Row {
    /// "live" or "idle", read from its weight; nothing while both have some.
    pub(super) fn role(&self) -> Option<&'static str> {
        match self.after? {
            100 => Some("live"),
            0 => Some("idle"),
            _ => None,
        }
    }

    /// "2 of 2".
    pub(super) fn instances(&self) -> String {
        self.healthy.map_or_else(unknown, |(healthy, wanted)| {
            format!("{healthy} of {wanted}")
        })
    }

    /// "0 % → 100 %".
    pub(super) fn weights(&self) -> String {
        let percent = |weight: Option<u16>| weight.map_or_else(unknown, |w| format!("{w} %"));
        format!("{} → {}", percent(self.before), percent(self.after))
    }
}

fn unknown() -> String {
    "–".to_owned()
}

/// One row a colour; none when the run never looked at them.
pub(super) fn rows(run: &Run<'_>) -> Vec<Row> {
    let (before, after) = (before(run), after(run));
    let rows: Vec<Row> = Colour::BOTH
        .into_iter()
        .map(|colour| {
            let (healthy, version) = fleet(run, colour);
            Row {
                colour,
                healthy,
                version,
                before: before.map(|weights| weights.of(colour)),
                after: after.map(|weights| weights.of(colour)),
            }
        })
        .collect();
    let is_known = |row: &Row| row.healthy.is_some() || row.after.is_some();
    if rows.iter().any(is_known) {
        rows
    } else {
        Vec::new()
    }
}

/// The last size that was seen, and the last version that was.
fn fleet(run: &Run<'_>, of: Colour) -> (Option<(u32, u32)>, Option<String>) {
    let (mut size, mut version) = (None, None);
    for stamped in run.events {
        if let Event::Fleet {
            colour,
            healthy,
            wanted,
            release,
        } = &stamped.event
            && *colour == of
        {
            size = Some((*healthy, *wanted));
            let short = |release| words::short(release, 40);
            version = release.as_deref().map(short).or(version);
        }
    }
    (size, version)
}

fn after(run: &Run<'_>) -> Option<Weights> {
    match run.outcome {
        Outcome::Stopped { weights, .. } | Outcome::Stuck { weights, .. } => *weights,
        Outcome::Deployed { live, .. } | Outcome::Unproven { live, .. } => {
            seen_last(run).or_else(|| Some(Weights::split(*live, 100)))
        }
        _ => seen_last(run).or_else(|| before(run)),
    }
}

fn seen_last(run: &Run<'_>) -> Option<Weights> {
    run.events
        .iter()
        .rev()
        .find_map(|stamped| match stamped.event {
            Event::WeightsSeen { weights, .. } => Some(weights),
            _ => None,
        })
}

/// The weights the run found: as it saw them before it wrote any, or as they must have been.
fn before(run: &Run<'_>) -> Option<Weights> {
    let first = run.events.iter().find_map(|stamped| match stamped.event {
        Event::WeightsSeen { weights, .. } => Some(Some(weights)),
        Event::WeightsWritten { .. } => Some(None),
        _ => None,
    });
    if let Some(Some(weights)) = first {
        return Some(weights);
    }
    let subject = subject::of(run.events);
    let previous = subject.previous?.0;
    let colour = match run.outcome {
        Outcome::Unproven { live, .. } if previous == subject.release.0 => Some(*live),
        Outcome::Deployed { live, .. } | Outcome::Unproven { live, .. } => Some(live.other()),
        _ => subject::colour_of(run, &previous),
    };
    colour.map(|colour| Weights::split(colour, 100))
}
