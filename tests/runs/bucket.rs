//! The bucket that `provision` makes, or finds: by TLS alone, with versions that go after a while, and never another account's.

use std::path::Path;

use bg_deploy::aws::s3::{self, Bucket};
use bg_deploy::aws::{error, lease, sts};
use bg_deploy::provision::{Provisioned, artifacts, provision};
use bg_deploy::stack::Names;
use local_aws::account::s3 as held;
use local_aws::account::{Account, is_mutating};
use serde_json::{Value, json};

use crate::support::World;

const NAME: &str = "bgd-hello-123456789012-eu-central-1";
const ANOTHER: &str = "210987654321";

fn names() -> Names {
    Names::new("hello", "test")
}

/// A document of the bucket's.
fn document(account: &Account, kind: &str) -> String {
    let held = account.s3.buckets[NAME].configured(kind);
    held.unwrap_or_default().to_owned()
}

fn statements(account: &Account) -> Vec<Value> {
    let policy: Value = serde_json::from_str(&document(account, "policy")).expect("a policy");
    policy["Statement"].as_array().expect("a list").clone()
}

#[tokio::test(start_paused = true)]
async fn the_bucket_is_reached_by_tls_alone_and_keeps_versions_that_go_after_a_while() {
    let world = World::new().await;
    world.provision(&world.config("0.0.1", None)).await;
    let account = world.cloud.account();
    let bucket = &account.s3.buckets[NAME];
    assert_eq!(bucket.versioning, held::Versioning::Enabled);
    let [tls] = &statements(&account)[..] else {
        panic!("one statement");
    };
    assert_eq!(tls["Effect"], "Deny");
    assert_eq!(
        (&tls["Principal"], &tls["Action"]),
        (&json!("*"), &json!("s3:*"))
    );
    assert_eq!(
        tls["Condition"],
        json!({"Bool": {"aws:SecureTransport": "false"}})
    );
    let lifecycle = document(&account, "lifecycle");
    for (word, times) in [
        ("<Prefix>bundles/</Prefix>", 1),
        ("<Prefix>state/</Prefix>", 1),
        ("<Days>30</Days>", 1),
        ("<NoncurrentDays>7</NoncurrentDays>", 2),
        ("<DaysAfterInitiation>1</DaysAfterInitiation>", 2),
    ] {
        assert_eq!(
            lifecycle.matches(word).count(),
            times,
            "{word} in {lifecycle}"
        );
    }
    let tags = document(&account, "tagging");
    assert!(
        tags.contains("<Key>bg-deploy:app</Key><Value>hello</Value>"),
        "{tags}"
    );
}

const THEIR_TAGS: &str =
    "<Tagging><TagSet><Tag><Key>cost-centre</Key><Value>42</Value></Tag></TagSet></Tagging>";
const THEIR_RULES: &str = "<LifecycleConfiguration><Rule><ID>theirs</ID><Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>\
    <Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule>\
    <Rule><ID>bg-deploy: bundles of old bakes</ID><Filter><Prefix>bundles/</Prefix></Filter><Status>Enabled</Status>\
    <Expiration><Days>400</Days></Expiration></Rule></LifecycleConfiguration>";

