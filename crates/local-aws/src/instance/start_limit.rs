//! How often a unit may be started, by a person or by itself: systemd.unit(5), `StartLimitIntervalSec=`.
//!
//! "Units which are started more than *burst* times within an *interval* time span are not permitted to start any more";
//! by default 5 times within 10 s. "May be set to 0 to disable any kind of rate limiting."

use std::time::Duration;

/// The limit of a unit, and how much of it is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StartLimit {
    interval: Duration,
    burst: u32,
    /// When the span of time began that starts are counted in now.
    begun: Option<Duration>,
    starts: u32,
}

impl Default for StartLimit {
    /// `DefaultStartLimitIntervalSec=` and `DefaultStartLimitBurst=` of systemd-system.conf(5).
    fn default() -> Self {
        Self::new(Duration::from_secs(10), 5)
    }
}

impl StartLimit {
    /// So many starts within this time.
    pub(super) const fn new(interval: Duration, burst: u32) -> Self {
        Self {
            interval,
            burst,
            begun: None,
            starts: 0,
        }
    }

    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) const fn burst(&self) -> u32 {
        self.burst
    }

    /// Whether it may be started now, which counts.
    pub(super) fn allows(&mut self, now: Duration) -> bool {
        if self.interval.is_zero() || self.burst == 0 {
            return true;
        }
        let is_same_span = self
            .begun
            .is_some_and(|begun| now.saturating_sub(begun) <= self.interval);
        if !is_same_span {
            self.begun = Some(now);
            self.starts = 0;
        }
        self.starts += 1;
        self.starts <= self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many starts of a hundred are allowed that are so far apart, up to the first that is not.
    fn allowed(mut limit: StartLimit, apart: Duration) -> usize {
        let times = (0..100).map(|start| apart * start);
        times.take_while(|now| limit.allows(*now)).count()
    }

    #[test]
    fn the_sixth_start_within_ten_seconds_is_refused_and_slower_ones_never() {
        let default = StartLimit::default();
        assert_eq!(allowed(default.clone(), Duration::from_millis(100)), 5);
        assert_eq!(allowed(default.clone(), Duration::from_secs(2)), 5);
        assert_eq!(allowed(default, Duration::from_millis(2_100)), 100);
        let off = StartLimit::new(Duration::ZERO, 5);
        assert_eq!(allowed(off, Duration::ZERO), 100);
    }
}
