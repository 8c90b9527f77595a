//! Whether more requests fail than before: what failed already is no fault of the release.
//!
//! Counts are compared, not rates: of all the failures, each was as likely to fall after the change as requests were sent then, if
//! nothing has changed. How unlikely as many as there were are is a tail of the binomial distribution (the conditional test of two
//! Poisson rates: Przyborowski and Wilenski, Biometrika 31, 1940).

use serde::Serialize;

/// Less likely than this by chance is no chance. It is asked again and again while a run goes on, so it is strict.
const BY_CHANCE: f64 = 0.001;

/// How many requests were sent, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Sent and finished.
    pub sent: u64,
    /// Failed, and not by the runner's own network.
    pub failed: u64,
}

impl Counts {
    /// Whether so many more fail than `before` that it is no chance. What never failed before may not fail at all.
    pub fn is_worse_than(self, before: Self) -> bool {
        if self.failed == 0 {
            return false;
        }
        if before.failed == 0 || before.sent == 0 {
            return true;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of one run")]
        let share = self.sent as f64 / (self.sent + before.sent) as f64;
        at_least(self.failed, self.failed + before.failed, share) < BY_CHANCE
    }
}

/// How likely at least `least` of `all` are of a share, each by itself.
#[expect(clippy::cast_precision_loss, reason = "counts of one run")]
fn at_least(least: u64, all: u64, share: f64) -> f64 {
    let (yes, no) = (share.ln(), (1.0 - share).ln());
    // From the most to the least, in logarithms: the first is too small for a number where there are many.
    let mut term = all as f64 * yes;
    let mut sum = term.exp();
    for count in (least..all).rev() {
        let ways = (count + 1) as f64 / (all - count) as f64;
        term += ways.ln() + no - yes;
        sum += term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `scipy.stats.binom.sf(least - 1, all, share)`, scipy 1.17.1.
    const OF_SCIPY: [(u64, u64, f64, f64); 6] = [
        (1, 1, 0.5, 0.5),
        (8, 13, 0.25, 5.649_328_231_811_523_4e-3),
        (16, 21, 0.4, 8.348_285_300_836_933e-4),
        (24, 29, 0.5, 2.730_563_282_966_614e-4),
        (300, 500, 0.5, 4.470_033_271_126_644e-6),
        (0, 40, 0.3, 1.0),
    ];

    #[test]
    fn the_tail_is_scipy_s() {
        for (least, all, share, expected) in OF_SCIPY {
            let ours = at_least(least, all, share);
            assert!(
                (ours - expected).abs() <= expected * 1e-9,
                "{least} of {all}: {ours:e}, not {expected:e}"
            );
        }
    }

    #[test]
    fn what_never_failed_may_not_fail_and_what_failed_a_little_may_fail_as_much() {
        let of = |sent, failed| Counts { sent, failed };
        assert!(!of(4_000, 0).is_worse_than(of(100, 0)));
        assert!(of(4_000, 1).is_worse_than(of(100_000, 0)));
        assert!(of(10, 1).is_worse_than(of(0, 0)));
        assert!(!of(4_000, 9).is_worse_than(of(2_400, 5)));
        assert!(of(10, 10).is_worse_than(of(2_400, 5)));
        assert!(of(2_400, 24).is_worse_than(of(2_400, 5)));
        assert!(
            !of(300, 100).is_worse_than(of(120, 120)),
            "the fix of an outage"
        );
    }
}
