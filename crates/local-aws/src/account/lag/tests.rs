//! What is seen when, service by service, under a clock that the test holds.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::*;
use crate::account::authority;
use crate::account::autoscaling::changes::{self, NewGroup};
use crate::account::autoscaling::group::Settings;
use crate::account::ec2::default_network;
use crate::account::ec2::images::AMAZON_LINUX;
use crate::account::ec2::launch::{self, Launch};
use crate::account::ec2::launch_data::{LaunchData, Profile, TemplateChoice};
use crate::account::ec2::{launch_templates, network};
use crate::account::elbv2::load_balancers;
use crate::account::iam::{self, NewRole};
use crate::account::ssm::automations::{self, Start};
use crate::account::ssm::documents;
use crate::account::ssm::format::Content;
use crate::account::{ApiError, Tags};
use crate::pace::Pace;

fn account() -> Account {
    Account::new(7, SystemTime::UNIX_EPOCH, Pace::aws())
}

fn pass(account: &mut Account, time: Duration) {
    account.advance(account.now() + time);
}

/// The code and the words of a refusal.
fn refusal<T>(answer: Result<T, ApiError>) -> (String, String) {
    let refused = answer.err().expect("a refusal");
    (refused.code, refused.message)
}

#[test]
fn each_sees_what_was_made_after_a_while_of_its_own_and_nothing_else_is_drawn_otherwise() {
    let (mut account, mut other) = (account(), account());
    let spread = Spread::seconds(5, 3.0, 20);
    let all = [Eye::Describe, Eye::Launch, Eye::LoadBalancing];
    for made in 0..200 {
        account.hide(&made.to_string(), &all, spread);
    }
    assert_eq!(account.resource_id("sg"), other.resource_id("sg"));
    let seen = |account: &Account| {
        let made = (0..200).map(|made: u8| made.to_string());
        let seen = made.map(|id| all.map(|eye| account.sees(eye, &id)));
        seen.collect::<Vec<_>>()
    };
    assert!(seen(&account).iter().all(|eyes| *eyes == [false; 3]));
    account.advance(Duration::from_secs(5));
    let halfway = seen(&account);
    for eyes in [[true, false, true], [false, true, true]] {
        assert!(halfway.contains(&eyes), "{halfway:?}");
    }
    account.advance(Duration::from_secs(20));
    assert!(seen(&account).iter().all(|eyes| *eyes == [true; 3]));
    assert!(account.sees(Eye::Principal, "0") && account.sees(Eye::Change, "never made"));
    account.hide("200", &all, spread);
    assert_eq!(account.lag.unseen.len(), 1, "what is seen is forgotten");
}

#[test]
fn a_new_security_group_has_its_name_at_once_and_is_found_by_nobody_until_it_is_seen() {
    let mut account = account();
    let make = |account: &mut Account| {
        let vpc = default_network::DEFAULT_VPC;
        network::create_security_group(account, "web", "of a test", vpc, Tags::new())
    };
    let group = make(&mut account).expect("a new name");
    assert_eq!(refusal(make(&mut account)).0, "InvalidGroup.Duplicate");
    let settings = || load_balancers::Settings {
        scheme: "internal".to_owned(),
        ip_address_type: "ipv4".to_owned(),
        subnets: [
            "subnet-0a1b2c3d4e5f6000a".to_owned(),
            "subnet-0a1b2c3d4e5f6000b".to_owned(),
        ]
        .into(),
        security_groups: [group.clone()].into(),
    };
    let data = LaunchData {
        image: Some(AMAZON_LINUX.to_owned()),
        instance_type: Some("t3.micro".to_owned()),
        security_groups: vec![group.clone()],
        ..LaunchData::default()
    };
    let launch = Launch {
        data,
        min: 1,
        max: 1,
        ..Launch::default()
    };
    let missing = format!("The security group '{group}' does not exist");
    let not_found = ("InvalidGroup.NotFound".to_owned(), missing.clone());
    let of_balancers = ("InvalidSecurityGroup".to_owned(), missing);
    let found = network::authorize(&mut account, &group, network::Direction::Ingress, vec![]);
    assert_eq!(refusal(found), not_found);
    assert_eq!(refusal(launch::check(&mut account, &launch)), not_found);
    let made = load_balancers::create(&mut account, "web", settings(), Tags::new());
    assert_eq!(refusal(made), of_balancers);

    pass(&mut account, Duration::from_secs(10));
    network::authorize(&mut account, &group, network::Direction::Ingress, vec![]).expect("it is");
    launch::check(&mut account, &launch).expect("a launch sees it");
    load_balancers::create(&mut account, "web", settings(), Tags::new()).expect("so do they");
}

