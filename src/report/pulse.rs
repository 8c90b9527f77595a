//! Which release answers live traffic at this moment, in a line of a terminal.
//!
//! Guarantees: no longer than 76 columns, whatever the releases are called.

use super::words::{count, plural};
use crate::run::beginning::Beginning;
use crate::run::event::Pulse;
use crate::text;

/// Characters of the bar.
const BAR: u64 = 10;
/// Columns of a release's name.
const NAME: usize = 12;

/// `0.0.1  40 % ####------  60 % 0.0.2  312 requests, 0 failed`.
pub(super) fn line(pulse: &Pulse, subject: &Beginning) -> String {
    let of = |release: &str| pulse.by_version.get(release).copied().unwrap_or_default();
    let all: u64 = pulse.by_version.values().sum();
    let counts = format!(
        "{}, {} failed",
        plural(pulse.sent, "request"),
        count(pulse.failed)
    );
    let Some(previous) = subject
        .previous
        .as_ref()
        .map(|previous| previous.0.as_str())
        .filter(|_| all > 0)
    else {
        return format!("live: {counts}");
    };
    let (old, new) = (of(previous), of(&subject.release.0));
    let name = |release: &str| text::fit(&text::for_log(&super::words::short(release, NAME)), NAME);
    let percent = |part: u64| part * 100 / all;
    let old_s = percent(old)
        .max(u64::from(old > 0))
        .min(100 - u64::from(new > 0));
    // Rounded once: two shares of everything make a hundred.
    let new_s = match old + new == all {
        true => 100 - old_s,
        false => percent(new),
    };
    // Rounded down: a bar is full only when nobody else answers.
    let filled = (old * BAR / all)
        .max(u64::from(old > 0))
        .min(BAR - u64::from(new > 0));
    let bar: String = (0..BAR)
        .map(|at| if at < filled { '#' } else { '-' })
        .collect();
    let others = match all - (old + new).min(all) {
        0 => String::new(),
        others => format!(", {} % others", percent(others).max(1)),
    };
    format!(
        "{} {:>3} % {bar} {:>3} % {}  {counts}{others}",
        name(previous),
        old_s,
        new_s,
        name(&subject.release.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Release;

    fn line_of(versions: &[(&str, u64)], old: &str, new: &str) -> String {
        let pulse = Pulse {
            by_version: versions
                .iter()
                .map(|(v, n)| ((*v).to_owned(), *n))
                .collect(),
            sent: 312,
            failed: 0,
        };
        let subject = Beginning {
            release: Release(new.to_owned()),
            previous: Some(Release(old.to_owned())),
            ..Beginning::default()
        };
        line(&pulse, &subject)
    }

    #[test]
    fn it_shows_both_shares_and_is_full_only_when_nobody_else_answers() {
        assert_eq!(
            line_of(&[("0.0.1", 40), ("0.0.2", 60)], "0.0.1", "0.0.2"),
            "0.0.1  40 % ####------  60 % 0.0.2  312 requests, 0 failed"
        );
        assert!(line_of(&[("1", 999), ("2", 1)], "1", "2").contains("99 % #########-   1 % 2"));
        assert!(line_of(&[("1", 1), ("2", 999)], "1", "2").contains("1 % #---------  99 % 2"));
        assert!(line_of(&[("1", 30), ("2", 93)], "1", "2").contains("24 % ##--------  76 % 2"));
        assert!(line_of(&[("2", 5)], "1", "2").contains("0 % ---------- 100 % 2"));
        assert!(line_of(&[("1", 5), ("3", 5)], "1", "2").ends_with(", 50 % others"));
        assert_eq!(line_of(&[], "1", "2"), "live: 312 requests, 0 failed");
    }

    #[test]
    fn it_is_short_whatever_the_releases_are_called() {
        let (old, new) = (
            "a8f3c21d9b0e4f5a6b7c8d9e0f1a2b3c4d5e6f70",
            "日本".repeat(40),
        );
        let line = line_of(&[(old, 3), (&new, 3)], old, &new);
        assert!(text::columns(&line) <= 76, "{line}");
        assert!(line.starts_with("a8f3c21d  50 %"), "{line}");
    }
}
