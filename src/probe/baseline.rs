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
    /// Those of them that were answered, and badly.
    #[serde(skip)]
    pub bad_answers: u64,
}

/// So many failures tell how often there is one.
const ENOUGH: u64 = 5;
/// Then there may be no more than so many times as many as before, one more allowed for chance.
const TIMES: u64 = 2;

impl Counts {
    /// Whether so many more fail than `before` that it is no chance. A kind of failure that there was never before may not be at
    /// all: one that got no answer is another kind than a bad answer, and a single one without answer is none.
    pub fn is_worse_than(self, before: Self) -> bool {
        let unanswered = |of: Self| of.failed.saturating_sub(of.bad_answers);
        let lost_before = match unanswered(before) {
            1 => 0,
            lost => lost,
        };
        is_worse(
            (self.bad_answers, self.sent),
            (before.bad_answers, before.sent),
        ) || is_worse((unanswered(self), self.sent), (lost_before, before.sent))
    }
}

/// The same of one kind: how many failed, and how many were sent.
fn is_worse((failed, sent): (u64, u64), (before, sent_before): (u64, u64)) -> bool {
    if failed == 0 {
        return false;
    }
    if before == 0 || sent_before == 0 {
        return true;
    }
    let is_oftener = failed * sent_before > TIMES * (before + 1) * sent;
    if failed >= ENOUGH && is_oftener {
        return true;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of one run")]
    let share = sent as f64 / (sent + sent_before) as f64;
    at_least(failed, failed + before, share) < BY_CHANCE
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

    fn bad(sent: u64, bad_answers: u64) -> Counts {
        Counts {
            sent,
            failed: bad_answers,
            bad_answers,
        }
    }

    fn lost(sent: u64, failed: u64) -> Counts {
        Counts {
            sent,
            failed,
            bad_answers: 0,
        }
    }

    #[test]
    fn what_never_failed_may_not_fail_and_what_failed_a_little_may_fail_as_much() {
        for of in [bad, lost] {
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

    #[test]
    fn one_kind_of_failure_is_no_licence_for_another_and_a_single_lost_connection_is_none_at_all() {
        assert!(bad(4_800, 1).is_worse_than(lost(2_400, 9)));
        assert!(lost(4_800, 1).is_worse_than(bad(2_400, 9)));
        assert!(lost(4_800, 1).is_worse_than(lost(2_400, 1)));
        assert!(!bad(4_800, 2).is_worse_than(bad(2_400, 1)));
        assert!(
            bad(4_800, 22).is_worse_than(bad(2_400, 1)),
            "one says little"
        );
    }
}
