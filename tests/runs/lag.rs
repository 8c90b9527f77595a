//! What was just made is not seen everywhere at once: provisioning and releases wait for that, and for nothing that is not there.

use std::time::Duration;

use bg_deploy::deploy::{Finished, deploy};
use bg_deploy::outcome::Outcome;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::stack::Names;
use local_aws::account::lag::Eye;
use local_aws::pace::Spread;
use local_aws::{Answer, Fault};

use crate::support::{World, assert_deployed, story};

fn names() -> Names {
    Names::new("hello", "test")
}

/// Has EC2 show what is new this much later.
fn slow_ec2(world: &World, spread: Spread) {
    world.cloud.account().pace.ec2_visibility = spread;
}

/// The versions of the stack's template.
fn versions(world: &World) -> Vec<u64> {
    let account = world.cloud.account();
    let mut templates = account.ec2.launch_templates.values();
    let template = templates.next().expect("a template");
    template.versions.keys().copied().collect()
}

/// Somebody deletes the roles and profiles that `provision` made.
fn delete_roles(world: &World) {
    let mut account = world.cloud.account();
    account.iam.roles.clear();
    account.iam.profiles.clear();
}

/// Why a run was rolled back.
fn cause_of(finished: &Finished, cx: &Context) -> String {
    match &finished.outcome {
        Outcome::RolledBack { cause, .. } => cause.words.clone(),
        other => panic!("{other:#?}\n{}", story(cx)),
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_in_a_fresh_account_is_made_in_one_go_and_released_to_directly() {
    for seed in 1..=4 {
        let world = World::seeded(seed).await;
        slow_ec2(&world, Spread::seconds(4, 2.0, 10));
        let config = world.config("0.0.1", None);
        world.provision(&config).await;
        let (finished, cx) = world.deploy(&config).await;
        assert_deployed(&finished, &cx);
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_version_that_auto_scaling_sees_seconds_later_is_waited_for() {
    let world = World::with_a_release().await;
    slow_ec2(&world, Spread::seconds(8, 1.3, 10));
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_just_published_goes_with_its_run_though_it_cannot_be_deleted_yet() {
    for seed in 1..=4 {
        let world = World::seeded_with_a_release(seed).await;
        let before = versions(&world);
        slow_ec2(&world, Spread::seconds(4, 2.0, 10));
        let refused = Answer::Refuse("Nope".to_owned(), 400, "not today".to_owned());
        let fault = Fault::on("autoscaling", "SuspendProcesses", refused);
        world.cloud.inject(fault);
        let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
        let cause = cause_of(&finished, &cx);
        assert!(cause.contains("not today"), "{cause}");
        assert_eq!(versions(&world), before, "{}", story(&cx));
    }
}

#[tokio::test(start_paused = true)]
async fn roles_that_were_made_anew_are_waited_for_by_the_release_that_follows() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    delete_roles(&world);
    world.cloud.account().pace.iam_visibility = Spread::seconds(25, 1.1, 30);
    world.provision(&config).await;
    {
        // The last to be seen is the builder's: an automation finds that out.
        let mut account = world.cloud.account();
        let arn = account.iam.profiles[&names().builder_role()].arn.clone();
        account.hide(&arn, &[Eye::Launch], Spread::seconds(40, 1.0, 40));
    }
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    let events = cx.events.all();
    for words in ["unable to be assumed", "Invalid IAM Instance Profile name"] {
        let waited = |event: &Event| matches!(event, Event::Waiting { step, reason } if step == "bake image" && reason.contains(words));
        assert!(events.iter().any(|it| waited(&it.event)), "{}", story(&cx));
    }
}

/// A bake whose role may not launch yet has launched nothing: it is begun again, for a minute at most.
#[tokio::test(start_paused = true)]
async fn a_policy_that_counts_only_later_is_waited_for_by_the_release_that_follows() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    for role in world.cloud.account().iam.roles.values_mut() {
        role.inline.clear();
    }
    world.cloud.account().pace.policy_enforcement = Spread::seconds(40, 1.0, 40);
    world.provision(&config).await;
    let instances = || world.cloud.account().ec2.instances.len();
    let before = instances();
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    let events = cx.events.all();
    let waited = |event: &Event| matches!(event, Event::Waiting { step, reason } if step == "bake image" && reason.contains("UnauthorizedOperation"));
    assert!(events.iter().any(|it| waited(&it.event)), "{}", story(&cx));
    assert_eq!(instances(), before + 1 + 2, "one builder, and the colour");
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_does_not_see_the_profile_yet_is_made_again_by_auto_scaling() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let (prepared, plan) = world.plan(&config).await;
    let cx = world.context().await;
    // Once Auto Scaling has seen the template, and before it launches from it.
    let hide = async {
        loop {
            world.clock.sleep(Duration::from_millis(50)).await;
            let mut account = world.cloud.account();
            let group = &account.autoscaling.groups[&plan.idle_group()];
            if group.desired > 0 {
                assert!(group.members.is_empty(), "it has launched already");
                let arn = account.iam.profiles[&names().instance_role()].arn.clone();
                account.hide(&arn, &[Eye::Launch], Spread::seconds(8, 1.0, 8));
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let released = deploy(&cx, &plan, prepared.bundle.file.path(), None);
    let finished = tokio::select! {
        finished = released => finished,
        () = hide => unreachable!("it is pending"),
    };
    let failed = |event: &Event| matches!(event, Event::Waiting { reason, .. } if reason.contains("the last launch failed"));
    let events = cx.events.all();
    assert!(events.iter().any(|it| failed(&it.event)), "{}", story(&cx));
    assert_deployed(&finished, &cx);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_at_all_is_told_in_aws_s_words_after_a_minute() {
    let remove_role = |world: &World, name: &str| {
        let removed = world.cloud.account().iam.roles.remove(name);
        removed.expect("a role");
    };
    let remove_profile = |world: &World, name: &str| {
        let removed = world.cloud.account().iam.profiles.remove(name);
        removed.expect("a profile");
    };
    let remove_policies = |world: &World, name: &str| {
        let mut account = world.cloud.account();
        let role = account.iam.roles.get_mut(name).expect("a role");
        role.inline.clear();
    };
    type Removal<'a> = &'a dyn Fn(&World, &str);
    let cases: [(Removal<'_>, String, &str); 4] = [
        (
            &remove_policies,
            names().bake_role(),
            "UnauthorizedOperation",
        ),
        (&remove_role, names().bake_role(), "unable to be assumed"),
        (
            &remove_profile,
            names().builder_role(),
            "Invalid IAM Instance Profile name",
        ),
        (
            &remove_profile,
            names().instance_role(),
            "Invalid IAM Instance Profile name",
        ),
    ];
    for (remove, name, words) in cases {
        let world = World::with_a_release().await;
        let config = world.config("0.0.2", None);
        let (prepared, plan) = world.plan(&config).await;
        remove(&world, &name);
        let cx = world.context().await;
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        let cause = cause_of(&finished, &cx);
        assert!(cause.contains(words), "{name}: {cause}");
        let first = |event: &Event| matches!(event, Event::Waiting { reason, .. } if reason.contains(words));
        let events = cx.events.all();
        let begun = events.iter().find(|it| first(&it.event));
        let begun = begun.unwrap_or_else(|| panic!("{}", story(&cx))).at;
        let failed = |event: &Event| matches!(event, Event::StepFailed { .. });
        let ended = events.iter().find(|it| failed(&it.event));
        let took = ended.expect("a failure").at - begun;
        let bounds = Duration::from_secs(50)..Duration::from_secs(90);
        assert!(bounds.contains(&took), "{name}: {took:?}\n{}", story(&cx));
    }
}
