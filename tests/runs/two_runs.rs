//! Two and three runs of one environment at the same time, begun at every offset over a release: nobody loses a request, at
//! most one changes anything at a time, and the last word of each is true.
//!
//! Some offsets by default, spread over the release; all of them, which takes minutes, with `BGD_ALL_OFFSETS=1`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use bg_deploy::config::Config;
use bg_deploy::deploy::deploy;
use bg_deploy::finish::finish;
use bg_deploy::lease::{Patience, Taken};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Decision;
use bg_deploy::prepare::{prepare, prepare_rollback};
use bg_deploy::probe::Endpoint;
use bg_deploy::probe::ask::{Question, ask};
use bg_deploy::rollback::rollback;
use bg_deploy::run::beginning::Beginning;
use bg_deploy::run::context::Context;
use bg_deploy::run::state::State;

use crate::support::World;

/// How long a release of the tests takes, about.
const RELEASE: Duration = Duration::from_secs(330);
/// Offsets at which the second run begins.
const OFFSETS: u32 = 40;

/// A run as the commands carry it out: its turn, what was left, a plan, the page, and the lease given back.
async fn run(world: &World, command: &str, config: &Config, patience: Patience) -> String {
    let cx = Context::new(world.aws().await, world.network.clone(), world.clock.lap());
    let (lease, left) = match world.lease(&cx, command, patience).await {
        Taken::Lease { lease, left, .. } => (lease, left),
        Taken::Busy(busy) => return format!("refused: {} has it", busy.holder.command),
        Taken::NoBucket => return "refused: no bucket".to_owned(),
    };
    let mut cx = cx.holding(*lease);
    if let Some(left) = left.map(|left| State::of_value(left).expect("a state"))
        && !left.has_ended()
        && !left.progress.steps.is_empty()
    {
        cx.clock.sleep(Duration::from_secs(30)).await;
        let ending = finish(&cx, None, left).await.expect("an ending");
        assert!(ending.is_complete, "{ending:?}");
        let lease = cx.lease.take().expect("a lease");
        lease.forget_run().await;
        cx = Context::new(world.aws().await, world.network.clone(), world.clock.lap());
        cx = cx.holding(lease);
    }
    let release = config.release.clone().expect("a release");
    let (decision, bundle) = match command {
        "rollback" => {
            let decided = prepare_rollback(&cx.aws, config, None).await;
            (decided.expect("a decision"), None)
        }
        _ => {
            let prepared = prepare(&cx.aws, config, &release)
                .await
                .expect("a decision");
            (prepared.decision, Some(prepared.bundle))
        }
    };
    let told = match decision {
        Decision::Release(plan) => {
            cx.journal
                .go_on(None, State::new(Beginning::default(), (*plan).clone()));
            let finished = match &bundle {
                Some(bundle) => deploy(&cx, &plan, bundle.file.path(), None).await,
                None => rollback(&cx, &plan, None).await,
            };
            cx.journal.ended(&finished.outcome, true);
            match &finished.outcome {
                Outcome::Deployed { release, .. } => format!("{release} serves"),
                Outcome::Stopped { serving, .. }
                | Outcome::RolledBack { serving, .. }
                | Outcome::Cancelled { serving, .. } => {
                    format!("{} serves", serving.clone().unwrap_or_default())
                }
                other => format!("{other:?}"),
            }
        }
        Decision::NothingToDo(release) => format!("{release} serves"),
        Decision::Refused(reason) => format!("refused: {reason}"),
    };
    if let Some(lease) = &cx.lease
        && lease.lost().is_none()
    {
        let _ = lease.release(cx.journal.has_ended()).await;
    }
    told
}

/// Asks for the version all the time, on fresh connections: an independent visitor.
struct Visitor<'a> {
    world: &'a World,
    url: String,
    answers: RefCell<BTreeMap<String, usize>>,
    last: RefCell<String>,
}

