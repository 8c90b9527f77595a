//! What would stop `provision` halfway is said before its first change, all of it at once.

use bg_deploy::aws::sts;
use bg_deploy::config::Config;
use bg_deploy::provision::{Provisioned, beforehand, provision};
use local_aws::Fault;
use local_aws::account::iam::service_linked;
use local_aws::account::s3::put_another_s_bucket;

use crate::support::World;

/// Why nothing is provisioned, and whether anything was changed by finding that out.
async fn told(world: &World, config: &Config) -> (Option<String>, Vec<String>, bool) {
    let cx = world.provisioner_without_a_turn(config).await;
    let caller = sts::caller(&cx.aws).await.expect("a caller");
    let from = world.cloud.account().calls.len();
    let concerns = beforehand::concerns(&cx.aws, config, &caller).await;
    let concerns = concerns.expect("they can be looked at");
    let slows = concerns.iter().filter(|it| it.slows);
    let slows = slows.map(|it| it.about.to_owned()).collect();
    let account = world.cloud.account();
    let changed = account.calls[from..].iter().any(|call| call.is_mutating());
    (beforehand::refusal(&concerns), slows, changed)
}

#[tokio::test(start_paused = true)]
async fn everything_that_would_stop_it_halfway_is_said_at_once_and_nothing_is_made() {
    let world = World::new().await;
    let mut config = world.config("0.0.1", None);
    let (why, _, changed) = told(&world, &config).await;
    assert_eq!((why, changed), (None, false));
    config.fleet.instance_type = "t4g.small".to_owned();
    world.cloud.inject(Fault::no_type_in('b'));
    {
        let mut account = world.cloud.account();
        account.limits.load_balancers = 0;
        account.limits.target_groups = 1;
        account.limits.vcpus = Some(3);
        let name = "bgd-hello-123456789012-eu-central-1";
        let closed = r#"{"Statement": []}"#;
        put_another_s_bucket(&mut account, name, "210987654321", closed);
    }
    let (why, slows, changed) = told(&world, &config).await;
    let why = why.expect("a refusal");
    for words in [
        "4 things would stop this halfway (nothing was changed, traffic is as it was):",
        "  bucket          bgd-hello-123456789012-eu-central-1",
        "  architecture    ami-",
        "  load balancers  0 are there, 1 more to be made, and the quota is 0",
        "  target groups   0 are there, 3 more to be made, and the quota is 1",
        "--service-code elasticloadbalancing --quota-code L-B22855CB --desired-value 3",
        "  vCPU quota      0 vCPUs run",
        "  instance type   AWS does not offer t4g.small in eu-central-1b",
    ] {
        assert!(why.contains(words), "{words}\n{why}");
    }
    let new_account = ["AWS's own role", "AWS's own role"];
    let [first, last] = [["instance type"], ["vCPU quota"]];
    assert_eq!(slows, [&first[..], &new_account, &last].concat());
    assert!(!changed);
}

/// The first load balancer and the first group of an account have AWS make a role of its own for each service.
#[tokio::test(start_paused = true)]
async fn aws_s_own_roles_are_told_of_and_whoever_may_not_have_them_made_needs_somebody_who_may() {
    const MAKE: &str = "iam:CreateServiceLinkedRole";
    let world = World::new().await;
    let config = world.config("0.0.1", None);
    let cx = world.provisioner(&config).await;
    let caller = sts::caller(&cx.aws).await.expect("a caller");
    for user in world.cloud.account().iam.users.values_mut() {
        for policy in user.inline.values_mut() {
            *policy = policy.replace(MAKE, "iam:ListRoles");
        }
    }
    let services = ["autoscaling", "elasticloadbalancing"].map(|it| format!("{it}.amazonaws.com"));
    let concerns = beforehand::concerns(&cx.aws, &config, &caller).await;
    let concerns = concerns.expect("they can be looked at");
    assert_eq!(concerns.len(), services.len(), "{concerns:#?}");
    for (concern, service) in concerns.iter().zip(&services) {
        assert!(concern.slows, "{concern}");
        let typed = format!("aws iam create-service-linked-role --aws-service-name {service}");
        assert!(concern.remedy.ends_with(&typed), "{concern}");
    }

    let made = provision(&cx, &config, &caller, Provisioned::default()).await;
    let why = format!("{:#}", made.expect_err("a refusal"));
    let words = format!(
        "is not authorized to perform: {MAKE} on resource: arn:aws:iam::123456789012:role/aws-service-role/\
         elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing because no identity-based policy"
    );
    assert!(why.contains(&words), "{why}");

    for service in &services {
        let mut account = world.cloud.account();
        service_linked::create(&mut account, service, None).expect("somebody who may");
    }
    let concerns = beforehand::concerns(&cx.aws, &config, &caller).await;
    assert_eq!(concerns.expect("a look"), []);
    let made = provision(&cx, &config, &caller, Provisioned::default()).await;
    made.expect("a stack");
}

#[tokio::test(start_paused = true)]
async fn a_network_of_one_zone_an_image_that_is_not_there_and_another_s_name_are_told_together() {
    let world = World::new().await;
    let mut config = world.config("0.0.1", None);
    world.provision(&config).await;
    {
        let mut account = world.cloud.account();
        for balancer in account.elbv2.load_balancers.values_mut() {
            let app = balancer.tags.get_mut("bg-deploy:app").expect("its tag");
            *app = "another".to_owned();
        }
        let one = account.ec2.subnets.keys().next().cloned();
        config.network.subnets = one.into_iter().collect();
    }
    config.bake.base_image = "ami-0123456789abcdef0".to_owned();
    let (why, _, changed) = told(&world, &config).await;
    let why = why.expect("a refusal");
    for words in [
        "3 things would stop this halfway",
        "has subnets in 1 zone",
        "-> a load balancer needs two zones",
        "there is no image ami-0123456789abcdef0",
        "  name        ",
    ] {
        assert!(why.contains(words), "{words}\n{why}");
    }
    assert!(!changed);
}
