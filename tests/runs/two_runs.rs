//! Two and three runs of one environment at the same time, begun at every offset over a release: nobody loses a request, at
//! most one changes anything at a time, and the last word of each is true.
//!
//! Some offsets by default, spread over the release; all of them, which takes minutes, with `BGD_ALL_OFFSETS=1`.

use std::cell::RefCell;
use std::time::Duration;

use bg_deploy::config::Config;
use bg_deploy::lease::Patience;

use crate::command::{self, Command, Seen};
use crate::support::World;
use crate::visitor::Visitor;

/// How long a release of the tests takes, about.
const RELEASE: Duration = Duration::from_secs(330);
/// Offsets at which the second run begins.
const OFFSETS: u32 = 40;

async fn run(world: &World, name: &str, config: &Config, patience: Patience) -> String {
    let command = Command {
        name,
        config,
        patience,
        state: None,
    };
    let told = command::run(world, &world.aws().await, command, &Seen::default()).await;
    told.unwrap_or_else(|error| panic!("{error:#}")).words()
}

/// One release, and others that begin while it goes on.
async fn at_once(world: &World, first: &Config, others: Vec<(&str, Config, Patience, Duration)>) {
    let (_, plan) = world.plan(first).await;
    let visitor = Visitor::of(world, &plan.url);
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
    assert_eq!(visitor.lost(), [""; 0], "{told:?}\n{:?}", visitor.answers());
    // Whoever spoke last knew who serves.
    let (_, _, last) = told.iter().max_by_key(|(at, ..)| *at).expect("somebody");
    assert_eq!(*last, format!("{} serves", visitor.last()), "{told:?}");
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
