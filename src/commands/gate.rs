//! What stands between a plan and a release though AWS would allow it: the hour, and the order of commits.
//!
//! Guarantees: what is not known is a note, never a refusal; each refusal has an option that goes on all the same, and whoever
//! gives it is told so in the report.

use super::EarlyExit;
use crate::announce::{Announcer, Order};
use crate::cli;
use crate::command_line::{CommandLine, Next};
use crate::config::{Closed, Config};
use crate::names::short_commit;
use net_clock::Clock;

/// What a release has to pass.
pub(super) struct Gate<'a> {
    pub(super) config: &'a Config,
    pub(super) command: &'a cli::Deploy,
    pub(super) clock: &'a Clock,
    pub(super) announcer: &'a Announcer,
}

impl Gate<'_> {
    /// Before anything is asked of AWS.
    pub(super) fn hour(&self) -> Result<Option<String>, EarlyExit> {
        self.windows().map_err(EarlyExit::refused)
    }

    /// When it is this run's turn, which it may have waited for: answers with notes for the report, or why it is refused.
    pub(super) async fn pass(&self, live_commit: Option<&str>) -> Result<Vec<String>, String> {
        let mut notes: Vec<String> = self.windows()?.into_iter().collect();
        if let Some(live) = live_commit {
            let ours = self.config.commit.as_deref();
            let order = self.announcer.order(live, ours).await;
            let commits = (ours.unwrap_or_default(), live);
            let allow_older = self.command.allow_older;
            notes.extend(judged(
                &order,
                commits,
                allow_older,
                &self.config.command_line,
            )?);
        }
        Ok(notes)
    }

    fn windows(&self) -> Result<Option<String>, String> {
        match self.config.windows.closed(self.clock.utc()) {
            None => Ok(None),
            Some(closed) if self.command.ignore_windows => Ok(Some(format!(
                "--ignore-windows was given: this release is {closed}"
            ))),
            Some(closed) => Err(out_of_hours(&closed, &self.config.command_line)),
        }
    }
}

/// Why nothing is released now, and what may be done about it.
fn out_of_hours(closed: &Closed, command_line: &CommandLine) -> String {
    format!(
        "{closed}; nothing was changed\n\
         to release all the same: {}\n\
         to go back to the previous release, at any time: {}",
        command_line.of(Next::DeployAtAnyTime),
        command_line.of(Next::Rollback)
    )
}

/// What comes of the order of commits: a note, if it is worth one, or a refusal.
fn judged(
    order: &Order,
    (ours, live): (&str, &str),
    allow_older: bool,
    command_line: &CommandLine,
) -> Result<Option<String>, String> {
    let (ours, live) = (short_commit(ours), short_commit(live));
    match order {
        Order::Newer => Ok(None),
        Order::Older if allow_older => Ok(Some(format!(
            "--allow-older was given: this commit, {ours}, is older than the one that was live, {live}"
        ))),
        Order::Older => Err(format!(
            "this commit, {ours}, is older than the one that is live, {live}: what came between would be lost; nothing was changed\n\
             to release it all the same: {}\n\
             to go back to the previous release: {}",
            command_line.of(Next::DeployOlder),
            command_line.of(Next::Rollback)
        )),
        Order::Diverged => Ok(Some(format!(
            "this commit and the one that was live, {live}, are of different branches: each has something that the other has \
             not"
        ))),
        Order::Unknown(why) => Ok(Some(format!(
            "whether this commit is newer than the one that was live, {live}, is not known: {why}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_older_for_sure_is_refused_and_even_that_may_be_allowed() {
        let live = "0a".repeat(20);
        let ours = "1b".repeat(20);
        let prod = CommandLine::in_environment("prod");
        let of = |order, allow| judged(&order, (&ours, &live), allow, &prod);
        let unknown = || Order::Unknown("GitHub did not answer".to_owned());
        assert_eq!(of(Order::Newer, false), Ok(None));
        let refusal = of(Order::Older, false).expect_err("older");
        for words in [
            "commit, 1b1b1b1b1b1b, is",
            "0a0a0a0a0a0a:",
            "nothing was changed",
            "--allow-older",
        ] {
            assert!(refusal.contains(words), "{refusal}");
        }
        for (order, allow, words) in [
            (Order::Older, true, "--allow-older was given"),
            (Order::Diverged, false, "different branches"),
            (unknown(), false, "is not known: GitHub did not answer"),
        ] {
            let note = of(order, allow).expect("no refusal").expect("a note");
            assert!(note.contains(words), "{note}");
        }
    }
}
