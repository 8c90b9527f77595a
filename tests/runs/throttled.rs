//! Bursts of throttling, as an account shared with other tools sees them, do not fail a release.

use std::collections::BTreeSet;
use std::time::Duration;

use bg_deploy::aws::autoscaling;
use bg_deploy::outcome::Outcome;
use local_aws::Answer;
use local_aws::sample_app::AppFault;

use crate::support::rule::{clear, next};
use crate::support::{World, assert_deployed, story};

/// Calls in a row that are throttled: what some ten seconds of a full bucket come to. Of the deployer's eight attempts three are left:
/// it is Auto Scaling's habit to refuse up to two more.
const BURST: u32 = 5;

/// What is called only where instances take long to be healthy: not in each release.
const WHEN_LATE: &str = "DescribeInstanceInformation";

/// What a release does without where it is not told in a quarter of a minute: a burst outlasts that.
const NOT_WAITED_FOR: &str = "servicequotas";

#[tokio::test(start_paused = true)]
async fn a_burst_of_throttling_on_any_call_does_not_fail_a_release() {
    let world = World::with_a_release().await;
    let already = world.cloud.account().calls.len();
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
    let calls: BTreeSet<_> = world.cloud.account().calls[already..]
        .iter()
        .map(|call| (call.service.clone(), call.operation.clone()))
        .filter(|(service, operation)| operation != WHEN_LATE && service != NOT_WAITED_FOR)
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

/// What Auto Scaling says of a group that it is busy with.
fn busy(code: &str, status: u16) -> Answer {
    Answer::Refuse(code.to_owned(), status, "try again later".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_group_that_auto_scaling_is_busy_with_fails_neither_a_release_nor_its_undoing() {
    const AUTOSCALING: &str = "autoscaling";
    let changes = [
        "UpdateAutoScalingGroup",
        "SuspendProcesses",
        "ResumeProcesses",
    ];
    let busy = [
        busy("ScalingActivityInProgress", 400),
        busy("ResourceContention", 500),
    ];
    for answer in busy {
        let world = World::with_a_release().await;
        for operation in changes {
            next(AUTOSCALING, operation).meet(&mut world.cloud.account(), BURST, answer.clone());
        }
        let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
        assert_deployed(&finished, &cx);
        assert!(clear(&mut world.cloud.account()), "{}", story(&cx));

        let bad = world.config("0.0.3", Some(AppFault::Unhealthy));
        let (_, plan) = world.plan(&bad).await;
        let begun = world.cloud.account().calls.len();
        let is_raised = || {
            let account = world.cloud.account();
            let mut since = account.calls[begun..].iter();
            since.any(|call| call.operation == changes[0])
        };
        let meeting = async {
            // From when the candidate was brought up on: what follows is undone.
            while !is_raised() {
                world.clock.sleep(Duration::from_millis(100)).await;
            }
            world.clock.sleep(Duration::from_secs(30)).await;
            for operation in changes {
                let call = next(AUTOSCALING, operation);
                call.meet(&mut world.cloud.account(), BURST, answer.clone());
            }
        };
        let (ran, ()) = tokio::join!(Box::pin(world.deploy(&bad)), meeting);
        let (finished, cx) = ran;
        let Outcome::RolledBack { leftovers, .. } = &finished.outcome else {
            panic!("{:#?}\n{}", finished.outcome, story(&cx));
        };
        assert_eq!(*leftovers, [], "{}", story(&cx));
        let group = plan.idle_group();
        let group = autoscaling::describe_group(&cx.aws, &group).await;
        assert_eq!(group.expect("a group").capacity.desired, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_auto_scaling_refuses_by_habit_is_met_in_releases_and_tried_again() {
    let world = World::with_a_release().await;
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
    let account = world.cloud.account();
    let of_habit = ["ResourceContention", "ScalingActivityInProgress"];
    let met = account.calls.iter().enumerate().find(|(_, call)| {
        let code = call.error.as_deref().unwrap_or_default();
        of_habit.contains(&code)
    });
    let (place, refused) = met.expect("it refuses one of a dozen changes");
    let mut later = account.calls[place + 1..].iter();
    let again = later.find(|call| call.operation == refused.operation);
    assert!(again.is_some(), "{} was not asked again", refused.operation);
}

/// The table of faults is made of constants; a test may leak a few words.
fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}
