//! Images, disks and the bucket are encrypted: by AWS's own keys, or by those that the file names.

use bg_deploy::aws::sts;
use bg_deploy::config::Config;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Decision;
use bg_deploy::policy::{self, Scope};
use bg_deploy::provision::{Provisioned, artifacts};
use bg_deploy::stack::Names;
use local_aws::account::ec2::encryption::DEFAULT_KEY;
use local_aws::account::policy::{Request, Verdict, judge};
use serde_json::Value;

use crate::least::elements::{Part, elements, without};
use crate::support::{World, assert_deployed, story};

const OF_DISKS: &str =
    "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000";
const OF_BUCKET: &str =
    "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000001";
const BUCKET: &str = "bgd-hello-123456789012-eu-central-1";

/// Fails unless all that was made is encrypted by this key, and nothing but an instance itself can ask for its role's keys.
fn assert_disks(world: &World, key: &str) {
    let account = world.cloud.account();
    let images = account.ec2.images.values().filter(|image| !image.is_amazon);
    let images: Vec<_> = images.collect();
    assert!(!images.is_empty());
    for image in images {
        assert_eq!(image.key.as_deref(), Some(key), "{}", image.name);
        let snapshot = &account.ec2.snapshots[&image.snapshot];
        assert_eq!(snapshot.key.as_deref(), Some(key));
    }
    let instances: Vec<_> = account.ec2.instances.values().collect();
    assert!(instances.len() > 2, "a builder, and those of a release");
    for instance in instances {
        assert_eq!(instance.volume.key.as_deref(), Some(key), "{}", instance.id);
        let metadata = &instance.metadata;
        assert_eq!(
            (metadata.tokens.as_deref(), metadata.hop_limit),
            (Some("required"), Some(1))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_key_in_the_file_disks_and_images_are_encrypted_by_the_account_s_default_one() {
    let world = World::with_a_release().await;
    assert_disks(
        &world,
        &format!("arn:aws:kms:eu-central-1:123456789012:{DEFAULT_KEY}"),
    );
    assert_eq!(
        world.cloud.account().s3.buckets[BUCKET].key(),
        None,
        "S3's own"
    );
}

fn with_keys(world: &World, version: &str) -> Config {
    let mut config = world.config(version, None);
    config.encryption.volume_key = Some(OF_DISKS.to_owned());
    config.encryption.bucket_key = Some(OF_BUCKET.to_owned());
    config
}

/// What was asked of whoever's name ends so.
fn asked(world: &World, kind: &str) -> Vec<Request> {
    let account = world.cloud.account();
    let ends = [format!("user/{kind}"), format!("{kind}/Automation")];
    let own = account
        .asked
        .iter()
        .filter(|(who, _)| ends.iter().any(|end| who.ends_with(end)));
    own.map(|(_, request)| request.clone()).collect()
}

fn is_allowed(policy: &Value, request: &Request) -> bool {
    judge(std::slice::from_ref(policy), request) == Verdict::Allowed
}

/// How many parts of the policy are about keys; each is needed.
fn assert_needed(world: &World, scope: &Scope, kind: &str) -> usize {
    let policy = policy::role(scope, kind).expect("a role").policy();
    let own = asked(world, kind);
    let of_keys =
        |action: &str| action.starts_with("kms:") || action == "s3:PutEncryptionConfiguration";
    let mut tried = 0;
    for element in elements(&policy) {
        let less = without(&policy, &element);
        let mut about = own
            .iter()
            .filter(|it| of_keys(&it.action) && element.is_about(it))
            .peekable();
        // With the others of its statement it is counted elsewhere.
        let is_other = matches!(&element.part, Part::Action(action) if !of_keys(action));
        if about.peek().is_none() || is_other {
            continue;
        }
        let is_seen = about.any(|it| match &element.part {
            Part::Condition(_, key) => {
                let mut other = it.clone();
                other.keys.insert(key.clone(), vec!["another".to_owned()]);
                !is_allowed(&policy, &other) && is_allowed(&less, &other)
            }
            _ => is_allowed(&policy, it) && !is_allowed(&less, it),
        });
        assert!(is_seen, "{kind} needs no {element:?}");
        tried += 1;
    }
    tried
}

#[tokio::test(start_paused = true)]
async fn by_keys_of_one_s_own_a_release_goes_through_with_what_is_printed_and_nothing_less() {
    let world = World::new().await;
    let first = with_keys(&world, "0.0.1");
    world.let_in(&first);
    world.provision(&first).await;
    // In parts.
    let bytes: Vec<u8> = (0..20 << 20).map(|_| fastrand::u8(..)).collect();
    std::fs::write(first.service.artifact.join("long"), bytes).expect("a long file");
    for config in [&first, &with_keys(&world, "0.0.2")] {
        let (finished, cx) = world.deploy(config).await;
        assert_deployed(&finished, &cx);
    }
    assert_disks(&world, OF_DISKS);
    {
        let account = world.cloud.account();
        let objects = local_aws::account::s3::objects(&account.s3);
        for (_, name, object) in objects {
            assert_eq!(object.key.as_deref(), Some(OF_BUCKET), "{name}");
        }
    }
    let reader = world.aws_of("AKIDREAD").await;
    let release = first.release.clone().expect("a release");
    bg_deploy::prepare::prepare(&reader, &first, &release)
        .await
        .expect("a decision");
    let place = Names::new("hello", "test").lease("123456789012", "eu-central-1");
    bg_deploy::aws::lease::read(&reader, &place)
        .await
        .expect("the lease");
    // Once more, with a turn.
    world.provision(&first).await;
    let scope = Scope::of(&first, "123456789012", "eu-central-1");
    // Actions, resource, key by key: of the bucket's key, of the disks', of the bucket's setting.
    for (kind, parts) in [("deploy", 4), ("read", 3), ("provision", 6), ("bake", 9)] {
        assert_eq!(assert_needed(&world, &scope, kind), parts, "{kind}");
    }
}

/// Who chose a key for everything in the region has closed it to whoever is not named.
#[tokio::test(start_paused = true)]
async fn a_region_s_own_key_that_the_file_does_not_name_is_said_before_anything_is_baked() {
    let world = World::with_a_release().await;
    world.cloud.account().ec2.encryption.key = Some(OF_DISKS.to_owned());
    let config = world.config("0.0.2", None);
    let from = world.cloud.account().calls.len();
    let decision = world.prepare(&config).await.decision;
    let Decision::Refused(why) = decision else {
        panic!("{decision:?}");
    };
    for words in [
        "one thing would end this release minutes from now:",
        "  builder's disk    this region encrypts by arn:aws:kms:",
        &format!("-> name it: volume-key = \"{OF_DISKS}\" in [encryption], then provision"),
        "  instances' disks  no image of this stack is encrypted by",
        &format!(
            "aws kms create-grant --region eu-central-1 --key-id {OF_DISKS} --grantee-principal arn:aws:iam::123456789012:role/"
        ),
    ] {
        assert!(why.contains(words), "{words}\n{why}");
    }
    {
        let account = world.cloud.account();
        let changed = account.calls[from..].iter().any(|call| call.is_mutating());
        assert!(!changed);
    }
    // As it says.
    let mut named = config.clone();
    named.encryption.volume_key = Some(OF_DISKS.to_owned());
    world.provision(&named).await;
    let told = world.prepare(&named).await.concerns;
    let told: Vec<_> = told.iter().map(|it| it.about).collect();
    assert_eq!(told, ["instances' disks"]);
    let (finished, cx) = world.deploy(&named).await;
    assert_deployed(&finished, &cx);
    // An image stands that is encrypted by it.
    let next = with_keys(&world, "0.0.3");
    assert_eq!(world.prepare(&next).await.concerns, []);
}

/// What is only told, where nobody can see it before: the release ends, and live is as it was.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_closed_to_auto_scaling_ends_the_release_before_any_visitor_noticed() {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    config.encryption.volume_key = Some(OF_DISKS.to_owned());
    world.provision(&config).await;
    {
        let closed = &mut world.cloud.account().ec2.encryption.closed_to_groups;
        closed.insert(OF_DISKS.to_owned());
    }
    let (finished, cx) = world.deploy(&config).await;
    let Outcome::RolledBack {
        step,
        cause,
        traffic_moved: false,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(step, "scale up idle group");
    assert!(cause.words.contains("Client.InternalError"), "{cause:?}");
}

/// Where the region's key may not be asked for, the launch of the builder finds out.
#[tokio::test(start_paused = true)]
async fn a_region_s_own_key_that_nobody_may_ask_for_ends_the_bake() {
    let world = World::with_a_release().await;
    {
        let mut account = world.cloud.account();
        account.ec2.encryption.key = Some(OF_DISKS.to_owned());
        for user in account.iam.users.values_mut() {
            for policy in user.inline.values_mut() {
                *policy = policy.replace("ec2:GetEbsDefaultKmsKeyId", "ec2:DescribeRegions");
            }
        }
    }
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    let Outcome::RolledBack { step, cause, .. } = &finished.outcome else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(step, "bake image");
    assert!(cause.words.contains("kms:CreateGrant"), "{cause:?}");
}

#[tokio::test(start_paused = true)]
async fn a_builder_that_may_not_use_the_bucket_s_key_installs_nothing() {
    let world = World::new().await;
    let config = with_keys(&world, "0.0.1");
    world.let_in(&config);
    world.provision(&config).await;
    {
        let mut account = world.cloud.account();
        let role = account
            .iam
            .roles
            .get_mut("bgd-hello-test-builder")
            .expect("the role");
        let policy = role.inline.get_mut("bg-deploy").expect("a policy");
        *policy = policy.replace("kms:Decrypt", "kms:Encrypt");
    }
    let (finished, cx) = world.deploy(&config).await;
    assert!(
        story(&cx).contains("fetching the bundle"),
        "{}\n{:?}",
        story(&cx),
        finished.outcome
    );
    assert!(!format!("{:?}", finished.outcome).starts_with("Deployed"));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_person_gave_the_bucket_is_left_and_said_until_the_file_names_one() {
    let world = World::new().await;
    let silent = world.config("0.0.1", None);
    world.provision(&silent).await;
    let theirs = OF_BUCKET.replace("0001", "0002");
    let by_hand = format!(
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
         <KMSMasterKeyID>{theirs}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    );
    {
        let mut account = world.cloud.account();
        let bucket = account.s3.buckets.get_mut(BUCKET).expect("the bucket");
        bucket.configuration.insert("encryption", by_hand);
    }
    let mut named = silent.clone();
    named.encryption.bucket_key = Some(OF_BUCKET.to_owned());
    for (config, left, key) in [(&silent, 1, &*theirs), (&named, 0, OF_BUCKET)] {
        let cx = world.provisioner_without_a_turn(config).await;
        let caller = sts::caller(&cx.aws).await.expect("a caller");
        let mut made = Provisioned::default();
        let names = Names::new("hello", "test");
        let ensured = artifacts::ensure_bucket(&cx, config, &names, &caller, &mut made).await;
        ensured.expect("a bucket");
        assert_eq!(made.left.len(), left, "{:?}", made.left);
        let words = format!("bucket {BUCKET} is encrypted by {theirs}");
        assert!(
            made.left.iter().all(|told| told.starts_with(&words)),
            "{:?}",
            made.left
        );
        assert_eq!(world.cloud.account().s3.buckets[BUCKET].key(), Some(key));
    }
}
