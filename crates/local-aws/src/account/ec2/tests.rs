//! Instances and images under a clock that the test holds.

use std::time::{Duration, SystemTime};

use super::images::{self, AMAZON_LINUX, NewImage};
use super::instances::{self, Lifecycle};
use super::launch::{self, Launch};
use super::launch_data::LaunchData;
use super::{console, default_network, lives, network};
use crate::account::Tags;
use crate::account::elbv2::load_balancers::{self, Settings};
use crate::account::machine::MachineOrder;
use crate::account::{Account, Order};
use crate::pace::Pace;

const MINUTE: Duration = Duration::from_secs(60);

fn launched(shutdown_behaviour: &str) -> (Account, String) {
    let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
    let launch = Launch {
        data: LaunchData {
            image: Some(AMAZON_LINUX.to_owned()),
            instance_type: Some("t3.micro".to_owned()),
            user_data: Some("I2Nsb3VkLWNvbmZpZwp7fQ==".to_owned()),
            shutdown_behaviour: Some(shutdown_behaviour.to_owned()),
            ..LaunchData::default()
        },
        min: 1,
        max: 1,
        ..Launch::default()
    };
    let id = launch::launch(&mut account, &launch)
        .expect("valid")
        .concat();
    (account, id)
}

fn pass(account: &mut Account, time: Duration) {
    account.advance(account.now() + time);
}

fn state(account: &Account, id: &str) -> Lifecycle {
    account.ec2.instances[id].state
}

/// A launch of one instance of this type.
fn one_of(instance_type: &str) -> Launch {
    Launch {
        data: LaunchData {
            image: Some(AMAZON_LINUX.to_owned()),
            instance_type: Some(instance_type.to_owned()),
            ..LaunchData::default()
        },
        min: 1,
        max: 1,
        ..Launch::default()
    }
}

#[test]
fn a_new_instance_cannot_be_seen_at_once() {
    let (mut account, id) = launched("stop");
    let error = instances::visible(&account, &id).expect_err("too early");
    assert_eq!(error.code, "InvalidInstanceID.NotFound");
    pass(&mut account, MINUTE);
    assert!(instances::visible(&account, &id).is_ok());
}

#[test]
fn what_is_no_instance_type_is_refused() {
    let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
    for (name, is_known) in [
        ("t3.micro", true),
        ("m7i-flex.2xlarge", true),
        ("u-6tb1.metal", true),
        ("m8i.metal-48xl", true),
        ("t3.enormous", false),
        ("t3", false),
        ("micro.t3", false),
    ] {
        let refused = launch::launch(&mut account, &one_of(name)).err();
        let code = refused.map(|error| error.code);
        let expected = (!is_known).then(|| "InvalidParameterValue".to_owned());
        assert_eq!(code, expected, "{name}");
    }
}

#[test]
fn a_quota_counts_the_virtual_cpus_of_each_type_as_they_are_told_and_of_its_own_families_alone() {
    let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
    account.limits.vcpus = Some(100);
    let mut launched = |name: &str| {
        let refused = launch::launch(&mut account, &one_of(name)).err();
        refused.map(|error| error.code)
    };
    let exceeded = || Some("VcpuLimitExceeded".to_owned());
    assert_eq!(launched("m7i.24xlarge"), None, "96");
    assert_eq!(launched("t3.xlarge"), None, "100");
    assert_eq!(launched("t3.micro"), exceeded());
    assert_eq!(launched("g5.24xlarge"), None, "of another quota");
}

#[test]
fn a_security_group_of_a_load_balancer_stays() {
    let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
    let group = network::create_security_group(
        &mut account,
        "web",
        "of a load balancer",
        default_network::DEFAULT_VPC,
        Tags::new(),
    )
    .expect("a new name");
    pass(&mut account, MINUTE);
    let settings = Settings {
        scheme: "internal".to_owned(),
        ip_address_type: "ipv4".to_owned(),
        subnets: account.ec2.subnets.keys().cloned().collect(),
        security_groups: [group.clone()].into(),
    };
    let load_balancer = load_balancers::create(&mut account, "web", settings, Tags::new());
    let refused = network::delete_security_group(&mut account, &group).expect_err("it is in use");
    assert_eq!(refused.code, "DependencyViolation");
    load_balancers::delete(&mut account, &load_balancer.expect("a new name"))
        .expect("nothing protects it");
    let refused = network::delete_security_group(&mut account, &group);
    let refused = refused.expect_err("its network interfaces are there still");
    assert_eq!(refused.code, "DependencyViolation");
    pass(&mut account, MINUTE * 5);
    network::delete_security_group(&mut account, &group).expect("nothing uses it");
}

