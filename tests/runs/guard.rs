//! The guard: AWS itself brings the traffic back when a run's process vanishes, and never otherwise.

use std::future::{Future as _, poll_fn};
use std::task::Poll;
use std::time::Duration;

use bg_deploy::aws::autoscaling::{self, Capacity};
use bg_deploy::aws::elbv2;
use bg_deploy::deploy::deploy;
use bg_deploy::guard::FIRES_AFTER;
use bg_deploy::names::{Colour, Weights};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;
use bg_deploy::rollback::rollback;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::run::progress::Phase;
use bg_deploy::run::step_id::StepId;
use local_aws::account::ssm::automations::Status;
use local_aws::pace::Spread;

use crate::finish::killed::{Killed, assert_undone, canary, kill, kill_run};
use crate::support::rule::second;
use crate::support::standing::{Standing, assert_untouched, traces};
use crate::support::{World, assert_deployed, by_hand, story};

/// The guard has acted after this, if it acts: its time, and looks at the previous colour.
const OVER: Duration = FIRES_AFTER.saturating_add(Duration::from_secs(700));

/// Every automation of the guard's runbook, and how it stands.
fn guards(world: &World) -> Vec<Status> {
    let account = world.cloud.account();
    let all = account.ssm.automations.values();
    all.filter(|run| run.document.ends_with("-guard"))
        .map(|run| run.status)
        .collect()
}

fn armed(world: &World) -> usize {
    let guards = guards(world);
    guards.iter().filter(|status| !status.is_final()).count()
}

fn has_done(cx: &Context, step: StepId) -> bool {
    cx.journal.progress().has_done(step)
}

fn has_begun(cx: &Context, step: StepId) -> bool {
    let progress = cx.journal.progress();
    progress
        .of(step)
        .is_some_and(|entry| entry.phase != Phase::Began)
}

/// How many stages were seen on the data plane.
fn seen(cx: &Context) -> usize {
    count(cx, |event| matches!(event, Event::WeightsSeen { .. }))
}

/// How often weights were written.
fn written(cx: &Context) -> usize {
    count(cx, |event| matches!(event, Event::WeightsWritten { .. }))
}

fn count(cx: &Context, is_one: fn(&Event) -> bool) -> usize {
    let all = cx.events.all();
    all.iter().filter(|stamped| is_one(&stamped.event)).count()
}

async fn weights(world: &World, plan: &Plan) -> Option<Weights> {
    let rule = elbv2::describe_traffic(&world.aws().await, &plan.traffic_rules).await;
    rule.expect("the traffic rule").split(&plan.target_groups)
}

/// Fails unless the release that was live answers everybody, its group as it was.
async fn assert_brought_back(world: &World, killed: &Killed, why: &str) {
    world.clock.sleep(OVER).await;
    let why = format!("{why}\n{}", killed.story);
    let after = Standing::look(world, &killed.plan).await;
    assert!(
        after.has_live_of(&killed.before),
        "{after:#?}\n{:#?}\n{why}",
        killed.before
    );
    for _ in 0..30 {
        let answer = world.visit(&killed.plan.url, None).await;
        assert_eq!(answer, "0.0.1", "{why}");
    }
    assert_eq!(armed(world), 0, "{why}");
}

type Arrange = fn(&World);
type When = fn(&World, &Context) -> bool;

/// From the first weight to the end of the soak.
const POINTS: [(&str, When); 8] = [
    ("the first weight is written", |_, cx| written(cx) == 1),
    ("it is seen", |_, cx| seen(cx) == 1),
    ("the second stage's guard is armed as well", |world, cx| {
        written(cx) == 1 && armed(world) == 2
    }),
    (
        "the second weight is written, both guards armed",
        |world, cx| written(cx) == 2 && armed(world) == 2,
    ),
    ("the second stage is held", |_, cx| seen(cx) == 2),
    ("all traffic is on the candidate", |_, cx| written(cx) == 3),
    ("it soaks", |_, cx| has_begun(cx, StepId::Soak)),
    ("it has soaked, and is guarded still", |_, cx| {
        has_done(cx, StepId::Soak)
    }),
];

