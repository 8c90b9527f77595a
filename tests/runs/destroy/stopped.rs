//! A destroy whose process is killed, and one that comes after a release whose process was.

use std::collections::BTreeSet;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bg_deploy::deploy::deploy;

use super::inventory::inventory;
use super::{CHANGES, destroyed, gone, lived_in};
use crate::support::World;

/// So many runs at most, of which each does one thing more.
const MOST: usize = 100;

/// How a process is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Killed {
    /// Its call was answered, and the answer read.
    Answered,
    /// AWS has carried its call out, and nobody has read the answer.
    Unanswered,
}

/// The call to be killed at: the first that removes something. Of the bucket's objects each run has some to remove, its own turn's,
/// so one call more of those is let through than the run before had.
fn first(calls: impl Iterator<Item = String>, killed_at: &[String]) -> Option<String> {
    let of_objects = |operation: &String| operation == "DeleteObjects";
    let mut through = killed_at.iter().filter(|it| of_objects(it)).count();
    for operation in calls.filter(|operation| removes(operation)) {
        if !of_objects(&operation) || through == 0 {
            return Some(operation);
        }
        through -= 1;
    }
    None
}

/// Whether a call removes something: what takes the turn does not.
fn removes(operation: &str) -> bool {
    let begins = |word: &&str| operation.starts_with(word);
    [
        "Delete",
        "Deregister",
        "Remove",
        "Stop",
        "Terminate",
        "Detach",
    ]
    .iter()
    .any(begins)
}

#[tokio::test(start_paused = true)]
async fn killed_at_every_call_that_removes_something_it_goes_on_with_the_rest() {
    let mut met = BTreeSet::new();
    for how in [Killed::Answered, Killed::Unanswered] {
        let world = World::new().await;
        let before = inventory(&world);
        let config = lived_in(&world).await;
        world.let_in(&config);
        let mut killed_at = Vec::new();
        for run in 0.. {
            assert!(run < MOST, "{how:?}: {killed_at:#?}");
            let aws = world.aws_of("AKIDDESTROY").await;
            let begun = world.cloud.account().calls.len();
            let calls = || -> Vec<String> {
                match how {
                    Killed::Answered => {
                        let calls = aws.calls().into_iter();
                        calls.map(|call| call.operation).collect()
                    }
                    Killed::Unanswered => {
                        let account = world.cloud.account();
                        let own = account.calls[begun..].iter();
                        let own = own.filter(|it| it.key == "AKIDDESTROY");
                        own.map(|call| call.operation.clone()).collect()
                    }
                }
            };
            let done = {
                let mut run = pin!(destroyed(&world, aws.clone(), &config));
                poll_fn(|task| {
                    if let Some(at) = first(calls().into_iter(), &killed_at) {
                        killed_at.push(at);
                        return Poll::Ready(None);
                    }
                    match run.as_mut().poll(task) {
                        Poll::Ready((done, _)) => Poll::Ready(Some(done)),
                        Poll::Pending => Poll::Pending,
                    }
                })
                .await
            };
            if let Some(done) = done {
                let done = done.expect("an end");
                assert_eq!((done.left, done.kept), (Vec::new(), Vec::new()), "{how:?}");
                break;
            }
        }
        assert_eq!(inventory(&world), before, "{how:?}");
        met.extend(killed_at);
    }
    let unmet = CHANGES.map(|(_, operation)| operation.to_owned());
    let unmet: Vec<_> = unmet.iter().filter(|it| !met.contains(*it)).collect();
    assert!(unmet.is_empty(), "{unmet:?}");
}

#[tokio::test(start_paused = true)]
async fn of_a_release_whose_process_is_gone_in_the_middle_of_its_bake_nothing_is_left() {
    for seconds in [20, 70, 120] {
        let world = World::new().await;
        let before = inventory(&world);
        let first = world.config("0.0.1", None);
        world.provision(&first).await;
        let (prepared, plan) = world.plan(&first).await;
        let cx = world.context().await;
        tokio::select! {
            _ = deploy(&cx, &plan, prepared.bundle.file.path(), None) => panic!("it goes on"),
            () = world.clock.sleep(Duration::from_secs(seconds)) => {}
        }
        let under_way = inventory(&world);
        assert!(
            under_way.iter().any(|it| it.starts_with("automation")),
            "{under_way:#?}"
        );
        let done = gone(&world, &first).await;
        assert_eq!(
            (done.left, done.kept),
            (Vec::new(), Vec::new()),
            "{seconds}"
        );
        assert_eq!(inventory(&world), before, "{seconds}");
    }
}
