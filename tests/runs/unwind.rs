//! Every step failing in turn, in `start` and in `settle`, over the real step list: before the end of the commit zone
//! the run leaves no trace and live answers as before; after it the release stands, and what was not done is named.

use std::time::Duration;

use bg_deploy::aws::autoscaling;
use bg_deploy::config::{Config, Smoke};
use bg_deploy::deploy::deploy;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::{Event, Zone};
use bg_deploy::run::step::About;
use bg_deploy::steps::TABLE;
use local_aws::LocalAws;
use local_aws::account::Account;
use local_aws::pace::Spread;
use local_aws::sample_app::AppFault;

use crate::support::rule::{Call, REFUSAL, clear, next, second};
use crate::support::standing::{Standing, assert_untouched};
use crate::support::{World, assert_deployed, story};

/// How a step is made to fail.
#[derive(Clone, Copy, Debug)]
enum How {
    /// AWS refuses this call of the step's.
    Refuse(Call),
    /// The app of the candidate is broken.
    App(AppFault),
    /// A smoke test wants what the app does not answer.
    Smoke,
    /// The run is cancelled.
    Cancel,
    /// No node of the load balancer learns of a change in time.
    SlowNodes,
}

/// A way for a step to fail.
#[derive(Clone, Copy, Debug)]
struct Case {
    step: &'static str,
    how: How,
    /// What the cause has to say.
    cause: &'static str,
    /// How many releases must have been made before.
    releases: usize,
}

const fn refused(step: &'static str, call: Call) -> Case {
    Case {
        step,
        how: How::Refuse(call),
        cause: REFUSAL,
        releases: 0,
    }
}

const fn broken(step: &'static str, how: How, cause: &'static str) -> Case {
    Case {
        step,
        how,
        cause,
        releases: 0,
    }
}

impl Case {
    /// Only a run after this many releases can fail like this.
    const fn after(mut self, releases: usize) -> Self {
        self.releases = releases;
        self
    }
}

const AUTOSCALING: &str = "autoscaling";
const ELB: &str = "elasticloadbalancing";

/// The release that does not get through.
const CANDIDATE: &str = "0.0.9";

/// Every way to fail before the end of the commit zone: first a step's start, then its settle.
const UNDONE: [Case; 27] = [
    refused("bake image", next("s3", "PutObject")),
    refused("bake image", next("ssm", "StartAutomationExecution")),
    refused("bake image", next("ssm", "GetAutomationExecution")),
    refused(
        "publish template version",
        next("ec2", "CreateLaunchTemplateVersion"),
    ),
    refused(
        "clear idle group",
        next("ssm", "DescribeAutomationExecutions"),
    ),
    refused("clear idle group", next("ssm", "StopAutomationExecution")).after(2),
    refused(
        "clear idle group",
        second(AUTOSCALING, "DescribeAutoScalingGroups"),
    )
    .after(2),
    refused(
        "scale up idle group",
        next(AUTOSCALING, "DescribeScalingActivities"),
    ),
    refused("scale up idle group", next(AUTOSCALING, "SuspendProcesses")),
    refused(
        "scale up idle group",
        next(AUTOSCALING, "UpdateAutoScalingGroup"),
    ),
    refused(
        "scale up idle group",
        next(AUTOSCALING, "DescribeAutoScalingGroups"),
    ),
    refused(
        "scale up idle group",
        second(AUTOSCALING, "DescribeScalingActivities"),
    ),
    refused("await healthy", next(ELB, "DescribeTargetHealth")),
    refused("open preview route", next(ELB, "ModifyRule")),
    broken("open preview route", How::SlowNodes, "the preview route"),
    broken("smoke test", How::Smoke, "status 200, wanted 418"),
    broken(
        "probe version",
        How::App(AppFault::WrongVersion),
        "are 0.0.9",
    ),
    broken("await healthy", How::Cancel, "").after(1),
    refused("arm guard", next("ssm", "GetDocument")).after(1),
    refused("arm guard", next("ssm", "DescribeAutomationExecutions")).after(1),
    refused("arm guard", next("ssm", "StartAutomationExecution")).after(1),
    refused("shift traffic", next(ELB, "DescribeRules")),
    refused("shift traffic", next(ELB, "DescribeTargetHealth")),
    refused("shift traffic", next(ELB, "ModifyRule")),
    refused("shift traffic", second(ELB, "DescribeRules")),
    refused("soak", second(ELB, "DescribeTargetHealth")),
    refused("disarm guard", next("ssm", "StopAutomationExecution")).after(1),
];

