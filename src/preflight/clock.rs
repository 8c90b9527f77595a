//! Whether this machine's clock is right. The SDK signs by AWS's clock once it has seen that ours is off, so calls go through; but by
//! ours a run asks for the last minutes' requests, says until when the previous colour is retained, and knows how long its credentials
//! live.
//!
//! Guarantees: pure. No lease is judged by it: that compares no clocks.

use super::Concern;

/// So many seconds are an answer's way, or a clock that nobody minds.
const RIGHT: i64 = 60;
/// Beyond this AWS takes no signature that is made by it
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>).
const WRONG: i64 = 300;

/// What is to be said of a clock that is so many seconds ahead of AWS's.
pub(crate) fn judge(ahead: i64) -> Option<Concern> {
    if ahead.abs() <= RIGHT {
        return None;
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    Some(Concern {
        about: "clock",
        seen: format!(
            "this machine's clock is {} s {side} AWS's: what it says of times is as wrong",
            ahead.abs()
        ),
        remedy: "have it set by NTP (chronyc makestep, or timedatectl set-ntp true)".to_owned(),
        slows: ahead.abs() <= WRONG,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_and_stops_a_release_where_aws_would_take_no_signature_by_it() {
        let told = |ahead| judge(ahead).map(|it| (it.slows, it.seen.contains("behind")));
        assert_eq!([60, -60, 0].map(told), [None, None, None]);
        assert_eq!(
            [61, -300].map(told),
            [Some((true, false)), Some((true, true))]
        );
        assert_eq!(
            [301, -7200].map(told),
            [Some((false, false)), Some((false, true))]
        );
    }
}