#[test]
fn a_new_template_and_a_new_version_of_one_are_seen_later_by_describes_and_by_auto_scaling() {
    let mut account = account();
    let data = LaunchData {
        image: Some(AMAZON_LINUX.to_owned()),
        instance_type: Some("t3.micro".to_owned()),
        ..LaunchData::default()
    };
    let id = launch_templates::create(&mut account, "hello", None, data.clone(), None, Tags::new());
    let id = id.expect("a new name");
    let by_name = launch_templates::find(&account, Eye::Describe, None, Some("hello"));
    let code = "InvalidLaunchTemplateName.NotFoundException";
    assert_eq!(refusal(by_name).0, code);
    let by_id = launch_templates::find(&account, Eye::Describe, Some(&id), None);
    assert_eq!(refusal(by_id).0, "InvalidLaunchTemplateId.NotFound");
    let group = |version: &str| NewGroup {
        name: format!("of-{version}"),
        settings: Settings {
            min: Some(0),
            max: Some(0),
            subnets: Some(vec!["subnet-0a1b2c3d4e5f6000a".to_owned()]),
            template: Some(TemplateChoice {
                id: Some(id.clone()),
                name: None,
                version: Some(version.to_owned()),
            }),
            ..Settings::default()
        },
        ..NewGroup::default()
    };
    let (code, words) = refusal(changes::create(&mut account, group("1")));
    assert_eq!(code, "ValidationError");
    assert!(words.ends_with("does not exist."), "{words}");
    pass(&mut account, Duration::from_secs(10));
    changes::create(&mut account, group("1")).expect("it is seen");

    let second = launch_templates::create_version(&mut account, &id, None, None, data, None);
    assert_eq!(second, Ok(2));
    let latest = |account: &Account| launch_templates::latest_version(account, Eye::Describe, &id);
    assert_eq!(latest(&account), 1);
    let number = launch_templates::version_number(&account, Eye::Describe, &id, "2");
    let code = "InvalidLaunchTemplateId.VersionNotFound";
    assert_eq!(refusal(number).0, code);
    let deleted = launch_templates::delete_versions(&mut account, &id, &["2".to_owned()]);
    assert!(deleted[0].1.is_err(), "{deleted:?}");
    let (code, words) = refusal(changes::create(&mut account, group("2")));
    assert_eq!(code, "ValidationError");
    assert!(words.contains("valid fully-formed launch template"));
    pass(&mut account, Duration::from_secs(10));
    assert_eq!(latest(&account), 2);
    changes::create(&mut account, group("2")).expect("it is seen");
}

fn make_role(account: &mut Account) {
    let role = NewRole {
        name: "builder".to_owned(),
        path: "/".to_owned(),
        boundary: None,
        trust: r#"{"Statement": [{"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"#.to_owned(),
        description: None,
        max_session: 3600,
        tags: Tags::default(),
    };
    iam::create_role(account, role).expect("a new name");
}

#[test]
fn a_launch_refuses_a_profile_until_it_sees_it_and_then_until_it_sees_the_role_in_it() {
    let mut account = account();
    make_role(&mut account);
    iam::create_profile(&mut account, "builder", "/", Tags::new()).expect("a new name");
    let launch = |profile: Profile| Launch {
        data: LaunchData {
            image: Some(AMAZON_LINUX.to_owned()),
            instance_type: Some("t3.micro".to_owned()),
            profile: Some(profile),
            ..LaunchData::default()
        },
        min: 1,
        max: 1,
        ..Launch::default()
    };
    let named = || launch(Profile::Name("builder".to_owned()));
    let (code, words) = refusal(launch::check(&mut account, &named()));
    assert_eq!(code, "InvalidParameterValue");
    let unknown = "Value (builder) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name";
    assert_eq!(words, unknown);
    pass(&mut account, Duration::from_secs(30));
    for _ in ["none", "one that is not seen"] {
        let (code, words) = refusal(launch::check(&mut account, &named()));
        assert_eq!(code, "InvalidParameterValue");
        assert!(words.ends_with("has no associated IAM Roles"), "{words}");
        let added = iam::add_role(&mut account, "builder", "builder");
        assert!(added.is_ok() || account.iam.profiles["builder"].role.is_some());
    }
    pass(&mut account, Duration::from_secs(30));
    launch::check(&mut account, &named()).expect("both are seen");
    let arn = "arn:aws:iam::123456789012:instance-profile/builder".to_owned();
    launch::check(&mut account, &launch(Profile::Arn(arn))).expect("by its ARN as well");
}

