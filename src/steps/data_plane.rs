//! Looks at the data plane: what a visitor is answered now, by several fresh connections at once.
//!
//! A load balancer has several nodes, and each learns of a change in its own time, so one answer says little; a round
//! of them on fresh connections, and several rounds in a row, says enough.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::plan::{Visitor, durations};
use crate::probe::Endpoint;
use crate::probe::ask::{Question, ask};
use crate::run::context::Context;
use crate::run::wait::Limits;

/// Connections in a round: each of three nodes is met with a chance of 99.9 %.
pub const ROUND: usize = 20;
/// How long the last node may take to learn of a change.
pub const PROPAGATION: Limits = Limits::new(durations::PROPAGATION, Duration::from_secs(2))
    .growing_to(Duration::from_secs(5))
    .in_a_row(3);

/// What a round of looks was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Answers by what they said: a version, or `no answer: ...`.
    pub answers: BTreeMap<Said, usize>,
}

/// What one answer said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// A good answer with this version.
    Version(String),
    /// Anything else.
    Bad(String),
}

impl Round {
    /// How many answers there were.
    pub fn len(&self) -> usize {
        self.answers.values().sum()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// How many said this version.
    pub fn of(&self, version: &str) -> usize {
        self.answers
            .get(&Said::Version(version.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// Whether all said this version.
    pub fn is_all(&self, version: &str) -> bool {
        !self.is_empty() && self.of(version) == self.len()
    }

    /// For people: `18 x 0.0.2, 2 x 503`.
    pub fn summary(&self) -> String {
        let words: Vec<_> = self
            .answers
            .iter()
            .map(|(answer, count)| match answer {
                Said::Version(version) => format!("{count} x {version}"),
                Said::Bad(why) => format!("{count} x no version ({why})"),
            })
            .collect();
        words.join(", ")
    }
}

/// Asks for the version on fresh connections, all at once.
pub async fn look(
    cx: &Context,
    url: &str,
    visitor: &Visitor,
    headers: &[(String, String)],
    connections: usize,
) -> Result<Round> {
    let endpoint = Endpoint::parse(url)?;
    let mut question = Question::get(&visitor.version_path);
    question.headers = headers.to_vec();
    let mut asking = JoinSet::new();
    for _ in 0..connections {
        let network = cx.network.clone();
        let clock = cx.clock.clone();
        let (endpoint, question) = (endpoint.clone(), question.clone());
        let timeout = visitor.timeout;
        asking.spawn(async move { ask(&network, &clock, &endpoint, &question, timeout).await });
    }
    let pointer = visitor.version_pointer.as_deref();
    let mut round = Round::default();
    while let Some(answered) = asking.join_next().await {
        let answer = match answered?.and_then(|reply| reply.version(pointer)) {
            Ok(version) => Said::Version(version),
            Err(error) => Said::Bad(format!("{error:#}")),
        };
        *round.answers.entry(answer).or_default() += 1;
    }
    Ok(round)
}

/// Whether `seen` of `asked` answers is what `percent` would give: no further off than four standard deviations.
pub fn is_plausible(percent: u8, seen: usize, asked: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a round has few answers")]
    let (seen, asked) = (seen as f64, asked as f64);
    let share = f64::from(percent) / 100.0;
    let deviation = (asked * share * (1.0 - share)).sqrt();
    (seen - asked * share).abs() <= 4.0 * deviation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_means_every_answer_and_nothing_is_not_all() {
        let mut round = Round::default();
        assert!(!round.is_all("2"));
        round.answers.insert(Said::Version("2".into()), 3);
        assert!(round.is_all("2"));
        round.answers.insert(Said::Bad("it answered 503".into()), 1);
        assert!(!round.is_all("2"));
        assert_eq!(round.summary(), "3 x 2, 1 x no version (it answered 503)");
    }

    #[test]
    fn the_ends_of_a_shift_are_exact_and_its_middle_is_not() {
        assert!(is_plausible(100, 20, 20));
        assert!(!is_plausible(100, 19, 20));
        assert!(!is_plausible(0, 1, 20));
        assert!(is_plausible(10, 4, 40));
        assert!(!is_plausible(10, 30, 40));
        assert!(is_plausible(50, 25, 40));
    }
}
