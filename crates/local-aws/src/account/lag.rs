//! What was just made, and by whom it is not seen yet: AWS is eventually consistent.
//!
//! The call that makes something answers at once, and a second one of the same name is refused at once. Whoever looks for it after
//! that ([`Eye`]) finds it only after a while, each after its own: that a describe shows it does not mean that a launch knows it
//! (<https://github.com/hashicorp/packer/issues/3627>).
//!
//! Guarantees: nobody's while is longer than the most of its spread; they are drawn from a stream of their own, so that what else is
//! drawn in the account stays as it would be.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Account;
use crate::pace::Spread;

/// Who looks for what was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eye {
    /// EC2's describes.
    Describe,
    /// EC2's calls that change what was made, or name it.
    Change,
    /// A launch, and Auto Scaling's look at a template that it is to launch from.
    Launch,
    /// Elastic Load Balancing.
    LoadBalancing,
    /// IAM's look at whom a policy names.
    Principal,
    /// Whoever takes a role on: Systems Manager's automations, and STS for a web identity.
    Assume,
}

/// What is not seen yet.
#[derive(Debug)]
pub struct State {
    /// By id or ARN, from when on each sees it.
    unseen: BTreeMap<String, Vec<(Eye, Duration)>>,
    /// Its own: what is made here changes nothing else that is drawn.
    rng: fastrand::Rng,
    /// Of what policies say.
    of_policies: fastrand::Rng,
}

impl State {
    /// Everything is seen.
    pub fn new(seed: u64) -> Self {
        Self {
            unseen: BTreeMap::new(),
            rng: fastrand::Rng::with_seed(seed ^ 0x1a9),
            of_policies: fastrand::Rng::with_seed(seed ^ 0x901),
        }
    }
}

impl Account {
    /// Hides what is made now from each of these, for as long as is drawn for it.
    pub fn hide(&mut self, id: &str, eyes: &[Eye], spread: Spread) {
        let now = self.now();
        let lag = &mut self.lag;
        lag.unseen
            .retain(|_, all| all.iter().any(|(_, from)| *from > now));
        let from = |eye: &Eye| (*eye, now + spread.draw(&mut lag.rng));
        let eyes: Vec<_> = eyes.iter().map(from).collect();
        lag.unseen.insert(id.to_owned(), eyes);
    }

    /// From when on calls are judged by a policy that is changed now.
    pub(super) fn enforced_from(&mut self) -> Duration {
        let spread = self.pace.policy_enforcement;
        self.now() + spread.draw(&mut self.lag.of_policies)
    }

    /// Whether what has this id or ARN is seen, if it is there at all.
    pub fn sees(&self, eye: Eye, id: &str) -> bool {
        let hidden = self.lag.unseen.get(id).into_iter().flatten();
        let mut of_it = hidden.filter(|(of, _)| *of == eye);
        of_it.all(|(_, from)| *from <= self.now())
    }
}

#[cfg(test)]
mod tests;
