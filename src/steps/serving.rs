//! Who serves now, by looking: what the last words of every run are made of.
//!
//! What a run meant to leave behind is not told. The weights say who is to get the requests, the answers of visitors on
//! fresh connections who does.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::Result;

use super::data_plane::{ROUND, Round, Said, look};
use crate::aws::elbv2;
use crate::names::{Colour, Release, Weights};
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::wait::{Limits, Look};

/// The last node of a load balancer may take a minute.
const SETTLED: Limits = Limits::new(Duration::from_secs(90), Duration::from_secs(2)).in_a_row(2);

/// Who serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// The weights of the traffic rules; `None` when one does not name both target groups, or they disagree.
    pub weights: Option<Weights>,
    /// The same, for people.
    said: String,
    /// The colour that gets everything, if one does: the rule may name it alone.
    led_to: Option<Colour>,
    /// What visitors are answered.
    pub answers: Round,
}

impl Serving {
    /// Looks, and changes nothing.
    pub async fn look(cx: &Context, plan: &Plan) -> Result<Self> {
        let traffic = elbv2::describe_traffic(&cx.aws, &plan.traffic_rules).await?;
        let groups = &plan.target_groups;
        let weights = traffic.split(groups);
        Ok(Self {
            weights,
            said: traffic.words(groups),
            led_to: weights
                .and_then(Weights::live)
                .or_else(|| traffic.only(groups)),
            answers: look(cx, &plan.url, &plan.visitor, &[], ROUND).await?,
        })
    }

    /// The same, once visitors get what the weights say: nodes of a load balancer learn of them one by one, and whoever
    /// looks too soon tells what was. Gives up after a while, and tells what it saw last.
    pub async fn look_until_settled(cx: &Context, plan: &Plan) -> Result<Self> {
        let last = RefCell::new(Self::look(cx, plan).await?);
        let _ = cx
            .for_undo()
            .wait("visitors getting what the weights say", SETTLED, || async {
                let now = Self::look(cx, plan).await?;
                let settled = now.is_settled(plan);
                *last.borrow_mut() = now;
                Ok(match settled {
                    true => Look::Ready(()),
                    false => Look::NotYet(last.borrow().words()),
                })
            })
            .await;
        Ok(last.into_inner())
    }

    /// Whether visitors get what the weights say, as far as this run knows what that is.
    fn is_settled(&self, plan: &Plan) -> bool {
        match self.led_to {
            Some(colour) if colour == plan.idle => self.is_only(&plan.release),
            Some(_) => match &plan.previous.release {
                Some(previous) => self.is_only(previous),
                None => true,
            },
            // One answers until the last node knows that there are two.
            None if self.is_divided() => self.versions().nth(1).is_some(),
            // Led elsewhere, nobody can say.
            None => true,
        }
    }

    fn is_only(&self, release: &Release) -> bool {
        self.versions().all(|version| version == release.0)
    }

    fn is_divided(&self) -> bool {
        self.weights
            .is_some_and(|now| now.blue > 0 && now.green > 0)
    }

    /// The release that answers, if no other one does. Answers without a version are nobody's; where the traffic is divided,
    /// they are those of the colour that does not answer.
    pub fn release(&self) -> Option<Release> {
        let is_bad = |said: &Said| matches!(said, Said::Bad(_));
        if self.is_divided() && self.answers.answers.keys().any(is_bad) {
            return None;
        }
        let mut versions = self.versions();
        let only = versions.next()?;
        versions.next().is_none().then(|| Release(only.to_owned()))
    }

    /// Whether all the traffic is to go to this colour, and nobody is answered by another release than this one.
    pub fn is(&self, colour: Colour, release: &Release) -> bool {
        let goes_there = self.weights.and_then(Weights::live) == Some(colour);
        goes_there && self.is_only(release)
    }

    /// Whether anybody is answered by any release.
    pub fn answers_somebody(&self) -> bool {
        self.versions().next().is_some()
    }

    /// For people.
    pub fn words(&self) -> String {
        format!("{}, and visitors get {}", self.said, self.answers.summary())
    }

    fn versions(&self) -> impl Iterator<Item = &str> {
        self.answers.answers.keys().filter_map(|said| match said {
            Said::Version(version) => Some(version.as_str()),
            Said::Bad(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving(green: u8, answers: &[(Said, usize)]) -> Serving {
        let weights = Weights::split(Colour::Green, green);
        Serving {
            weights: Some(weights),
            said: String::new(),
            led_to: weights.live(),
            answers: Round {
                answers: answers.iter().cloned().collect(),
                ..Round::default()
            },
        }
    }

    #[test]
    fn a_release_serves_when_it_has_the_weight_and_no_other_answers() {
        let version = |text: &str| Said::Version(text.to_owned());
        let bad = Said::Bad("it answered 503".to_owned());
        let two = Release("2".to_owned());
        let all = serving(100, &[(version("2"), 19), (bad.clone(), 1)]);
        assert!(all.is(Colour::Green, &two));
        assert!(!all.is(Colour::Blue, &two));
        assert_eq!(all.release(), Some(two.clone()));
        assert!(all.answers_somebody());
        assert!(!serving(100, &[(bad.clone(), 20)]).answers_somebody());
        let mixed = serving(100, &[(version("2"), 19), (version("1"), 1)]);
        assert!(!mixed.is(Colour::Green, &two));
        assert_eq!(mixed.release(), None);
        let divided = serving(50, &[(version("2"), 20)]);
        assert!(!divided.is(Colour::Green, &two));
        assert_eq!(divided.release(), Some(two));
        let half = serving(50, &[(version("2"), 10), (bad.clone(), 10)]);
        assert_eq!(half.release(), None, "half of the visitors get nothing");
        assert_eq!(serving(100, &[(bad, 20)]).release(), None);
    }
}
