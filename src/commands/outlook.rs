//! What a deploy would meet if it began now, besides what AWS allows: the hour, the order of commits, a hold, another run's turn.
//!
//! Guarantees: only what a reader needs; looks, and never waits.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::announce::Order;
use crate::command_line::{CommandLine, Next};
use crate::config::Windows;
use crate::lease::Record;
use crate::names::{roughly, short_commit};
use crate::preflight::Concern;

/// One thing that it would meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Met {
    /// `windows`, `commits`, `preflight`, `hold` or `lease`.
    pub(super) about: &'static str,
    /// A deploy would be refused for it.
    pub(super) refuses: bool,
    /// In words.
    pub(super) words: String,
}

/// The deploy windows, where there are any.
pub(super) fn of_windows(windows: &Windows, now: SystemTime) -> Option<Met> {
    if windows.allow.is_empty() {
        return None;
    }
    Some(match windows.closed(now) {
        None => met(
            "windows",
            false,
            format!("one is open now ({windows}, in UTC)"),
        ),
        Some(closed) => {
            let words = format!("{closed}; deploy would be refused without --ignore-windows");
            met("windows", true, words)
        }
    })
}

/// How this commit stands to the one that is live, unless it is newer.
pub(super) fn of_commits(order: &Order, ours: &str, live: &str) -> Option<Met> {
    let (ours, live) = (short_commit(ours), short_commit(live));
    match order {
        Order::Newer => None,
        Order::Older => Some(met(
            "commits",
            true,
            format!(
                "this commit, {ours}, is older than the one that is live, {live}: deploy would be refused without \
                 --allow-older"
            ),
        )),
        Order::Diverged => Some(met(
            "commits",
            false,
            format!(
                "this commit, {ours}, and the one that is live, {live}, are of different branches"
            ),
        )),
        Order::Unknown(why) => Some(met(
            "commits",
            false,
            format!(
                "whether this commit, {ours}, is newer than the one that is live, {live}, is not known: {why}"
            ),
        )),
    }
}

/// What would make it slower, or leave it fewer places.
pub(super) fn of_concern(concern: &Concern) -> Met {
    met("preflight", false, concern.to_string())
}

/// Why releases are on hold, and whose turn it is; a deploy waits so long for its own.
pub(super) fn of_lease(record: &Record, wait: Duration, command_line: &CommandLine) -> Vec<Met> {
    let hold = record.hold.as_ref().map(|hold| {
        let words = format!(
            "releases are on hold: {}; deploy would be refused; to let them go on: {}",
            hold.words(),
            command_line.of(Next::ReleaseHold)
        );
        met("hold", true, words)
    });
    let holder = record.holder.as_ref().map(|holder| {
        let would = match wait.is_zero() {
            true => "deploy would be refused while it goes on".to_owned(),
            false => format!("deploy would wait for its end, {} at most", roughly(wait)),
        };
        let words = format!("it is another run's turn: {}; {would}", holder.words());
        met("lease", wait.is_zero(), words)
    });
    hold.into_iter().chain(holder).collect()
}

/// For people; nothing where there is nothing to say.
pub(super) fn text(all: &[Met]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let lines: String = all
        .iter()
        .map(|met| format!("  {:<16} {}\n", met.about, met.words))
        .collect();
    format!("\nIf a deploy began now\n{lines}")
}

fn met(about: &'static str, refuses: bool, words: String) -> Met {
    Met {
        about,
        refuses,
        words,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::config::Window;
    use crate::lease::{Hold, Holder};

    fn prod() -> CommandLine {
        CommandLine::in_environment("prod")
    }

    #[test]
    fn windows_are_told_whether_one_is_open_and_else_when_the_next_one_opens() {
        // 1970 began on a Thursday.
        let at = |hour: u64| UNIX_EPOCH + Duration::from_secs(hour * 3_600);
        assert_eq!(of_windows(&Windows::default(), at(9)), None);
        let windows = Windows {
            allow: vec![Window::parse("thu 08:00-17:00").expect("a window")],
        };
        let open = of_windows(&windows, at(9)).expect("it is open");
        assert!(
            !open.refuses && open.words.contains("open now (thu 08:00-17:00"),
            "{open:?}"
        );
        let closed = of_windows(&windows, at(18)).expect("it is closed");
        assert!(closed.refuses, "{closed:?}");
        for words in [
            "the next one opens thu 1970-01-08T08:00:00Z",
            "--ignore-windows",
        ] {
            assert!(closed.words.contains(words), "{closed:?}");
        }
    }

    #[test]
    fn an_older_commit_would_be_refused_and_a_newer_one_is_not_worth_a_word() {
        let (ours, live) = ("1b".repeat(20), "0a".repeat(20));
        let of = |order| of_commits(&order, &ours, &live);
        assert_eq!(of(Order::Newer), None);
        let older = of(Order::Older).expect("it is told");
        assert!(
            older.refuses && older.words.contains("1b1b1b1b1b1b, is older"),
            "{older:?}"
        );
        for order in [
            Order::Diverged,
            Order::Unknown("GitHub is silent".to_owned()),
        ] {
            let told = of(order).expect("it is told");
            assert!(
                !told.refuses && told.words.contains("0a0a0a0a0a0a,"),
                "{told:?}"
            );
        }
    }

    #[test]
    fn a_hold_refuses_and_a_holder_is_waited_for_as_long_as_the_file_says() {
        let mut record = Record::first();
        assert_eq!(of_lease(&record, Duration::ZERO, &prod()), []);
        record.hold = Some(Hold {
            reason: "the sale".to_owned(),
            by: Some("ada".to_owned()),
            since: "2026-11-22T09:00:00Z".to_owned(),
        });
        record.holder = Some(Holder {
            command: "deploy".to_owned(),
            release: "1.4.2".to_owned(),
            ..Holder::default()
        });
        let all = of_lease(&record, Duration::from_secs(600), &prod());
        let told = text(&all);
        for words in [
            "hold             releases are on hold: \"the sale\", by ada",
            "bg-deploy release-hold --environment prod",
            "lease            it is another run's turn: deploy of 1.4.2",
            "would wait for its end, 10m at most",
        ] {
            assert!(told.contains(words), "{told}");
        }
        assert_eq!(
            all.iter().map(|it| it.refuses).collect::<Vec<_>>(),
            [true, false]
        );
        let impatient = of_lease(&record, Duration::ZERO, &prod());
        assert!(impatient[1].refuses, "{impatient:?}");
    }
}
