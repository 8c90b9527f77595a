//! What jobs do: enough of it that each part of their policies is needed once.

use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bg_deploy::aws::{ssm, sts};
use bg_deploy::config::Config;
use bg_deploy::deploy::deploy;
use bg_deploy::guard::FIRES_AFTER;
use bg_deploy::names::Colour;
use bg_deploy::prepare::prepare;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use local_aws::account::elbv2::{rules, tags};
use local_aws::sample_app::{AppFault, Settings};
use local_aws::{Answer, Fault};

use super::{Asked, add};
use crate::destroy::in_the_way::add_rule;
use crate::destroy::{gone, lived_in};
use crate::doctor::{consult, leave_builder_and_snapshot, mended};
use crate::finish::killed::canary;
use crate::hands::act::lead_to_one_alone;
use crate::other_rules::listen_by_default_action;
use crate::support::{World, assert_deployed};
use crate::verify;

/// All of it, each part in a world and on a thread of its own.
pub(super) fn all() -> Asked {
    let scenes: [&(dyn Fn() -> World + Sync); 9] = [
        &|| in_a_world(released_and_gone_back()),
        &|| in_a_world(beside()),
        &|| in_a_world(vanished()),
        &|| in_a_world(failed(Job::Release)),
        &|| in_a_world(failed(Job::Check)),
        &|| in_a_world(given_up(Job::Release)),
        &|| in_a_world(given_up(Job::Check)),
        &|| in_a_world(provisioned_again()),
        &|| in_a_world(destroyed()),
    ];
    let asked = Mutex::new(Asked::new());
    let next = AtomicUsize::new(0);
    let play = || {
        while let Some(scene) = scenes.get(next.fetch_add(1, Ordering::Relaxed)) {
            let world = scene();
            add(&mut asked.lock().expect("nobody panicked"), &world);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(play);
        }
    });
    asked.into_inner().expect("nobody panicked")
}

fn in_a_world(scene: impl Future<Output = World>) -> World {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(scene)
}

/// Whose job.
#[derive(Clone, Copy)]
enum Job {
    Release,
    Check,
}

impl Job {
    async fn run(self, world: &World, config: &Config, set: impl Fn(&Context)) {
        match self {
            Self::Release => {
                let (prepared, plan) = world.plan(config).await;
                let cx = world.context().await;
                set(&cx);
                deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
            }
            Self::Check => {
                let prepared = verify::prepare(world, config).await;
                verify::carry_out(world, &prepared, set).await;
            }
        }
        world.free().await;
    }
}

/// Releases, one of them into a colour that is up, a rollback in seconds, a rollback that launches, and what is pruned.
async fn released_and_gone_back() -> World {
    let world = World::with_a_previous().await;
    world.rollback(None).await;
    world.free().await;
    leave_builder_and_snapshot(&world);
    let mut config = world.config("0.0.3", None);
    config.retain.images = 1;
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    world.clock.sleep(Duration::from_secs(7_200)).await;
    world.rollback(None).await;
    world.free().await;
    let found = consult(&world, &config).await;
    mended(&world, &config, &found).await;
    world
}

/// A listener of somebody else's that moves along; what `plan` and `doctor` ask.
async fn beside() -> World {
    let world = World::with_a_release().await;
    listen_by_default_action(&world).await;
    world.clock.sleep(Duration::from_secs(180)).await;
    let config = world.config("0.0.2", None);
    let release = config.release.clone().expect("a release");
    let reader = world.aws_of("AKIDREAD").await;
    sts::caller(&reader).await.expect("a caller");
    prepare(&reader, &config, &release)
        .await
        .expect("a decision");
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    world
}

