//! Rollbacks against the local cloud, under a paused clock: in seconds while the previous colour is up, without a bake
//! otherwise; away from a release that fails; and at every step that fails the way back stays open.

mod failing;

use std::collections::BTreeSet;
use std::time::Duration;

use bg_deploy::aws::autoscaling;
use bg_deploy::aws::images;
use bg_deploy::config::Config;
use bg_deploy::lease::Done;
use bg_deploy::names::{Colour, Release, Weights};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::past::{Fate, releases};
use bg_deploy::plan::{Decision, Draw, FROZEN, Plan, Source};
use bg_deploy::probe::Verdict;
use bg_deploy::rollback::rollback;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::run::runner::Runner;
use bg_deploy::secret::Secret;
use bg_deploy::stack::TAG_DEPLOYMENT;
use bg_deploy::steps::ROLLBACK;
use bg_deploy::steps::await_healthy::AwaitHealthy;
use bg_deploy::steps::bake_image::BakeImage;
use bg_deploy::steps::clear_idle::ClearIdle;
use bg_deploy::steps::publish_template::PublishTemplate;
use bg_deploy::steps::retain_previous::RetainPrevious;
use bg_deploy::steps::scale_up_idle::ScaleUpIdle;
use local_aws::sample_app::AppFault;

use crate::support::standing::Standing;
use crate::support::{World, assert_deployed, by_hand, story};

/// Every instance that the account ever had.
pub(super) fn instances(world: &World) -> BTreeSet<String> {
    world
        .cloud
        .account()
        .ec2
        .instances
        .keys()
        .cloned()
        .collect()
}

/// When the weights were written.
fn written(cx: &Context) -> Duration {
    let all = cx.events.all();
    let written = all
        .iter()
        .find(|stamped| matches!(stamped.event, Event::WeightsWritten { .. }));
    written.expect("the weights were written").at
}

async fn assert_serves(world: &World, plan: &Plan, release: &str) {
    for _ in 0..20 {
        assert_eq!(world.visit(&plan.url, None).await, release);
    }
}

