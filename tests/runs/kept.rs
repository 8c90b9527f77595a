//! One instance of a release that failed is kept for a person, where that was asked for: without visitors, and not for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use bg_deploy::aws::{autoscaling, ssm};
use bg_deploy::config::Config;
use bg_deploy::deploy::{Finished, deploy};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use local_aws::account::ec2::instances::Lifecycle;
use local_aws::sample_app::AppFault;

use crate::doctor::{consult, mended};
use crate::support::rule::{clear, next};
use crate::support::{World, story};

const KEPT: Duration = Duration::from_secs(2 * 3_600);

fn config(world: &World, fault: Option<AppFault>) -> Config {
    let mut config = world.config("0.0.2", fault);
    config.retain.failed_for = KEPT;
    config
}

/// What was undone of a run that failed, in words.
fn undone(finished: &Finished, cx: &Context) -> String {
    match &finished.outcome {
        Outcome::RolledBack {
            undone, leftovers, ..
        } => {
            assert_eq!(leftovers, &[], "{}", story(cx));
            undone.join("\n")
        }
        other => panic!("{other:#?}\n{}", story(cx)),
    }
}

/// The instances of this release that have not ended, with how they are.
fn left(world: &World, release: &str) -> BTreeMap<String, Lifecycle> {
    let account = world.cloud.account();
    let all = account.ec2.instances.iter();
    let of_it = all.filter(|(_, one)| {
        one.tags
            .get("bg-deploy:release")
            .is_some_and(|it| it == release)
            && one.state != Lifecycle::Terminated
    });
    of_it.map(|(id, one)| (id.clone(), one.state)).collect()
}

