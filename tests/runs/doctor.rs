//! `doctor`: what really stands in an account is found and named, what is safe to mend is mended, and nothing else changes.

mod in_the_way;
pub(crate) mod parts;

use std::collections::BTreeMap;
use std::time::Duration;

use bg_deploy::aws::elbv2::{self, PreviewRule};
use bg_deploy::aws::{Tags, autoscaling, ssm, sts};
use bg_deploy::config::Config;
use bg_deploy::doctor::{Finding, Severity, Turn, findings, look, mend, whose_turn};
use bg_deploy::finish::finish;
use bg_deploy::guard::FIRES_AFTER;
use bg_deploy::lease::{Patience, Taken};
use bg_deploy::names::{Colour, PREVIEW_HEADER, Weights};
use bg_deploy::plan::FROZEN;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::{Event, Stamped};
use bg_deploy::run::state::State;
use bg_deploy::scale_in;
use bg_deploy::stack::Names;
use local_aws::account::ec2::instances::Lifecycle;

use crate::finish::killed::{canary, kill};
use crate::support::{World, assert_deployed, by_hand as write_weights, story};

fn names() -> Names {
    Names::new("hello", "test")
}

/// What a doctor says now, which changes nothing.
pub(crate) async fn consult(world: &World, config: &Config) -> Vec<Finding> {
    let from = world.cloud.account().calls.len();
    let aws = world.aws_of("AKIDREAD").await;
    let caller = sts::caller(&aws).await.expect("a caller");
    let place = names().lease(&caller.account, &aws.region);
    let turn = whose_turn(&aws, &world.clock, &place, |_| {}).await;
    let place = names().verify_lease(&caller.account, &aws.region);
    let verifies = whose_turn(&aws, &world.clock, &place, |_| {}).await;
    let turns = (turn, verifies);
    let seen = look(&aws, caller, config, turns, world.clock.utc()).await;
    let found = findings(config, &seen, world.clock.utc());
    let account = world.cloud.account();
    let calls = &account.calls[from..];
    let changing: Vec<_> = calls.iter().filter(|call| call.is_mutating()).collect();
    assert!(changing.is_empty(), "{changing:#?}");
    let page = include_str!("../../docs/doctor.md");
    for finding in &found {
        assert!(
            page.contains(&format!("`{}`", finding.what)),
            "{finding:#?}"
        );
    }
    found
}

/// The findings' names, each once, in order.
fn kinds(found: &[Finding]) -> Vec<&'static str> {
    let mut kinds: Vec<_> = found.iter().map(|finding| finding.what).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[track_caller]
fn assert_found(found: &[Finding], what: &str, severity: Severity, seen: &str, remedy: &str) {
    let finding = found
        .iter()
        .find(|finding| finding.what == what && finding.seen.contains(seen));
    let Some(finding) = finding else {
        panic!("no {what}: {found:#?}");
    };
    assert_eq!(finding.severity, severity, "{finding:#?}");
    assert!(finding.remedy.contains(remedy), "{finding:#?}");
}

/// The colour that has all the traffic, and its group.
async fn live(world: &World) -> (Colour, String) {
    let inventory = world.look(&world.config("any", None)).await;
    let live = inventory
        .weights()
        .and_then(Weights::live)
        .expect("a live colour");
    (live, names().group(live))
}

