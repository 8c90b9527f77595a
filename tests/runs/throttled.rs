//! Bursts of throttling, as an account shared with other tools sees them, do not fail a release.

use std::collections::BTreeSet;

use local_aws::Answer;

use crate::support::rule::{clear, next};
use crate::support::{World, assert_deployed, story};

/// Calls in a row that are throttled: what some ten seconds of a full bucket come to.
const BURST: u32 = 6;

/// What is called only where instances take long to be healthy: not in each release.
const WHEN_LATE: &str = "DescribeInstanceInformation";

#[tokio::test(start_paused = true)]
async fn a_burst_of_throttling_on_any_call_does_not_fail_a_release() {
    let world = World::with_a_release().await;
    let already = world.cloud.account().calls.len();
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
    let calls: BTreeSet<_> = world.cloud.account().calls[already..]
        .iter()
        .map(|call| (call.service.clone(), call.operation.clone()))
        .filter(|(_, operation)| operation != WHEN_LATE)
        .collect();
    assert!(calls.len() > 20, "{calls:?}");

    // Every operation at once: the bursts begin when an operation is called for the first time.
    for (service, operation) in calls {
        let call = next(leak(service), leak(operation));
        call.meet(&mut world.cloud.account(), BURST, Answer::Throttle);
    }
    let (finished, cx) = world.deploy(&world.config("0.0.3", None)).await;
    assert_deployed(&finished, &cx);
    assert!(
        clear(&mut world.cloud.account()),
        "a burst met no call\n{}",
        story(&cx)
    );
}

/// The table of faults is made of constants; a test may leak a few words.
fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}
