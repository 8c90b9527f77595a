//! `status` and `history` of what really stands in an account.

use std::time::Duration;

use bg_deploy::aws::sts;
use bg_deploy::guard::FIRES_AFTER;
use bg_deploy::history;
use bg_deploy::lease::Done;
use bg_deploy::names::{Colour, Weights};
use bg_deploy::plan::Draw;
use bg_deploy::plan::past::{Fate, releases};
use bg_deploy::run::context::Context;
use bg_deploy::run::event::{Event, Stamped};
use bg_deploy::secret::Secret;
use bg_deploy::standing;
use bg_deploy::status::{Rollback, Status};

use crate::finish::killed::{canary, kill};
use crate::support::{World, assert_deployed, by_hand};

async fn status(world: &World) -> Option<Status> {
    let config = world.config("any", None);
    let draw = Draw {
        deployment: "d-status".to_owned(),
        preview_token: Secret::new("nobody knows"),
    };
    let aws = world.aws().await;
    let caller = sts::caller(&aws).await.expect("a caller");
    let standing = standing::look(&aws, caller, &config).await;
    Status::of(&config, standing, world.clock.utc(), &draw).expect("an inventory")
}

/// The calls since there were so many, in words; a status makes few, and changes nothing.
fn looks_since(world: &World, from: usize) -> Vec<String> {
    let account = world.cloud.account();
    let calls = &account.calls[from..];
    assert!(
        !calls.iter().any(|call| call.is_mutating()),
        "it changes nothing"
    );
    calls.iter().map(|call| call.operation.clone()).collect()
}

/// Fewer than this, whatever is under way.
const MOST_CALLS: usize = 15;

async fn states(world: &World) -> Vec<(String, Fate)> {
    let inventory = world.look(&world.config("any", None)).await;
    releases(&inventory, &[])
        .into_iter()
        .map(|past| (past.release.0, past.fate))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_provisioned_has_no_status_and_a_stack_without_a_release_has_one() {
    let world = World::new().await;
    assert_eq!(status(&world).await, None);
    world.provision(&world.config("0.0.1", None)).await;
    let status = status(&world).await.expect("a status");
    assert!(
        status.text().contains("hello has no release in test yet"),
        "{}",
        status.text()
    );
    assert_eq!(states(&world).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_status_tells_what_is_live_kept_and_divided() {
    let world = World::with_a_previous().await;
    let from = world.cloud.account().calls.len();
    let told = status(&world).await.expect("a status");
    let text = told.text();
    for words in [
        "blue  live    0.0.2  2 of 2 instances healthy, 100 % of the traffic",
        "green idle    0.0.1  2 of 2 instances healthy, 0 % of the traffic, kept until ",
        "a rollback would go back to 0.0.1: nothing is launched",
        "  bg-deploy rollback --environment test",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(told.findings, [], "{text}");
    let looks = looks_since(&world, from);
    assert!(looks.len() < MOST_CALLS, "{looks:#?}");
    let plan = world.plan_rollback(None).await;
    let half = Weights::split(Colour::Blue, 50);
    by_hand(&world.context().await, &plan, half).await;
    world.free().await;
    let told = status(&world).await.expect("a status");
    assert!(
        matches!(told.rollback, Rollback::Refused { .. }),
        "{told:?}"
    );
    assert!(
        told.text().contains("fails: the traffic is divided"),
        "{}",
        told.text()
    );
}

#[tokio::test(start_paused = true)]
async fn a_status_names_the_guard_of_a_run_under_way_and_one_that_went_off_in_few_calls() {
    let world = &World::with_a_previous().await;
    let is_written = |stamped: &Stamped| matches!(stamped.event, Event::WeightsWritten { .. });
    let when = |cx: &Context| cx.events.all().iter().any(is_written);
    kill(world, &canary(world, "0.0.3"), when).await;
    let from = world.cloud.account().calls.len();
    let text = status(world).await.expect("a status").text();
    for words in [
        "guard: armed since 20",
        "it brings the traffic back at 20",
        "under way: ",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let looks = looks_since(world, from);
    assert!(looks.len() < MOST_CALLS, "{looks:#?}");

    world.clock.sleep(FIRES_AFTER * 2).await;
    let from = world.cloud.account().calls.len();
    let later = status(world).await.expect("a status");
    let text = later.text();
    for words in [
        "guard: went off, and was done at 20",
        "the lease is held by a run that has not said anything",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let says_so =
        |line: &str| line.starts_with("under way: ") || line.contains("a run is under way");
    assert!(!text.lines().any(says_so), "{text}");
    assert_ne!(later.condition.exit_code(), 0, "{text}");
    let looks = looks_since(world, from);
    assert!(looks.len() < MOST_CALLS, "{looks:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ended_is_remembered_by_whoever_has_the_lease_after_it() {
    let world = World::new().await;
    world.provision(&world.config("0.0.1", None)).await;
    for release in ["1", "2"] {
        let cx = world.context().await;
        let lease = cx.lease.as_ref().expect("a lease");
        let done = Done {
            command: "deploy".to_owned(),
            release: release.to_owned(),
            ..Done::default()
        };
        lease.remember(&done).await;
        lease.release(true).await.expect("a free lease");
    }
    let aws = world.aws().await;
    let caller = sts::caller(&aws).await.expect("a caller");
    let standing = standing::look(&aws, caller, &world.config("any", None)).await;
    let record = standing.lease.expect("a lease").expect("a bucket");
    let runs = record.past_runs();
    let releases: Vec<_> = runs.iter().map(|run| run.release.as_str()).collect();
    assert_eq!(releases, ["2", "1"]);
}

#[tokio::test(start_paused = true)]
async fn a_history_tells_what_can_be_gone_back_to() {
    let world = World::with_a_previous().await;
    let mut config = world.config("0.0.3", None);
    config.retain.images = 2;
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    let expected = [
        ("0.0.3", Fate::Live),
        ("0.0.2", Fate::Retained),
        ("0.0.1", Fate::ImageGone),
    ];
    let expected: Vec<_> = expected
        .map(|(release, state)| (release.to_owned(), state))
        .to_vec();
    assert_eq!(states(&world).await, expected);
    world.clock.sleep(Duration::from_secs(2 * 3_600)).await;
    assert_eq!(states(&world).await[1].1, Fate::Standing);
    let inventory = world.look(&config).await;
    let lines = history::lines(releases(&inventory, &[]), 2);
    let text = history::text(
        &lines,
        &world.config("any", None).command_line,
        inventory.weights(),
        1,
    );
    assert!(
        text.contains("bg-deploy rollback --environment test --to 0.0.2"),
        "{text}"
    );
    assert!(text.ends_with("and 1 more: --limit 3"), "{text}");
}