/// Mends what can be, as `--fix` does.
pub(crate) async fn mended(world: &World, config: &Config, found: &[Finding]) {
    let cx = world.context().await;
    for mended in mend(&cx, config, found).await {
        assert_eq!(mended.failed, None, "{mended:#?}\n{}", story(&cx));
    }
    drop(cx);
    world.free().await;
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_well_before_and_after_its_first_releases_has_no_findings() {
    let world = World::new().await;
    let config = world.config("0.0.1", None);
    let found = consult(&world, &config).await;
    assert_found(
        &found,
        "not-provisioned",
        Severity::Fails,
        "nothing of",
        "bg-deploy provision",
    );
    world.provision(&config).await;
    world.free().await;
    assert_eq!(consult(&world, &config).await, []);
    for version in ["0.0.1", "0.0.2"] {
        let (finished, cx) = world.deploy(&world.config(version, None)).await;
        assert_deployed(&finished, &cx);
        world.free().await;
        assert_eq!(consult(&world, &config).await, [], "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_over_is_found_and_mended_and_a_second_look_finds_nothing() {
    let world = World::with_a_previous().await;
    let (finished, cx) = world.deploy(&world.config("0.0.3", None)).await;
    assert_deployed(&finished, &cx);
    let mut config = world.config("any", None);
    config.fleet.min = 1;
    config.retain.images = 1;
    let plan = world.plan_rollback(None).await;
    let cx = world.context().await;

    // The retained colour, frozen as by a run, gets the traffic by hand: its scale-in is to come, its minimum is pinned.
    let idle_group = plan.idle_group();
    let idle = autoscaling::see_no_weight(&cx.aws, &idle_group)
        .await
        .expect("idle");
    let held = cx.held().await.expect("a lease");
    autoscaling::freeze(&cx.aws, held, idle, &FROZEN)
        .await
        .expect("frozen");
    write_weights(&cx, &plan, Weights::split(plan.idle, 100)).await;
    let rule = PreviewRule::new(&preview_rule(&world).await);
    let held = cx.held().await.expect("a lease");
    let (header, groups) = ((PREVIEW_HEADER, "known"), &plan.target_groups);
    elbv2::write_preview(&cx.aws, held, &rule, header, groups, plan.live)
        .await
        .expect("open");
    drop(cx);
    world.free().await;
    world.clock.sleep(Duration::from_secs(120)).await;
    leave_builder_and_snapshot(&world);

    let found = consult(&world, &config).await;
    let expected = [
        "builder-forgotten",
        "images-past-time",
        "minimum-pinned",
        "preview-open",
        "processes-frozen",
        "scale-in-missing",
        "scale-in-of-live",
        "snapshots-past-time",
    ];
    assert_eq!(kinds(&found), expected, "{found:#?}");
    for finding in &found {
        assert_eq!(finding.severity, Severity::LeftOver, "{finding:#?}");
        assert!(finding.fix.is_some(), "{finding:#?}");
        assert_eq!(finding.remedy, "bg-deploy doctor --environment test --fix");
    }

    mended(&world, &config, &found).await;
    world.clock.sleep(Duration::from_secs(60)).await;
    let found = consult(&world, &config).await;
    assert_eq!(found, [], "{found:#?}");
    for _ in 0..20 {
        assert_eq!(
            world.visit(&plan.url, None).await,
            "0.0.2",
            "live is as it was"
        );
    }
    let due = scale_in::find(&world.aws().await, &names().scale_in_runbook()).await;
    let due: Vec<_> = due
        .expect("an answer")
        .into_iter()
        .map(|due| due.group)
        .collect();
    assert_eq!(
        due,
        [names().group(plan.live)],
        "it is the other colour's turn now"
    );
}

pub(crate) async fn preview_rule(world: &World) -> String {
    let inventory = world.look(&world.config("any", None)).await;
    inventory.preview_rule.expect("a preview rule").arn
}

/// A snapshot that no image has.
pub(crate) const ORPHAN: &str = "snap-0123456789abcdef0";

/// A builder that was stopped and never ended, and an image that somebody deregistered without its snapshot.
pub(crate) fn leave_builder_and_snapshot(world: &World) {
    let mut account = world.cloud.account();
    let is_builder = |name: &String| name.starts_with("bg-deploy builder");
    let mut all = account.ec2.instances.values_mut();
    let builder = all.find(|one| one.tags.get("Name").is_some_and(is_builder));
    builder.expect("a builder of the past").state = Lifecycle::Stopped;
    let mut snapshot = account
        .ec2
        .snapshots
        .values()
        .next()
        .expect("a snapshot")
        .clone();
    snapshot.id = ORPHAN.to_owned();
    account.ec2.snapshots.insert(snapshot.id.clone(), snapshot);
}

/// Somebody runs a runbook whose name begins as the guard's does, later than it and oftener.
async fn run_alike(world: &World) {
    let aws = world.person().await;
    let document = format!("{}-guard", Names::new("hello", "test").guard_runbook());
    let content = serde_json::json!({
        "schemaVersion": "0.3",
        "mainSteps": [{"name": "pause", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
    });
    let made = ssm::create_runbook(&aws, &document, &content.to_string(), &Tags::new()).await;
    made.expect("a runbook");
    for number in 0..5 {
        let start = ssm::Start {
            document: document.clone(),
            version: "1".to_owned(),
            parameters: BTreeMap::new(),
            client_token: ssm::client_token(&format!("alike {number}")),
            tags: Tags::new(),
        };
        let started = ssm::start_automation(&aws, start).await;
        started.expect("an automation");
        world.clock.sleep(Duration::from_secs(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_vanished_is_found_with_what_it_left_and_its_end_leaves_nothing() {
    let world = &World::with_a_previous().await;
    let config = world.config("any", None);
    let is_written = |stamped: &Stamped| matches!(stamped.event, Event::WeightsWritten { .. });
    let when = |cx: &Context| cx.events.all().iter().any(is_written);
    let killed = kill(world, &canary(world, "0.0.3"), when).await;

    let found = consult(world, &config).await;
    let fix = "bg-deploy doctor --environment test --fix";
    for (what, severity, seen) in [
        ("holder-gone", Severity::LeftOver, "two minutes"),
        ("run-unfinished", Severity::Fails, "a deploy of 0.0.3"),
        ("run-unfinished", Severity::Fails, "shift traffic"),
        ("weights-divided", Severity::Fails, "the traffic is divided"),
        ("guard-armed", Severity::Fails, "a guard is armed"),
    ] {
        assert_found(&found, what, severity, seen, fix);
    }
    world.clock.sleep(FIRES_AFTER * 2).await;
    run_alike(world).await;
    let found = consult(world, &config).await;
    let seen = "the run had vanished";
    assert_found(&found, "guard-fired", Severity::Lies, seen, fix);
    assert!(!kinds(&found).contains(&"guard-armed"), "{found:#?}");

    // As `--fix` takes its turn.
    let cx = Context::new(world.aws().await, world.network.clone(), world.clock.lap());
    let patience = Patience::Waits(Duration::from_secs(150));
    let Taken::Lease { lease, left, .. } = world.lease(&cx, "doctor", patience).await else {
        panic!("no turn");
    };
    let cx = cx.holding(*lease);
    let left = State::of_value(left.expect("what it left")).expect("a state");
    assert_eq!(left.plan.deployment, killed.plan.deployment);
    let ended = finish(&cx, None, left).await.expect("an end");
    assert!(ended.is_complete, "{}", story(&cx));
    let lease = cx.lease.as_ref().expect("a lease");
    lease.forget_run().await;
    let found = {
        let aws = &cx.aws;
        let caller = sts::caller(aws).await.expect("a caller");
        let seen = look(
            aws,
            caller,
            &config,
            (Turn::Free, Turn::Free),
            world.clock.utc(),
        )
        .await;
        findings(&config, &seen, world.clock.utc())
    };
    for mended in mend(&cx, &config, &found).await {
        assert_eq!(mended.failed, None, "{mended:#?}");
    }
    lease.release(false).await.expect("a free lease");
    world.clock.sleep(Duration::from_secs(60)).await;
    assert_eq!(consult(world, &config).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lives_is_seen_to_and_what_it_changes_now_is_not_judged() {
    let world = &World::with_a_previous().await;
    let config = world.config("any", None);
    let plan = world.plan_rollback(None).await;
    let cx = world.context().await;
    write_weights(&cx, &plan, Weights::split(Colour::Blue, 50)).await;
    let found = tokio::select! {
        found = consult_beside(world, &config) => found,
        () = cx.keep_lease(std::future::pending()) => unreachable!("it does not end"),
    };
    assert_eq!(found, [], "{found:#?}");
}

/// The same beside a run that beats: its beats are calls, too.
async fn consult_beside(world: &World, config: &Config) -> Vec<Finding> {
    let aws = world.aws_of("AKIDREAD").await;
    let caller = sts::caller(&aws).await.expect("a caller");
    let place = names().lease(&caller.account, &aws.region);
    let turn = whose_turn(&aws, &world.clock, &place, |_| {}).await;
    assert!(matches!(turn, Turn::UnderWay(_)), "{turn:?}");
    let seen = look(&aws, caller, config, (turn, Turn::Free), world.clock.utc()).await;
    findings(config, &seen, world.clock.utc())
}