/// Every way to fail in the finish zone.
const FORWARD: [Case; 6] = [
    refused("drain previous", next(ELB, "ModifyRule")),
    refused(
        "retain previous",
        next(AUTOSCALING, "UpdateAutoScalingGroup"),
    ),
    refused("retain previous", next(AUTOSCALING, "ResumeProcesses")),
    refused("retain previous", next("ssm", "StartAutomationExecution")),
    refused("prune images", next("ec2", "DescribeImages")),
    refused("prune images", next("ec2", "DescribeLaunchTemplates")),
];

/// What asks AWS nothing, and waits for nothing where live is well: a run that is cancelled meanwhile ends at the next step.
const CANNOT_FAIL: [&str; 2] = ["start probe", "watch live"];

#[test]
fn no_step_is_missing_here() {
    let failing = |step: &About| {
        let cases: &[Case] = match step.zone {
            Zone::Prepare | Zone::Commit => &UNDONE,
            Zone::Finish => &FORWARD,
        };
        cases.iter().any(|case| case.step == step.name)
            || (step.calls.is_empty() && CANNOT_FAIL.contains(&step.name))
    };
    let missing: Vec<_> = TABLE.iter().filter(|step| !failing(step)).collect();
    assert!(missing.is_empty(), "no case makes these fail: {missing:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_first_release_that_fails_at_any_step_leaves_no_trace() {
    let world = World::new().await;
    world.provision(&world.config("0.0.1", None)).await;
    every_failure_leaves_no_trace(&world, UNDONE.iter().filter(|case| case.releases == 0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_release_that_fails_at_any_step_leaves_no_trace_and_live_as_it_was() {
    let world = World::with_a_release().await;
    every_failure_leaves_no_trace(&world, UNDONE.iter().filter(|case| case.releases <= 1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_fails_while_an_older_one_is_retained_leaves_live_as_it_was() {
    let world = World::with_a_release().await;
    for version in ["0.0.2", "0.0.3"] {
        let (finished, cx) = world.deploy(&world.config(version, None)).await;
        assert_deployed(&finished, &cx);
    }
    // What is retained matters to the steps that touch the idle colour, and to no other.
    let cases = UNDONE
        .iter()
        .filter(|case| case.releases == 2 || ["scale up idle group", "soak"].contains(&case.step));
    every_failure_leaves_no_trace(&world, cases).await;
}

async fn every_failure_leaves_no_trace(world: &World, cases: impl Iterator<Item = &Case>) {
    for case in cases {
        // What is retained is cleared by the first run that gets so far.
        if case.releases == 2 && !is_retained(world).await {
            release_again(world).await;
        }
        let why = format!("{case:?}");
        let config = config_of(world, case.how);
        let (prepared, plan) = world.plan(&config).await;
        let before = Standing::look(world, &plan).await;
        let cx = world.context().await;
        arrange(&world.cloud, &cx, case);
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        assert!(
            clear(&mut world.cloud.account()),
            "{why}: the fault met no call\n{}",
            story(&cx)
        );
        assert_rolled_back(
            &finished.outcome,
            case,
            &plan,
            &format!("{why}\n{}", story(&cx)),
        );
        assert_untouched(world, &plan, &before, &why).await;
    }
}

/// Fails unless the run ended undone, by this step, with nothing left over.
fn assert_rolled_back(outcome: &Outcome, case: &Case, plan: &Plan, why: &str) {
    let (failed, moved, now, left) = match (outcome, case.how) {
        (
            Outcome::RolledBack {
                step,
                cause,
                traffic_moved,
                serving,
                leftovers,
                ..
            },
            _,
        ) => {
            assert!(cause.words.contains(case.cause), "{cause}\n{why}");
            (step, traffic_moved, serving, leftovers)
        }
        (
            Outcome::Cancelled {
                step,
                traffic_moved,
                serving,
                leftovers,
                ..
            },
            How::Cancel,
        ) => (step, traffic_moved, serving, leftovers),
        (other, _) => panic!("{other:#?}\n{why}"),
    };
    assert_eq!(failed, case.step, "{why}");
    // As long as no weight was written, nobody was moved.
    let is_written = why.contains("WeightsWritten");
    assert_eq!(*moved, is_written, "{why}");
    assert!(!is_written || zone(case.step) == Zone::Commit, "{why}");
    assert_eq!(now, &plan.previous.release, "{why}");
    assert_eq!(left, &[], "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_commit_is_named_and_the_release_stands() {
    let world = World::with_a_release().await;
    for (number, case) in FORWARD.iter().enumerate() {
        // Whatever the case before left over did not keep this release from getting through.
        let version = format!("1.0.{number}");
        let mut config = world.config(&version, None);
        // So that there is a floor to give back.
        config.fleet.min = 1;
        let (prepared, plan) = world.plan(&config).await;
        let cx = world.context().await;
        arrange(&world.cloud, &cx, case);
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        assert!(clear(&mut world.cloud.account()), "{case:?}: met no call");
        let leftovers = match &finished.outcome {
            Outcome::Deployed { leftovers, .. } | Outcome::Unproven { leftovers, .. } => leftovers,
            other => panic!("{case:?}: {other:#?}\n{}", story(&cx)),
        };
        let named = leftovers
            .iter()
            .any(|left| left.what.contains(case.step) && left.what.contains(REFUSAL));
        assert!(named, "{case:?}: {leftovers:#?}");
        for _ in 0..20 {
            assert_eq!(world.visit(&plan.url, None).await, version, "{case:?}");
        }
        let group = plan.idle_group();
        let live = autoscaling::describe_group(&cx.aws, &group).await;
        let frozen = live.expect("the live group").suspended;
        assert_eq!(frozen, plan.idle_before.suspended, "{case:?}");
    }
    let (finished, cx) = world.deploy(&world.config("1.1.0", None)).await;
    assert_deployed(&finished, &cx);
}

fn zone(step: &str) -> Zone {
    let about = TABLE.iter().find(|about| about.name == step);
    about.expect("a step of the table").zone
}

fn config_of(world: &World, how: How) -> Config {
    let fault = match how {
        How::App(fault) => Some(fault),
        _ => None,
    };
    let mut config = world.config(CANDIDATE, fault);
    // One look, which may see nothing, and the one at its end.
    config.shift.soak = Duration::ZERO;
    if let How::Smoke = how {
        config.smoke = vec![Smoke {
            name: "is a teapot".to_owned(),
            method: "GET".to_owned(),
            path: "/hc".to_owned(),
            headers: Default::default(),
            body: None,
            status: 418,
            expect_headers: Default::default(),
            json: Default::default(),
            text: None,
            within: Duration::from_secs(5),
        }];
    }
    config
}

/// Sets the fault when the step begins, so that no earlier step's calls meet it.
fn arrange(cloud: &LocalAws, cx: &Context, case: &Case) {
    let cloud = cloud.clone();
    let (begins, how) = (case.step, case.how);
    let usual = cloud.account().pace.node_propagation;
    let cancel = cx.cancel.clone();
    cx.events.listen(move |stamped| match &stamped.event {
        Event::StepBegan { step, .. } if step == begins => {
            set(&mut cloud.account(), how);
            if let How::Cancel = how {
                cancel.cancel();
            }
        }
        Event::StepFailed { .. } => cloud.account().pace.node_propagation = usual,
        _ => {}
    });
}

fn set(account: &mut Account, how: How) {
    match how {
        How::Refuse(call) => call.refuse(account),
        How::SlowNodes => account.pace.node_propagation = Spread::seconds(900, 1.0, 900),
        How::App(_) | How::Smoke | How::Cancel => {}
    }
}

/// Whether the idle colour holds what an earlier release retained.
async fn is_retained(world: &World) -> bool {
    let (_, plan) = world.plan(&world.config(CANDIDATE, None)).await;
    plan.idle_before.capacity.desired > 0
}

/// One more release, so that something is retained on the idle colour again.
async fn release_again(world: &World) {
    let (_, plan) = world.plan(&world.config(CANDIDATE, None)).await;
    let live = plan.previous.release.expect("a live release");
    let (finished, cx) = world
        .deploy(&world.config(&format!("{live}.1"), None))
        .await;
    assert_deployed(&finished, &cx);
}