#[tokio::test(start_paused = true)]
async fn what_a_person_set_on_the_bucket_stays_and_what_is_ours_is_put_right() {
    let world = World::new().await;
    world.provision(&world.config("0.0.1", None)).await;
    let theirs = json!({"Sid": "Audit", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:role/audit"},
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{NAME}/*")});
    {
        let mut account = world.cloud.account();
        let bucket = account.s3.buckets.get_mut(NAME).expect("the bucket");
        bucket.versioning = held::Versioning::Suspended;
        let policy = json!({"Version": "2012-10-17", "Statement": [theirs]});
        for (kind, text) in [
            ("tagging", THEIR_TAGS.to_owned()),
            ("lifecycle", THEIR_RULES.to_owned()),
            ("policy", policy.to_string()),
            ("publicAccessBlock", String::new()),
            (
                "x-amz-transition-default-minimum-object-size",
                "varies_by_storage_class".to_owned(),
            ),
        ] {
            bucket.configuration.insert(kind, text);
        }
    }
    world.provision(&world.config("0.0.1", None)).await;
    let account = world.cloud.account();
    let all = statements(&account);
    assert_eq!((&all[0], all.len()), (&theirs, 2));
    let tags = document(&account, "tagging");
    assert!(
        tags.contains("<Key>cost-centre</Key><Value>42</Value>"),
        "{tags}"
    );
    assert!(
        tags.contains("<Key>bg-deploy:app</Key><Value>hello</Value>"),
        "{tags}"
    );
    let rules = document(&account, "lifecycle");
    assert!(
        rules.contains("<ID>theirs</ID>") && rules.contains("<Days>3</Days>"),
        "{rules}"
    );
    assert!(rules.contains("<Key>a</Key><Value>b</Value>"), "{rules}");
    assert!(
        rules.contains("<Days>30</Days>") && !rules.contains("400"),
        "{rules}"
    );
    assert_eq!(rules.matches("<Rule>").count(), 3, "{rules}");
    let minimum = document(&account, "x-amz-transition-default-minimum-object-size");
    assert_eq!(minimum, "varies_by_storage_class");
    let closed = document(&account, "publicAccessBlock");
    assert_eq!(closed.matches("true<").count(), 4, "{closed}");
    let bucket = &account.s3.buckets[NAME];
    assert_eq!(bucket.versioning, held::Versioning::Enabled);
}

#[tokio::test(start_paused = true)]
async fn of_what_is_right_already_nothing_is_written_again() {
    let world = World::new().await;
    let config = world.config("0.0.1", None);
    world.provision(&config).await;
    let before = world.cloud.ledger().calls.len();
    world.provision(&config).await;
    let again = world.cloud.ledger().calls;
    let written = again[before..].iter().filter(|call| {
        call.service == "s3" && is_mutating(&call.operation) && call.operation != "PutObject"
    });
    let written: Vec<_> = written.map(|call| call.operation.clone()).collect();
    assert_eq!(written, [""; 0]);
}

/// Whoever was faster, or guessed the name, and lets everybody do anything with it.
fn take_the_name(account: &mut Account) {
    let open = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:*",
        "Resource": [format!("arn:aws:s3:::{NAME}"), format!("arn:aws:s3:::{NAME}/*")]}});
    held::put_another_s_bucket(account, NAME, ANOTHER, &open.to_string());
}

fn assert_names_it(failed: &anyhow::Error) {
    assert_eq!(
        error::kind(failed),
        Some(error::ErrorKind::Denied),
        "{failed:#}"
    );
    let told = format!("{failed:#}");
    let words = format!("bucket {NAME} belongs to another account than 123456789012");
    assert!(told.contains(&words), "{told}");
}

fn assert_untouched(world: &World) {
    let account = world.cloud.account();
    let bucket = &account.s3.buckets[NAME];
    assert!(bucket.objects.is_empty(), "{:?}", bucket.objects.keys());
    assert_eq!(bucket.configuration.len(), 1, "its policy alone");
    assert_eq!(account.s3.uploads.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_this_name_in_another_account_is_refused_by_provision_and_named() {
    let world = World::new().await;
    take_the_name(&mut world.cloud.account());
    let config = world.config("0.0.1", None);
    let cx = world.provisioner_without_a_turn(&config).await;
    let caller = sts::caller(&cx.aws).await.expect("a caller");
    let mut made = Provisioned::default();
    let refused = artifacts::ensure_bucket(&cx, &config, &names(), &caller, &mut made).await;
    assert_names_it(&refused.expect_err("another's"));
    let refused = provision(&cx, &config, &caller, made).await;
    assert_names_it(&refused.expect_err("another's"));
    assert_untouched(&world);
    assert_eq!(
        world.cloud.account().iam.roles.len(),
        0,
        "nothing after it is made"
    );
}

#[tokio::test(start_paused = true)]
async fn no_call_of_ours_reads_or_writes_a_bucket_that_became_another_account_s() {
    let world = World::new().await;
    let config = world.config("0.0.1", None);
    world.provision(&config).await;
    let aws = world.person().await;
    take_the_name(&mut world.cloud.account());
    let bucket = Bucket {
        name: NAME.to_owned(),
        account: "123456789012".to_owned(),
    };
    assert_names_it(
        &s3::has_bucket(&aws, &bucket)
            .await
            .expect_err("another's")
            .into(),
    );
    let file = world.folder.path().join("bundle");
    // In one piece, and in parts.
    for length in [10, 20 << 20] {
        std::fs::write(&file, vec![7; length]).expect("a file");
        let sent = s3::upload_once(
            &aws,
            (&bucket, "bundles/test/x"),
            Path::new(&file),
            |_, _| {},
        );
        assert_names_it(&sent.await.expect_err("another's"));
    }
    let place = names().lease("123456789012", "eu-central-1");
    assert_names_it(
        &lease::read(&aws, &place)
            .await
            .expect_err("another's")
            .into(),
    );
    let written = lease::write(&aws, &place, None, b"{}".to_vec()).await;
    assert_names_it(&written.expect_err("another's").into());
    assert_untouched(&world);
    // Whoever does not say whose it has to be is let in: that is what the test is about.
    let open = Bucket {
        account: ANOTHER.to_owned(),
        ..bucket
    };
    assert!(s3::has_bucket(&aws, &open).await.expect("an open one"));
}
