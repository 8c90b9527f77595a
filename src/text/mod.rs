//! Foreign text made harmless: versions, causes, log lines, names and addresses as other programs wrote them. The one
//! place where a text is cut, put on one line, escaped or quoted for whatever it is shown in.
//!
//! | shown in | by |
//! |---|---|
//! | anything, as one line or the end of a log | [`one_line`], [`tail`], then [`cut`] or [`fit`] |
//! | a terminal, or a job's log | [`for_log`] (one line), [`for_terminal`] (several) |
//! | the runner of GitHub Actions | [`workflow_command`], [`output`] |
//! | GitHub's Markdown | [`markdown`], [`code`], [`fenced`] |
//! | Slack | [`slack`] |
//! | JSON that is printed | [`for_json`] |
//! | a link | [`link`] |
//! | a command to paste | [`shell_word`] |
//! | a message that quotes it | [`quoted`] |
//! | a value that is still compared | [`marked`] |
//!
//! A page needs none of these: `maud` escapes what it writes.
//!
//! Guarantees: whatever goes in, no escape sequence, control character, text direction mark or line break comes
//! out; nothing takes effect as Markdown, HTML, a mention, a link or a workflow command; every length is bounded where
//! it says so. It depends on nothing of this crate.

mod link;
mod markdown;
mod plain;
mod runner;
mod shell;
mod slack;
mod terminal;

#[cfg(test)]
pub(crate) mod nasty;

pub use link::link;
pub use markdown::{code, fenced, first_line, markdown};
pub use plain::{cut, marked, one_line, quoted, tail};
pub use runner::{for_json, output, workflow_command};
pub use shell::shell_word;
pub use slack::slack;
pub use terminal::{columns, fit, for_log, for_terminal};
