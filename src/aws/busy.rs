//! What AWS refuses because it is about something else at the moment, which the SDK takes for final.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

/// Another activity of the group has to end first, or another update of it is pending; neither says for how long.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html>, "Errors"
const BUSY: [&str; 2] = ["ScalingActivityInProgress", "ResourceContention"];

/// Has the SDK try such a call again, as often as one that is throttled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Busy;

impl ClassifyRetry for Busy {
    fn classify_retry(&self, call: &InterceptorContext) -> RetryAction {
        let body = call.response().and_then(|response| response.body().bytes());
        match body.is_some_and(is_busy) {
            true => RetryAction::throttling_error(),
            false => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "something else is under way"
    }
}

/// The query protocol's errors name their code so: `<Code>ResourceContention</Code>`.
fn is_busy(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    BUSY.iter()
        .any(|code| text.contains(&format!("<Code>{code}</Code>")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_that_something_else_is_under_way_is_tried_again() {
        for (body, expected) in [
            (
                "<Error><Code>ScalingActivityInProgress</Code></Error>",
                true,
            ),
            ("<Error><Code>ResourceContention</Code></Error>", true),
            (
                "<Error><Code>ValidationError</Code><Message>ResourceContention</Message></Error>",
                false,
            ),
            ("", false),
        ] {
            assert_eq!(is_busy(body.as_bytes()), expected, "{body}");
        }
    }
}
