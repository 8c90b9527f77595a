//! Whether anybody is answered by a colour that no rule leads to: by the load balancer's own count of requests, which knows
//! of every way there, those that no look at rules can see as well.
//!
//! Requests of our own through the preview route count, too. They reach a colour that is up already only in a rollback to it,
//! or by the hand of whoever knows the secret: then a later run waits for them to be over, as for anybody's.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::aws::Aws;
use crate::aws::cloudwatch::{MINUTE, RequestsByMinute, requests_by_minute};
use crate::cause::{FailedCall, Reason};
use crate::names::utc;
use crate::run::context::Context;
use crate::run::wait::{Limits, Look, WaitError};

/// By then AWS shows a minute's figure, and all of it: the latest one or two are said to be incomplete.
/// <https://github.com/Netflix/atlas/pull/1300>, <https://github.com/grafana/alloy/issues/3929>
const SHOWN_AFTER: Duration = Duration::from_secs(120);
/// How long after a last request a figure may tell of it still: its minute, and until that one is shown, and the next.
pub(crate) const TOLD_FOR: Duration = Duration::from_secs(240);
/// The longest to wait. After a last request now it takes four minutes: the rest of its minute, a minute without any, and
/// until that one is shown.
const SILENT: Limits = Limits::new(Duration::from_secs(300), Duration::from_secs(5))
    .growing_to(Duration::from_secs(10));

/// Waits until a whole minute has passed in which this target group got no request. One that is silent is not waited for. When
/// AWS does not tell, that is a note: who asks has looked at the rules as well.
pub(super) async fn await_silence(
    cx: &Context,
    step: &str,
    (group, target_group): (&str, &str),
) -> Result<()> {
    let last_seen = RefCell::new(None);
    let looked = cx
        .wait(
            step,
            &format!("{group} getting no request"),
            SILENT,
            || async {
                Ok(match lately(&cx.aws, target_group, cx.clock.utc()).await {
                    Ok(by_minute) => {
                        let look = look_for_silence(group, &by_minute);
                        *last_seen.borrow_mut() = reason(&look);
                        look
                    }
                    Err(failure) => match last_seen.borrow().clone() {
                        // That there were requests is known.
                        Some(reason) => Look::NotYet(reason),
                        None => Look::Ready(Some(failure)),
                    },
                })
            },
        )
        .await;
    match looked {
        Ok(None) => {}
        Ok(Some(failure)) => cx.events.note(not_told(group, &failure)),
        Err(WaitError::TimedOut { last, .. }) => {
            return Err(Reason::Answering.because(answering(&last)).into());
        }
        Err(other) => return Err(other.into()),
    }
    Ok(())
}

/// The requests that a target group got in the latest minutes that AWS shows.
pub(crate) async fn lately(
    aws: &Aws,
    target_group: &str,
    now: SystemTime,
) -> Result<RequestsByMinute, FailedCall> {
    requests_by_minute(aws, target_group, silent_since(now)).await
}

/// From when on there has to be no request: the beginning of the last minute whose figure would be shown by now.
fn silent_since(now: SystemTime) -> SystemTime {
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH);
    let shown = since_1970.unwrap_or_default().saturating_sub(SHOWN_AFTER);
    let minute = (shown.as_secs() / MINUTE.as_secs()).saturating_sub(1);
    SystemTime::UNIX_EPOCH + Duration::from_secs(minute * MINUTE.as_secs())
}

fn look_for_silence(group: &str, by_minute: &RequestsByMinute) -> Look<Option<FailedCall>> {
    match by_minute.last_key_value() {
        None => Look::Ready(None),
        Some((at, requests)) => Look::NotYet(format!(
            "{group} has no weight in any rule, and answered {requests} requests in the minute from {}",
            utc(*at)
        )),
    }
}

fn reason<T>(look: &Look<T>) -> Option<String> {
    match look {
        Look::NotYet(reason) => Some(reason.clone()),
        _ => None,
    }
}

/// What is said when it is never silent.
fn answering(last: &str) -> String {
    format!(
        "{last}: there was no minute without any, so nothing is taken from whoever sends them. Live traffic is not affected. Look \
         for another load balancer or listener that leads there, a rule that somebody made meanwhile, and requests by hand with \
         the header of the preview route"
    )
}

/// What is said when AWS does not tell.
fn not_told(group: &str, failure: &FailedCall) -> String {
    let remedy = match failure.refusal() {
        Some(_) => "; allow cloudwatch:GetMetricData in the role's policy",
        None => "",
    };
    format!(
        "how many requests {group} gets is not known, and that nobody is led there is judged by the rules alone: {failure}{remedy}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn silence_has_to_last_from_the_beginning_of_the_last_minute_that_is_shown() {
        // 12:10:30 is 43,830 s into a day: of 12:07 all is shown, of 12:08 perhaps not.
        assert_eq!(silent_since(at(43_830)), at(43_620));
        assert_eq!(silent_since(at(43_859)), at(43_620));
        assert_eq!(silent_since(at(43_860)), at(43_680));
        assert_eq!(silent_since(at(10)), at(0));
    }

    #[test]
    fn a_request_that_was_the_last_is_waited_for_for_four_minutes_at_most_which_the_wait_has() {
        for last in [600, 630, 659] {
            let minute = at(600);
            let over = (last..).find(|now| silent_since(at(*now)) > minute);
            let waited = over.map(|now| now - last).expect("some time");
            assert!((180..=TOLD_FOR.as_secs()).contains(&waited), "{waited}");
            assert!(Duration::from_secs(waited) < SILENT.deadline);
        }
    }

    #[test]
    fn the_latest_minute_with_requests_is_told_and_none_is_silence() {
        assert_eq!(
            look_for_silence("blue", &RequestsByMinute::new()),
            Look::Ready(None)
        );
        let by_minute = RequestsByMinute::from([(at(0), 7), (at(60), 118)]);
        let Look::NotYet(reason) = look_for_silence("blue", &by_minute) else {
            panic!("it is silence");
        };
        assert!(
            reason.contains("118 requests in the minute from 1970-01-01T00:01:00Z"),
            "{reason}"
        );
    }
}
