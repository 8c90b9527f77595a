//! An image goes and its snapshot does not: nothing but its tags leads to it from then on. It is named, keeps nothing else from
//! going, and goes with a later release.

use bg_deploy::config::Config;
use bg_deploy::doctor::mend;
use bg_deploy::outcome::{Leftover, Outcome};
use local_aws::Answer;
use local_aws::account::Account;
use local_aws::account::ec2::images::Image;

use crate::doctor::{ORPHAN, consult, leave_builder_and_snapshot};
use crate::support::rule::{clear, next};
use crate::support::{World, story};

/// As often as any client asks again, for each of a few snapshots.
const ALWAYS: u32 = 40;
/// What somebody made of a snapshot of ours.
const THEIRS: &str = "ami-0123456789abcdef0";

/// The oldest image of the account's own.
fn oldest(account: &Account) -> Image {
    let images = account.ec2.images.values();
    let own = images.filter(|image| !image.is_amazon);
    let oldest = own.min_by_key(|image| image.created_at);
    oldest.expect("an image").clone()
}

fn has_snapshot(world: &World, id: &str) -> bool {
    world.cloud.account().ec2.snapshots.contains_key(id)
}

/// A release that has to stand, and the words of what it leaves.
async fn released(world: &World, config: &Config) -> Vec<String> {
    let (finished, cx) = world.deploy(config).await;
    let Outcome::Deployed { leftovers, .. } = finished.outcome else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    world.free().await;
    let words = |left: Leftover| left.what;
    leftovers.into_iter().map(words).collect()
}

fn keeping_two(world: &World, version: &str) -> Config {
    let mut config = world.config(version, None);
    config.retain.images = 2;
    config
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_in_use_is_named_keeps_nothing_else_and_goes_with_a_later_release() {
    let world = World::with_a_previous().await;
    world.free().await;
    leave_builder_and_snapshot(&world);
    let old = oldest(&world.cloud.account());
    {
        let mut theirs = old.clone();
        theirs.id = THEIRS.to_owned();
        theirs.name = "theirs".to_owned();
        theirs.tags.clear();
        let images = &mut world.cloud.account().ec2.images;
        images.insert(theirs.id.clone(), theirs);
    }

    let config = keeping_two(&world, "0.0.3");
    let left = released(&world, &config).await;
    let in_use = format!(
        "snapshot {0} is left: DeleteSnapshot {0}: InvalidSnapshot.InUse: The snapshot {0} is currently in use by {THEIRS}",
        old.snapshot
    );
    assert_eq!(left.len(), 1, "{left:#?}");
    assert!(left[0].starts_with("prune images was not finished: "));
    assert!(left[0].contains(&in_use), "{left:#?}");
    assert_eq!(left[0].matches(&in_use).count(), 1, "{left:#?}");
    assert!(!world.cloud.account().ec2.images.contains_key(&old.id));
    assert!(has_snapshot(&world, &old.snapshot));
    assert!(!has_snapshot(&world, ORPHAN), "it went all the same");

    let found = consult(&world, &config).await;
    let kinds: Vec<_> = found.iter().map(|it| it.what).collect();
    assert_eq!(kinds, ["snapshots-past-time"], "{found:#?}");
    let cx = world.context().await;
    let mended = mend(&cx, &config, &found).await;
    let why = mended[0].failed.clone().expect("it can not be");
    assert!(why.contains(&in_use), "{why}");
    drop(cx);
    world.free().await;

    world.cloud.account().ec2.images.remove(THEIRS);
    let delete = next("ec2", "DeleteSnapshot");
    delete.meet(&mut world.cloud.account(), ALWAYS, Answer::Throttle);
    let second = oldest(&world.cloud.account());
    let left = released(&world, &keeping_two(&world, "0.0.4")).await;
    clear(&mut world.cloud.account());
    assert_eq!(left.len(), 1, "{left:#?}");
    for snapshot in [&old.snapshot, &second.snapshot] {
        let named = format!("snapshot {snapshot} is left");
        assert!(left[0].contains(&named), "{named}\n{left:#?}");
        assert!(has_snapshot(&world, snapshot), "{snapshot}");
    }

    let left = released(&world, &keeping_two(&world, "0.0.5")).await;
    assert_eq!(left, [""; 0]);
    for snapshot in [&old.snapshot, &second.snapshot] {
        assert!(!has_snapshot(&world, snapshot), "{snapshot}");
    }
    assert_eq!(consult(&world, &config).await, []);
}
