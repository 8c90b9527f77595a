//! Deploy windows: the stretches of a week in which a release may begin, in UTC.
//!
//! Guarantees: a window is open from its first second and closed from the minute that it ends with; without windows a release
//! may begin at any time.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::names::{roughly, utc};
use crate::text::quoted;

/// The days, as they are written; Monday is the first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Minutes.
const DAY: u32 = 24 * 60;
/// Seconds.
const WEEK: u64 = 7 * 24 * 3_600;
/// 1970 began on a Thursday: so many seconds of its week were over.
const EPOCH_IN_WEEK: u64 = 3 * 24 * 3_600;

/// The pattern of a window, for the schema.
pub(super) const PATTERN: &str = "^(mon|tue|wed|thu|fri|sat|sun)([-,](mon|tue|wed|thu|fri|sat|sun))* \
([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$";

/// `[windows]`: when releases may begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// Any of them; empty: at any time.
    pub allow: Vec<Window>,
}

/// A stretch of some days; one that ends before it begins ends on the next day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// As it was written.
    text: String,
    /// The days it begins on, from Monday.
    days: [bool; 7],
    /// The minute of the day it begins with.
    from: u32,
    /// How many minutes it lasts.
    minutes: u32,
}

impl Windows {
    /// `None`: a release may begin now. Else when it next may, and that in words.
    pub fn closed(&self, now: SystemTime) -> Option<Closed> {
        let second = second_of_week(now);
        let since_openings = |window: &Window| -> Vec<u64> {
            let openings = window.openings();
            openings.map(|at| (second + WEEK - at) % WEEK).collect()
        };
        let is_open = |window: &Window| {
            let lasts = u64::from(window.minutes) * 60;
            since_openings(window).iter().any(|since| *since < lasts)
        };
        if self.allow.iter().any(is_open) {
            return None;
        }
        let openings = self.allow.iter().flat_map(since_openings);
        let wait = openings.map(|since| Duration::from_secs(WEEK - since));
        Some(Closed {
            // To the second, as the day and the hour are.
            opens: whole_seconds(now) + wait.min()?,
            now,
            windows: self.to_string(),
        })
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.allow.iter().map(|it| it.text.as_str()).collect();
        f.write_str(&texts.join("; "))
    }
}

/// No window is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When the next one opens.
    pub opens: SystemTime,
    now: SystemTime,
    windows: String,
}

impl fmt::Display for Closed {
    /// `outside of the deploy windows (mon-fri 08:00-17:00 UTC): it is sat 2026-11-21T09:00:00Z, and the next one opens mon
    /// 2026-11-23T08:00:00Z, in 47h`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = |at| format!("{} {}", DAYS[day_of_week(at)], utc(at));
        write!(
            f,
            "outside of the deploy windows ({}, in UTC): it is {}, and the next one opens {}, in {}",
            self.windows,
            moment(self.now),
            moment(self.opens),
            roughly(self.opens.duration_since(self.now).unwrap_or_default())
        )
    }
}

impl Window {
    /// Reads `mon-fri 08:00-17:00`; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((days, span)) = text.split_once(' ') else {
            return Err("has not both days and a span of the day".to_owned());
        };
        let days = days_of(days)?;
        let times = span.split_once('-');
        let Some((from, to)) = times else {
            return Err(format!("has {} for a span of the day", quoted(span)));
        };
        let (from, to) = (minute_of(from)?, minute_of(to)?);
        if from == DAY {
            return Err("begins at 24:00, which is 00:00 of the next day".to_owned());
        }
        if from == to {
            return Err(
                "ends when it begins; a whole day is 00:00-24:00, or ends where the next begins"
                    .to_owned(),
            );
        }
        let minutes = if to > from {
            to - from
        } else {
            to + DAY - from
        };
        Ok(Self {
            text: text.to_owned(),
            days,
            from,
            minutes,
        })
    }

    /// A window of a list; the error says what is wrong with the list.
    pub(super) fn element(text: &str) -> Result<Self, String> {
        let wrong = |why| format!("holds {}, which {why}", quoted(text));
        Self::parse(text).map_err(wrong)
    }

    /// The seconds of the week at which it opens.
    fn openings(&self) -> impl Iterator<Item = u64> {
        let days = (0u32..).zip(self.days);
        days.filter(|(_, is_meant)| *is_meant)
            .map(|(day, _)| u64::from(day * DAY + self.from) * 60)
    }
}

/// `mon`, `mon-fri`, `sat-mon`, `mon,wed,fri`.
fn days_of(text: &str) -> Result<[bool; 7], String> {
    let number = |name: &str| {
        let at = DAYS.iter().position(|day| *day == name);
        at.ok_or_else(|| {
            let days = DAYS.join(", ");
            format!(
                "has {} for a day, which must be one of {days}",
                quoted(name)
            )
        })
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        for offset in 0..=(last + 7 - first) % 7 {
            days[(first + offset) % 7] = true;
        }
    }
    Ok(days)
}

