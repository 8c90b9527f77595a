//! Groups under a clock that the test holds.

use std::time::{Duration, SystemTime};

use super::activity::Status;
use super::changes::NewGroup;
use super::group::{Lifecycle, Settings};
use super::{changes, members, processes};
use crate::account::Account;
use crate::account::ec2::images::AMAZON_LINUX;
use crate::account::ec2::instances;
use crate::account::ec2::launch_data::{LaunchData, TemplateChoice};
use crate::account::ec2::{launch_templates, lives};
use crate::account::{ApiError, Tags};
use crate::fault::Fault;
use crate::pace::Pace;

const MINUTE: Duration = Duration::from_secs(60);

/// An account with one group of the given size.
fn account_with(desired: u32) -> Account {
    let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
    let data = LaunchData {
        image: Some(AMAZON_LINUX.to_owned()),
        instance_type: Some("t3.micro".to_owned()),
        ..LaunchData::default()
    };
    launch_templates::create(&mut account, "hello", None, data, None, Tags::new())
        .expect("a valid template");
    // Auto Scaling does not see it at once.
    pass(&mut account, MINUTE);
    let subnets = account.ec2.subnets.keys().cloned().collect();
    let settings = Settings {
        min: Some(0),
        max: Some(4),
        desired: Some(desired),
        subnets: Some(subnets),
        template: Some(TemplateChoice {
            id: None,
            name: Some("hello".to_owned()),
            version: Some("1".to_owned()),
        }),
        ..Settings::default()
    };
    let new = NewGroup {
        name: "blue".to_owned(),
        settings,
        ..NewGroup::default()
    };
    changes::create(&mut account, new).expect("a valid group");
    account
}

fn pass(account: &mut Account, time: Duration) {
    account.advance(account.now() + time);
}

fn in_service(account: &Account) -> usize {
    account.autoscaling.groups["blue"]
        .members
        .values()
        .filter(|member| member.lifecycle == Lifecycle::InService)
        .count()
}

fn last_cause(account: &Account) -> String {
    let activities = &account.autoscaling.groups["blue"].activities;
    activities.last().expect("something happened").cause.clone()
}

#[test]
fn a_new_group_launches_its_instances_in_both_zones() {
    let mut account = account_with(2);
    assert_eq!(in_service(&account), 0, "nothing happens before its tick");
    pass(&mut account, MINUTE * 2);
    assert_eq!(in_service(&account), 2);
    let zones: std::collections::BTreeSet<_> = account.autoscaling.groups["blue"]
        .members
        .values()
        .map(|member| member.zone)
        .collect();
    assert_eq!(zones.len(), 2);
    assert!(last_cause(&account).contains("changing the desired capacity from 0 to 2"));
}

#[test]
fn an_instance_that_ec2_lost_is_replaced() {
    let mut account = account_with(2);
    pass(&mut account, MINUTE * 2);
    let lost: String = account.autoscaling.groups["blue"]
        .members
        .keys()
        .next()
        .expect("two are in service")
        .clone();
    lives::terminate(&mut account, std::slice::from_ref(&lost)).expect("it exists");
    pass(&mut account, MINUTE * 5);
    assert_eq!(in_service(&account), 2);
    assert!(
        !account.autoscaling.groups["blue"]
            .members
            .contains_key(&lost)
    );
    assert!(last_cause(&account).contains("unhealthy instance needing to be replaced"));
}

#[test]
fn a_group_without_capacity_says_why_and_tries_again() {
    let mut account = account_with(1);
    account.faults.inject(Fault::no_capacity());
    pass(&mut account, MINUTE);
    let failed = account.autoscaling.groups["blue"].activities[0].clone();
    assert_eq!(failed.status, Status::Failed);
    let message = failed.message.expect("a failed launch says why");
    assert!(
        message.starts_with("We currently do not have sufficient t3.micro capacity"),
        "{message}"
    );
    account.faults.lift();
    pass(&mut account, MINUTE * 5);
    assert_eq!(in_service(&account), 1);
}

#[test]
fn a_group_with_launches_suspended_stays_as_it_is_until_they_resume() {
    let mut account = account_with(0);
    processes::suspend(&mut account, "blue", &["Launch".to_owned()]).expect("a process");
    changes::set_desired(&mut account, "blue", 2).expect("within the bounds");
    pass(&mut account, MINUTE * 5);
    assert_eq!(in_service(&account), 0);
    processes::resume(&mut account, "blue", &[]).expect("it exists");
    pass(&mut account, MINUTE * 2);
    assert_eq!(in_service(&account), 2);
}

#[test]
fn a_protected_instance_survives_scale_in() {
    let mut account = account_with(2);
    pass(&mut account, MINUTE * 2);
    let kept: String = account.autoscaling.groups["blue"]
        .members
        .keys()
        .next_back()
        .expect("two are in service")
        .clone();
    members::protect(&mut account, "blue", std::slice::from_ref(&kept), true).expect("a member");
    changes::set_desired(&mut account, "blue", 0).expect("within the bounds");
    pass(&mut account, MINUTE * 5);
    let left: Vec<_> = account.autoscaling.groups["blue"].members.keys().collect();
    assert_eq!(left, [&kept]);
}

#[test]
fn a_desired_capacity_outside_the_bounds_is_refused() {
    let mut account = account_with(0);
    let ApiError { code, message, .. } =
        changes::set_desired(&mut account, "blue", 5).expect_err("above max");
    assert_eq!(code, "ValidationError");
    assert_eq!(
        message,
        "New SetDesiredCapacity value 5 is above max value 4 for the AutoScalingGroup."
    );
}

#[test]
fn a_forced_delete_ends_the_instances_before_the_group_is_gone() {
    let mut account = account_with(2);
    pass(&mut account, MINUTE * 2);
    assert_eq!(
        changes::delete(&mut account, "blue", false)
            .expect_err("it has instances")
            .code,
        "ResourceInUse"
    );
    changes::delete(&mut account, "blue", true).expect("it exists");
    assert!(account.autoscaling.groups["blue"].is_deleting);
    pass(&mut account, MINUTE * 5);
    assert!(account.autoscaling.groups.is_empty());
    assert!(
        account
            .ec2
            .instances
            .values()
            .all(|instance| instance.state == instances::Lifecycle::Terminated)
    );
}
