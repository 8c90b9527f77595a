//! What is said about a run: live on the console, and afterwards as a table, Markdown, a page, or a text for stderr.
//!
//! All of it is told by one `story` computed from the run's events, its outcome and the probe's evidence, so no two
//! reports can disagree. `explain` adds the plain reason behind a cause, `chart` draws which version answered when.
//!
//! Guarantees: pure but for [`Console`], which writes where it is told to and never fails a run; no foreign text takes
//! effect in any form (`text`); every report is bounded.

mod chart;
mod colours;
mod console;
mod explain;
mod failure;
mod html;
mod markdown;
mod plain;
mod proof;
mod story;
mod subject;
mod svg;
mod text;
mod timeline;
mod words;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod stories;

use std::collections::BTreeMap;

pub use console::{Console, Style};

use crate::names::Colour;
use crate::outcome::Outcome;
use crate::probe::{Evidence, Verdict};
use crate::run::event::Stamped;

/// Everything a report is made from.
#[derive(Debug)]
pub struct Run<'a> {
    /// What happened, in order; times count from the same moment as the evidence's.
    pub events: &'a [Stamped],
    /// How it ended.
    pub outcome: &'a Outcome,
    /// What the probe saw, if one ran.
    pub evidence: Option<&'a Evidence>,
    /// What that proves.
    pub verdict: Option<&'a Verdict>,
    /// How many seconds of AWS's passed in one of the wall's: 1 on AWS, more in a rehearsal.
    pub speed: f64,
    /// What the load balancer counted in the same time, if it is known.
    pub lb_counts: Option<LoadBalancerCounts>,
    /// Where the run can be looked at.
    pub url: Option<String>,
}

/// Requests as the load balancer counted them: for each colour, by status ("2xx", "502", ...).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadBalancerCounts {
    /// The counts.
    pub by_colour: BTreeMap<Colour, BTreeMap<String, u64>>,
}

/// Tells the run as Markdown for GitHub, beginning with a heading of the third level.
pub fn markdown(run: &Run<'_>) -> String {
    markdown::write(&story::Story::of(run))
}

/// Tells the run as one page that needs nothing else.
pub fn html(run: &Run<'_>) -> String {
    html::write(&story::Story::of(run))
}

/// Tells the verdict in one sentence of plain text.
pub fn sentence(run: &Run<'_>) -> String {
    story::Story::of(run).sentence.plain()
}

/// Tells what went wrong and what to type next, for stderr; empty when nothing did.
pub fn failure_text(run: &Run<'_>) -> String {
    plain::failure(&story::Story::of(run))
}

/// Tells the probe and the verdict as plain text, for the end of the console's output.
pub fn ending(run: &Run<'_>) -> String {
    plain::ending(&story::Story::of(run))
}