/// A run that vanishes after its first weight, beside a listener of somebody else's; the guard restores both.
async fn vanished() -> World {
    let world = World::with_a_release().await;
    listen_by_default_action(&world).await;
    world.clock.sleep(Duration::from_secs(180)).await;
    let (prepared, plan) = world.plan(&canary(&world, "0.0.2")).await;
    let cx = world.context().await;
    let is_written = |event: &Event| matches!(event, Event::WeightsWritten { .. });
    let written = async {
        while !cx.events.all().iter().any(|it| is_written(&it.event)) {
            cx.clock.sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        _ = deploy(&cx, &plan, prepared.bundle.file.path(), None) => panic!("it goes on"),
        () = written => {}
    }
    world
        .clock
        .sleep(FIRES_AFTER + Duration::from_secs(700))
        .await;
    world
}

fn kept(world: &World, version: &str, fault: AppFault) -> Config {
    let mut config = world.config(version, Some(fault));
    config.retain.failed_for = Duration::from_secs(600);
    config
}

/// What fails on either colour, with agents to be asked and without.
async fn failed(job: Job) -> World {
    let world = World::with_a_previous().await;
    let fault = AppFault::Unhealthy;
    job.run(&world, &kept(&world, "0.0.3", fault), |_| {}).await;
    // What is kept is looked at only where something is to be kept.
    let config = kept(&world, "0.0.3", fault);
    consult(&world, &config).await;
    if matches!(job, Job::Release) {
        // AWS did not end it: somebody stopped what was to do that.
        let aws = world.aws().await;
        let ends = ssm::list_under_way(&aws, "bgd-hello-test-kept").await;
        for end in ends.expect("a list") {
            ssm::cancel_automation(&aws, &end.id).await.expect("a stop");
        }
        world.clock.sleep(Duration::from_secs(2_400)).await;
        let found = consult(&world, &config).await;
        mended(&world, &config, &found).await;
    }
    world.deploy(&world.config("0.0.4", None)).await;
    world.free().await;
    world.clock.sleep(Duration::from_secs(7_200)).await;
    job.run(&world, &kept(&world, "0.0.5", fault), |_| {}).await;
    {
        let mut account = world.cloud.account();
        let role = account.iam.roles.get_mut("bgd-hello-test-instance");
        role.expect("the role").inline.clear();
    }
    let config = world.config("0.0.6", Some(fault));
    job.run(&world, &config, |_| {}).await;
    // It comes as far as the preview route, beside a listener of somebody else's.
    listen_by_default_action(&world).await;
    world.clock.sleep(Duration::from_secs(180)).await;
    let config = world.config("0.0.7", Some(AppFault::WrongVersion));
    job.run(&world, &config, |_| {}).await;
    world
}

/// Ends the run so long after this.
fn cancelled(cx: &Context, after: Duration, of: impl Fn(&Event) -> bool + 'static) {
    let (cancel, clock, of) = (cx.cancel.clone(), cx.clock.clone(), Rc::new(of));
    cx.events.listen(move |stamped| {
        if of(&stamped.event) {
            let (cancel, clock) = (cancel.clone(), clock.clone());
            tokio::spawn(async move {
                clock.sleep(after).await;
                cancel.cancel();
            });
        }
    });
}

/// A bundle in parts that does not arrive; a colour that can't be cleared; a bake that is cancelled.
async fn given_up(job: Job) -> World {
    let world = World::with_a_previous().await;
    let begins = |step: &'static str| move |event: &Event| matches!(event, Event::StepBegan { step: begun, .. } if begun == step);
    let seconds = Duration::from_secs;
    let refused = || Answer::Refuse("AccessDenied".to_owned(), 403, "no more".to_owned());
    // The scale-in of what is retained was taken back, and is armed again.
    let fault = Fault::on("autoscaling", "UpdateAutoScalingGroup", refused());
    world.cloud.inject(fault.times(1));
    job.run(&world, &world.config("0.0.3", None), |_| {}).await;
    world.cloud.lift_faults();
    // Its runbook can not end the builder.
    {
        let mut account = world.cloud.account();
        let role = account.iam.roles.get_mut("bgd-hello-test-bake");
        for policy in role.expect("the role").inline.values_mut() {
            *policy = policy.replace("ec2:TerminateInstances", "ec2:DescribeRegions");
        }
    }
    job.run(&world, &world.config("0.0.4", None), |cx| {
        cancelled(cx, seconds(60), begins("bake image"));
    })
    .await;
    let long = world.config_with(Settings {
        version: "0.0.5".to_owned(),
        ..Settings::default()
    });
    let bytes: Vec<u8> = (0..20 << 20).map(|_| fastrand::u8(..)).collect();
    std::fs::write(long.service.artifact.join("long"), bytes).expect("a long file");
    let fault = Fault::on("s3", "UploadPart", refused()).after(1);
    world.cloud.inject(fault);
    job.run(&world, &long, |_| {}).await;
    world.cloud.lift_faults();
    world
}

/// What stands is provisioned again by a newer version, after somebody took tags off.
async fn provisioned_again() -> World {
    let world = World::with_a_release().await;
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    let mut config = world.config("0.0.1", None);
    config.service.health_path = "/version".to_owned();
    {
        let mut account = world.cloud.account();
        for bucket in account.s3.buckets.values_mut() {
            let open = String::new();
            bucket.configuration.insert("publicAccessBlock", open);
        }
        let trust = account.iam.roles.get_mut("bgd-hello-test-bake");
        trust.expect("the role").trust = "{\"Statement\": []}".to_owned();
        for colour in Colour::BOTH {
            let name = format!("bgd-hello-test-{colour}");
            let group = account.autoscaling.groups.get_mut(&name);
            group.expect("the group").tags.clear();
        }
        let arns: Vec<_> = account.elbv2.target_groups.keys().cloned().collect();
        for arn in arns {
            tags::of(&mut account, &arn).expect("tags").clear();
        }
    }
    {
        let mut account = world.cloud.account();
        let documents = account.ssm.documents.values_mut();
        for document in documents.filter(|it| it.owner != "Amazon") {
            let version = document.versions.last_mut().expect("a version");
            version.content.text = version.content.text.replace("bg-deploy:", "earlier:");
        }
        lead_to_one_alone(&mut account, &plan, Colour::Blue);
    }
    let lost = Fault::on("ssm", "UpdateDocument", Answer::LoseReply);
    world.cloud.inject(lost.times(1));
    world.provision(&config).await;
    world
}

/// All that there can be is removed: with a snapshot without an image, a builder that was left, a policy of an earlier version, and a
/// rule of somebody else's, without which it goes on.
async fn destroyed() -> World {
    let world = World::new().await;
    let config = lived_in(&world).await;
    leave_builder_and_snapshot(&world);
    let rule = {
        let mut account = world.cloud.account();
        for kind in ["instance", "builder"] {
            let role = account.iam.roles.get_mut(&format!("bgd-hello-test-{kind}"));
            let earlier = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
            role.expect("the role").attached.insert(earlier.to_owned());
        }
        add_rule(&mut account)
    };
    gone(&world, &config).await;
    rules::delete(&mut world.cloud.account(), &rule).expect("it goes");
    gone(&world, &config).await;
    // Nothing stands, and nothing has a path.
    gone(&world, &config).await;
    world
}
