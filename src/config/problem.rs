//! What is wrong with the inputs: every problem at once, each with its place and what would be right.
//!
//! Guarantees: problems are sorted by place, so the same inputs give the same text.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a problem lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// An option or an environment variable: `--environment`, `BGD_RELEASE`.
    Input(String),
    /// A file as a whole.
    File(PathBuf),
    /// A line and column of a file, both counted from one, the column in characters.
    Line(PathBuf, usize, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(name) => f.write_str(name),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Line(file, line, column) => write!(f, "{}:{line}:{column}", file.display()),
        }
    }
}

/// One thing that is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What would be right; empty where `what` says it already.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        if self.remedy.is_empty() {
            return Ok(());
        }
        write!(f, "; {}", self.remedy)
    }
}

/// Everything that is wrong, at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// All of them, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Collects problems while a text is read, and knows its lines.
#[derive(Debug)]
pub(super) struct Report<'a> {
    file: &'a Path,
    text: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    /// About a file and its text.
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            text,
            problems: Vec::new(),
        }
    }

    /// The file that is read.
    pub(super) fn file(&self) -> &'a Path {
        self.file
    }

    /// Notes a problem at a byte of the text; without one, of the file as a whole.
    pub(super) fn note(
        &mut self,
        at: Option<usize>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let place = match at {
            Some(at) => line_of(self.file, self.text, at),
            None => Place::File(self.file.to_owned()),
        };
        self.note_at(place, what, remedy);
    }

    /// Notes a problem of an option or an environment variable.
    pub(super) fn note_input(
        &mut self,
        name: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.note_at(Place::Input(name.to_owned()), what, remedy);
    }

    /// Notes a problem at a place.
    pub(super) fn note_at(
        &mut self,
        place: Place,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problems.push(Problem {
            place,
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// `value`, unless there is a problem.
    pub(super) fn unless_problems<T>(self, value: T) -> Result<T, Problems> {
        if self.problems.is_empty() {
            return Ok(value);
        }
        Err(self.into_problems())
    }

    /// The problems, sorted by place, each once.
    pub(super) fn into_problems(mut self) -> Problems {
        self.problems.sort();
        self.problems.dedup();
        Problems(self.problems)
    }
}

/// The line and column of a byte.
fn line_of(file: &Path, text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place::Line(file.to_owned(), line, before[start..].chars().count() + 1)
}

/// The known word nearest to `word`, if one is near enough to be meant.
pub(crate) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    // Longer words cannot be meant, and would cost the square of their length.
    let word: String = word.chars().take(64).collect();
    let enough = (word.chars().count() / 3).max(1);
    known
        // Two neighbours that changed places are one slip.
        .map(|candidate| (strsim::osa_distance(&word, candidate), candidate))
        .filter(|(distance, _)| *distance <= enough)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A list as a sentence has it: `a`, `b` and `c`.
pub(super) fn listed<'k>(words: impl IntoIterator<Item = &'k str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let file = Path::new("a.toml");
        let text = "ä = 1\nüü x\n";
        for (at, line, column) in [(0, 1, 1), (2, 1, 2), (7, 2, 1), (12, 2, 4), (999, 3, 1)] {
            assert_eq!(
                line_of(file, text, at),
                Place::Line(file.to_owned(), line, column),
                "byte {at}"
            );
        }
    }

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        let known = ["health-path", "version-path", "port"];
        for (word, wanted) in [
            ("helth-path", Some("health-path")),
            ("health_path", Some("health-path")),
            ("prot", Some("port")),
            ("part", Some("port")),
            ("pr", None),
            ("por", Some("port")),
            ("colour", None),
        ] {
            assert_eq!(nearest(word, known.into_iter()), wanted, "{word}");
        }
    }
}
