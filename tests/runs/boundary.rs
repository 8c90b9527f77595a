//! Roles with a path and a permissions boundary: made so, held to it, and refused where they can't be so.

use bg_deploy::aws::error::{self, ErrorKind};
use bg_deploy::aws::sts;
use bg_deploy::config::Config;
use bg_deploy::provision::{Provisioned, provision};
use local_aws::account::iam::{create_policy, put_boundary};
use local_aws::account::policy::{Request, Verdict, judge};
use serde_json::Value;

use crate::least::elements::{Part, elements, without};
use crate::support::{World, assert_deployed, story};

const PATH: &str = "/bg-deploy/";
const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";
const ANYTHING: &str = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
const ALL_BUT_LAUNCHES: &str =
    r#"{"Statement": {"Effect": "Allow", "NotAction": "ec2:RunInstances", "Resource": "*"}}"#;
const KINDS: [&str; 4] = ["instance", "builder", "bake", "guard"];

/// A world that has the boundary, which says this, and a config that names it.
async fn bounded(says: &str) -> (World, Config) {
    let world = World::new().await;
    create_policy(&mut world.cloud.account(), "boundary", "/", says.to_owned()).expect("a policy");
    let mut config = world.config("0.0.1", None);
    config.roles.path = PATH.to_owned();
    config.roles.boundary = Some(BOUNDARY.to_owned());
    world.let_in(&config);
    (world, config)
}

fn name(kind: &str) -> String {
    format!("bgd-hello-test-{kind}")
}

#[tokio::test(start_paused = true)]
async fn roles_are_made_at_their_path_beyond_their_boundary_nothing_and_a_release_goes_through() {
    let (world, config) = bounded(ANYTHING).await;
    world.provision(&config).await;
    {
        let account = world.cloud.account();
        for kind in KINDS {
            let role = &account.iam.roles[&name(kind)];
            let arn = format!("arn:aws:iam::123456789012:role{PATH}{}", name(kind));
            assert_eq!(role.arn, arn);
            assert_eq!(role.boundary.as_deref(), Some(BOUNDARY), "{kind}");
        }
        let profile = &account.iam.profiles[&name("instance")];
        assert_eq!(profile.path, PATH);
    }
    // Bakes, arms its guard, hands its roles on: all by ARNs with the path.
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    let mut next = world.config("0.0.2", None);
    next.roles = config.roles.clone();
    let (finished, cx) = world.deploy(&next).await;
    assert_deployed(&finished, &cx);
    world.free().await;
    let before = world.cloud.ledger().calls.len();
    world.provision(&config).await;
    let again = world.cloud.ledger().calls;
    let limits = |call: &&local_aws::account::Call| call.operation == "PutRolePermissionsBoundary";
    assert_eq!(
        again[before..].iter().filter(limits).count(),
        0,
        "they are limited already"
    );
}

#[tokio::test(start_paused = true)]
async fn a_role_that_stands_without_the_boundary_is_given_it_before_anything_else() {
    let (world, config) = bounded(ANYTHING).await;
    world.provision(&config).await;
    for kind in KINDS {
        let mut account = world.cloud.account();
        let role = account.iam.roles.get_mut(&name(kind)).expect("the role");
        role.boundary = None;
    }
    world.provision(&config).await;
    {
        let mut account = world.cloud.account();
        let bake = &account.iam.roles[&name("bake")];
        assert_eq!(bake.boundary.as_deref(), Some(BOUNDARY));
        // Somebody limits it further.
        let tighter = create_policy(&mut account, "tighter", "/", ANYTHING.to_owned());
        put_boundary(&mut account, &name("bake"), tighter.expect("a policy")).expect("a boundary");
    }
    // A file that names none takes none away.
    let mut silent = config.clone();
    silent.roles.boundary = None;
    world.provision(&silent).await;
    let account = world.cloud.account();
    let bake = &account.iam.roles[&name("bake")];
    assert_eq!(
        bake.boundary.as_deref(),
        Some("arn:aws:iam::123456789012:policy/tighter")
    );
}

async fn refused(world: &World, config: &Config) -> anyhow::Error {
    let cx = world.provisioner(config).await;
    let caller = sts::caller(&cx.aws).await.expect("a caller");
    let provisioned = provision(&cx, config, &caller, Provisioned::default()).await;
    provisioned.expect_err("a refusal")
}

