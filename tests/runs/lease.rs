//! Of all runs for an app in an environment, at most one changes anything: turns, takeover, and what a run does that has
//! lost its own.

mod written_down;

use std::time::Duration;

use bg_deploy::aws::lease::{self as object, Place, Written};
use bg_deploy::cause::Reason;
use bg_deploy::deploy::deploy;
use bg_deploy::finish::finish;
use bg_deploy::lease::by_hand::{self, Said};
use bg_deploy::lease::{Lost, Patience, Record, TTL, Taken, Unreadable};
use bg_deploy::names::Release;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;
use bg_deploy::run::beginning::Beginning;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::run::state::State;
use bg_deploy::stack::Names;
use local_aws::{Answer, Fault};

use crate::support::{World, assert_deployed, story};

pub(crate) async fn take(world: &World, cx: &Context, who: &str, patience: Patience) -> Taken {
    world.lease(cx, who, patience).await
}

/// A context that has its turn.
pub(crate) async fn holding(
    world: &World,
    who: &str,
    patience: Patience,
) -> (Context, Option<State>) {
    let cx = Context::new(world.aws().await, world.network.clone(), world.clock.lap());
    match take(world, &cx, who, patience).await {
        Taken::Lease { lease, left, .. } => {
            let left = left.map(|left| State::of_value(left).expect("a state"));
            (cx.holding(*lease), left)
        }
        other => panic!("{who}: {other:?}"),
    }
}

/// The same at once, keeping the journal of this plan's run.
async fn keeping_a_journal(world: &World, who: &str, plan: &Plan) -> Context {
    let (cx, _) = holding(world, who, Patience::Overtakes).await;
    let state = State::new(Beginning::default(), plan.clone());
    cx.journal.go_on(None, state);
    cx
}

/// Where the lease is.
pub(crate) async fn place(cx: &Context) -> Place {
    let caller = bg_deploy::aws::sts::caller(&cx.aws)
        .await
        .expect("a caller");
    Names::new("hello", "test").lease(&caller.account, &cx.aws.region)
}

/// What the lease's object says.
async fn record(world: &World, cx: &Context) -> Record {
    let place = place(cx).await;
    let read = object::read(&world.aws().await, &place).await;
    let body = read.expect("an answer").expect("an object").body;
    Record::read(&body).expect("a record")
}

/// How often an object was written so far: the lease's, and a bundle.
fn writes(world: &World) -> usize {
    let account = world.cloud.account();
    let calls = account.calls.iter();
    calls.filter(|call| call.operation == "PutObject").count()
}

