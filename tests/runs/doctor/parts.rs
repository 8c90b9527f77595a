//! Parts of a stack, and of what is around it, that are not as a release needs them: each is found, with what helps.

use std::time::Duration;

use bg_deploy::aws::credentials::Life;
use bg_deploy::aws::ssm::{self, Start};
use bg_deploy::aws::{Tags, sts};
use bg_deploy::doctor::{Finding, Severity, Turn, findings, look};
use bg_deploy::plan::{Plan, Source};
use local_aws::account::autoscaling::changes;

use super::{assert_found, consult};
use crate::hands::act::{forward_to, lead_to_one_alone};
use crate::support::World;

#[tokio::test(start_paused = true)]
async fn a_rule_that_somebody_wrote_anew_is_found_and_what_is_typed_then_leads_nobody_elsewhere() {
    let world = World::with_a_previous().await;
    world.free().await;
    let config = world.config("any", None);
    let plan = world.plan_rollback(None).await;
    let (live, idle) = (
        plan.target_groups.of(plan.live).to_owned(),
        plan.target_groups.of(plan.idle).to_owned(),
    );
    let both = [(&live, 100), (&idle, 0)];
    forward_to(&mut world.cloud.account(), &plan, &both, Some(60));
    let found = consult(&world, &config).await;
    assert_found(
        &found,
        "sticky-rule",
        Severity::Fails,
        "stickiness on",
        "aws elbv2 modify-rule",
    );

    lead_to_one_alone(&mut world.cloud.account(), &plan, plan.live);
    let found = consult(&world, &config).await;
    assert_found(
        &found,
        "weights-missing",
        Severity::Fails,
        &format!("names {} alone", plan.live),
        "bg-deploy provision --environment test",
    );
    world.provision(&config).await;
    world.free().await;
    assert_eq!(consult(&world, &config).await, []);
    assert_eq!(world.visit(&plan.url, None).await, "0.0.2");
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_that_is_not_active_and_a_group_that_is_being_deleted_are_found() {
    let world = World::with_a_previous().await;
    world.free().await;
    let config = world.config("any", None);
    let plan = world.plan_rollback(None).await;
    let is_active = |is_active: bool| {
        for balancer in world.cloud.account().elbv2.load_balancers.values_mut() {
            balancer.is_active = is_active;
        }
    };
    is_active(false);
    let found = consult(&world, &config).await;
    assert_found(
        &found,
        "balancer-not-active",
        Severity::Fails,
        "is provisioning, not active",
        "aws elbv2 describe-load-balancers",
    );
    is_active(true);
    let group = plan.idle_group();
    changes::delete(&mut world.cloud.account(), &group, true).expect("a group");
    let found = consult(&world, &config).await;
    assert_found(
        &found,
        "group-deleting",
        Severity::Fails,
        &group,
        "bg-deploy provision --environment test",
    );
}

#[tokio::test(start_paused = true)]
async fn a_health_check_of_the_idle_colour_that_is_not_the_file_s_is_found() {
    let world = World::with_a_release().await;
    world.free().await;
    let mut config = world.config("any", None);
    config.service.health_path = "/other".to_owned();
    let found = consult(&world, &config).await;
    assert_found(
        &found,
        "health-check-differs",
        Severity::LeftOver,
        "path /hc, not /other",
        "bg-deploy provision --environment test",
    );
    world.provision(&config).await;
    world.free().await;
    assert_eq!(consult(&world, &config).await, []);
}

/// Starts what `plan` would bake, by no run of ours; answers with the automation.
pub(crate) async fn start_bake(world: &World, plan: &Plan) -> String {
    let Source::Artifact(bake) = &plan.source else {
        panic!("{:?}", plan.source);
    };
    let (document, version) = bake.runbook.clone();
    let start = Start {
        document,
        version,
        parameters: bake.parameters.clone(),
        client_token: ssm::client_token("forgotten"),
        tags: Tags::new(),
    };
    let started = ssm::start_automation(&world.person().await, start).await;
    started.expect("an automation")
}

#[tokio::test(start_paused = true)]
async fn a_bake_that_goes_on_for_longer_than_it_may_is_found() {
    let world = World::with_a_release().await;
    world.free().await;
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    let id = start_bake(&world, &plan).await;
    world.clock.sleep(Duration::from_secs(40)).await;
    let mut config = world.config("any", None);
    let named = |found: &[Finding]| found.iter().any(|it| it.what == "bake-forgotten");
    assert!(!named(&consult(&world, &config).await));
    config.bake.timeout = Duration::from_secs(30);
    let found = consult(&world, &config).await;
    assert_found(
        &found,
        "bake-forgotten",
        Severity::LeftOver,
        &id,
        "aws ssm stop-automation-execution",
    );
}

#[tokio::test(start_paused = true)]
async fn credentials_that_end_before_a_release_could_are_found() {
    let world = World::with_a_release().await;
    world.free().await;
    let (aws, config) = (world.aws().await, world.config("any", None));
    let caller = sts::caller(&aws).await.expect("a caller");
    let now = world.clock.utc();
    let mut seen = look(&aws, caller, &config, (Turn::Free, Turn::Free), now).await;
    assert_eq!(findings(&config, &seen, now), []);
    seen.life = Life::Until(now + Duration::from_secs(300));
    let found = findings(&config, &seen, now);
    assert_found(
        &found,
        "credentials-end",
        Severity::Fails,
        "live 5 more minutes",
        "--role-arn",
    );
}
