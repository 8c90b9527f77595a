//! What makes the next release fail or lie is found, with what was seen and what to type, and left to a person.

use std::time::{Duration, SystemTime};

use bg_deploy::aws::elbv2::{self, Condition};
use bg_deploy::aws::{autoscaling, ec2, ssm, sts};
use bg_deploy::config::Window;
use bg_deploy::doctor::{Fix, Severity};
use bg_deploy::lease::by_hand::{self, Said};
use bg_deploy::names::{Colour, Weights};

use super::{assert_found, consult, kinds, live, names};
use crate::support::World;
use crate::support::rule::next;

/// What is found: what, how bad, a part of what was seen, a part of what to type.
const IN_THE_WAY: [(&str, Severity, &str, &str); 8] = [
    (
        "on-hold",
        Severity::Fails,
        "\"upgrade\", by octocat",
        "bg-deploy release-hold --environment test",
    ),
    (
        "runbook-drift",
        Severity::Fails,
        "bgd-hello-test-guard",
        "bg-deploy provision --environment test",
    ),
    (
        "runbook-missing",
        Severity::Fails,
        "bgd-hello-test-scale-in",
        "bg-deploy provision --environment test",
    ),
    (
        "other-route",
        Severity::Fails,
        "the rule of priority 500 on port 80 says blue 50, green 50, and the stack's own rule",
        "aws elbv2 modify-rule",
    ),
    (
        "processes-suspended",
        Severity::Fails,
        "Launch",
        "aws autoscaling resume-processes",
    ),
    (
        "port-differs",
        Severity::Fails,
        "port 8080, and service.port is 9090",
        "service.port = 8080",
    ),
    (
        "window-closed",
        Severity::Fails,
        "outside of the deploy windows",
        "--ignore-windows",
    ),
    (
        "template-drift",
        Severity::Lies,
        "$Latest",
        "aws autoscaling update-auto-scaling-group",
    ),
];

#[tokio::test(start_paused = true)]
async fn what_the_next_release_would_fail_or_lie_by_is_found_and_left_to_a_person() {
    let world = World::with_a_previous().await;
    world.free().await;
    let mut config = world.config("any", None);
    config.service.port = 9090;
    config.windows.allow = vec![closed_now(world.clock.utc())];
    put_in_the_way(&world).await;

    let found = consult(&world, &config).await;
    for (what, severity, seen, remedy) in IN_THE_WAY {
        assert_found(&found, what, severity, seen, remedy);
    }
    assert_eq!(found.iter().find(|finding| finding.fix.is_some()), None);

    config.account = Some("999999999999".to_owned());
    let found = consult(&world, &config).await;
    assert_eq!(
        kinds(&found),
        ["other-account"],
        "nothing else says anything then"
    );
}

/// Does to the account what people do.
async fn put_in_the_way(world: &World) {
    let aws = world.person().await;
    let place = names().lease(
        &sts::caller(&aws).await.expect("a caller").account,
        &aws.region,
    );
    let said = Said {
        reason: "upgrade".to_owned(),
        by: Some("octocat".to_owned()),
    };
    by_hand::hold(&aws, &world.clock, &place, Some(&said))
        .await
        .expect("a hold");
    let plan = world.plan_rollback(None).await;
    let guard = names().guard_runbook();
    let other = bg_deploy::bake::runbook::runbook(None).to_string();
    ssm::update_runbook(&aws, &guard, &other)
        .await
        .expect("another runbook");
    let scale_in = names().scale_in_runbook();
    world.cloud.account().ssm.documents.remove(&scale_in);
    route_of_somebody(world, &plan.target_groups).await;
    {
        let mut account = world.cloud.account();
        let groups = &mut account.autoscaling.groups;
        let idle = groups.get_mut(&plan.idle_group()).expect("the idle group");
        idle.suspended
            .insert("Launch".to_owned(), "User suspended at 2026".to_owned());
        let live = groups
            .get_mut(&names().group(plan.live))
            .expect("the live group");
        live.template.version = Some("$Latest".to_owned());
    }
}

