//! What would end a release minutes from now is said before it begins, all of it at once; what is only found on the way ends it
//! before any visitor noticed.

use std::collections::{BTreeMap, BTreeSet};

use bg_deploy::cause::Reason;
use bg_deploy::config::Config;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Decision;
use local_aws::Fault;
use local_aws::account::Account;
use local_aws::account::ec2::default_network::DEFAULT_VPC;
use local_aws::account::ec2::routes::Endpoint;

use crate::support::{World, assert_deployed, story};
use crate::verify;

/// Everything that changed something since the `from`th call.
fn changes(world: &World, from: usize) -> Vec<String> {
    let account = world.cloud.account();
    let since = account.calls[from..].iter();
    let changing = since.filter(|call| call.is_mutating());
    changing.map(|call| call.operation.clone()).collect()
}

fn leave_addresses(account: &mut Account, left: [u16; 2]) {
    let subnets = account.ec2.subnets.values_mut();
    for (subnet, left) in subnets.zip(left) {
        subnet.leave_addresses(left);
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_in_the_way_is_said_at_once_and_nothing_is_begun() {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    config.fleet.instance_type = "t4g.small".to_owned();
    config.service.port = 9090;
    world.cloud.inject(Fault::no_type_in('b'));
    {
        let mut account = world.cloud.account();
        leave_addresses(&mut account, [0, 1]);
        account.limits.vcpus = Some(5);
        for group in account.ec2.security_groups.values_mut() {
            group.ingress.clear();
        }
        for balancer in account.elbv2.load_balancers.values_mut() {
            balancer.zones.truncate(1);
        }
    }
    let from = world.cloud.account().calls.len();
    let why = refused(&world, &config).await;
    for words in [
        "6 things would end this release minutes from now:",
        "  addresses              1 address is left in subnet-",
        "  builder's address      no address is left in subnet-",
        "  architecture           ami-",
        "is for x86_64, and t4g.small runs arm64",
        "-> choose a type for x86_64 (fleet.instance-type)",
        "  vCPU quota             4 vCPUs run",
        "  security group         nothing lets the load balancer reach port 9090",
        "  load balancer's group  nothing lets anybody reach port",
        "and would only make it slower, or leave it fewer places:",
        "  instance type          AWS does not offer t4g.small in",
        "  load balancer's zones  instances can start in",
    ] {
        assert!(why.contains(words), "{words}\n{why}");
    }
    // Two lines for each of the eight, what is wrong and what to do.
    assert_eq!(why.lines().count(), 2 + 2 * 8, "{why}");
    assert_eq!(changes(&world, from), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_only_leaves_fewer_places_is_told_and_the_release_goes_on() {
    let world = World::with_a_release().await;
    world.cloud.inject(Fault::no_type_in('b'));
    let config = world.config("0.0.2", None);
    let prepared = world.prepare(&config).await;
    let told: Vec<_> = prepared.concerns.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("instance type: AWS does not offer t3.micro in eu-central-1b"),
        "{told:?}"
    );
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_may_not_look_does_without() {
    let world = World::with_a_release().await;
    forbid(&world, "ec2:DescribeInstanceTypes");
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_is_told_and_one_that_is_minutes_off_begins_nothing() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    world.cloud.account().date_ahead = 120;
    let prepared = world.prepare(&config).await;
    let told: Vec<_> = prepared.concerns.iter().map(|it| it.about).collect();
    assert_eq!(told, ["clock"]);
    world.cloud.account().date_ahead = 600;
    let why = refused(&world, &config).await;
    assert!(why.contains(" s behind AWS's"), "{why}");
    assert!(why.contains("NTP"), "{why}");
}

/// A look is made once: by the inventory, and by the preflight what that has not seen.
#[tokio::test(start_paused = true)]
async fn what_the_inventory_has_seen_is_not_asked_again() {
    let world = World::with_a_release().await;
    let from = world.cloud.account().calls.len();
    let mut config = world.config("0.0.2", None);
    world.prepare(&config).await;
    let asked = |from: usize| {
        let account = world.cloud.account();
        let times = |name: &str| {
            let since = account.calls[from..].iter();
            since.filter(|call| call.operation == name).count()
        };
        ["DescribeSubnets", "DescribeInstanceTypeOfferings"].map(times)
    };
    assert_eq!(asked(from), [1, 1]);
    let from = world.cloud.account().calls.len();
    config.bake.instance_type = "t3.small".to_owned();
    world.prepare(&config).await;
    assert_eq!(asked(from), [1, 2], "another type, another question");
}

/// Nobody in this world may ask this.
fn forbid(world: &World, action: &str) {
    let mut account = world.cloud.account();
    for user in account.iam.users.values_mut() {
        for policy in user.inline.values_mut() {
            *policy = policy.replace(action, "ec2:DescribeRegions");
        }
    }
}

/// A new account has five virtual CPUs: two colours of two instances, and a builder, need ten.
#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_is_said_with_its_numbers_and_nothing_is_begun() {
    let world = World::with_a_release().await;
    world.cloud.account().limits.vcpus = Some(7);
    let config = world.config("0.0.2", None);
    let from = world.cloud.account().calls.len();
    let why = refused(&world, &config).await;
    assert_eq!(
        why,
        "one thing would end this release minutes from now:\n  \
         vCPU quota  4 vCPUs run, this takes 4 more for 2 t3.micro and 2 for the builder (t3.micro), and the quota \
         \"Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances\" is 7\n  \
         \x20           -> end instances, or ask AWS for more: aws service-quotas request-service-quota-increase --region \
         eu-central-1 --service-code ec2 --quota-code L-1216C47A --desired-value 10"
    );
    assert_eq!(changes(&world, from), [""; 0]);
    // Room for one after the other: it is told, and the release goes on.
    world.cloud.account().limits.vcpus = Some(8);
    let prepared = world.prepare(&config).await;
    let told: Vec<_> = prepared.concerns.iter().map(|it| it.about).collect();
    assert_eq!(told, ["vCPU quota"]);
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
}

/// What runs in the idle group is ended before others start there.
#[tokio::test(start_paused = true)]
async fn what_a_release_ends_itself_takes_no_room_from_it() {
    let world = World::with_a_release().await;
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
    // Both colours run, four instances: eight, and a builder.
    world.cloud.account().limits.vcpus = Some(10);
    let (finished, cx) = world.deploy(&world.config("0.0.3", None)).await;
    assert_deployed(&finished, &cx);
}

/// A verification ends nothing of either colour.
#[tokio::test(start_paused = true)]
async fn what_is_retained_takes_room_from_a_verification() {
    let world = World::with_a_previous().await;
    let config = world.config("0.0.3", None);
    world.cloud.account().limits.vcpus = Some(10);
    let prepared = verify::prepare(&world, &config).await;
    let Decision::Refused(why) = &prepared.decision else {
        panic!("{:?}", prepared.decision);
    };
    assert!(why.contains("8 vCPUs run"), "{why}");
    world.cloud.account().limits.vcpus = Some(12);
    let (finished, cx) = verify::run(&world, &config, |_| {}).await;
    assert_eq!(finished.outcome.exit_code(), 0, "{}", story(&cx));
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_nobody_may_ask_for_ends_a_release_before_any_visitor_noticed() {
    let world = World::with_a_release().await;
    forbid(&world, "servicequotas:ListServiceQuotas");
    world.cloud.account().limits.vcpus = Some(6);
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    let Outcome::RolledBack {
        step,
        cause,
        traffic_moved: false,
        leftovers,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!((step.as_str(), leftovers.len()), ("scale up idle group", 0));
    assert_eq!(cause.reason, Some(Reason::Quota), "{cause:?}");
    assert!(cause.words.contains("vCPU limit of 6"), "{cause:?}");
}

#[tokio::test(start_paused = true)]
async fn one_subnet_without_addresses_leaves_the_release_the_other() {
    let world = World::with_a_release().await;
    leave_addresses(&mut world.cloud.account(), [4091, 0]);
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
}

/// The builder's agent is sent what to do: where it reaches nobody, a bake would wait for it for ten minutes.
#[tokio::test(start_paused = true)]
async fn a_builder_that_would_reach_nobody_is_not_started_and_one_with_endpoints_is() {
    let world = World::with_a_release().await;
    for subnet in world.cloud.account().ec2.subnets.values_mut() {
        subnet.gives_public_address = false;
    }
    let config = world.config("0.0.2", None);
    let from = world.cloud.account().calls.len();
    let why = refused(&world, &config).await;
    for words in [
        "builder's way out  subnet-",
        "leads to igw-0a1b2c3d4e5f60000, which takes public addresses only, and instances get none there",
        "no endpoint for ssm, ssmmessages, s3",
        "-> have subnet-",
        " give public addresses, or leave subnet-",
    ] {
        assert!(why.contains(words), "{words}\n{why}");
    }
    assert_eq!(changes(&world, from), [""; 0]);
    for table in world.cloud.account().ec2.route_tables.values_mut() {
        table.routes.clear();
    }
    let why = refused(&world, &config).await;
    assert!(why.contains("has no route that leads out"), "{why}");
    for service in ["ssm", "ssmmessages", "s3"] {
        let endpoint = Endpoint {
            id: format!("vpce-{service}"),
            vpc: DEFAULT_VPC.to_owned(),
            service: service.to_owned(),
            route_tables: BTreeSet::new(),
            tags: BTreeMap::new(),
        };
        let endpoints = &mut world.cloud.account().ec2.endpoints;
        endpoints.insert(endpoint.id.clone(), endpoint);
    }
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
}

/// Where nobody may look, the bake finds out: an agent that reaches nobody never says that it is there.
#[tokio::test(start_paused = true)]
async fn a_builder_that_reaches_nobody_ends_the_bake_and_nothing_of_it_is_left() {
    let world = World::with_a_release().await;
    {
        let mut account = world.cloud.account();
        for table in account.ec2.route_tables.values_mut() {
            table.routes.clear();
        }
    }
    forbid(&world, "ec2:DescribeRouteTables");
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    let Outcome::RolledBack {
        step, leftovers, ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!((step.as_str(), leftovers.len()), ("bake image", 0));
}

/// Why there is no release.
async fn refused(world: &World, config: &Config) -> String {
    match world.prepare(config).await.decision {
        Decision::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}
