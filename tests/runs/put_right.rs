//! What a person has taken in the middle of a run is theirs, and works; what an earlier run left around it is put right by the
//! next command, or named with what to type.

use std::time::Duration;

use bg_deploy::aws::{autoscaling, elbv2, images, launch_templates};
use bg_deploy::cause::Reason;
use bg_deploy::lease::Patience;
use bg_deploy::names::{Release, Weights};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::{Decision, FROZEN, Plan};
use local_aws::account::autoscaling::changes;
use local_aws::account::autoscaling::group::Settings;
use local_aws::account::ec2::launch_templates as templates;

use crate::books::Books;
use crate::command::{self, Command, Last, Seen, Told};
use crate::other_hands::{began, capacity, deploy_while};
use crate::support::{World, assert_deployed, by_hand, story};
use crate::visitor::Visitor;

async fn deploy(world: &World, version: &str) -> Told {
    let config = world.config(version, None);
    let command = Command {
        name: "deploy",
        config: &config,
        patience: Patience::Overtakes,
        state: None,
    };
    let (aws, seen) = (world.aws().await, Seen::default());
    let told = Box::pin(command::run(world, &aws, command, &seen)).await;
    told.unwrap_or_else(|error| panic!("{error:#}"))
}

async fn look(world: &World, plan: &Plan) -> autoscaling::Group {
    let group = autoscaling::describe_group(&world.aws().await, &plan.idle_group()).await;
    group.expect("a group")
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_a_person_makes_live_keeps_its_image_and_its_version_and_can_grow() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let proved = began("open preview route");
    let (finished, plan, cx) = deploy_while(&world, &config, proved, async |cx, plan| {
        by_hand(cx, plan, Weights::split(plan.idle, 100)).await;
    })
    .await;
    let Outcome::Stopped { serving, cause, .. } = &finished.outcome else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(*serving, Some(Release("0.0.2".to_owned())));
    assert_eq!(cause.reason, Some(Reason::Another));
    let group = look(&world, &plan).await;
    assert_eq!(group.suspended, [""; 0], "it is frozen");
    let aws = world.aws().await;
    let versions = launch_templates::describe_versions(&aws, &plan.template).await;
    let versions = versions.expect("versions");
    let own = versions
        .iter()
        .find(|one| Some(one.number) == group.template_version);
    let image = images::find_image(&aws, &own.expect("its version").image).await;
    assert!(image.expect("an answer").is_some(), "its image is gone");
    // What was live before is kept for a while, and no longer.
    let books = Books::read(&world, &plan);
    let (live, idle) = books.live_and_idle().expect("a live colour");
    assert!(
        !live.is_due && idle.is_due && idle.healthy == 2,
        "{books:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_that_a_person_made_the_default_one_is_left_with_its_image_and_named() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let published = began("scale up idle group");
    let (finished, plan, cx) = deploy_while(&world, &config, published, async |cx, plan| {
        let account = &mut *world.cloud.account();
        let newest = account.ec2.launch_templates[&plan.template].latest_version();
        templates::set_default(account, &plan.template, newest).expect("a version");
        cx.cancel.cancel();
    })
    .await;
    let Outcome::Cancelled { leftovers, .. } = &finished.outcome else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    let left: Vec<_> = leftovers.iter().map(|left| left.what.as_str()).collect();
    assert!(left[0].contains("default version"), "{left:?}");
    assert!(left[1].starts_with("\"bake image\" is left"), "{left:?}");
    assert_eq!(capacity(&world, &plan.idle_group()).await.desired, 0);
}

#[tokio::test(start_paused = true)]
async fn a_traffic_rule_that_names_one_colour_alone_is_completed_by_what_the_refusal_says() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let (_, plan) = world.plan(&config).await;
    let aws = world.aws().await;
    crate::hands::act::lead_to_one_alone(&mut world.cloud.account(), &plan, plan.live);
    let Decision::Refused(why) = world.prepare(&config).await.decision else {
        panic!("a rule with one target group can't be shifted");
    };
    assert!(
        why.contains("bg-deploy provision --environment test"),
        "{why}"
    );
    world.provision(&config).await;
    let rule = elbv2::describe_traffic(&aws, &plan.traffic_rules).await;
    let weights = rule.expect("the rule").split(&plan.target_groups);
    assert_eq!(weights, Some(Weights::split(plan.live, 100)));
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
}

#[tokio::test(start_paused = true)]
async fn a_colour_that_had_visitors_a_moment_ago_is_not_emptied_before_the_last_node_knows() {
    let world = World::with_a_previous().await;
    let (_, plan) = world.plan(&world.config("0.0.3", None)).await;
    // Its image stands: nothing but the wait is between this and the end of the retained colour.
    let cx = world.context().await;
    let visitor = Visitor::of(&world, &plan.url);
    let all = async {
        by_hand(&cx, &plan, Weights::split(plan.idle, 50)).await;
        world.clock.sleep(Duration::from_secs(90)).await;
        by_hand(&cx, &plan, plan.previous.weights).await;
        let told = deploy(&world, "0.0.1").await;
        assert_eq!(told.words(), "0.0.1 serves", "{}", told.story);
        assert!(told.story.contains("nothing to bake"), "{}", told.story);
    };
    tokio::select! {
        () = all => {}
        () = visitor.visit() => unreachable!("it visits for ever"),
    }
    assert_eq!(visitor.lost(), [""; 0], "{:?}", visitor.answers());
}

