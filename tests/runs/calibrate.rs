//! A calibration: a walk through all that a release does, under the printed roles, written down without secrets, and compared.

use std::cell::RefCell;
use std::path::Path;

use bg_deploy::aws::Access;
use bg_deploy::calibrate::{Ended, Record, Recording, Walk, compare};
use bg_deploy::commands::calibrate::{local_walk, releases};
use tokio_util::sync::CancellationToken;

use crate::support::World;

const SECRET: &str = "a-very-secret-key";

/// Walks through a world: how it ended, and what was written down.
async fn walk(world: &World, cancel: &CancellationToken, tell: &dyn Fn(&str)) -> (Ended, String) {
    let folder = world.folder.path();
    let written = RefCell::new(String::new());
    let walk = Walk {
        access: Access {
            region: Some("eu-central-1".to_owned()),
            endpoint_url: Some(world.cloud.endpoint()),
            keys: Some(("AKIDPERSON".to_owned(), SECRET.to_owned())),
            tape: None,
        },
        network: world.network.clone(),
        clock: world.clock.lap(),
        releases: releases(folder, Path::new("sample-app")).expect("two releases"),
        folder,
        cancel: cancel.clone(),
        write: &|record: Record| {
            let line = serde_json::to_string(&record)?;
            *written.borrow_mut() += &(line + "\n");
            Ok(())
        },
        tell,
    };
    let ended = walk.walk().await.expect("a walk");
    (ended, written.into_inner())
}

#[tokio::test(start_paused = true)]
async fn a_walk_leaves_nothing_and_writes_down_all_of_it_but_secrets() {
    let world = World::new().await;
    let (ended, text) = walk(&world, &CancellationToken::new(), &|_| {}).await;
    assert!(ended.why_not.is_none(), "{ended:?}");
    assert_eq!(ended.left, [""; 0]);
    let recording = Recording::parse(&text).expect("a recording");
    let parts = recording.parts.iter();
    let parts: Vec<_> = parts.map(|part| (&*part.part, &*part.ended)).collect();
    assert_eq!(
        parts[2..7],
        [
            ("first release", "deployed"),
            ("canary", "deployed"),
            ("rollback", "deployed"),
            ("killed run", "killed"),
            ("its end", "cancelled"),
        ]
    );
    // The account's own book has the same calls, and who made them.
    let ledger = world.cloud.ledger();
    assert!(ledger.calls.len() as u64 >= recording.asked());
    let person = ledger.calls.iter().filter(|call| call.key == "AKIDPERSON");
    let services: Vec<_> = person.map(|call| call.service.as_str()).collect();
    let by_hand = services.iter().filter(|it| !["iam", "sts"].contains(it));
    assert_eq!(by_hand.collect::<Vec<_>>(), [&""; 0]);
    for call in &recording.calls {
        let denied = call
            .code
            .as_deref()
            .is_some_and(|code| code.contains("Denied"));
        assert!(!denied || call.operation == "AssumeRole", "{call:?}");
    }
    // No key, no secret, no token, no signature, no account.
    let account = world.cloud.account();
    let sessions = account.sts.sessions.values();
    let mut secrets: Vec<_> = sessions
        .flat_map(|it| [it.key.clone(), it.secret.clone(), it.token.clone()])
        .collect();
    assert!(secrets.len() > 20, "{secrets:?}");
    secrets.extend([SECRET, "AKIDPERSON", "X-Amz-Signature", &account.id].map(str::to_owned));
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_walk_that_is_cancelled_undoes_what_is_under_way_and_removes_the_rest() {
    let world = World::new().await;
    let cancel = CancellationToken::new();
    let (ended, text) = walk(&world, &cancel, &|part| {
        if part == "canary" {
            cancel.cancel();
        }
    })
    .await;
    let why = format!("{:#}", ended.why_not.expect("no walk to its end"));
    assert!(why.contains("canary"), "{why}");
    assert_eq!(ended.left, [""; 0]);
    let recording = Recording::parse(&text).expect("a recording");
    let last = recording.parts.last().map(|part| part.part.as_str());
    assert_eq!(last, Some("roles removed"));
}

#[tokio::test(start_paused = true)]
async fn a_walk_through_the_local_cloud_differs_in_nothing_from_others() {
    let mut walks = Vec::new();
    for seed in 1..=4 {
        walks.push(local_walk(seed).await.expect("a walk"));
    }
    let recorded = walks.pop().expect("four walks");
    let comparison = compare(&recorded, &walks);
    assert_eq!(comparison.differences, []);
    assert!(comparison.operations > 80, "{}", comparison.operations);
}
