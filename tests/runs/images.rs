//! An environment may take what another one of its app has baked, and a person may remove an image: what is started from stands,
//! whoever made it.

use std::time::Duration;

use bg_deploy::config::Config;
use bg_deploy::deploy::{Finished, deploy};
use bg_deploy::names::Release;
use bg_deploy::outcome::Outcome;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::stack::Names;
use local_aws::account::ec2::instances::Lifecycle;

use crate::doctor::parts::start_bake;
use crate::doctor::{ORPHAN, leave_builder_and_snapshot};
use crate::other_hands::{began, deploy_while};
use crate::support::{World, assert_deployed, story, turn};

/// The same app in another environment, on a load balancer of its own.
pub(crate) fn in_stage(mut config: Config) -> Config {
    config.environment = "stage".to_owned();
    config.network.listener_port += 1;
    config
}

pub(crate) async fn deploy_in_stage(world: &World, config: &Config) -> (Finished, Context) {
    let (prepared, plan) = world.plan(config).await;
    let cx = Context::new(world.aws().await, world.network.clone(), world.clock.lap());
    let cx = turn::at_once(cx, &Names::new("hello", "stage")).await;
    let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    (finished, cx)
}

#[tokio::test(start_paused = true)]
async fn an_image_that_another_environment_has_taken_outlives_the_release_that_made_it() {
    let world = World::with_a_release().await;
    let mut stage = in_stage(world.config("0.0.2", None));
    stage.bake.take_from = Some("test".to_owned());
    world.provision(&stage).await;

    // It never gets healthy here, and there it does.
    let mut config = world.config("0.0.2", None);
    config.service.health_path = "/absent".to_owned();
    config.fleet.healthy_within = Duration::from_secs(1800);
    let (prepared, plan) = world.plan(&config).await;
    let cx = world.context().await;
    let run = deploy(&cx, &plan, prepared.bundle.file.path(), None);
    let elsewhere = async {
        let waits = |event: &Event| matches!(event, Event::StepBegan { step, .. } if step == "await healthy");
        while !cx.events.all().iter().any(|one| waits(&one.event)) {
            cx.clock.sleep(Duration::from_millis(500)).await;
        }
        deploy_in_stage(&world, &stage).await
    };
    let (failed, (deployed, there)) = tokio::join!(run, elsewhere);
    assert_deployed(&deployed, &there);
    let told = story(&cx);
    assert!(
        matches!(failed.outcome, Outcome::RolledBack { .. }),
        "{told}"
    );
    assert!(told.contains("which another release uses"), "{told}");

    let found = world.look(&stage).await;
    let live = found.weights().and_then(|weights| weights.live());
    let live = live.expect("a colour");
    assert_eq!(found.release_of(live), Some(Release("0.0.2".to_owned())));
    let image = &found.version_of(live).expect("a version").image;
    assert!(found.stands(image), "{image}");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_gone_when_its_template_is_to_be_published_ends_the_run_before_that() {
    let world = World::with_a_previous().await;
    // Its image stands, so it is not baked.
    let (prepared, plan) = world.plan(&world.config("0.0.1", None)).await;
    let found = world.look(&world.config("0.0.1", None)).await;
    let retained = found
        .version_of(plan.idle)
        .expect("a version")
        .image
        .clone();
    world
        .cloud
        .account()
        .ec2
        .images
        .remove(&retained)
        .expect("an image");

    let cx = world.context().await;
    let from = world.cloud.account().calls.len();
    let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    let told = story(&cx);
    assert!(
        matches!(finished.outcome, Outcome::RolledBack { .. }),
        "{told}"
    );
    assert!(told.contains("was removed since this run looked"), "{told}");
    let account = world.cloud.account();
    let mut since = account.calls[from..].iter();
    assert!(
        since.all(|call| call.operation != "CreateLaunchTemplateVersion"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_bake_left_goes_with_a_release_unless_another_bake_is_under_way() {
    let world = World::with_a_release().await;
    leave_builder_and_snapshot(&world);
    let stopped = || {
        let account = world.cloud.account();
        let mut all = account.ec2.instances.values();
        all.any(|one| one.state == Lifecycle::Stopped)
    };
    let orphaned = || {
        let account = world.cloud.account();
        account.ec2.snapshots.contains_key(ORPHAN)
    };
    let config = world.config("0.0.2", None);
    let (finished, _, cx) =
        deploy_while(&world, &config, began("drain previous"), async |_, plan| {
            start_bake(&world, plan).await;
        })
        .await;
    assert_deployed(&finished, &cx);
    assert!(stopped() && orphaned(), "they may be that bake's own");

    world.clock.sleep(Duration::from_secs(600)).await;
    let (finished, cx) = world.deploy(&world.config("0.0.3", None)).await;
    assert_deployed(&finished, &cx);
    assert!(!stopped() && !orphaned(), "{}", story(&cx));
}
