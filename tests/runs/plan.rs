//! What a plan decides, and that deciding changes nothing; what a release may call is what the step table says.

use std::collections::BTreeSet;
use std::time::Duration;

use bg_deploy::aws::{elbv2, sts};
use bg_deploy::config::Config;
use bg_deploy::names::{Colour, Release, Weights};
use bg_deploy::plan::{Change, Decision};
use bg_deploy::prepare::Prepared;
use bg_deploy::provision::{Provisioned, provision};
use bg_deploy::run::event::Event;
use bg_deploy::steps::TABLE;

use crate::doctor::consult;
use crate::support::{World, assert_deployed, by_hand};

/// The operations since the `from`th call that change something.
fn mutating(world: &World, from: usize) -> BTreeSet<String> {
    world.cloud.account().calls[from..]
        .iter()
        .filter(|call| call.is_mutating())
        .map(|call| call.operation.clone())
        .collect()
}

fn calls(world: &World) -> usize {
    world.cloud.account().calls.len()
}

fn reason(decision: Decision) -> String {
    match decision {
        Decision::Refused(reason) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn planning_changes_nothing() {
    let world = World::with_a_release().await;
    let from = calls(&world);
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    assert_eq!(mutating(&world, from), BTreeSet::new());
    assert!(calls(&world) > from, "it looked");
    assert_eq!(plan.previous.release, Some(Release("0.0.1".into())));
    assert_eq!((plan.live, plan.idle), (Colour::Green, Colour::Blue));
    assert_eq!(plan.capacity.desired, plan.previous.capacity.desired);
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_it_changes_of_live_and_no_value_of_a_variable() {
    let world = World::with_a_release().await;
    let told = |prepared: &Prepared| {
        let line = |it: &Change| format!("{}: {} -> {}", it.what, it.live, it.candidate);
        prepared.changes.iter().map(line).collect::<Vec<_>>()
    };
    let (prepared, plan) = world.plan(&world.config("0.0.2", None)).await;
    let as_it_is = told(&prepared);
    assert_eq!(as_it_is.len(), 2, "{as_it_is:?}");
    assert_eq!(as_it_is[0], "release: 0.0.1 -> 0.0.2");
    assert!(as_it_is[1].starts_with("image: ami-"), "{as_it_is:?}");
    assert!(as_it_is[1].ends_with(", to be baked"), "{as_it_is:?}");
    let whole: Duration = plan.phases().iter().map(|phase| phase.time).sum();
    assert!(whole > plan.shift.soak, "{:?}", plan.phases());

    let mut config = world.config("0.0.2", None);
    config.fleet.instance_type = "m7i.large".to_owned();
    let variables = &mut config.service.variables;
    variables.insert("TOKEN".to_owned(), "s3cr3t".to_owned());
    let (prepared, _) = world.plan(&config).await;
    assert_eq!(
        told(&prepared)[2..],
        [
            "instance type: t3.micro -> m7i.large",
            "variables: others, by name or by value (only their hash is known) -> those of the file now: TOKEN"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_release_calls_nothing_that_the_step_table_does_not_say() {
    let world = World::with_a_release().await;
    let planned: BTreeSet<_> = TABLE.iter().flat_map(|step| step.calls).copied().collect();
    // With something to clear, and something to prune.
    for version in ["0.0.2", "0.0.3"] {
        let mut config = world.config(version, None);
        config.retain.images = 1;
        let from = calls(&world);
        let (finished, cx) = world.deploy(&config).await;
        assert_deployed(&finished, &cx);
        for call in mutating(&world, from) {
            assert!(planned.contains(call.as_str()), "{call} is not planned");
        }
    }
    let from = calls(&world);
    let fault = Some(local_aws::sample_app::AppFault::ErrorsAfterShift);
    let (finished, _) = world.deploy(&world.config("0.0.4", fault)).await;
    assert_eq!(finished.outcome.exit_code(), 4, "{:?}", finished.outcome);
    let of_undo: BTreeSet<_> = TABLE
        .iter()
        .flat_map(|step| step.undo_calls)
        .copied()
        .collect();
    for call in mutating(&world, from) {
        // What the candidate's log is asked for with is no step's.
        let known = planned.contains(&*call) || of_undo.contains(&*call) || call == "SendCommand";
        assert!(known, "{call} is neither planned nor of undoing");
    }
}

#[tokio::test(start_paused = true)]
async fn two_live_colours_are_refused_with_the_command_for_each() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let (_, plan) = world.plan(&config).await;
    let half = Weights::split(Colour::Blue, 50);
    by_hand(&world.context().await, &plan, half).await;
    let from = calls(&world);
    let reason = reason(world.prepare(&config).await.decision);
    for colour in [
        "blue, no release: aws elbv2 modify-rule --region eu-central-1 --rule-arn",
        "green, 0.0.1: aws elbv2 modify-rule --region eu-central-1 --rule-arn",
    ] {
        assert!(reason.contains(colour), "{reason}");
    }
    assert_eq!(mutating(&world, from), BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn where_live_has_no_healthy_instance_the_previous_colour_that_has_some_is_not_emptied() {
    let world = World::with_a_previous().await;
    let config = world.config("0.0.3", None);
    let (_, plan) = world.plan(&config).await;
    let group = plan.names().group(plan.live);
    // A person ends the instances, and nobody replaces them yet.
    if let Some(group) = world.cloud.account().autoscaling.groups.get_mut(&group) {
        for process in ["Launch", "ReplaceUnhealthy", "HealthCheck"] {
            group.suspended.insert(process.to_owned(), String::new());
        }
    }
    world.end_instances(&group).await;
    world.clock.sleep(Duration::from_secs(30)).await;
    let from = calls(&world);
    let reason = reason(world.prepare(&config).await.decision);
    for words in [
        "nobody is served: all traffic goes to blue, which has no healthy instance",
        "while green is up with 0.0.1",
        "aws elbv2 modify-rule",
    ] {
        assert!(reason.contains(words), "{reason}");
    }
    assert_eq!(mutating(&world, from), BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn another_account_than_the_environment_s_is_refused() {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    config.account = Some("999999999999".to_owned());
    let reason = reason(world.prepare(&config).await.decision);
    for word in ["123456789012", "999999999999", "use credentials of account"] {
        assert!(reason.contains(word), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_stack_is_refused_with_what_is_missing_and_what_makes_it() {
    let world = World::new().await;
    let config = world.config("0.0.1", None);
    let reason = reason(world.prepare(&config).await.decision);
    for word in [
        "load balancer",
        "target groups",
        "Auto Scaling groups",
        "launch template",
        "artifact bucket",
        "bg-deploy provision --environment test",
    ] {
        assert!(reason.contains(word), "no {word} in: {reason}");
    }
    assert_eq!(mutating(&world, 0), BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn another_stack_of_the_same_name_is_refused_and_nothing_of_it_is_touched() {
    let world = World::new().await;
    let mut theirs = world.config("0.0.1", None);
    theirs.environment = "api-test".to_owned();
    world.provision(&theirs).await;
    let mut ours = world.config("0.0.1", None);
    ours.app = "hello-api".to_owned();
    world.let_in(&ours);
    let told = "bgd-hello-api-test is the name of app hello in environment api-test as well";

    let from = world.cloud.account().calls.len();
    let why = reason(world.prepare(&ours).await.decision);
    assert!(why.contains(told), "{why}");
    let found = consult(&world, &ours).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].what, "other-app");
    assert!(found[0].seen.contains(told), "{found:#?}");
    assert_eq!(mutating(&world, from), BTreeSet::new());

    let cx = world.provisioner(&ours).await;
    let caller = sts::caller(&cx.aws).await.expect("a caller");
    let from = world.cloud.account().calls.len();
    let provisioned = provision(&cx, &ours, &caller, Provisioned::default()).await;
    let why = provisioned.expect_err("it is another's").to_string();
    assert!(why.contains(told), "{why}");
    assert_eq!(mutating(&world, from), BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn the_live_release_again_is_nothing_to_do_and_another_artifact_of_its_name_is_refused() {
    let world = World::with_a_release().await;
    let same = world.prepare(&world.config("0.0.1", None)).await.decision;
    assert!(
        matches!(&same, Decision::NothingToDo(release) if release.0 == "0.0.1"),
        "{same:?}"
    );
    let config = world.config("0.0.1", None);
    let extra = config.service.artifact.join("extra.txt");
    std::fs::write(extra, "not the same").expect("a file");
    let reason = reason(world.prepare(&config).await.decision);
    assert!(
        reason.contains("give this one a release name of its own"),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_to_do_is_not_said_of_what_is_live_otherwise_than_the_file_says() {
    let world = World::with_a_release().await;
    let again = |change: fn(&mut Config)| {
        let mut config = world.config("0.0.1", None);
        change(&mut config);
        let world = &world;
        async move { reason(world.prepare(&config).await.decision) }
    };
    let variable = |config: &mut Config| {
        let variables = &mut config.service.variables;
        variables.insert("LEVEL".to_owned(), "debug".to_owned());
    };
    let told = again(variable).await;
    assert!(told.contains("other variables"), "{told}");
    let told = again(|config| config.fleet.instance_type = "m7g.large".to_owned()).await;
    assert!(told.contains("the file says m7g.large"), "{told}");
    let told = again(|config| config.fleet.max += 1).await;
    assert!(told.contains("instances (the file says"), "{told}");
    for told in [
        again(variable).await,
        again(|config| config.fleet.min += 1).await,
    ] {
        assert!(told.contains("a release name of its own"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_of_the_same_recipe_is_not_baked_again() {
    let world = World::with_a_release().await;
    let bakes = || {
        let account = world.cloud.account();
        let automations = account.ssm.automations.values();
        automations
            .filter(|one| one.document.ends_with("-bake"))
            .count()
    };
    for version in ["0.0.2", "0.0.1"] {
        let before = bakes();
        let (finished, cx) = world.deploy(&world.config(version, None)).await;
        assert_deployed(&finished, &cx);
        let skipped = cx.events.all().iter().any(|stamped| {
            matches!(&stamped.event, Event::StepDone { step, skipped: true, .. } if step == "bake image")
        });
        assert_eq!(skipped, version == "0.0.1", "{version}");
        assert_eq!(bakes() > before, version != "0.0.1", "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn provisioning_again_changes_nothing_before_a_release_or_after_a_shift() {
    let world = World::new().await;
    let config = world.config("0.0.1", None);
    world.provision(&config).await;
    provision_changes_nothing(&world).await;
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    provision_changes_nothing(&world).await;
    let rule = elbv2::describe_traffic(&cx.aws, &plan.traffic_rules).await;
    let weights = rule.expect("the rule").split(&plan.target_groups);
    assert_eq!(weights, Some(Weights::split(Colour::Green, 100)));
    assert_eq!(world.visit(&plan.url, None).await, "0.0.1");
}

async fn provision_changes_nothing(world: &World) {
    let cx = world.provisioner(&world.config("0.0.1", None)).await;
    let caller = bg_deploy::aws::sts::caller(&cx.aws)
        .await
        .expect("a caller");
    let before = snapshot(world);
    let again = provision(
        &cx,
        &world.config("0.0.1", None),
        &caller,
        Default::default(),
    )
    .await
    .expect("a stack");
    assert_eq!(again.created, Vec::<String>::new());
    assert_eq!(snapshot(world), before);
}

/// The parts of the account that provisioning makes, in Rust's own words.
fn snapshot(world: &World) -> Vec<String> {
    let account = world.cloud.account();
    let ec2 = &account.ec2;
    vec![
        format!("{:?}", ec2.security_groups),
        format!("{:?}", ec2.launch_templates),
        format!("{:?}", account.ssm.documents),
        format!("{:?}", account.iam),
        format!("{:?}", account.s3),
    ]
}
