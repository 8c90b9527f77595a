//! The clock that everything is timed by, and the only place that sleeps.

use std::future::Future;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Time as AWS would see it. It may run faster than the wall; everything that waits or computes an
/// AWS timestamp asks this clock, so nothing else needs to know.
#[derive(Clone, Debug)]
pub struct Clock {
    origin: Instant,
    epoch: SystemTime,
    speed: f64,
}

impl Clock {
    /// A clock that runs as fast as the wall's.
    pub fn real() -> Self {
        Self::accelerated(1.0)
    }

    /// A clock on which `speed` seconds pass in each second of the wall's.
    pub fn accelerated(speed: f64) -> Self {
        Self::accelerated_from(SystemTime::now(), speed)
    }

    /// Such a clock, on which it is this date and time now.
    pub fn accelerated_from(utc: SystemTime, speed: f64) -> Self {
        Self {
            origin: Instant::now(),
            epoch: utc,
            speed,
        }
    }

    /// The same time of day at the same speed, but with nothing elapsed: for a run that begins now.
    pub fn lap(&self) -> Self {
        Self {
            origin: Instant::now(),
            epoch: self.utc(),
            speed: self.speed,
        }
    }

    /// How many of this clock's seconds pass in one of the wall's.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// This clock's time since it was made.
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed().mul_f64(self.speed)
    }

    /// The wall's time since this clock was made: what a person with a stopwatch reads.
    pub fn wall(&self) -> Duration {
        self.origin.elapsed()
    }

    /// How long on the wall an app is waited for that has so long on this clock: it works in the wall's time, however fast the
    /// clock runs, and never has less than `least` of it, or all of `limit` where that is shorter.
    pub fn patience(&self, limit: Duration, least: Duration) -> Duration {
        limit.div_f64(self.speed).max(limit.min(least))
    }

    /// The date and time on this clock.
    pub fn utc(&self) -> SystemTime {
        self.epoch + self.elapsed()
    }

    /// The date and time at which [`Clock::elapsed`] was, or will be, `elapsed`.
    pub fn utc_at(&self, elapsed: Duration) -> SystemTime {
        self.epoch + elapsed
    }

    /// Sleeps for a duration of this clock's.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_wall(duration.div_f64(self.speed)).await;
    }

    /// Sleeps until [`Clock::elapsed`] is `elapsed`.
    pub async fn sleep_until(&self, elapsed: Duration) {
        self.sleep_until_wall(elapsed.div_f64(self.speed)).await;
    }

    /// Sleeps for a duration of the wall's.
    #[expect(clippy::disallowed_methods, reason = "this is the place that sleeps")]
    pub async fn sleep_wall(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Sleeps until [`Clock::wall`] is `wall`.
    #[expect(clippy::disallowed_methods, reason = "this is the place that sleeps")]
    pub async fn sleep_until_wall(&self, wall: Duration) {
        tokio::time::sleep_until(self.origin + wall).await;
    }

    /// Runs `future` for at most a duration of this clock's; `None` when the time was up.
    pub async fn within<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        self.within_wall(limit.div_f64(self.speed), future).await
    }

    /// Runs `future` for at most a duration of the wall's; `None` when the time was up.
    pub async fn within_wall<T>(
        &self,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::time::timeout(limit, future).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_accelerated_clock_sleeps_a_fraction_of_the_wall() {
        let wall = Clock::real();
        let fast = Clock::accelerated(10.0);
        fast.sleep(Duration::from_secs(60)).await;
        assert_eq!(wall.elapsed(), Duration::from_secs(6));
        assert!(fast.elapsed() >= Duration::from_secs(60));
    }

    #[test]
    fn an_app_is_waited_for_in_the_wall_s_time_for_a_while_at_least() {
        let clock = Clock::accelerated(20.0);
        let (second, patience) = (Duration::from_secs(1), |limit: u64| {
            clock.patience(Duration::from_millis(limit), Duration::from_secs(1))
        });
        assert_eq!(patience(60_000), 3 * second);
        assert_eq!(patience(5_000), second);
        assert_eq!(patience(500), second / 2);
    }
}
