//! The commit of a release is written down where later runs find it, and goes with the release.

use bg_deploy::names::Release;
use bg_deploy::plan::Decision;
use bg_deploy::prepare::prepare_rollback;
use bg_deploy::stack::TAG_COMMIT;

use crate::support::{World, assert_deployed};

#[tokio::test(start_paused = true)]
async fn the_commit_that_is_live_is_known_to_whoever_comes_next_also_after_a_rollback() {
    let world = World::with_a_release().await;
    let live = async |version: &str| {
        world
            .prepare(&world.config(version, None))
            .await
            .live_commit
    };
    // A release that was made where nobody said so has none.
    assert_eq!(live("0.0.2").await, None);
    for (version, commit) in [("0.0.2", "a"), ("0.0.3", "b")] {
        let mut config = world.config(version, None);
        config.commit = Some(commit.repeat(40));
        let (finished, cx) = world.deploy(&config).await;
        assert_deployed(&finished, &cx);
        assert_eq!(live("9.9.9").await, config.commit);
    }
    // What is gone back to keeps its own commit, whatever the job checked out that goes back.
    let mut config = world.config("0.0.3", None);
    config.commit = Some("c".repeat(40));
    let to = Release("0.0.2".to_owned());
    let aws = world.aws().await;
    let decision = prepare_rollback(&aws, &config, &[], Some(&to)).await;
    let Ok(Decision::Release(plan)) = decision else {
        panic!("{decision:?}");
    };
    let tag = &plan.version.tags[TAG_COMMIT];
    assert_eq!(*tag, "a".repeat(40));
}