#[tokio::test(start_paused = true)]
async fn a_colour_that_would_stay_up_for_ever_is_retained_again_though_there_is_nothing_to_release()
{
    let world = World::with_a_previous().await;
    let (_, plan) = world.plan(&world.config("0.0.3", None)).await;
    // Its scale-in ends without having acted: somebody had led visitors there when its time came.
    let cx = world.context().await;
    by_hand(&cx, &plan, Weights::split(plan.idle, 50)).await;
    world.clock.sleep(plan.retain.previous_for * 2).await;
    by_hand(&cx, &plan, plan.previous.weights).await;
    let is_due = || {
        let books = Books::read(&world, &plan);
        let (_, idle) = books.live_and_idle().expect("a live colour");
        idle.is_due
    };
    assert!(!is_due());
    let told = deploy(&world, "0.0.2").await;
    assert!(matches!(told.last, Some(Last::NothingToDo(_))), "{told:#?}");
    assert!(is_due(), "it stays up for ever");
}

#[tokio::test(start_paused = true)]
async fn a_live_colour_that_a_run_left_pinned_and_frozen_is_given_back_before_nothing_is_to_do() {
    let world = World::with_a_previous().await;
    let (_, plan) = world.plan(&world.config("0.0.3", None)).await;
    let live = plan.names().group(plan.live);
    {
        let account = &mut *world.cloud.account();
        let desired = account.autoscaling.groups[&live].desired;
        let pinned = Settings {
            min: Some(desired + 1),
            desired: Some(desired + 1),
            ..Settings::default()
        };
        changes::update(account, &live, pinned).expect("a group");
        let group = account.autoscaling.groups.get_mut(&live);
        let suspended = &mut group.expect("the live group").suspended;
        suspended.extend(FROZEN.map(|process| (process.to_owned(), "by a user".to_owned())));
    }
    world.clock.sleep(Duration::from_secs(300)).await;
    let told = deploy(&world, "0.0.2").await;
    assert!(
        matches!(&told.last, Some(Last::NothingToDo(release)) if release.0 == "0.0.2"),
        "{told:#?}"
    );
    let group = autoscaling::describe_group(&world.aws().await, &live).await;
    let group = group.expect("the live group");
    assert_eq!(group.suspended, [""; 0], "it is frozen");
    assert_eq!(group.capacity.min, plan.floor, "it is pinned");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_served_the_next_release_is_proved_and_serves() {
    let world = World::with_a_release().await;
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    let empty = Settings {
        min: Some(0),
        desired: Some(0),
        ..Settings::default()
    };
    let live = plan.names().group(plan.live);
    changes::update(&mut world.cloud.account(), &live, empty).expect("a group");
    world.clock.sleep(Duration::from_secs(300)).await;
    let told = deploy(&world, "0.0.2").await;
    assert_eq!(told.words(), "0.0.2 serves", "{}", told.story);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_live_and_answers_nobody_is_not_nothing_to_do() {
    let world = World::with_a_previous().await;
    let (_, plan) = world.plan(&world.config("0.0.3", None)).await;
    let live = plan.names().group(plan.live);
    let ids: Vec<_> = {
        let account = world.cloud.account();
        account.autoscaling.groups[&live]
            .members
            .keys()
            .cloned()
            .collect()
    };
    {
        let account = &mut *world.cloud.account();
        // Nobody replaces them meanwhile, however fast that would be.
        let group = account.autoscaling.groups.get_mut(&live).expect("a group");
        group.suspended.insert("Launch".to_owned(), String::new());
        local_aws::account::ec2::lives::terminate(account, &ids).expect("instances");
    }
    world.clock.sleep(Duration::from_secs(25)).await;
    let told = deploy(&world, "0.0.2").await;
    let Some(Last::Refused(why)) = &told.last else {
        panic!("{told:#?}");
    };
    assert!(
        why.contains("bg-deploy rollback --environment test"),
        "{why}"
    );
    // All traffic on a colour without instances is put right by hand: a release would empty the other one.
    let empty = Settings {
        min: Some(0),
        desired: Some(0),
        ..Settings::default()
    };
    changes::update(&mut world.cloud.account(), &live, empty).expect("a group");
    // Its last instances are ending.
    world.clock.sleep(Duration::from_secs(5)).await;
    let told = deploy(&world, "0.0.4").await;
    let Some(Last::Refused(why)) = &told.last else {
        panic!("{told:#?}");
    };
    let up = plan.target_groups.of(plan.idle);
    assert!(why.contains("modify-rule") && why.contains(up), "{why}");
}
