//! What is not the stack's own stays and is named, with what can't go before it; once it is gone, so is the rest.

use std::sync::Arc;

use bg_deploy::config::Config;
use bg_deploy::destroy::Destroyed;
use local_aws::account::Account;
use local_aws::account::ec2::network::{Peer, Permission, create_security_group};
use local_aws::account::elbv2::actions::{Action, ActionKind, Forward};
use local_aws::account::elbv2::conditions::Condition;
use local_aws::account::elbv2::{load_balancers, rules};
use local_aws::account::iam;

use super::inventory::inventory;
use super::{destroyed, gone};
use crate::support::World;
use crate::support::rule::next;

/// A world in which a release is live, and what was there before.
async fn world() -> (World, Config, std::collections::BTreeSet<String>) {
    let before = inventory(&World::new().await);
    let world = World::with_a_release().await;
    world.free().await;
    let config = world.config("0.0.1", None);
    (world, config, before)
}

fn words(done: &Destroyed) -> String {
    let words: Vec<_> = done.left.iter().map(|it| it.words()).collect();
    words.join("\n")
}

fn assert_told(done: &Destroyed, expected: &[&str]) {
    let words = words(done);
    for one in expected {
        assert!(words.contains(one), "{one}\n{words}");
    }
}

/// A rule on the stack's own listener that leads to the green target group, and bears nobody's tags.
pub(crate) fn add_rule(account: &mut Account) -> String {
    let listener = account.elbv2.listeners.keys().next().cloned();
    let mut groups = account.elbv2.target_groups.keys();
    let green = groups.find(|arn| arn.contains("green")).expect("a group");
    let forward = Forward {
        groups: vec![(Arc::from(green.as_str()), 1)],
        is_sticky: false,
        sticky_seconds: None,
    };
    let action = Action {
        order: None,
        kind: ActionKind::Forward(forward),
    };
    let paths = Condition::Path(vec!["/theirs".to_owned()]);
    let listener = listener.expect("a listener");
    rules::create(
        account,
        &listener,
        500,
        vec![paths],
        action,
        Default::default(),
    )
    .expect("a rule")
}

#[tokio::test(start_paused = true)]
async fn somebody_else_s_rule_keeps_what_it_leads_to_and_by_what_it_is_reached() {
    let (world, config, before) = world().await;
    let rule = add_rule(&mut world.cloud.account());
    let done = gone(&world, &config).await;
    assert_told(
        &done,
        &[
            "the rule of priority 500 on port 80: it does not bear the tags",
            "Auto Scaling group bgd-hello-test-green with its 2 instances: bgd-hello-test-green has a share of the traffic now (the rule of priority 500 on port 80)",
            "target group bgd-hello-test-green: Auto Scaling group bgd-hello-test-green with its 2 instances is left, and needs it",
            "load balancer bgd-hello-test: what somebody else made is on it: see port 80",
            "launch template bgd-hello-test: ",
            "role bgd-hello-test-instance: ",
            "it keeps the lease until the rest is gone",
        ],
    );
    for gone in [
        "rule of priority 1000",
        "bgd-hello-test-blue",
        "role bgd-hello-test-bake",
    ] {
        assert!(!words(&done).contains(gone), "{gone}\n{}", words(&done));
        assert!(
            done.removed.iter().any(|it| it.contains(gone)),
            "{:#?}",
            done.removed
        );
    }
    rules::delete(&mut world.cloud.account(), &rule).expect("it goes");
    let done = gone(&world, &config).await;
    assert_eq!((done.left, done.kept), (Vec::new(), Vec::new()));
    assert_eq!(inventory(&world), before);
}

