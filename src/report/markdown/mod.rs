//! The run as GitHub's Markdown: the summary of a job, and the comment on a pull request.
//!
//! Guarantees: all text goes through [`text::markdown`], [`text::code`] or a fence; neither form is longer than GitHub
//! takes, and what there is no room for is left out whole, the least needed first, with a line that says so.

mod budget;
mod folds;
mod pieces;
mod table;

use self::budget::{Block, Budget, fit};
use self::pieces::Pieces;
use super::story::Story;
use super::words::Phrase;
use crate::text;

/// A comment may have 65,536 characters.
const COMMENT: Budget = Budget::Chars(65_536);
/// The summary of a step may have 1 MiB, and other commands of the step may write to it as well.
const SUMMARY: Budget = Budget::Bytes(900_000);
/// Lines of the builder's log in a comment; the summary shows all that a report keeps.
const COMMENT_LOG: usize = 60;

/// Writes the summary of a job, which is also the report in a file.
pub(super) fn summary(story: &Story) -> String {
    let pieces = Pieces(story);
    let timeline = format!("Timeline: {}", story.duration);
    let probe = story.proof.as_ref();
    let probe = probe.map(|proof| format!("Probe: {}, {}", proof.verdict, proof.failed_of()));
    let probe = probe.unwrap_or_default();
    let mut blocks = vec![
        pieces.verdict("Open the run"),
        pieces.colours(),
        pieces.what_failed(),
        pieces.left(),
        pieces.next(),
        pieces.timeline().headed(&timeline),
        pieces.probe().headed(&probe),
        pieces.chart(),
    ];
    blocks.extend(folds::all(story, usize::MAX));
    fit(blocks, SUMMARY, |missing| {
        format!(
            "_Left out, for there was no room: {missing}. The page, report.html, has all of it._"
        )
    })
}

/// Writes the comment, whose first line is `marker`.
pub(super) fn comment(story: &Story, marker: &str) -> String {
    let pieces = Pieces(story);
    let marker = Block::needed(0, "", format!("{}\n", text::first_line(marker)));
    let mut blocks = vec![
        marker,
        pieces.verdict("Open the run and its summary"),
        pieces.what_failed(),
        pieces.left(),
        pieces.next(),
        pieces.colours(),
        pieces.probe_line(),
        pieces
            .timeline()
            .folded(&format!("Timeline: {}", story.duration)),
    ];
    let (probe, chart) = (pieces.probe(), pieces.chart());
    blocks.push(probe.folded("Probe: the numbers"));
    blocks.push(chart.folded("Probe: which release answered when"));
    blocks.extend(folds::all(story, COMMENT_LOG));
    fit(blocks, COMMENT, |missing| {
        format!(
            "_Left out, for there was no room: {missing}. The summary of the run has all of it._"
        )
    })
}

impl Phrase {
    /// As inline Markdown: names are code, words are escaped.
    pub(super) fn markdown(&self) -> String {
        self.joined(text::markdown, text::code)
    }
}