fn refusal(decision: Decision) -> String {
    match decision {
        Decision::Refused(reason) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_previous_colour_is_up_nothing_is_launched_and_traffic_is_back_in_seconds() {
    let world = World::with_a_previous().await;
    let before = instances(&world);
    let (finished, plan, cx) = world.rollback(None).await;
    assert_deployed(&finished, &cx);
    assert!(
        matches!(plan.source, Source::Retained { .. }),
        "{:?}",
        plan.source
    );
    let now = instances(&world);
    assert!(now.is_subset(&before), "nothing was launched");
    // How soon the load balancer's nodes obey is theirs.
    assert!(written(&cx) <= Duration::from_secs(3), "{}", story(&cx));
    assert_eq!(finished.verdict, Some(Verdict::Passed));
    assert_serves(&world, &plan, "0.0.1").await;
    // What was taken back is retained in its turn, and the new live group is its policies' again.
    let after = Standing::look(&world, &world.plan_rollback(None).await).await;
    assert!(after.retains(), "{after:?}");
    let live = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await;
    let live = live.expect("the live group");
    assert_eq!((live.capacity.min, live.suspended), (2, Vec::new()));
    let (finished, plan, cx) = world.rollback(None).await;
    assert_deployed(&finished, &cx);
    assert_serves(&world, &plan, "0.0.2").await;
    // Nothing is scaled in that serves.
    world.clock.sleep(Duration::from_secs(2 * 3_600)).await;
    assert_serves(&world, &plan, "0.0.2").await;
}

#[tokio::test(start_paused = true)]
async fn after_the_scale_in_the_same_template_version_is_launched_again() {
    let world = World::with_a_previous().await;
    world.clock.sleep(Duration::from_secs(2 * 3_600)).await;
    let ran_with = world.plan_rollback(None).await.idle_before.template_version;
    let (finished, plan, cx) = world.rollback(None).await;
    assert_deployed(&finished, &cx);
    assert!(
        matches!(plan.source, Source::ScaledIn { .. }),
        "{:?}",
        plan.source
    );
    let live = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await;
    let live = live.expect("the live group");
    assert_eq!(live.template_version, ran_with);
    assert_serves(&world, &plan, "0.0.1").await;
}

#[tokio::test(start_paused = true)]
async fn an_earlier_release_gets_a_template_version_of_its_own_and_no_bake() {
    let world = World::with_a_previous().await;
    let (finished, cx) = world.deploy(&world.config("0.0.3", None)).await;
    assert_deployed(&finished, &cx);
    let from = world.cloud.account().calls.len();
    let (finished, plan, cx) = world.rollback(Some("0.0.1")).await;
    assert_deployed(&finished, &cx);
    assert!(
        matches!(plan.source, Source::Earlier { .. }),
        "{:?}",
        plan.source
    );
    let planned: BTreeSet<_> = ROLLBACK.iter().flat_map(|step| step.about.calls).collect();
    for call in &world.cloud.account().calls[from..] {
        // What is written to S3 is the lease.
        let known = !call.is_mutating()
            || call.operation == "PutObject"
            || planned.contains(&call.operation.as_str());
        assert!(known, "{} is not in the table", call.operation);
    }
    assert_serves(&world, &plan, "0.0.1").await;
}

/// Makes a release live that no deploy would let through.
async fn force_live(world: &World, config: &Config) {
    let (prepared, plan) = world.plan(config).await;
    let cx = world.context().await;
    let run = Runner::new(&cx);
    let bundle = prepared.bundle.file.path().to_owned();
    let image = run.step(BakeImage::of(&plan, bundle)).await.expect("baked");
    let version = run.step(PublishTemplate::of(&plan, &image)).await;
    run.step(ClearIdle::of(&plan)).await.expect("cleared");
    let scaled = run.step(ScaleUpIdle::of(&plan, version.expect("a version")));
    let instances = scaled.await.expect("instances");
    run.check(AwaitHealthy::of(&plan, &instances))
        .await
        .expect("healthy");
    let weights = Weights::split(plan.idle, 100);
    by_hand(&cx, &plan, weights).await;
    world.clock.sleep(Duration::from_secs(90)).await;
    run.forward(RetainPrevious::of(&plan))
        .await
        .expect("retained");
}

#[tokio::test(start_paused = true)]
async fn what_live_fails_does_not_turn_the_way_back_around_and_is_told() {
    let world = World::with_a_release().await;
    let bad = world.config("0.0.2", Some(AppFault::ErrorsAfterShift));
    force_live(&world, &bad).await;
    // Every twentieth answer of an instance fails: enough visitors for some of those.
    let mut plan = world.plan_rollback(None).await;
    plan.visitor.rate = 40.0;
    let cx = world.context().await;
    let finished = rollback(&cx, &plan, None).await;
    let Outcome::Deployed { warnings, .. } = &finished.outcome else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(finished.verdict, Some(Verdict::Passed));
    let evidence = finished.evidence.expect("the probe ran");
    let (_, failed) = evidence.before_judged().expect("a part is judged");
    assert!(
        failed > 0 && failed == evidence.tally.failed,
        "{evidence:?}"
    );
    assert!(
        warnings
            .iter()
            .any(|text| text.starts_with(&format!("{failed} of "))
                && text.contains("before the traffic had moved")),
        "{warnings:?}"
    );
    assert_serves(&world, &plan, "0.0.1").await;
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_is_over_before_there_are_enough_answers_asks_on_until_it_is_proved() {
    let world = World::with_a_previous().await;
    let mut plan = world.plan_rollback(None).await;
    // A request every twelve seconds on each connection: a dozen answers until the previous release has been silent.
    plan.visitor.rate = 1.0 / 12.0;
    let cx = world.context().await;
    let finished = rollback(&cx, &plan, None).await;
    assert_deployed(&finished, &cx);
    assert_eq!(finished.verdict, Some(Verdict::Passed));
}

#[tokio::test(start_paused = true)]
async fn a_release_gone_back_to_that_fails_is_not_proven() {
    let world = World::new().await;
    let bad = world.config("0.0.1", Some(AppFault::ErrorsAfterShift));
    world.provision(&bad).await;
    force_live(&world, &bad).await;
    force_live(&world, &world.config("0.0.2", None)).await;
    let (finished, _, cx) = world.rollback(None).await;
    assert!(
        !matches!(finished.outcome, Outcome::Deployed { .. }),
        "{:#?}\n{}",
        finished.outcome,
        story(&cx)
    );
}

#[tokio::test(start_paused = true)]
async fn what_live_has_more_than_the_previous_colour_is_launched_first() {
    let world = World::with_a_previous().await;
    let plan = world.plan_rollback(None).await;
    let aws = world.aws().await;
    let live = plan.names().group(plan.live);
    let cx = world.context().await;
    let held = cx.held().await.expect("a lease");
    autoscaling::raise(&cx.aws, held, &live, 3)
        .await
        .expect("more");
    world.clock.sleep(Duration::from_secs(300)).await;
    let before = instances(&world);
    let (finished, plan, cx) = world.rollback(None).await;
    assert_deployed(&finished, &cx);
    assert_eq!(instances(&world).difference(&before).count(), 1);
    assert_eq!(plan.capacity.desired, 3);
    let now = autoscaling::describe_group(&aws, &plan.idle_group()).await;
    assert_eq!(now.expect("the live group").members.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_can_t_be_gone_back_to_is_refused_with_what_can() {
    let world = World::with_a_release().await;
    let first = refusal(world.decide_rollback(None).await);
    assert!(
        first.contains("0.0.1 is the first release of hello in test"),
        "{first}"
    );
    for version in ["0.0.2", "0.0.3"] {
        let (finished, cx) = world.deploy(&world.config(version, None)).await;
        assert_deployed(&finished, &cx);
    }
    assert!(matches!(
        world.decide_rollback(Some("0.0.3")).await,
        Decision::NothingToDo(Release(release)) if release == "0.0.3"
    ));
    let unknown = refusal(world.decide_rollback(Some("9")).await);
    let way = "bg-deploy rollback --environment test --to 0.0.1";
    assert!(
        unknown.contains("no release 9") && unknown.contains(way),
        "{unknown}"
    );
    let aws = world.aws().await;
    let Source::Earlier { image, .. } = world.plan_rollback(Some("0.0.1")).await.source else {
        panic!("0.0.1 is two releases back");
    };
    let image = images::find_image(&aws, &image).await.expect("an answer");
    images::remove_image(&aws, &image.expect("an image"))
        .await
        .expect("removed");
    let gone = refusal(world.decide_rollback(Some("0.0.1")).await);
    assert!(
        gone.contains("is gone") && gone.contains("--to 0.0.2"),
        "{gone}"
    );
    assert!(!gone.contains("--to 0.0.1"), "{gone}");
    let plan = world.plan_rollback(None).await;
    let half = Weights::split(Colour::Blue, 50);
    by_hand(&world.context().await, &plan, half).await;
    let divided = refusal(world.decide_rollback(None).await);
    for word in ["interrupted", "bg-deploy finish", "aws elbv2 modify-rule"] {
        assert!(divided.contains(word), "{divided}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_a_killed_run_left_is_not_taken_for_what_was_live() {
    let world = World::with_a_release().await;
    let (prepared, plan) = world.plan(&world.config("0.0.2", None)).await;
    let cx = world.context().await;
    let run = Runner::new(&cx);
    let bundle = prepared.bundle.file.path().to_owned();
    let image = run.step(BakeImage::of(&plan, bundle)).await.expect("baked");
    let version = run.step(PublishTemplate::of(&plan, &image)).await;
    let scaled = run.step(ScaleUpIdle::of(&plan, version.expect("a version")));
    scaled.await.expect("instances");
    let reason = refusal(world.decide_rollback(None).await);
    for word in [
        "0.0.2",
        "interrupted",
        "bg-deploy finish --environment test",
    ] {
        assert!(reason.contains(word), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_back_while_nobody_is_served_is_no_first_release() {
    let world = World::with_a_previous().await;
    let before = world.plan_rollback(None).await;
    assert!(!before.previous.was_down);
    let live = before.names().group(before.live);
    {
        let mut account = world.cloud.account();
        let group = account.autoscaling.groups.get_mut(&live).expect("a group");
        group.suspended.insert("Launch".to_owned(), String::new());
    }
    world.end_instances(&live).await;
    world.clock.sleep(Duration::from_secs(600)).await;
    let plan = world.plan_rollback(None).await;
    assert_eq!(plan.previous.release, None);
    assert!(plan.previous.was_down, "{:#?}", plan.previous);
    let first = World::new().await;
    let config = first.config("0.0.1", None);
    first.provision(&config).await;
    assert!(!first.plan(&config).await.1.previous.was_down);
}

#[tokio::test(start_paused = true)]
async fn what_a_run_brought_up_that_was_stopped_is_not_gone_back_to_unasked_however_it_is_left() {
    let world = World::with_a_previous().await;
    let config = world.config("any", None);
    let inventory = world.look(&config).await;
    let idle = inventory
        .weights()
        .and_then(Weights::live)
        .map(Colour::other);
    let version = inventory.version_of(idle.expect("an idle colour"));
    let deployment = &version.expect("its version").tags[TAG_DEPLOYMENT];
    let run = |deployment: &str, result: &str| Done {
        deployment: deployment.to_owned(),
        command: "deploy".to_owned(),
        release: "0.0.1".to_owned(),
        result: result.to_owned(),
        ..Done::default()
    };
    let draw = Draw {
        deployment: "d-1".to_owned(),
        preview_token: Secret::new("t".to_owned()),
    };
    let to = Release("0.0.1".to_owned());
    let decide =
        |runs: &[Done], to: Option<&Release>| Plan::go_back(&config, &inventory, runs, to, &draw);
    let stopped = [run(deployment, "stopped")];
    let refused = refusal(decide(&stopped, None));
    assert!(refused.contains("it was never live"), "{refused}");
    assert!(!refused.contains("--to 0.0.1"), "{refused}");
    let fate = |runs: &[Done]| {
        let past = releases(&inventory, runs);
        past.into_iter()
            .find(|it| it.release == to)
            .expect("it")
            .fate
    };
    assert_eq!(fate(&stopped), Fate::NeverLive);
    // Whoever names it means it; and another run may have made it live.
    assert!(matches!(decide(&stopped, Some(&to)), Decision::Release(_)));
    for runs in [
        [run("d-2", "deployed"), run(deployment, "stopped")],
        [run("d-2", "stopped"), run(deployment, "deployed")],
    ] {
        assert!(
            matches!(decide(&runs, None), Decision::Release(_)),
            "{runs:?}"
        );
        assert_eq!(fate(&runs), Fate::Retained);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_run_left_that_was_stopped_is_not_offered_to_go_back_to() {
    let world = World::with_a_previous().await;
    let offered = refusal(world.decide_rollback(Some("nosuch")).await);
    assert!(offered.contains("--to 0.0.1"), "{offered}");
    // As only a run leaves it, before its candidate had any traffic.
    {
        let mut account = world.cloud.account();
        let groups = account.autoscaling.groups.values_mut();
        let idle = groups.into_iter().find(|it| it.name.ends_with("green"));
        let idle = idle.expect("the idle group");
        for process in FROZEN {
            idle.suspended.insert(process.to_owned(), String::new());
        }
    }
    let offered = refusal(world.decide_rollback(Some("nosuch")).await);
    assert!(!offered.contains("--to 0.0.1"), "{offered}");
}