#[tokio::test(start_paused = true)]
async fn a_role_with_somebody_else_s_policy_and_one_without_our_tags_are_left() {
    let (world, config, before) = world().await;
    {
        let mut account = world.cloud.account();
        let says = r#"{"Statement": []}"#.to_owned();
        iam::put_policy(&mut account, "bgd-hello-test-bake", "theirs", says).expect("a policy");
        let guard = account.iam.roles.get_mut("bgd-hello-test-guard");
        guard.expect("the role").tags.clear();
    }
    let done = gone(&world, &config).await;
    assert_told(
        &done,
        &[
            "role bgd-hello-test-bake: it has the policy theirs, which is not bg-deploy's",
            "role bgd-hello-test-guard: it does not bear the tags of this app and environment",
        ],
    );
    {
        let mut account = world.cloud.account();
        let bake = account
            .iam
            .roles
            .get_mut("bgd-hello-test-bake")
            .expect("it is left");
        assert_eq!(bake.inline.len(), 2, "nothing was taken from it");
        bake.inline.remove("theirs");
        account.iam.roles.remove("bgd-hello-test-guard");
    }
    assert_eq!(words(&gone(&world, &config).await), "");
    assert_eq!(inventory(&world), before);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_left_of_an_image_keeps_the_bucket_until_it_goes_as_well() {
    let (world, config, before) = world().await;
    next("ec2", "DeleteSnapshot").refuse(&mut world.cloud.account());
    let done = gone(&world, &config).await;
    assert_told(
        &done,
        &[
            "UnauthorizedOperation: refused on purpose",
            "it keeps the lease until the rest is gone",
        ],
    );
    assert_eq!(world.cloud.account().ec2.snapshots.len(), 1);
    assert_eq!(words(&gone(&world, &config).await), "");
    assert_eq!(inventory(&world), before);
}

#[tokio::test(start_paused = true)]
async fn somebody_else_s_object_keeps_the_bucket_and_nothing_else() {
    let (world, config, before) = world().await;
    let name = {
        let mut account = world.cloud.account();
        let (name, bucket) = account.s3.buckets.iter_mut().next().expect("the bucket");
        let any = bucket.objects.values().next().expect("an object");
        let theirs = any.clone();
        bucket.objects.insert("notes.txt".to_owned(), theirs);
        name.clone()
    };
    let done = gone(&world, &config).await;
    assert_eq!(
        words(&done),
        format!("bucket {name}: notes.txt is in it, which is not bg-deploy's")
    );
    {
        let mut account = world.cloud.account();
        let bucket = account.s3.buckets.get_mut(&name).expect("it is left");
        let keys: Vec<_> = bucket.objects.keys().cloned().collect();
        assert_eq!(keys, ["notes.txt"]);
        bucket.objects.clear();
    }
    assert_eq!(words(&gone(&world, &config).await), "");
    assert_eq!(inventory(&world), before);
}

#[tokio::test(start_paused = true)]
async fn a_security_group_that_somebody_else_s_rules_name_is_left_with_whose_they_are() {
    let (world, config, before) = world().await;
    let theirs = {
        let mut account = world.cloud.account();
        let mut groups = account.ec2.security_groups.values();
        let ours = groups
            .find(|it| it.name == "bgd-hello-test-instance")
            .expect("ours");
        let (ours, vpc) = (ours.id.clone(), ours.vpc.clone());
        let theirs =
            create_security_group(&mut account, "database", "theirs", &vpc, Default::default());
        let theirs = theirs.expect("a group");
        let rule = Permission {
            protocol: "tcp".to_owned(),
            from_port: Some(5432),
            to_port: Some(5432),
            peer: Peer::Group(ours),
            description: None,
        };
        let group = account.ec2.security_groups.get_mut(&theirs).expect("it");
        group.ingress.push(rule);
        theirs
    };
    let done = gone(&world, &config).await;
    assert_told(
        &done,
        &[
            "security group bgd-hello-test-instance",
            "DependencyViolation",
            &format!("rules of database ({theirs}) name it"),
            "is left, and needs it",
        ],
    );
    world.cloud.account().ec2.security_groups.remove(&theirs);
    assert_eq!(words(&gone(&world, &config).await), "");
    assert_eq!(inventory(&world), before);
}

#[tokio::test(start_paused = true)]
async fn while_somebody_protects_the_load_balancer_nothing_at_all_is_removed() {
    let (world, config, before) = world().await;
    let protect = |is: &str| {
        let mut account = world.cloud.account();
        let arn = account
            .elbv2
            .load_balancers
            .keys()
            .next()
            .cloned()
            .expect("it");
        let change = [("deletion_protection.enabled".to_owned(), is.to_owned())];
        load_balancers::modify_attributes(&mut account, &arn, &change).expect("an attribute");
    };
    let but_for_the_lease = |world: &World| {
        let mut all = inventory(world);
        all.retain(|line| !line.contains("lease.json"));
        all
    };
    protect("true");
    let stood = but_for_the_lease(&world);
    world.let_in(&config);
    let (done, _) = destroyed(&world, world.aws_of("AKIDDESTROY").await, &config).await;
    let refused = format!("{:#}", done.expect_err("a refusal"));
    assert!(
        refused.contains("Key=deletion_protection.enabled,Value=false"),
        "{refused}"
    );
    assert_eq!(but_for_the_lease(&world), stood);
    protect("false");
    assert_eq!(words(&gone(&world, &config).await), "");
    assert_eq!(inventory(&world), before);
}