#[test]
fn a_launched_instance_boots_its_image_with_its_user_data() {
    let (mut account, id) = launched("stop");
    pass(&mut account, MINUTE * 3);
    assert_eq!(state(&account, &id), Lifecycle::Running);
    let boot = Order::Machine(MachineOrder::Boot {
        instance: id,
        image: AMAZON_LINUX.to_owned(),
        user_data: "#cloud-config\n{}".to_owned(),
    });
    assert!(account.take_orders().contains(&boot));
}

#[test]
fn an_instance_stopped_before_it_booted_never_boots() {
    let (mut account, id) = launched("stop");
    while state(&account, &id) != Lifecycle::Running {
        pass(&mut account, Duration::from_secs(1));
    }
    pass(&mut account, Duration::from_secs(3));
    lives::stop(&mut account, std::slice::from_ref(&id)).expect("it runs");
    pass(&mut account, MINUTE * 5);
    assert_eq!(state(&account, &id), Lifecycle::Stopped);
    assert_eq!(account.take_orders(), []);
}

#[test]
fn a_shutdown_from_inside_terminates_only_an_instance_that_was_launched_so() {
    for (behaviour, end) in [
        ("stop", Lifecycle::Stopped),
        ("terminate", Lifecycle::Terminated),
    ] {
        let (mut account, id) = launched(behaviour);
        pass(&mut account, MINUTE * 3);
        super::shut_down_from_inside(&mut account, &id);
        pass(&mut account, MINUTE * 5);
        assert_eq!(state(&account, &id), end, "{behaviour}");
    }
}

#[test]
fn an_image_s_snapshot_stays_until_the_image_is_gone() {
    let (mut account, id) = launched("stop");
    pass(&mut account, MINUTE * 3);
    let new = NewImage {
        instance: id,
        name: "hello-1".to_owned(),
        ..NewImage::default()
    };
    let image = images::create(&mut account, new.clone()).expect("it runs");
    let duplicate = images::create(&mut account, new).expect_err("same name");
    assert_eq!(duplicate.code, "InvalidAMIName.Duplicate");
    pass(&mut account, MINUTE * 15);
    assert!(account.ec2.images[&image].is_available);
    let snapshot = account.ec2.images[&image].snapshot.clone();
    let error = images::delete_snapshot(&mut account, &snapshot).expect_err("in use");
    assert_eq!(error.code, "InvalidSnapshot.InUse");
    let mut other = account.ec2.images[&image].clone();
    other.id = "ami-0123456789abcdef0".to_owned();
    let theirs = other.id.clone();
    account.ec2.images.insert(theirs.clone(), other);
    let deleted = images::deregister(&mut account, &image, true).expect("it is ours");
    assert_eq!(deleted, [(snapshot.clone(), "skipped")]);
    let error = images::delete_snapshot(&mut account, &snapshot).expect_err("in use");
    let words = format!("The snapshot {snapshot} is currently in use by {theirs}");
    assert_eq!(
        (&*error.code, error.message),
        ("InvalidSnapshot.InUse", words)
    );
    images::deregister(&mut account, &theirs, false).expect("it is ours");
    images::delete_snapshot(&mut account, &snapshot).expect("nothing uses it");
}

#[test]
fn a_console_is_shown_as_it_was_after_the_boot_unless_the_latest_is_asked_for() {
    let (mut account, id) = launched("stop");
    pass(&mut account, Duration::from_secs(180));
    assert!(account.ec2.instances[&id].is_up, "it has booted");
    super::console_wrote(&mut account, &id, "[  OK  ] Started hello.service.");
    let shown = |account: &Account, latest| {
        let (_, text) = console::output(account, &id, latest).expect("it can be seen");
        text
    };
    assert_eq!(shown(&account, true), "[  OK  ] Started hello.service.\r\n");
    let posted = shown(&account, false);
    lives::stop(&mut account, std::slice::from_ref(&id)).expect("it runs");
    assert_eq!(shown(&account, false), posted);
    pass(&mut account, 3 * MINUTE);
    assert_eq!(state(&account, &id), Lifecycle::Stopped);
    assert!(shown(&account, false).contains("hello.service"));
    for _ in 0..10_000 {
        super::console_wrote(&mut account, &id, "größer");
    }
    assert!(shown(&account, true).len() <= 65_536);
    let instance = account.ec2.instances.get_mut(&id).expect("it stands");
    instance.instance_type = "t2.micro".to_owned();
    let refused = console::output(&account, &id, true).expect_err("not of the Nitro system");
    assert_eq!(refused.code, "UnsupportedOperation");
}