impl Visitor<'_> {
    async fn visit(&self) {
        let endpoint = Endpoint::parse(&self.url).expect("a URL");
        let question = Question::get("/version");
        let (network, clock) = (&self.world.network, &self.world.clock);
        loop {
            let timeout = Duration::from_secs(5);
            let said = match ask(network, clock, &endpoint, &question, timeout).await {
                Ok(reply) if reply.status == 200 => reply.version(None).unwrap_or_default(),
                Ok(reply) => format!("LOST: status {}", reply.status),
                Err(error) => format!("LOST: {error:#}"),
            };
            *self.answers.borrow_mut().entry(said.clone()).or_default() += 1;
            *self.last.borrow_mut() = said;
            clock.sleep(Duration::from_millis(1500)).await;
        }
    }

    fn lost(&self) -> Vec<String> {
        let answers = self.answers.borrow();
        let lost = answers.keys().filter(|said| said.starts_with("LOST"));
        lost.cloned().collect()
    }
}

/// One release, and others that begin while it goes on.
async fn at_once(world: &World, first: &Config, others: Vec<(&str, Config, Patience, Duration)>) {
    let (_, plan) = world.plan(first).await;
    let visitor = Visitor {
        world,
        url: plan.url.clone(),
        answers: RefCell::default(),
        last: RefCell::default(),
    };
    let waits = Patience::Waits(Duration::from_secs(1800));
    let begun = RefCell::new(Vec::new());
    let all = async {
        let others = others
            .into_iter()
            .map(|(command, config, patience, offset)| {
                let begun = &begun;
                async move {
                    world.clock.sleep(offset).await;
                    let told = run(world, command, &config, patience).await;
                    begun
                        .borrow_mut()
                        .push((world.clock.elapsed(), command.to_owned(), told));
                }
            });
        let first = async {
            let told = run(world, "deploy", first, waits).await;
            begun
                .borrow_mut()
                .push((world.clock.elapsed(), "deploy".to_owned(), told));
        };
        let mut others: Vec<_> = others.map(Box::pin).collect();
        match others.len() {
            1 => {
                let other = others.remove(0);
                tokio::join!(first, other);
            }
            _ => {
                let (third, second) = (others.remove(1), others.remove(0));
                tokio::join!(first, second, third);
            }
        }
        world.clock.sleep(Duration::from_secs(60)).await;
    };
    tokio::select! {
        () = all => {}
        () = visitor.visit() => unreachable!("it visits for ever"),
    }
    let told = begun.into_inner();
    assert_eq!(visitor.lost(), [""; 0], "{told:?}\n{:?}", visitor.answers);
    // Whoever spoke last knew who serves.
    let (_, _, last) = told.iter().max_by_key(|(at, ..)| *at).expect("somebody");
    assert_eq!(
        *last,
        format!("{} serves", visitor.last.borrow()),
        "{told:?}"
    );
}

fn offset(number: u32) -> Duration {
    RELEASE * number / OFFSETS
}

/// Every offset, or each `step`th.
fn offsets(step: usize) -> impl Iterator<Item = u32> {
    let step = match std::env::var_os("BGD_ALL_OFFSETS") {
        Some(_) => 1,
        None => step,
    };
    (0..OFFSETS).step_by(step)
}

#[tokio::test(start_paused = true)]
async fn two_deploys_begun_at_any_offset_lose_nobody_and_their_last_words_are_true() {
    let world = World::with_a_release().await;
    let waits = Patience::Waits(Duration::from_secs(1800));
    for number in offsets(5) {
        let (first, second) = (format!("1.{number}.1"), format!("1.{number}.2"));
        let other = ("deploy", world.config(&second, None), waits, offset(number));
        at_once(&world, &world.config(&first, None), vec![other]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn three_deploys_at_once_lose_nobody() {
    let world = World::with_a_release().await;
    let waits = Patience::Waits(Duration::from_secs(1800));
    for number in offsets(14) {
        let other = |name: u32, offset: Duration| {
            let config = world.config(&format!("2.{number}.{name}"), None);
            ("deploy", config, waits, offset)
        };
        let others = vec![other(2, offset(number)), other(3, offset(number + 4))];
        at_once(
            &world,
            &world.config(&format!("2.{number}.1"), None),
            others,
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_takes_over_at_any_offset_of_a_deploy_loses_nobody() {
    let world = World::with_a_previous().await;
    for number in offsets(7) {
        let config = world.config(&format!("3.{number}"), None);
        let back = world.config("any", None);
        let other = ("rollback", back, Patience::Overtakes, offset(number));
        at_once(&world, &config, vec![other]).await;
    }
}
