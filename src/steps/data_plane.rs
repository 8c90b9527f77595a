//! Looks at the data plane: what a visitor is answered now, by several fresh connections at once.
//!
//! A load balancer has several nodes, and each learns of a change in its own time, so one answer says little; a round
//! of them on fresh connections, to each of its addresses as often, and several rounds in a row, says enough.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::plan::{Visitor, durations};
use crate::probe::ask::{NO_TARGET, Question, ask_at};
use crate::probe::{Endpoint, reachable};
use crate::run::context::Context;
use crate::run::wait::Limits;

/// Connections in a round, or as many as the load balancer has addresses. Where it shows one address only, each of three nodes
/// behind it is met with a chance of 99.9 %.
pub const ROUND: usize = 20;
/// How long the last node may take to learn of a change.
pub const PROPAGATION: Limits = Limits::new(durations::PROPAGATION, Duration::from_secs(2))
    .growing_to(Duration::from_secs(5))
    .in_a_row(3);

/// How long a node may know of no target of a colour whose targets are healthy.
pub const TARGETS: Limits = Limits::new(durations::PROPAGATION, Duration::from_secs(2));

/// What a round of looks was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Answers by what they said: a version, or `no answer: ...`.
    pub answers: BTreeMap<Said, usize>,
    /// At which addresses that was said.
    pub(super) at: BTreeMap<Said, BTreeSet<IpAddr>>,
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
    /// Counts these, too.
    pub fn add(&mut self, other: Self) {
        for (said, count) in other.answers {
            *self.answers.entry(said).or_default() += count;
        }
        for (said, at) in other.at {
            self.at.entry(said).or_default().extend(at);
        }
    }

    /// How many answers there were.
    pub fn len(&self) -> usize {
        self.answers.values().sum()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// How many were good answers with a version.
    pub fn good(&self) -> usize {
        let said = self.answers.iter();
        said.filter(|(said, _)| matches!(said, Said::Version(_)))
            .map(|(_, count)| count)
            .sum()
    }

    /// How many said this version.
    pub fn of(&self, version: &str) -> usize {
        self.answers
            .get(&Said::Version(version.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// Whether any was this one.
    pub fn has(&self, said: &Said) -> bool {
        self.answers.contains_key(said)
    }

    /// Whether any was not a good answer with a version.
    pub fn has_bad(&self) -> bool {
        let mut answers = self.answers.keys();
        answers.any(|said| matches!(said, Said::Bad(_)))
    }

    /// How many came from a node of the load balancer that knew of no target: it learns of a healthy one in its own time.
    pub fn without_target(&self) -> usize {
        let said = Said::Bad(NO_TARGET.to_owned());
        self.answers.get(&said).copied().unwrap_or_default()
    }

    /// Whether all said this version.
    pub fn is_all(&self, version: &str) -> bool {
        !self.is_empty() && self.of(version) == self.len()
    }

    /// For people: `18 x 0.0.2, 2 x 503 at 203.0.113.1 alone`.
    pub fn summary(&self) -> String {
        let words: Vec<_> = self
            .answers
            .iter()
            .map(|(answer, count)| {
                let place = self.place(answer);
                match answer {
                    Said::Version(version) => format!("{count} x {version}{place}"),
                    Said::Bad(why) => format!("{count} x no version ({why}){place}"),
                }
            })
            .collect();
        words.join(", ")
    }

    /// Where that was said, if not everywhere.
    fn place(&self, said: &Said) -> String {
        let all: BTreeSet<_> = self.at.values().flatten().collect();
        match self.at.get(said) {
            Some(at) if at.len() < all.len() => {
                let at: Vec<_> = at.iter().map(IpAddr::to_string).collect();
                format!(" at {} alone", at.join(" and "))
            }
            _ => String::new(),
        }
    }
}

/// Asks for the version on fresh connections, all at once, at each address of the load balancer in turn.
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
    // A name that leads nowhere is said by each of them.
    let finding = reachable(&cx.network, &cx.clock, &endpoint.host, endpoint.port);
    let addresses = cx.clock.within_wall(visitor.timeout, finding).await;
    let addresses = addresses.and_then(Result::ok).unwrap_or_default();
    for number in 0..connections.max(addresses.len()) {
        let at = number.checked_rem(addresses.len());
        let at = at.map(|index| addresses[index]);
        let network = cx.network.clone();
        let clock = cx.clock.clone();
        let (endpoint, question) = (endpoint.clone(), question.clone());
        let timeout = visitor.timeout;
        asking.spawn(async move {
            let asked = ask_at(&network, &clock, &endpoint, at, &question, timeout);
            (at, asked.await)
        });
    }
    let pointer = visitor.version_pointer.as_deref();
    let mut round = Round::default();
    while let Some(answered) = asking.join_next().await {
        let (at, answered) = answered?;
        let answer = match answered.and_then(|reply| reply.version(pointer)) {
            Ok(version) => Said::Version(version),
            Err(error) => Said::Bad(format!("{error:#}")),
        };
        if let Some(at) = at {
            round.at.entry(answer.clone()).or_default().insert(at.ip());
        }
        *round.answers.entry(answer).or_default() += 1;
    }
    Ok(round)
}

/// Whether visitors get a release as often as its weight says, by round after round of answers.
///
/// At a weight of 10 one round may well hold none of it by chance: rounds are added up until its absence, or that of the
/// other one, is less likely than 1 in 10,000, and both have to have answered.
#[derive(Debug)]
pub struct Share {
    percent: u8,
    /// How many of a round's answers were it, and how many there were.
    rounds: VecDeque<(usize, usize)>,
}

impl Share {
    /// At this weight, in percent.
    pub fn of(percent: u8) -> Self {
        Self {
            percent,
            rounds: VecDeque::new(),
        }
    }

    /// Adds a round of answers, of which so many were it; whether they are now what the weight would give, no further off
    /// than four standard deviations.
    pub fn add(&mut self, seen: usize, asked: usize) -> bool {
        self.rounds.push_back((seen, asked));
        let enough = self.enough();
        // Those of before the last node had learned of the weight go as soon as there are enough without them.
        while let Some((_, first)) = self.rounds.front()
            && self.total().1 - first >= enough
        {
            self.rounds.pop_front();
        }
        let (seen, asked) = self.total();
        let is_divided = (1..100).contains(&self.percent);
        is_plausible(self.percent, seen, asked) && (!is_divided || (seen > 0 && seen < asked))
    }

    /// All answers that are added up: how many were it, and how many there are.
    pub fn total(&self) -> (usize, usize) {
        self.rounds.iter().fold((0, 0), |(seen, asked), round| {
            (seen + round.0, asked + round.1)
        })
    }

    /// So many answers hold both, but for 1 in 10,000.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 917"
    )]
    fn enough(&self) -> usize {
        let share = f64::from(self.percent.min(100 - self.percent.min(100))) / 100.0;
        if share == 0.0 {
            return 1;
        }
        (1e-4_f64.ln() / (1.0 - share).ln()).ceil() as usize
    }
}