#[tokio::test(start_paused = true)]
async fn a_run_killed_between_its_first_weight_and_the_end_of_its_soak_leaves_no_visitor_behind() {
    for (why, when) in POINTS {
        let world = World::with_a_release().await;
        let killed = kill(&world, &canary(&world, "0.0.9"), |cx| when(&world, cx)).await;
        assert_brought_back(&world, &killed, why).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_killed_after_its_weight_is_written_is_taken_back() {
    let world = World::with_a_previous().await;
    let plan = world.plan_rollback(None).await;
    let run = async |cx: &Context, plan: &Plan| rollback(cx, plan, None).await;
    let killed = kill_run(
        &world,
        ("rollback", plan),
        run,
        |_| {},
        |cx| written(cx) == 1,
    )
    .await;
    world.clock.sleep(OVER).await;
    for _ in 0..30 {
        let answer = world.visit(&killed.plan.url, None).await;
        assert_eq!(answer, "0.0.2", "{}", killed.story);
    }
}

#[tokio::test(start_paused = true)]
async fn finishing_a_run_that_the_guard_took_back_undoes_the_rest_and_says_so() {
    let points: [When; 2] = [|_, cx| seen(cx) == 1, |_, cx| has_done(cx, StepId::Soak)];
    for when in points {
        let world = World::with_a_release().await;
        let killed = kill(&world, &canary(&world, "0.0.9"), |cx| when(&world, cx)).await;
        world.clock.sleep(OVER).await;
        assert_undone(&world, &killed, "after the guard").await;
        let state = killed.state();
        let guard = state.progress.of(StepId::ArmGuard).expect("it began");
        let said = guard.undone.clone().unwrap_or_default();
        assert!(said.contains("had restored the weights"), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn finishing_a_run_in_time_disarms_its_guard() {
    let world = World::with_a_release().await;
    let killed = kill(&world, &canary(&world, "0.0.9"), |cx| seen(cx) == 2).await;
    assert_eq!(armed(&world), 1);
    assert_undone(&world, &killed, "in time").await;
    assert_eq!(armed(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_is_never_disturbed_however_long_it_takes() {
    let world = World::with_a_release().await;
    let mut config = canary(&world, "0.0.9");
    config.shift.hold = Duration::from_secs(1200);
    config.shift.soak = Duration::from_secs(3600);
    config.probe.rate = 1.0;
    let (prepared, plan) = world.plan(&config).await;
    let cx = world.context().await;
    let cloud = world.cloud.clone();
    let usual = cloud.account().pace.node_propagation;
    cx.events.listen(move |stamped| {
        // As slow as the last node may be.
        let slow = Spread::seconds(200, 1.0, 240);
        match &stamped.event {
            Event::StepBegan { step, .. } if step == "shift traffic" => {
                cloud.account().pace.node_propagation = slow;
            }
            Event::StepDone { step, .. } if step == "shift traffic" => {
                cloud.account().pace.node_propagation = usual;
            }
            _ => {}
        }
    });
    let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    assert_deployed(&finished, &cx);
    let guards = guards(&world);
    let stopped = guards.iter().all(|status| *status == Status::Cancelled);
    assert!(stopped && guards.len() > 12, "{guards:?}\n{}", story(&cx));
}

#[tokio::test(start_paused = true)]
async fn without_a_guard_no_weight_is_written() {
    let world = World::with_a_release().await;
    let refuse = |world: &World| {
        second("ssm", "StartAutomationExecution").refuse(&mut world.cloud.account())
    };
    let unlike = |world: &World| {
        let mut account = world.cloud.account();
        account
            .ssm
            .documents
            .retain(|name, _| !name.ends_with("-guard"));
    };
    let faults: [(Arrange, &str); 2] = [
        (refuse, "refused on purpose"),
        (unlike, "bg-deploy provision"),
    ];
    for (arrange, words) in faults {
        let (prepared, plan) = world.plan(&world.config("0.0.9", None)).await;
        let before = Standing::look(&world, &plan).await;
        let cx = world.context().await;
        arrange(&world);
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        let why = story(&cx);
        match &finished.outcome {
            Outcome::RolledBack {
                step,
                cause,
                traffic_moved,
                ..
            } => {
                assert_eq!(
                    (step.as_str(), *traffic_moved),
                    ("arm guard", false),
                    "{why}"
                );
                assert!(
                    cause.words.contains("the guard") && cause.words.contains(words),
                    "{cause}"
                );
            }
            other => panic!("{other:#?}\n{why}"),
        }
        assert_eq!(written(&cx), 0, "{why}");
        assert_untouched(&world, &plan, &before, &why).await;
    }
}

#[tokio::test(start_paused = true)]
async fn weights_that_a_person_moved_are_left_to_the_person() {
    let world = World::with_a_release().await;
    let killed = kill(&world, &canary(&world, "0.0.9"), |cx| seen(cx) == 1).await;
    let plan = &killed.plan;
    let moved = Weights::split(Colour::Blue, 50);
    by_hand(&world.context().await, plan, moved).await;
    world.clock.sleep(OVER).await;
    assert_eq!(weights(&world, plan).await, Some(moved));
    assert_eq!(armed(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_previous_colour_that_is_gone_gets_no_traffic_back() {
    let world = World::with_a_release().await;
    let killed = kill(&world, &canary(&world, "0.0.9"), |cx| written(cx) == 3).await;
    let plan = &killed.plan;
    let live = plan.names().group(plan.live);
    let cx = world.context().await;
    let held = cx.held().await.expect("a lease");
    let idle = autoscaling::see_no_weight(&cx.aws, &live).await;
    let idle = idle.expect("no weight");
    autoscaling::change_idle(&cx.aws, held, idle, Capacity::NONE, None)
        .await
        .expect("scaled in by hand");
    world.clock.sleep(OVER).await;
    let all = Weights::split(plan.idle, 100);
    assert_eq!(weights(&world, plan).await, Some(all));
    assert!(guards(&world).contains(&Status::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_finds_its_guard_fired_says_so_and_is_undone() {
    let world = World::with_a_release().await;
    let (prepared, plan) = world.plan(&canary(&world, "0.0.9")).await;
    let before = Standing::look(&world, &plan).await;
    let cx = world.context().await;
    let finished = {
        let mut run = Box::pin(deploy(&cx, &plan, prepared.bundle.file.path(), None));
        // Like a machine that is put to sleep, and wakes up.
        poll_fn(|task| match run.as_mut().poll(task) {
            Poll::Ready(finished) => panic!("{finished:#?}"),
            Poll::Pending if seen(&cx) == 1 => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        })
        .await;
        world.clock.sleep(OVER).await;
        run.await
    };
    let why = story(&cx);
    match &finished.outcome {
        Outcome::RolledBack { undone, .. } => {
            let said = "the guard inside AWS had restored the weights";
            assert!(undone.iter().any(|one| one == said), "{undone:?}\n{why}");
        }
        other => panic!("{other:#?}\n{why}"),
    }
    assert_untouched(&world, &plan, &before, &why).await;
    assert!(traces(&world, &plan.deployment).is_empty());
}