#[tokio::test(start_paused = true)]
async fn a_role_that_stands_at_another_path_is_named_and_left_as_it_is() {
    let (world, mut config) = bounded(ANYTHING).await;
    config.roles.path = "/".to_owned();
    world.provision(&config).await;
    config.roles.path = PATH.to_owned();
    let refused = refused(&world, &config).await;
    assert_eq!(
        error::kind(&refused),
        Some(ErrorKind::Conflict),
        "{refused:#}"
    );
    let told = format!("{refused:#}");
    assert!(
        told.contains(
            "bgd-hello-test-instance: it stands with the path /, the file says /bg-deploy/"
        ),
        "{told}"
    );
    // Nor does a release take it for the one that is meant.
    let prepared = world.prepare(&config).await;
    let told = format!("{:?}", prepared.decision);
    assert!(told.contains("bake role"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn who_may_provision_makes_no_role_without_the_boundary() {
    let (world, config) = bounded(ANYTHING).await;
    let mut silent = config.clone();
    silent.roles.boundary = None;
    // With the policy that is printed for a file that names one.
    let cx = world.provisioner(&config).await;
    let caller = sts::caller(&cx.aws).await.expect("a caller");
    let made = provision(&cx, &silent, &caller, Provisioned::default()).await;
    let refused = made.expect_err("a refusal");
    assert_eq!(
        error::kind(&refused),
        Some(ErrorKind::Denied),
        "{refused:#}"
    );
    assert!(
        format!("{refused:#}").contains("iam:CreateRole"),
        "{refused:#}"
    );
    assert_eq!(world.cloud.account().iam.roles.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_boundary_does_not_allow_a_bake_can_not_do_whatever_its_policy_says() {
    let (world, config) = bounded(ALL_BUT_LAUNCHES).await;
    world.provision(&config).await;
    let (finished, cx) = world.deploy(&config).await;
    let told = story(&cx);
    assert!(
        told.contains("no permissions boundary allows the ec2:RunInstances action"),
        "{told}\n{:?}",
        finished.outcome
    );
    assert_eq!(world.cloud.account().ec2.instances.len(), 0);
}

/// What was asked of this user.
fn asked(world: &World, user: &str) -> Vec<Request> {
    let account = world.cloud.account();
    let all = account.asked.iter();
    let own = all.filter(|(who, _)| who.ends_with(&format!("user/{user}")));
    own.map(|(_, request)| request.clone()).collect()
}

fn is_allowed(policy: &Value, request: &Request) -> bool {
    judge(std::slice::from_ref(policy), request) == Verdict::Allowed
}

#[tokio::test(start_paused = true)]
async fn with_a_path_and_a_boundary_no_action_resource_or_condition_about_roles_is_too_many() {
    let (world, config) = bounded(ANYTHING).await;
    // Nothing stands yet, which a plan says.
    world.prepare(&config).await;
    world.provision(&config).await;
    // They stand without a boundary, and trust nobody.
    {
        let mut account = world.cloud.account();
        for kind in KINDS {
            let role = account.iam.roles.get_mut(&name(kind)).expect("the role");
            role.boundary = None;
            role.trust = r#"{"Statement": []}"#.to_owned();
        }
    }
    world.provision(&config).await;
    let mut next = world.config("0.0.2", None);
    next.roles = config.roles.clone();
    // The second one is guarded.
    for config in [&config, &next] {
        let (finished, cx) = world.deploy(config).await;
        assert_deployed(&finished, &cx);
    }
    let scope = bg_deploy::policy::Scope::of(&config, "123456789012", "eu-central-1");
    let mut tried = 0;
    for kind in ["provision", "deploy"] {
        let policy = bg_deploy::policy::role(&scope, kind)
            .expect("a role")
            .policy();
        let own = asked(&world, kind);
        for element in elements(&policy) {
            let less = without(&policy, &element);
            let about: Vec<_> = own.iter().filter(|it| element.is_about(it)).collect();
            let is_about_roles = about.iter().any(|it| it.action.starts_with("iam:"));
            if !is_about_roles {
                continue;
            }
            let is_seen = about.iter().any(|it| match &element.part {
                Part::Condition(_, key) => {
                    let mut other = (*it).clone();
                    other.keys.insert(key.clone(), vec!["another".to_owned()]);
                    !is_allowed(&policy, &other) && is_allowed(&less, &other)
                }
                _ => is_allowed(&policy, it) && !is_allowed(&less, it),
            });
            tried += 1;
            assert!(is_seen, "{kind} needs no {element:?}");
        }
    }
    assert!(tried > 40, "only {tried}");
}
