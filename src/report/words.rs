//! Numbers and durations as people read them, and sentences made of our own words and foreign names.

use crate::text;
use std::time::Duration;

/// The ledger's own name, as every command that releases has it.
pub const LEDGER: &str = "ledger.jsonl";

/// As much of a name as is written.
pub(super) const MOST_OF_A_NAME: usize = 80;

/// A sentence of our own words and of foreign names; each report writes the two in its own way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Phrase(pub(super) Vec<Part>);

/// A piece of a [`Phrase`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Words; they may hold foreign text, so they are escaped as well.
    Words(String),
    /// A name to be set apart: a version, an environment, a person.
    Name(String),
    /// The path of the ledger, which stands in the report's own folder under [`LEDGER`].
    Ledger(String),
}

impl Phrase {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self(vec![Part::Words(tidy(&words.into()))])
    }

    pub(super) fn words(mut self, words: impl Into<String>) -> Self {
        self.0.push(Part::Words(tidy(&words.into())));
        self
    }

    pub(super) fn name(mut self, name: &str) -> Self {
        self.0
            .push(Part::Name(text::cut(&text::one_line(name), MOST_OF_A_NAME)));
        self
    }

    pub(super) fn ledger(mut self, path: &str) -> Self {
        self.0.push(Part::Ledger(text::one_line(path)));
        self
    }

    pub(super) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// As one line of plain text.
    pub(super) fn plain(&self) -> String {
        text::for_log(&self.joined(str::to_owned, str::to_owned))
    }

    /// Its parts, each written in its own way; the spaces between words and names stay.
    pub(super) fn joined(
        &self,
        words: impl Fn(&str) -> String,
        name: impl Fn(&str) -> String,
    ) -> String {
        let written = self.0.iter().map(|part| match part {
            Part::Words(text) => {
                let inner = text.trim_matches(' ');
                let begin = text.len() - text.trim_start_matches(' ').len();
                let end = if inner.is_empty() {
                    0
                } else {
                    text.len() - begin - inner.len()
                };
                format!(
                    "{}{}{}",
                    " ".repeat(begin.min(1)),
                    words(inner),
                    " ".repeat(end.min(1))
                )
            }
            Part::Name(text) => name(text),
            Part::Ledger(path) => name(&text::cut(path, MOST_OF_A_NAME)),
        });
        written.collect()
    }
}

/// A line of plain text that keeps a space at its ends, for a name may follow.
fn tidy(words: &str) -> String {
    let inner = text::one_line(words);
    let space = |is: bool| if is { " " } else { "" };
    if inner.is_empty() {
        return space(!words.is_empty()).to_owned();
    }
    let (begin, end) = (words.starts_with(' '), words.ends_with(' '));
    format!("{}{inner}{}", space(begin), space(end))
}

/// A release in few characters: a commit is known by its first ones.
pub(super) fn short(release: &str, room: usize) -> String {
    let release = text::one_line(release);
    let is_commit = release.len() >= 20 && release.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit {
        return release[..8].to_owned();
    }
    text::cut(&release, room)
}

/// How long something took: "0.4 s", "12.3 s", "5 min 12 s", "1 h 02 min".
pub(super) fn took(duration: Duration) -> String {
    let tenths = (duration.as_secs_f64() * 10.0).round();
    if tenths < 600.0 {
        return format!("{:.1} s", tenths / 10.0);
    }
    let seconds = duration.as_secs_f64().round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// A latency or a gap: "0.8 ms", "12 ms", "1.24 s".
pub(super) fn latency(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    match ms {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.2} s", ms / 1000.0),
        _ => took(duration),
    }
}

/// A count with its thousands apart: "41,230".
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "1 request", "2 requests".
pub(super) fn plural(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(number))
}

/// How many failed, of how many: "0 of 41,230 requests failed".
pub(super) fn failed_of(failed: u64, sent: u64) -> String {
    format!("{} of {} failed", count(failed), plural(sent, "request"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_counts_are_written_as_people_read_them() {
        for (seconds, text) in [
            (0.04, "0.0 s"),
            (7.12, "7.1 s"),
            (59.94, "59.9 s"),
            (59.96, "1 min 00 s"),
            (312.4, "5 min 12 s"),
            (3_725.0, "1 h 02 min"),
        ] {
            assert_eq!(took(Duration::from_secs_f64(seconds)), text);
        }
        for (millis, text) in [(0.84, "0.8 ms"), (12.3, "12 ms"), (1_240.0, "1.24 s")] {
            assert_eq!(latency(Duration::from_secs_f64(millis / 1000.0)), text);
        }
        assert_eq!(
            (count(7), count(41_230)),
            ("7".to_owned(), "41,230".to_owned())
        );
        assert_eq!(failed_of(0, 1), "0 of 1 request failed");
    }

    #[test]
    fn a_phrase_keeps_the_spaces_between_its_words_and_names() {
        let phrase = Phrase::new("now ")
            .name("0.0.2")
            .words(" serves ")
            .name("p|d")
            .words(".");
        assert_eq!(phrase.plain(), "now 0.0.2 serves p|d.");
        assert_eq!(phrase.markdown(), "now `0.0.2` serves p&#124;d.");
    }

    #[test]
    fn a_commit_is_known_by_its_first_characters_and_a_long_name_is_left_short() {
        let commit = "a8f3c21d9b0e4f5a6b7c8d9e0f1a2b3c4d5e6f70";
        assert_eq!(short(commit, 12), "a8f3c21d");
        assert_eq!(short("2026.11.21", 12), "2026.11.21");
        assert_eq!(short("release-of-november-2026", 12), "release-of-…");
    }
}
