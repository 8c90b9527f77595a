//! The calls that matter afterwards, to AWS's support and in CloudTrail: each that changed something, and each that
//! failed, with its request id.
//!
//! Guarantees: no header, body or credential is kept; no more than [`MOST`] calls are, the latest ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The most calls that are kept; a release makes about thirty that change something.
pub const MOST: usize = 300;

/// A call that changed something, or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it was over, by this machine's clock.
    pub at: SystemTime,
    /// The operation, as AWS names it.
    pub operation: String,
    /// For AWS's support; `None` when there was no answer, or none with an id.
    pub request_id: Option<String>,
    /// What came of it.
    pub answer: Answer,
}

/// What came of a call, its retries included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// It was answered with this status.
    Refused(u16),
    /// There was no answer: it may have been done.
    Missing,
}

/// Writes down the calls of all clients that share it, and how far this machine's clock is off.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    calls: Arc<Mutex<VecDeque<Call>>>,
    seconds_ahead: Arc<OnceLock<i64>>,
}

impl Recorder {
    /// How many seconds this machine's clock is ahead of AWS's, by the first answer that told.
    pub(super) fn seconds_ahead(&self) -> Option<i64> {
        self.seconds_ahead.get().copied()
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().cloned().collect()
    }

    fn enter(&self, call: Call) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() == MOST {
            calls.pop_front();
        }
        calls.push_back(call);
    }
}

#[dyn_dispatch_hint]
impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "bg-deploy calls"
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        let response = context.response();
        if let Some(ahead) = response.and_then(|response| ahead_of(response, SystemTime::now())) {
            let _ = self.seconds_ahead.set(ahead);
        }
        let status = response.map(|response| response.status().as_u16());
        let answer = match (context.output_or_error(), status) {
            (Some(Ok(_)), _) => Answer::Done,
            (_, Some(status)) => Answer::Refused(status),
            (_, None) => Answer::Missing,
        };
        if is_worth_keeping(operation, answer) {
            let header = |name| response.and_then(|response| response.headers().get(name));
            let id = header("x-amzn-requestid").or_else(|| header("x-amz-request-id"));
            self.enter(Call {
                at: SystemTime::now(),
                operation: operation.to_owned(),
                request_id: id.map(str::to_owned),
                answer,
            });
        }
        Ok(())
    }
}

/// How many seconds this moment is after the one at which an answer was given; nothing, where it does not say, or was kept
/// somewhere on the way.
fn ahead_of(response: &HttpResponse, now: SystemTime) -> Option<i64> {
    let headers = response.headers();
    let date = headers
        .get("date")
        .filter(|_| headers.get("age").is_none())?;
    let date = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    Some((OffsetDateTime::from(now) - date).whole_seconds())
}

/// Whether an operation only looks: it changes nothing.
pub fn is_look(operation: &str) -> bool {
    const LOOKS: [&str; 4] = ["Describe", "Get", "List", "Head"];
    LOOKS.iter().any(|look| operation.starts_with(look))
}

/// A look that finds nothing is no failure.
fn is_worth_keeping(operation: &str, answer: Answer) -> bool {
    match answer {
        Answer::Done | Answer::Refused(404) => !is_look(operation),
        Answer::Refused(_) | Answer::Missing => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_is_kept_and_what_fails_and_a_look_that_finds_nothing_is_not() {
        assert!(is_worth_keeping("ModifyRule", Answer::Done));
        assert!(is_worth_keeping("ModifyRule", Answer::Refused(404)));
        assert!(is_worth_keeping("DescribeRules", Answer::Refused(400)));
        assert!(is_worth_keeping("DescribeRules", Answer::Missing));
        assert!(!is_worth_keeping("DescribeRules", Answer::Done));
        assert!(!is_worth_keeping("HeadObject", Answer::Refused(404)));
    }

    #[test]
    fn the_latest_calls_are_kept_and_no_more_than_there_is_room_for() {
        let recorder = Recorder::default();
        for number in 0..MOST + 7 {
            recorder.enter(Call {
                at: SystemTime::UNIX_EPOCH,
                operation: number.to_string(),
                request_id: None,
                answer: Answer::Done,
            });
        }
        let calls = recorder.calls();
        assert_eq!((calls.len(), calls[0].operation.as_str()), (MOST, "7"));
    }
}
