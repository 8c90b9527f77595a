//! Parameters: versions, tiers, paths, and AWS's own.

use std::time::SystemTime;

use super::*;
use crate::pace::Pace;

fn account() -> Account {
    Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws())
}

fn string(name: &str, value: &str, overwrite: bool) -> Put {
    Put {
        name: name.to_owned(),
        value: value.to_owned(),
        kind: Some("String".to_owned()),
        overwrite,
        ..Put::default()
    }
}

#[test]
fn a_second_create_without_overwrite_is_refused_and_changes_nothing() {
    let mut account = account();
    assert_eq!(put(&mut account, string("/a/lease", "one", false)), Ok(1));
    let refused = put(&mut account, string("/a/lease", "two", false)).expect_err("taken");
    assert_eq!(refused.code, "ParameterAlreadyExists");
    assert_eq!(
        crate::account::ssm::parameter(&account, "/a/lease").as_deref(),
        Some("one")
    );
    assert_eq!(put(&mut account, string("/a/lease", "two", true)), Ok(2));
    assert_eq!(
        crate::account::ssm::parameter(&account, "/a/lease:1").as_deref(),
        Some("one")
    );
    assert_eq!(
        crate::account::ssm::parameter(&account, "/a/lease").as_deref(),
        Some("two")
    );
}

#[test]
fn a_value_of_more_than_4_kilobytes_needs_the_advanced_tier() {
    let mut account = account();
    let big = "x".repeat(STANDARD_BYTES + 1);
    let refused = put(&mut account, string("/a/b", &big, false)).expect_err("too large");
    assert_eq!(refused.code, "ValidationException");
    let advanced = Put {
        tier: Some("Advanced".to_owned()),
        ..string("/a/b", &big, false)
    };
    assert_eq!(put(&mut account, advanced), Ok(1));
}

#[test]
fn a_path_holds_its_children_and_recursively_theirs() {
    let mut account = account();
    for name in ["/app/one", "/app/deep/two", "/apple/three"] {
        put(&mut account, string(name, "x", false)).expect("new");
    }
    let names = |recursive| -> Vec<String> {
        under(&account.ssm, "/app", recursive)
            .expect("a path")
            .iter()
            .map(|parameter| parameter.name.clone())
            .collect()
    };
    assert_eq!(names(false), ["/app/one"]);
    assert_eq!(names(true), ["/app/deep/two", "/app/one"]);
}

#[test]
fn the_public_image_parameters_are_there_and_reserved() {
    let mut account = account();
    let name = PUBLIC[0].0;
    assert_eq!(
        crate::account::ssm::parameter(&account, name).as_deref(),
        Some(PUBLIC[0].1)
    );
    assert!(put(&mut account, string("/aws/mine", "x", false)).is_err());
    assert!(delete(&mut account.ssm, name).is_err());
}