/// `08:00`, up to `24:00`.
fn minute_of(text: &str) -> Result<u32, String> {
    let two = |digits: &str| {
        let is_two = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        is_two.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let time = text.split_once(':');
    let time = time.and_then(|(hours, minutes)| Some((two(hours)?, two(minutes)?)));
    match time {
        Some((hours, minutes)) if minutes < 60 && hours * 60 + minutes <= DAY => {
            Ok(hours * 60 + minutes)
        }
        _ => Err(format!(
            "has {} for a time, which must be 00:00 to 24:00 with two digits each",
            quoted(text)
        )),
    }
}

fn whole_seconds(at: SystemTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(since_epoch(at))
}

fn since_epoch(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn second_of_week(at: SystemTime) -> u64 {
    (since_epoch(at) + EPOCH_IN_WEEK) % WEEK
}

fn day_of_week(at: SystemTime) -> usize {
    usize::try_from(second_of_week(at) / (WEEK / 7)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use time::{OffsetDateTime, UtcOffset};

    use super::*;

    fn windows(texts: &[&str]) -> Windows {
        let read = texts.iter().map(|text| Window::parse(text));
        Windows {
            allow: read.map(|it| it.expect("a window")).collect(),
        }
    }

    /// When a window next opens; `None` when one is open, or there is none.
    fn opens(texts: &[&str], now: OffsetDateTime) -> Option<OffsetDateTime> {
        let closed = windows(texts).closed(now.into())?;
        Some(OffsetDateTime::from(closed.opens).to_offset(UtcOffset::UTC))
    }

    #[test]
    fn without_windows_a_release_may_begin_at_any_time() {
        assert_eq!(opens(&[], datetime!(2026-11-22 03:00 UTC)), None);
    }

    #[test]
    fn a_window_is_open_from_its_first_second_and_closed_from_its_last_minute() {
        let office = ["mon-fri 08:00-17:00"];
        // 2026-11-20 is a Friday.
        let monday = Some(datetime!(2026-11-23 08:00 UTC));
        let friday = Some(datetime!(2026-11-20 08:00 UTC));
        for (now, next) in [
            (datetime!(2026-11-20 07:59:59 UTC), friday),
            (datetime!(2026-11-20 08:00 UTC), None),
            (datetime!(2026-11-20 16:59:59.999 UTC), None),
            (datetime!(2026-11-20 17:00 UTC), monday),
            (datetime!(2026-11-22 23:59:59 UTC), monday),
            (datetime!(2026-11-23 08:00 UTC), None),
        ] {
            assert_eq!(opens(&office, now), next, "{now}");
        }
    }

    #[test]
    fn a_window_that_ends_before_it_begins_ends_on_the_next_day_also_from_sunday_to_monday() {
        let night = ["sun 22:00-02:00"];
        let sunday = Some(datetime!(2026-11-29 22:00 UTC));
        for (now, next) in [
            (datetime!(2026-11-22 22:00 UTC), None),
            (datetime!(2026-11-22 23:59:59 UTC), None),
            (datetime!(2026-11-23 00:00 UTC), None),
            (datetime!(2026-11-23 01:59:59 UTC), None),
            (datetime!(2026-11-23 02:00 UTC), sunday),
            // The night to Sunday is Saturday's.
            (datetime!(2026-11-29 01:00 UTC), sunday),
        ] {
            assert_eq!(opens(&night, now), next, "{now}");
        }
    }

    #[test]
    fn days_may_be_listed_and_run_over_the_end_of_the_week_and_the_first_window_counts() {
        let now = datetime!(2026-11-25 12:00 UTC);
        let next = |texts: &[&str]| opens(texts, now);
        let friday = Some(datetime!(2026-11-27 09:30 UTC));
        assert_eq!(next(&["mon,fri 09:30-10:00"]), friday);
        let saturday = Some(datetime!(2026-11-28 00:00 UTC));
        assert_eq!(next(&["sat-tue 00:00-24:00"]), saturday);
        assert_eq!(next(&["sat-tue 00:00-24:00", "fri 09:30-10:00"]), friday);
        assert_eq!(next(&["fri-thu 00:00-24:00"]), None);
        // A week later: this week's is just over.
        let wednesday = Some(datetime!(2026-12-02 11:00 UTC));
        assert_eq!(next(&["wed 11:00-12:00"]), wednesday);
    }

    #[test]
    fn what_is_closed_says_what_is_open_when_and_how_long_that_is() {
        let closed = windows(&["mon-fri 08:00-17:00", "sat 10:00-12:00"])
            .closed(datetime!(2026-11-22 08:00:00.5 UTC).into())
            .expect("closed on a Sunday");
        assert_eq!(
            closed.to_string(),
            "outside of the deploy windows (mon-fri 08:00-17:00; sat 10:00-12:00, in UTC): it is sun 2026-11-22T08:00:00Z, \
             and the next one opens mon 2026-11-23T08:00:00Z, in 23h"
        );
    }

    #[test]
    fn what_is_no_window_says_what_is_wrong_with_it() {
        for (text, why) in [
            ("", "has not both days and a span of the day"),
            ("mon-fri", "has not both days and a span of the day"),
            ("08:00-17:00", "has not both days and a span of the day"),
            ("mun 08:00-17:00", "has `mun` for a day"),
            ("Mon 08:00-17:00", "has `Mon` for a day"),
            (
                "mon, 08:00-17:00",
                "for a day, which must be one of mon, tue",
            ),
            ("mon 08:00", "has `08:00` for a span of the day"),
            ("mon 8:00-17:00", "has `8:00` for a time"),
            ("mon 08:00-17", "has `17` for a time"),
            ("mon 08:00-17:60", "has `17:60` for a time"),
            ("mon 08:00-24:01", "has `24:01` for a time"),
            ("mon  08:00-17:00", "has ` 08:00` for a time"),
            ("mon +8:00-17:00", "has `+8:00` for a time"),
            ("mon 24:00-02:00", "begins at 24:00"),
            ("mon 08:00-08:00", "ends when it begins"),
        ] {
            let said = Window::parse(text).expect_err(text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