async fn assert_all_get(world: &World, plan: &Plan, version: &str, why: &str) {
    for _ in 0..30 {
        assert_eq!(world.visit(&plan.url, None).await, version, "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_waits_for_its_turn_and_is_told_whose_it_is_when_that_takes_too_long() {
    let world = World::with_a_release().await;
    let (first, _) = holding(&world, "first", Patience::Overtakes).await;
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    let second = Context::new(world.aws().await, world.network.clone(), world.clock.lap());
    let keeping = first.keep_lease(std::future::pending::<()>());
    let waiting = async {
        let patience = Patience::Waits(Duration::from_secs(600));
        let busy = take(&world, &second, "second", patience).await;
        assert!(
            matches!(&busy, Taken::Busy(busy) if busy.holder.command == "first"),
            "{busy:?}"
        );
    };
    tokio::select! {
        () = waiting => {}
        () = keeping => unreachable!("it is kept for ever"),
    }
    // Given back, it is the next one's at once.
    let begun = world.clock.elapsed();
    first
        .lease
        .as_ref()
        .expect("a lease")
        .release(true)
        .await
        .expect("given back");
    let patience = Patience::Waits(Duration::from_secs(600));
    let (second, left) = holding(&world, "second", patience).await;
    assert!(left.is_none());
    assert!(world.clock.elapsed() - begun < Duration::from_secs(5));
    assert!(
        first.held().await.is_err(),
        "what was given back is not held"
    );
    assert!(second.held().await.is_ok());
    assert_all_get(&world, &plan, "0.0.1", "nobody changed anything").await;
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_holder_that_is_gone_is_taken_after_its_time_and_not_before() {
    let world = World::with_a_release().await;
    let (gone, _) = holding(&world, "gone", Patience::Overtakes).await;
    let begun = world.clock.elapsed();
    let patience = Patience::Waits(Duration::from_secs(600));
    let (_next, _) = holding(&world, "next", patience).await;
    let waited = world.clock.elapsed() - begun;
    assert!(waited >= TTL && waited < TTL * 2, "{waited:?}");
    let lost = gone.held().await.expect_err("it is another's");
    assert!(
        matches!(lost.downcast_ref(), Some(Lost::Overtaken(_))),
        "{lost:#}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_overtaken_changes_nothing_any_more_and_says_who_serves() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let (prepared, plan) = world.plan(&config).await;
    let (cx, _) = holding(&world, "deploy", Patience::Overtakes).await;
    let run = deploy(&cx, &plan, prepared.bundle.file.path(), None);
    let person = async {
        let soaking =
            |event: &Event| matches!(event, Event::StepBegan { step, .. } if step == "soak");
        while !cx.events.all().iter().any(|one| soaking(&one.event)) {
            cx.clock.sleep(Duration::from_secs(1)).await;
        }
        let (taker, _) = holding(&world, "rollback", Patience::Overtakes).await;
        let before = world.cloud.ledger().changes().count();
        taker.clock.sleep(Duration::from_secs(30)).await;
        (taker, before)
    };
    let (finished, (_taker, before)) = tokio::join!(run, person);
    let Outcome::Stopped {
        cause,
        serving,
        leftovers,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(cause.reason, Some(Reason::Another));
    assert!(cause.words.contains("rollback"), "{cause:?}");
    // Of all that it had begun, in one sentence.
    let [left] = leftovers.as_slice() else {
        panic!("{leftovers:#?}");
    };
    for step in ["bake image", "scale up idle group", "shift traffic"] {
        assert!(left.what.contains(step), "{left:?}");
    }
    // It stood, and was left standing.
    assert_eq!(*serving, Some(Release("0.0.2".to_owned())));
    assert_eq!(finished.outcome.exit_code(), 5);
    let changes: Vec<_> = world
        .cloud
        .ledger()
        .changes()
        .skip(before)
        .map(|call| call.operation.clone())
        .collect();
    assert!(
        changes.iter().all(|operation| operation == "PutObject"),
        "{changes:?}"
    );
    assert_all_get(&world, &plan, "0.0.2", &story(&cx)).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_next_finds_what_was_left_in_the_lease_and_brings_it_to_an_end_without_a_file()
 {
    let world = World::with_a_release().await;
    for step in [
        "scale up idle group",
        "shift traffic",
        "soak",
        "retain previous",
    ] {
        let mut config = world.config(&format!("2.{}", step.len()), None);
        config.shift.weights = vec![10, 100];
        let (prepared, plan) = world.plan(&config).await;
        let before = plan.previous.release.clone().expect("a release");
        let (cx, _) = holding(&world, "deploy", Patience::Overtakes).await;
        let beginning = Beginning {
            command: "deploy".to_owned(),
            release: plan.release.clone(),
            ..Beginning::default()
        };
        cx.journal.go_on(None, State::new(beginning, plan.clone()));
        let began =
            |event: &Event| matches!(event, Event::StepBegan { step: it, .. } if it == step);
        let killed = async {
            while !cx.events.all().iter().any(|one| began(&one.event)) {
                cx.clock.sleep(Duration::from_millis(20)).await;
            }
            if step != "retain previous" {
                cx.clock.sleep(Duration::from_secs(4)).await;
            }
        };
        tokio::select! {
            finished = deploy(&cx, &plan, prepared.bundle.file.path(), None) => panic!("{step}: {finished:#?}"),
            () = killed => {}
        }
        let patience = Patience::Waits(Duration::from_secs(600));
        let (next, left) = holding(&world, "next", patience).await;
        let left = left.unwrap_or_else(|| panic!("{step}: nothing is left"));
        assert_eq!(left.plan.deployment, plan.deployment);
        let ending = finish(&next, None, left).await.expect("an ending");
        let why = format!("{step}\n{}", story(&next));
        assert!(ending.is_complete, "{why}");
        let serving = match step {
            "retain previous" => &plan.release,
            _ => &before,
        };
        assert_all_get(&world, &plan, &serving.0, &why).await;
    }
    // And the release after that is none the worse.
    let (finished, cx) = world.deploy(&world.config("3.0", None)).await;
    assert_deployed(&finished, &cx);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_and_a_race_with_oneself_are_no_loss_of_the_lease() {
    let world = World::with_a_release().await;
    let (cx, _) = holding(&world, "one", Patience::Overtakes).await;
    world
        .cloud
        .inject(Fault::on("s3", "PutObject", Answer::LoseReply).times(3));
    for _ in 0..4 {
        cx.clock.sleep(Duration::from_secs(10)).await;
        cx.held().await.expect("it is held");
    }
    let now = record(&world, &cx).await;
    assert_eq!(now.holder.expect("a holder").command, "one");
}

#[tokio::test(start_paused = true)]
async fn a_second_process_of_the_same_name_ends_the_first_one_s_right() {
    let world = World::with_a_release().await;
    let (cx, _) = holding(&world, "cloned", Patience::Overtakes).await;
    let place = place(&cx).await;
    // The clone beats twice.
    let aws = world.aws().await;
    for _ in 0..2 {
        let read = object::read(&aws, &place)
            .await
            .expect("an answer")
            .expect("an object");
        let mut record = Record::read(&read.body).expect("a record");
        record.beat += 1;
        let written = object::write(&aws, &place, Some(&read.etag), record.written()).await;
        assert!(matches!(written, Ok(Written::Held(..))));
    }
    cx.clock.sleep(Duration::from_secs(10)).await;
    let lost = cx.held().await.expect_err("two of one name");
    assert!(lost.to_string().contains("cloned"), "{lost:#}");
}

#[tokio::test(start_paused = true)]
async fn a_release_writes_the_lease_less_than_once_a_second_and_is_not_a_second_longer_for_it() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let (prepared, plan) = world.plan(&config).await;
    let cx = keeping_a_journal(&world, "deploy", &plan).await;
    let (before, begun) = (writes(&world), world.clock.elapsed());
    let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    assert_deployed(&finished, &cx);
    let (written, took) = (writes(&world) - before, world.clock.elapsed() - begun);
    assert!(written > 10, "{written}");
    assert!(
        Duration::from_secs(written as u64) < took,
        "{written} writes in {took:?}"
    );
}

fn said(reason: &str) -> Said {
    Said {
        reason: reason.to_owned(),
        by: Some("octocat".to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_is_put_on_while_a_run_beats_is_still_on_when_the_run_is_over() {
    let world = World::with_a_release().await;
    let (cx, _) = holding(&world, "deploy", Patience::Overtakes).await;
    let place = place(&cx).await;
    let before = by_hand::hold(&cx.aws, &cx.clock, &place, Some(&said("upgrade"))).await;
    assert_eq!(before.expect("an answer"), None);
    cx.clock.sleep(Duration::from_secs(30)).await;
    cx.held().await.expect("it is held still");
    let lease = cx.lease.as_ref().expect("a lease");
    lease.release(true).await.expect("given back");
    let (next, _) = holding(&world, "next", Patience::Waits(TTL)).await;
    let hold = next.lease.as_ref().expect("a lease").hold().await;
    assert_eq!(hold.expect("a hold").reason, "upgrade");
    let ended = by_hand::hold(&next.aws, &next.clock, &place, None).await;
    assert_eq!(ended.expect("an answer").expect("a hold").reason, "upgrade");
    next.clock.sleep(Duration::from_secs(30)).await;
    next.held().await.expect("it is held still");
    assert_eq!(record(&world, &next).await.hold, None);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_unlocked_changes_nothing_any_more_and_what_it_left_stays_known() {
    let world = World::with_a_release().await;
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    let cx = keeping_a_journal(&world, "stale", &plan).await;
    cx.write_down().await.expect("written");
    let place = place(&cx).await;
    let whose = by_hand::unlock(&cx.aws, &cx.clock, &place, &said("gone")).await;
    assert!(
        whose
            .expect("an answer")
            .expect("a holder")
            .contains("stale")
    );
    cx.clock.sleep(Duration::from_secs(10)).await;
    assert!(cx.held().await.is_err());
    let (_next, left) = holding(&world, "next", Patience::Waits(TTL)).await;
    assert_eq!(left.expect("a state").plan.deployment, plan.deployment);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_says_nothing_is_refused_in_words_and_made_anew_by_a_person() {
    let world = World::with_a_release().await;
    let cx = world.context().await;
    let place = place(&cx).await;
    for nonsense in ["", "{\"format\":1,\"gen", "{\"hello\":1}", "{\"format\":2}"] {
        let read = object::read(&cx.aws, &place).await.expect("an answer");
        let etag = read.expect("an object").etag;
        let written = object::write(&cx.aws, &place, Some(&etag), nonsense.into()).await;
        assert!(matches!(written, Ok(Written::Held(..))), "{nonsense}");
        let read = bg_deploy::lease::read(&cx.aws, &place).await;
        let why = read.expect_err(nonsense);
        assert!(
            why.is::<Unreadable>() && why.to_string().contains("lease.json"),
            "{why:#}"
        );
        let generation = |record: Record| record.generation;
        by_hand::unlock(&cx.aws, &cx.clock, &place, &said("broken"))
            .await
            .expect("made anew");
        assert!(generation(record(&world, &cx).await) > 1_000_000);
        let (next, _) = holding(&world, "next", Patience::Waits(TTL)).await;
        next.held().await.expect("it is held");
    }
}
