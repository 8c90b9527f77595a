//! How long a run waits for its turn, and what it says meanwhile.

use std::cell::RefCell;
use std::time::Duration;

use bg_deploy::aws::sts;
use bg_deploy::lease::by_hand::{self, Said};
use bg_deploy::lease::{self, Holder, Patience, TTL, Taken};
use bg_deploy::run::context::Context;
use bg_deploy::stack::Names;

use crate::support::World;

#[tokio::test(start_paused = true)]
async fn a_run_waits_as_long_as_it_may_and_says_for_whom_at_once_and_every_few_minutes() {
    let world = World::with_a_release().await;
    let first = Context::new(world.aws().await, world.network.clone(), world.clock.lap());
    let caller = sts::caller(&first.aws).await.expect("a caller");
    let place = Names::new("hello", "test").lease(&caller.account, &first.aws.region);
    let holder = Holder {
        id: "first".to_owned(),
        command: "deploy".to_owned(),
        release: "1.4.2".to_owned(),
        by: Some("octocat".to_owned()),
        url: Some("https://github.com/octo/demo/actions/runs/7".to_owned()),
        since: "2026-11-22T09:00:00Z".to_owned(),
    };
    let overtakes = Patience::Overtakes;
    let taken = lease::take(&first.aws, &first.clock, &place, &holder, overtakes, |_| {}).await;
    let Ok(Taken::Lease { lease, .. }) = taken else {
        panic!("{taken:?}");
    };
    let first = first.holding(*lease);
    let second = Holder {
        id: "second".to_owned(),
        ..holder.clone()
    };
    let waiting = async {
        // What is not to be waited for is answered at once, and nobody is told of a wait.
        for (wait, says) in [(0, 0), (60, 1), (900, 3)] {
            let (cx, said) = (world.clock.lap(), RefCell::new(Vec::new()));
            let tell = |words: &str| said.borrow_mut().push(words.to_owned());
            let most = Duration::from_secs(wait);
            let patience = Patience::Waits(most);
            let taken = lease::take(&first.aws, &cx, &place, &second, patience, tell).await;
            let Ok(Taken::Busy(busy)) = taken else {
                panic!("{wait}: {taken:?}");
            };
            assert_eq!(busy.holder, holder);
            assert!(busy.waited >= most && busy.waited < most + Duration::from_secs(2));
            let said = said.into_inner();
            assert_eq!(said.len(), says, "{wait}: {said:#?}");
            let whole = |words: &String| words.contains(&holder.words());
            assert!(said.iter().all(whole), "{said:#?}");
            if let Some(words) = said.last().filter(|_| wait == 900) {
                assert!(words.contains("4m at most"), "{words}");
            }
        }
    };
    tokio::select! {
        () = waiting => {}
        () = first.keep_lease(std::future::pending::<()>()) => unreachable!("it is kept for ever"),
    }
    assert!(first.held().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_sign_takes_what_nobody_holds_any_more_and_leaves_it_to_one_that_beats() {
    let world = World::with_a_release().await;
    let (_gone, _) = crate::lease::holding(&world, "gone", Patience::Overtakes).await;
    let begun = world.clock.elapsed();
    let (next, _) = crate::lease::holding(&world, "next", Patience::UntilASign).await;
    let waited = world.clock.elapsed() - begun;
    assert!(waited >= TTL && waited < TTL * 2, "{waited:?}");

    let late = Context::new(world.aws().await, world.network.clone(), world.clock.lap());
    let asking = async {
        let busy = crate::lease::take(&world, &late, "late", Patience::UntilASign).await;
        assert!(
            matches!(&busy, Taken::Busy(busy) if busy.holder.command == "next"),
            "{busy:?}"
        );
    };
    tokio::select! {
        () = asking => {}
        () = next.keep_lease(std::future::pending::<()>()) => unreachable!("it is kept for ever"),
    }

    // That one is gone, too; but somebody else comes before its time has passed.
    let asking = async {
        let busy = crate::lease::take(&world, &late, "late", Patience::UntilASign).await;
        assert!(
            matches!(&busy, Taken::Busy(busy) if busy.holder.command == "faster"),
            "{busy:?}"
        );
    };
    let faster = async {
        world.clock.sleep(TTL / 2).await;
        crate::lease::holding(&world, "faster", Patience::Overtakes).await
    };
    let ((), (_gone, _)) = tokio::join!(asking, faster);

    // One change is no sign of life: a process that is gone may have had a write on its way, and people write there, too.
    let taking = crate::lease::holding(&world, "last", Patience::UntilASign);
    let writing = async {
        world.clock.sleep(TTL / 2).await;
        let place = crate::lease::place(&late).await;
        let said = Said {
            reason: "an audit".to_owned(),
            by: None,
        };
        let held = by_hand::hold(&late.aws, &late.clock, &place, Some(&said)).await;
        held.expect("a hold");
    };
    let begun = world.clock.elapsed();
    let (_taken, ()) = tokio::join!(taking, writing);
    let waited = world.clock.elapsed() - begun;
    assert!(waited >= TTL * 3 / 2 && waited < TTL * 2, "{waited:?}");
}