#[test]
fn no_automation_takes_a_role_on_until_it_is_seen() {
    let mut account = account();
    let arn = "arn:aws:iam::123456789012:role/builder";
    let runbook = Content::json(format!(
        r#"{{"schemaVersion": "0.3", "assumeRole": "{arn}", "mainSteps": [
            {{"name": "sleep", "action": "aws:sleep", "inputs": {{"Duration": "PT1S"}}}}]}}"#
    ));
    let (name, kind) = ("nap", "Automation");
    documents::create(&mut account, name, kind, runbook, None, Tags::new()).expect("a runbook");
    make_role(&mut account);
    let start = || Start {
        document: "nap".to_owned(),
        parameters: BTreeMap::new(),
        ..Start::default()
    };
    let (code, words) = refusal(automations::start(&mut account, start()));
    assert_eq!(code, "InvalidAutomationExecutionParametersException");
    assert!(words.contains("unable to be assumed"), "{words}");
    pass(&mut account, Duration::from_secs(30));
    automations::start(&mut account, start()).expect("it is seen");
}

/// Whether an automation in the role may look, by its policies and its boundary.
fn may_look(account: &mut Account) -> bool {
    let role = "arn:aws:iam::123456789012:role/builder";
    let call = ("ec2", "DescribeInstances");
    authority::check(account, role, call, &serde_json::json!({})).is_ok()
}

#[test]
fn a_changed_policy_is_shown_at_once_and_counts_later_each_change_in_its_turn() {
    const ALLOW: &str = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
    type Change = fn(&mut Account) -> Result<(), ApiError>;
    let changes: [(Change, bool); 6] = [
        (
            |it| iam::put_policy(it, "builder", "p", ALLOW.to_owned()),
            true,
        ),
        (|it| iam::delete_policy(it, "builder", "p"), false),
        (|it| iam::attach(it, "builder", ADMIN), true),
        (
            |it| {
                iam::put_boundary(
                    it,
                    "builder",
                    "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM".to_owned(),
                )
            },
            false,
        ),
        (|it| iam::remove_boundary(it, "builder"), true),
        (|it| iam::detach(it, "builder", ADMIN), false),
    ];
    let mut account = account();
    make_role(&mut account);
    for (change, may) in changes {
        change(&mut account).expect("it is taken");
        assert_eq!(may_look(&mut account), !may, "it counts at once");
        pass(&mut account, Duration::from_secs(30));
        assert_eq!(may_look(&mut account), may);
    }
    // What is given and taken at once may count for a while, and never in the end.
    for (change, _) in changes {
        change(&mut account).expect("it is taken");
    }
    assert!(!may_look(&mut account));
    pass(&mut account, Duration::from_secs(30));
    assert!(!may_look(&mut account));
    // The same again changes nothing, and so takes no time.
    changes[0].0(&mut account).expect("it is taken");
    pass(&mut account, Duration::from_secs(30));
    changes[0].0(&mut account).expect("it is taken");
    assert!(may_look(&mut account));
}

#[test]
fn what_is_drawn_for_policies_changes_nothing_else_that_is_drawn() {
    let (mut account, mut other) = (account(), account());
    make_role(&mut account);
    make_role(&mut other);
    iam::attach(
        &mut account,
        "builder",
        "arn:aws:iam::aws:policy/AdministratorAccess",
    )
    .expect("it is");
    assert_eq!(account.resource_id("sg"), other.resource_id("sg"));
    account.hide("made", &[Eye::Launch], Spread::seconds(5, 3.0, 20));
    other.hide("made", &[Eye::Launch], Spread::seconds(5, 3.0, 20));
    assert_eq!(account.lag.unseen["made"], other.lag.unseen["made"]);
}