async fn route_of_somebody(world: &World, groups: &elbv2::TargetGroups) {
    let aws = world.person().await;
    let inventory = world.look(&world.config("any", None)).await;
    let balancer = inventory.load_balancer.expect("a load balancer").arn;
    let listener = elbv2::find_listener(&aws, &balancer, 80)
        .await
        .expect("an answer");
    let condition = Condition::Header("x-beta".to_owned(), "1".to_owned());
    let weights = Weights::split(Colour::Blue, 50);
    let listener = listener.expect("a listener");
    let tags = names().tags();
    let made = elbv2::create_rule(&aws, &listener, 500, &condition, groups, weights, &tags);
    made.await.expect("a rule");
}

/// A window of one minute that is not now.
fn closed_now(now: SystemTime) -> Window {
    let text = bg_deploy::names::utc(now + Duration::from_secs(6 * 3_600));
    let hour = &text[11..13];
    Window::parse(&format!("mon-sun {hour}:00-{hour}:01")).expect("a window")
}

#[tokio::test(start_paused = true)]
async fn live_that_is_sick_or_gone_is_found() {
    let world = World::with_a_previous().await;
    world.free().await;
    let config = world.config("any", None);
    let (colour, group) = live(&world).await;
    let aws = world.person().await;
    let members = autoscaling::describe_group(&aws, &group)
        .await
        .expect("a group")
        .members;
    // Nobody replaces it.
    for process in ["ReplaceUnhealthy", "HealthCheck"] {
        let mut account = world.cloud.account();
        let group = account.autoscaling.groups.get_mut(&group).expect("a group");
        group.suspended.insert(process.to_owned(), String::new());
    }
    ec2::terminate_instance(&aws, &members[0].id)
        .await
        .expect("one less");
    world.clock.sleep(Duration::from_secs(120)).await;
    let found = consult(&world, &config).await;
    let seen = format!("{colour} is live, and 1 of its 2 instances are healthy");
    assert_found(
        &found,
        "live-unhealthy",
        Severity::Fails,
        &seen,
        "describe-scaling-activities",
    );

    for group in world.cloud.account().autoscaling.groups.values_mut() {
        (group.min, group.desired) = (0, 0);
        group.suspended.clear();
    }
    for colour in Colour::BOTH {
        world.end_instances(&names().group(colour)).await;
    }
    world.clock.sleep(Duration::from_secs(600)).await;
    let found = consult(&world, &config).await;
    assert_found(
        &found,
        "live-empty",
        Severity::Fails,
        "nobody is answered",
        "bg-deploy rollback",
    );
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_refused_is_a_finding_and_all_others_are_made() {
    let world = World::with_a_previous().await;
    world.free().await;
    let config = world.config("any", None);
    {
        let mut account = world.cloud.account();
        next("ec2", "DescribeSnapshots").refuse(&mut account);
        next("ssm", "GetDocument").refuse(&mut account);
        let group = account
            .autoscaling
            .groups
            .get_mut(&names().group(Colour::Blue));
        group.expect("a group").template.version = Some("$Latest".to_owned());
    }
    let found = consult(&world, &config).await;
    assert_found(
        &found,
        "not-seen",
        Severity::LeftOver,
        "snapshots past their time could not be looked at",
        "",
    );
    assert_found(&found, "not-seen", Severity::Fails, "the runbook", "");
    assert_found(&found, "template-drift", Severity::Lies, "$Latest", "aws");
    next("elasticloadbalancing", "DescribeListeners").refuse(&mut world.cloud.account());
    let found = consult(&world, &config).await;
    assert_found(
        &found,
        "not-seen",
        Severity::Fails,
        "the stack could not be looked at",
        "",
    );
    assert!(
        !found
            .iter()
            .any(|finding| finding.fix == Some(Fix::ClosePreview))
    );
}