fn is_plausible(percent: u8, seen: usize, asked: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "there are few answers")]
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
        let [one, two] = [1, 2].map(|last| IpAddr::from([203, 0, 113, last]));
        round.at = [
            (Said::Version("2".into()), [one, two].into()),
            (Said::Bad("it answered 503".into()), [two].into()),
        ]
        .into();
        let told = "3 x 2, 1 x no version (it answered 503) at 203.0.113.2 alone";
        assert_eq!(round.summary(), told);
    }

    #[test]
    fn the_ends_of_a_shift_are_exact_and_its_middle_is_not() {
        let one = |percent, seen, asked| Share::of(percent).add(seen, asked);
        assert!(one(100, 20, 20));
        assert!(!one(100, 19, 20));
        assert!(!one(0, 1, 20));
        assert!(one(0, 0, 20));
        assert!(one(10, 4, 40));
        assert!(!one(10, 30, 40));
        assert!(one(50, 25, 40));
    }

    #[test]
    fn a_weight_that_nobody_obeys_is_not_obeyed_however_small_it_is() {
        for percent in [1, 5, 10, 20, 90, 99] {
            let absent = if percent < 50 { 0 } else { 40 };
            let mut share = Share::of(percent);
            for _ in 0..100 {
                assert!(!share.add(absent, 40), "{percent}: {:?}", share.total());
            }
        }
    }

    #[test]
    fn answers_of_before_the_weight_was_known_are_forgotten() {
        let mut share = Share::of(20);
        assert!(!share.add(0, 40));
        assert!(share.add(9, 40));
        assert_eq!(share.total(), (9, 80));
        assert!(share.add(8, 40));
        assert_eq!(share.total(), (17, 80));
        // One of either side is enough for a small weight, whose next rounds may hold none.
        let mut share = Share::of(1);
        assert!(share.add(1, 40));
        assert!(share.add(0, 40));
    }
}