async fn assert_empty(cx: &Context, plan: &Plan) {
    let group = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await;
    let group = group.expect("the group");
    assert_eq!((group.members.len(), group.capacity.desired), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_what_failed_is_kept_without_visitors_until_its_time_and_then_ended() {
    for (fault, step) in [
        (AppFault::Unhealthy, "await healthy"),
        (AppFault::ErrorsAfterShift, "shift traffic"),
    ] {
        let world = World::with_a_release().await;
        let config = config(&world, Some(fault));
        let (prepared, plan) = world.plan(&config).await;
        let cx = world.context().await;
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        let told = undone(&finished, &cx);
        let ended_at = world.clock.elapsed();
        let left_now = left(&world, "0.0.2");
        let kept: Vec<_> = left_now.keys().cloned().collect();
        let [kept] = kept.as_slice() else {
            panic!("{step}: {left_now:?}\n{}", story(&cx));
        };
        assert_eq!(left_now[kept], Lifecycle::Running);
        for words in [
            format!("{kept} of 0.0.2 is kept for 2h, without visitors"),
            format!("aws ssm start-session --region eu-central-1 --target {kept}"),
            format!("aws ec2 terminate-instances --region eu-central-1 --instance-ids {kept}"),
        ] {
            assert!(told.contains(&words), "{step}: {words}\n{told}");
        }
        assert_empty(&cx, &plan).await;
        drop(cx);
        world.free().await;
        for _ in 0..20 {
            assert_eq!(world.visit(&plan.url, None).await, "0.0.1");
        }
        // It costs money, and stands in nobody's way: the next release goes on the same colour.
        let found = consult(&world, &config).await;
        let about: Vec<_> = found.iter().filter(|one| one.what == "kept").collect();
        assert!(about.len() == 1 && !about[0].is_in_the_way(), "{found:#?}");
        assert!(about[0].seen.contains(kept), "{found:#?}");
        let until_then = KEPT.saturating_sub(world.clock.elapsed().saturating_sub(ended_at));
        world
            .clock
            .sleep(until_then.saturating_sub(Duration::from_secs(900)))
            .await;
        assert!(left(&world, "0.0.2").contains_key(kept), "too early");
        world.clock.sleep(Duration::from_secs(1_200)).await;
        assert_eq!(left(&world, "0.0.2"), BTreeMap::new());
        assert_eq!(consult(&world, &config).await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_a_run_that_was_cancelled_or_where_it_was_not_asked_for() {
    let world = World::with_a_release().await;
    let (finished, cx) = world
        .deploy(&world.config("0.0.2", Some(AppFault::Unhealthy)))
        .await;
    assert!(
        !undone(&finished, &cx).contains("is kept"),
        "{}",
        story(&cx)
    );
    assert_eq!(left(&world, "0.0.2"), BTreeMap::new());
    let config = config(&world, Some(AppFault::Unhealthy));
    let (prepared, plan) = world.plan(&config).await;
    let cx = world.context().await;
    let cancel = cx.cancel.clone();
    cx.events.listen(move |stamped| {
        if matches!(&stamped.event, Event::Waiting { step, .. } if step == "await healthy") {
            cancel.cancel();
        }
    });
    let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    assert!(
        matches!(finished.outcome, Outcome::Cancelled { .. }),
        "{:#?}",
        finished.outcome
    );
    assert_eq!(left(&world, "0.0.2"), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_kept_is_a_note_and_nothing_stays_behind() {
    let world = World::with_a_release().await;
    for (service, operation) in [
        ("ec2", "CreateTags"),
        ("ssm", "StartAutomationExecution"),
        ("autoscaling", "DetachInstances"),
    ] {
        let config = config(&world, Some(AppFault::Unhealthy));
        let (prepared, plan) = world.plan(&config).await;
        let cx = world.context().await;
        let cloud = world.cloud.clone();
        cx.events.listen(move |stamped| {
            if matches!(stamped.event, Event::StepFailed { .. }) {
                next(service, operation).refuse(&mut cloud.account());
            }
        });
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        assert!(clear(&mut world.cloud.account()), "{operation} was not met");
        assert!(
            !undone(&finished, &cx).contains("is kept"),
            "{}",
            story(&cx)
        );
        let events = cx.events.all();
        let is_told = |event: &Event| matches!(event, Event::Note { text } if text.contains("no instance of the candidate is kept"));
        assert!(events.iter().any(|it| is_told(&it.event)), "{}", story(&cx));
        assert_empty(&cx, &plan).await;
        assert_eq!(left(&world, "0.0.2"), BTreeMap::new(), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_runbook_that_ends_it_a_release_that_would_keep_one_is_refused() {
    let world = World::with_a_release().await;
    let runbook = "bgd-hello-test-kept";
    world.cloud.account().ssm.documents.remove(runbook);
    let config = config(&world, None);
    let decision = world.prepare(&config).await.decision;
    let bg_deploy::plan::Decision::Refused(why) = decision else {
        panic!("{decision:?}");
    };
    assert!(
        why.contains(runbook) && why.contains("bg-deploy provision"),
        "{why}"
    );
    // Who keeps nothing needs none.
    world.plan(&world.config("0.0.2", None)).await;
}

#[tokio::test(start_paused = true)]
async fn what_aws_did_not_end_in_its_time_is_found_and_ended() {
    let world = World::with_a_release().await;
    let config = config(&world, Some(AppFault::Unhealthy));
    let (finished, cx) = world.deploy(&config).await;
    undone(&finished, &cx);
    drop(cx);
    world.free().await;
    assert_eq!(left(&world, "0.0.2").len(), 1);
    // Somebody stopped what was to end it.
    let aws = world.aws().await;
    let ends = ssm::list_under_way(&aws, "bgd-hello-test-kept").await;
    for end in ends.expect("a list") {
        ssm::cancel_automation(&aws, &end.id).await.expect("a stop");
    }
    world.clock.sleep(KEPT + Duration::from_secs(1_200)).await;
    let found = consult(&world, &config).await;
    assert!(
        found.iter().any(|one| one.what == "kept-past-time"),
        "{found:#?}"
    );
    mended(&world, &config, &found).await;
    world.clock.sleep(Duration::from_secs(300)).await;
    assert_eq!(left(&world, "0.0.2"), BTreeMap::new());
}
