//! Buckets and objects: versions, conditions, locations.

use std::time::SystemTime;

use super::*;
use crate::pace::Pace;

fn account() -> Account {
    let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
    let region = account.region.clone();
    create_bucket(&mut account, "bucket", Some(&region)).expect("a free name");
    account
}

fn text(body: &'static str) -> Object {
    Object {
        body: Bytes::from_static(body.as_bytes()),
        etag: etag(body.as_bytes()),
        ..Object::default()
    }
}

#[test]
fn of_two_creates_if_absent_one_wins() {
    let mut account = account();
    let absent = Condition {
        if_none_match: Some("*".to_owned()),
        ..Condition::default()
    };
    put(&mut account, "bucket", "lease", text("one"), &absent).expect("absent");
    let lost = put(&mut account, "bucket", "lease", text("two"), &absent).expect_err("taken");
    assert_eq!(
        (lost.code.as_str(), lost.status),
        ("PreconditionFailed", 412)
    );
    assert_eq!(
        object(&account.s3, "bucket", "lease").as_deref(),
        Some(&b"one"[..])
    );
}

#[test]
fn a_swap_succeeds_only_on_the_tag_that_was_read() {
    let mut account = account();
    put(
        &mut account,
        "bucket",
        "lease",
        text("one"),
        &Condition::default(),
    )
    .expect("a bucket");
    let swap = |body: &'static str| Condition {
        if_match: Some(format!("\"{}\"", etag(body.as_bytes()))),
        ..Condition::default()
    };
    put(&mut account, "bucket", "lease", text("two"), &swap("one")).expect("unchanged");
    let stale = put(&mut account, "bucket", "lease", text("three"), &swap("one"));
    assert_eq!(stale.expect_err("changed").status, 412);
}

#[test]
fn with_versioning_a_deleted_object_is_still_there_by_its_version() {
    let mut account = account();
    bucket_mut(&mut account.s3, "bucket")
        .expect("there")
        .versioning = Versioning::Enabled;
    let id = put(
        &mut account,
        "bucket",
        "key",
        text("one"),
        &Condition::default(),
    )
    .expect("a bucket")
    .expect("a version");
    delete(&mut account, "bucket", "key", None).expect("a bucket");
    assert_eq!(object(&account.s3, "bucket", "key"), None);
    let held = bucket(&account.s3, "bucket").expect("there");
    assert!(held.version("key", Some(&id)).is_ok());
    let refused = delete_bucket(&mut account.s3, "bucket").expect_err("not empty");
    assert_eq!(refused.code, "BucketNotEmpty");
}

#[test]
fn a_bucket_is_created_only_with_its_region_as_location() {
    let mut account = account();
    for (location, code) in [
        (None, "IllegalLocationConstraintException"),
        (Some("us-west-2"), "IllegalLocationConstraintException"),
        (Some("eu-central-1"), "BucketAlreadyOwnedByYou"),
    ] {
        let refused = create_bucket(&mut account, "bucket", location).expect_err(code);
        assert_eq!(refused.code, code);
    }
}
