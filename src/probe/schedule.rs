//! When the requests of a lane are due: fixed in advance, whatever became of the ones before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// When requests are due.
#[derive(Debug)]
pub(super) enum Schedule {
    /// At a constant rate.
    Constant {
        first: Duration,
        rate: f64,
        next: AtomicU64,
    },
    /// Each worker's next when its last is answered, at least `interval` apart.
    InTurn { first: Duration, interval: Duration },
}

impl Schedule {
    pub(super) const fn constant(first: Duration, rate: f64) -> Self {
        Self::Constant {
            first,
            rate,
            next: AtomicU64::new(0),
        }
    }

    pub(super) const fn in_turn(first: Duration, interval: Duration) -> Self {
        Self::InTurn { first, interval }
    }

    /// When the next request is due that nobody has taken, where that is fixed in advance.
    pub(super) fn next_due(&self) -> Option<Duration> {
        match self {
            Self::Constant { first, rate, next } => {
                Some(due(*first, *rate, next.load(Ordering::Relaxed)))
            }
            Self::InTurn { .. } => None,
        }
    }

    /// When the next request is due, which from now on is the caller's.
    pub(super) fn take(&self, worker: usize, last: Option<Duration>, now: Duration) -> Duration {
        match self {
            Self::Constant { first, rate, next } => {
                due(*first, *rate, next.fetch_add(1, Ordering::Relaxed))
            }
            Self::InTurn { first, interval } => match last {
                Some(last) => now.max(last + *interval),
                // A little apart, so that they do not all end at once.
                None => *first + interval.mul_f64(worker as f64),
            },
        }
    }
}

fn due(first: Duration, rate: f64, ticket: u64) -> Duration {
    first + Duration::from_secs_f64(ticket as f64 / rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_schedule_does_not_drift() {
        let schedule = Schedule::constant(Duration::from_secs(5), 3.0);
        let last = (0..30_001)
            .map(|_| schedule.take(0, None, Duration::ZERO))
            .last();
        assert_eq!(last, Some(Duration::from_secs(10_005)));
    }

    #[test]
    fn a_long_request_follows_the_last_one_but_not_in_a_hot_loop() {
        let second = Duration::from_secs(1);
        let schedule = Schedule::in_turn(Duration::ZERO, second);
        assert_eq!(schedule.take(1, None, Duration::ZERO), second);
        assert_eq!(schedule.take(0, Some(second), second), 2 * second);
        assert_eq!(schedule.take(0, Some(second), 9 * second), 9 * second);
    }
}
