//! The end of a stack: nothing is left of it, nothing else is touched, and what stands in its way is named.

pub(crate) mod in_the_way;
mod inventory;
mod stopped;

use std::time::Duration;

use bg_deploy::aws::{Aws, sts};
use bg_deploy::config::Config;
use bg_deploy::destroy::{Destroyed, destroy};
use bg_deploy::run::context::Context;
use bg_deploy::stack::Names;
use local_aws::sample_app::AppFault;
use local_aws::{Answer, Fault};

use crate::images::{deploy_in_stage, in_stage};
use crate::support::{World, assert_deployed, story, turn};
use inventory::{inventory, of_others};

/// Destroys the config's stack with these clients, in a turn of its own.
async fn destroyed(
    world: &World,
    aws: Aws,
    config: &Config,
) -> (anyhow::Result<Destroyed>, Context) {
    let caller = sts::caller(&aws).await.expect("a caller");
    let cx = Context::new(aws, world.network.clone(), world.clock.lap());
    let cx = turn::at_once(cx, &Names::new(&config.app, &config.environment)).await;
    let done = Box::pin(destroy(&cx, config, &caller)).await;
    (done, cx)
}

/// The same by a job of its role, which must go through.
pub(crate) async fn gone(world: &World, config: &Config) -> Destroyed {
    world.let_in(config);
    let aws = world.aws_of("AKIDDESTROY").await;
    let (done, cx) = destroyed(world, aws, config).await;
    done.unwrap_or_else(|error| panic!("{error:#}\n{}", story(&cx)))
}

/// Two releases, a rollback, and one that failed, of which an instance is kept.
pub(crate) async fn lived_in(world: &World) -> Config {
    let first = world.config("0.0.1", None);
    world.provision(&first).await;
    for version in ["0.0.1", "0.0.2"] {
        let (finished, cx) = world.deploy(&world.config(version, None)).await;
        assert_deployed(&finished, &cx);
    }
    world.rollback(None).await;
    world.free().await;
    let mut failing = world.config("0.0.3", Some(AppFault::Unhealthy));
    failing.retain.failed_for = Duration::from_secs(7_200);
    world.deploy(&failing).await;
    world.free().await;
    failing
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_what_provision_releases_and_bakes_made() {
    let world = World::new().await;
    let before = inventory(&world);
    let config = lived_in(&world).await;
    let stood = inventory(&world);
    for kind in ["automation", "image", "instance", "object", "role"] {
        let is_there = stood.iter().any(|it| it.starts_with(kind));
        assert!(is_there, "no {kind}: {stood:#?}");
    }
    let done = gone(&world, &config).await;
    assert_eq!((done.left, done.kept), (Vec::new(), Vec::new()));
    assert_eq!(inventory(&world), before);
}

#[tokio::test(start_paused = true)]
async fn what_is_another_app_s_or_environment_s_stays_with_the_image_that_it_took_until_it_goes_itself()
 {
    let world = World::new().await;
    let before = inventory(&world);
    let config = world.config("0.0.1", None);
    world.provision(&config).await;
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    world.free().await;
    let mut other = world.config("0.0.1", None);
    other.app = "other".to_owned();
    other.network.listener_port = 8090;
    world.provision(&other).await;
    let mut stage = in_stage(world.config("0.0.1", None));
    stage.bake.take_from = Some("test".to_owned());
    world.provision(&stage).await;
    let (finished, cx) = deploy_in_stage(&world, &stage).await;
    assert_deployed(&finished, &cx);
    let (_, plan) = world.plan(&in_stage(world.config("0.0.2", None))).await;
    let theirs = of_others(&world);
    assert!(theirs.len() > 40, "{theirs:#?}");

    let done = gone(&world, &config).await;
    assert_eq!(done.left, []);
    let kept: Vec<_> = done.kept.iter().map(|it| it.words()).collect();
    assert_eq!(kept.len(), 2, "{kept:#?}");
    assert!(
        kept[0].ends_with("another environment of hello takes it"),
        "{kept:#?}"
    );
    assert!(
        kept[1].ends_with("it is that of stage as well"),
        "{kept:#?}"
    );
    assert_eq!(of_others(&world), theirs);
    assert_eq!(world.visit(&plan.url, None).await, "0.0.1");

    let done = gone(&world, &stage).await;
    assert_eq!((done.left, done.kept), (Vec::new(), Vec::new()));
    // The image that was kept.
    gone(&world, &config).await;
    gone(&world, &other).await;
    assert_eq!(inventory(&world), before);
}

#[tokio::test(start_paused = true)]
async fn roles_with_a_path_go_as_well() {
    let world = World::new().await;
    let before = inventory(&world);
    let mut config = world.config("0.0.1", None);
    config.roles.path = "/bg-deploy/".to_owned();
    world.provision(&config).await;
    let done = gone(&world, &config).await;
    assert_eq!((done.left, done.kept), (Vec::new(), Vec::new()));
    assert_eq!(inventory(&world), before);
}

/// Every call of a destroy that changes something.
const CHANGES: [(&str, &str); 16] = [
    ("ssm", "StopAutomationExecution"),
    ("elasticloadbalancing", "DeleteListener"),
    ("autoscaling", "DeleteAutoScalingGroup"),
    ("ec2", "TerminateInstances"),
    ("elasticloadbalancing", "DeleteTargetGroup"),
    ("elasticloadbalancing", "DeleteLoadBalancer"),
    ("ec2", "DeleteLaunchTemplate"),
    ("ec2", "DeregisterImage"),
    ("ec2", "DeleteSnapshot"),
    ("ssm", "DeleteDocument"),
    ("iam", "RemoveRoleFromInstanceProfile"),
    ("iam", "DeleteInstanceProfile"),
    ("iam", "DeleteRole"),
    ("ec2", "DeleteSecurityGroup"),
    ("s3", "DeleteObjects"),
    ("s3", "DeleteBucket"),
];

#[tokio::test(start_paused = true)]
async fn whichever_answer_is_lost_it_is_carried_through() {
    let world = World::new().await;
    let before = inventory(&world);
    let config = lived_in(&world).await;
    for (service, operation) in CHANGES {
        world
            .cloud
            .inject(Fault::on(service, operation, Answer::LoseReply).times(1));
    }
    let done = gone(&world, &config).await;
    assert_eq!((done.left, done.kept), (Vec::new(), Vec::new()));
    let faults = world.cloud.account().faults.lift();
    let unmet: Vec<_> = faults.iter().filter(|fault| !fault.is_spent()).collect();
    assert!(unmet.is_empty(), "{unmet:#?}");
    assert_eq!(inventory(&world), before);
}
