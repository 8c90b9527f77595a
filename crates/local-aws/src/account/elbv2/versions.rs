//! A value that changes at once for the control plane, and at its own moment for each node of a load balancer.
//!
//! Guarantees: a node never goes back to an older version, even when a newer one reached it first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::PerNode;

/// The versions that some node may still go by, oldest first.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    versions: VecDeque<Version<T>>,
    latest_number: u64,
}

#[derive(Clone, Debug)]
struct Version<T> {
    number: u64,
    value: Arc<T>,
    seen_from: PerNode<Duration>,
}

impl<T> Versioned<T> {
    /// A value that every node has from the beginning.
    pub fn new(value: T) -> Self {
        Self {
            versions: VecDeque::from([Version {
                number: 0,
                value: Arc::new(value),
                seen_from: PerNode::default(),
            }]),
            latest_number: 0,
        }
    }

    /// What the control plane answers.
    pub fn latest(&self) -> &T {
        &self.versions.back().expect("never empty").value
    }

    /// What a node goes by now, and the number of that version.
    pub fn seen_by(&self, node: usize, now: Duration) -> (u64, &Arc<T>) {
        let version = &self.versions[self.index_seen_by(node, now)];
        (version.number, &version.value)
    }

    /// Replaces the value; forgets the versions that no node will go by any more.
    pub fn set(&mut self, value: T, now: Duration, seen_from: PerNode<Duration>) {
        self.latest_number += 1;
        self.versions.push_back(Version {
            number: self.latest_number,
            value: Arc::new(value),
            seen_from,
        });
        let oldest = (0..seen_from.len())
            .map(|node| self.index_seen_by(node, now))
            .min()
            .unwrap_or_default();
        self.versions.drain(..oldest);
    }

    fn index_seen_by(&self, node: usize, now: Duration) -> usize {
        self.versions
            .iter()
            .rposition(|version| version.seen_from[node] <= now)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(of: u64) -> Duration {
        Duration::from_secs(of)
    }

    #[test]
    fn each_node_sees_a_change_from_its_own_moment_on() {
        let mut value = Versioned::new("old");
        value.set("new", seconds(0), [seconds(1), seconds(5), seconds(9)]);
        assert_eq!(*value.latest(), "new");
        let seen = |node, at| **value.seen_by(node, seconds(at)).1;
        assert_eq!([seen(0, 4), seen(1, 4), seen(2, 4)], ["new", "old", "old"]);
        assert_eq!(seen(2, 9), "new");
    }

    #[test]
    fn a_node_that_learnt_of_the_newer_change_first_does_not_go_back() {
        let mut value = Versioned::new(0);
        value.set(1, seconds(0), [seconds(10); 3]);
        value.set(2, seconds(1), [seconds(2); 3]);
        assert_eq!(**value.seen_by(0, seconds(11)).1, 2);
    }

    #[test]
    fn versions_that_nobody_goes_by_are_forgotten() {
        let mut value = Versioned::new(0);
        for change in 1..100 {
            value.set(change, seconds(change), [seconds(change); 3]);
        }
        assert!(value.versions.len() <= 2, "{}", value.versions.len());
    }
}
