//! What is said about a run, in five forms: live on the [`Console`], and afterwards as the [`markdown`] of a job's summary,
//! the [`comment`] on a pull request, the [`status`] of a deployment, and a page ([`html`]); and as [`outputs`] for the
//! steps after it.
//!
//! All of it is told by one `story` computed from the run's events, its outcome and the probe's evidence, so no two
//! forms can disagree. Each has the same order: the verdict in one sentence; blue against green; on a failure what
//! failed, what is left and what to type next; the timeline; the probe; and, folded, what a few look for. `explain` adds
//! the plain reason behind a cause, `chart` draws which version answered when.
//!
//! Guarantees: pure but for [`Console`], which writes where it is told to and never fails a run; no foreign text takes
//! effect in any form ([`crate::text`]); every report is bounded.

mod annotation;
mod chart;
mod colours;
mod console;
mod convergence;
mod details;
mod explain;
mod failure;
mod html;
mod markdown;
mod outputs;
mod plain;
mod probe_log;
mod proof;
mod pulse;
mod status;
mod story;
mod subject;
mod svg;
mod timeline;
mod verdict;
mod way_back;
mod words;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod stories;

use std::collections::BTreeMap;
use std::time::Duration;

pub use console::{Console, Says, Style};
pub use outputs::{Files, OUTPUTS};
pub use words::LEDGER;

use crate::aws::calls::Call;
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
    /// How long the command had taken before: its turn, and its plan.
    pub before: Duration,
    /// How many seconds of AWS's passed in one of the wall's: 1 on AWS, more in a rehearsal.
    pub speed: f64,
    /// What the load balancer counted in the same time, if it is known.
    pub lb_counts: Option<LoadBalancerCounts>,
    /// Where the run can be looked at.
    pub url: Option<String>,
    /// Where live traffic is answered.
    pub live_url: Option<String>,
    /// The calls to AWS that changed something, or failed.
    pub calls: &'a [Call],
}

impl<'a> Run<'a> {
    /// A run that nobody probed, at AWS's own speed, and that can be looked at nowhere.
    pub fn of(events: &'a [Stamped], outcome: &'a Outcome) -> Self {
        Self {
            events,
            outcome,
            evidence: None,
            verdict: None,
            before: Duration::ZERO,
            speed: 1.0,
            lb_counts: None,
            url: None,
            live_url: None,
            calls: &[],
        }
    }
}

/// Tells the run as the body of a comment of at most 65,536 characters, found again by its first line, `marker`.
pub fn comment(run: &Run<'_>, marker: &str) -> String {
    markdown::comment(&story::Story::of(run), marker)
}

/// Tells the essential in one line of at most 140 characters, for a deployment's status.
pub fn status(run: &Run<'_>) -> String {
    status::of(run)
}

/// What a step of a workflow gives to the steps after it: names and values.
pub fn outputs(run: &Run<'_>, files: &Files) -> Vec<(&'static str, String)> {
    outputs::of(run, files)
}

/// Outputs as the runner reads them from its file; `delimiter` is a text that nobody could guess.
pub fn output_file(outputs: &[(&'static str, String)], delimiter: &str) -> String {
    outputs::file(outputs, delimiter)
}

/// Requests as the load balancer counted them: for each colour, by status ("2xx", "502", ...).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadBalancerCounts {
    /// The counts.
    pub by_colour: BTreeMap<Colour, BTreeMap<String, u64>>,
}

/// Tells the run as the summary of a job, in GitHub's Markdown and less than 1 MiB; it begins with a heading of the
/// third level.
pub fn markdown(run: &Run<'_>) -> String {
    markdown::summary(&story::Story::of(run))
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
