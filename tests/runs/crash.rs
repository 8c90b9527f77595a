//! The crash matrix: a run's process is killed at each of its calls to AWS, and one more run of any command brings everything
//! to an end. No visitor loses a request, nothing of the killed run is left, and what is said last is what AWS's books say.
//!
//! A sample of the points by default: each operation once, the last ones, and some between them; all of them, which takes a
//! good part of an hour, with `BGD_ALL_POINTS=1`.

mod killing;
mod unfollowed;
mod verdict;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bg_deploy::config::Config;
use bg_deploy::lease::Patience;
use bg_deploy::outcome::Outcome;

use crate::books::Books;
use crate::command::{self, Command, Last, Seen, Told, WAIT};
use crate::support::World;
use crate::trials::try_each;
use crate::visitor::Visitor;
use killing::{At, Calls, Point, calls, kill};
use unfollowed::outlive_guard;
use verdict::{Before, is_in_order, is_true, name, says_the_same};

/// What is on its way out of the account is gone after this.
const SETTLED: Duration = Duration::from_secs(300);
/// How often it is looked whether it is.
const LOOKED: Duration = Duration::from_secs(60);

/// The kinds of run that are killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Release,
    Canary,
    Rollback,
}

impl Kind {
    fn config(self, world: &World, version: &str) -> Config {
        let mut config = world.config(version, None);
        config.retain.images = 2;
        config.probe.rate = 2.0;
        if self == Self::Canary {
            config.shift.weights = vec![20, 60, 100];
        }
        config
    }

    fn command<'a>(self, config: &'a Config, state: &'a Path) -> Command<'a> {
        Command {
            name: match self {
                Self::Rollback => "rollback",
                Self::Release | Self::Canary => "deploy",
            },
            config,
            patience: Patience::Waits(WAIT),
            state: Some(state),
        }
    }
}

/// What comes after the kill.
#[derive(Clone, Copy, Debug)]
enum Next {
    SameDeploy,
    OtherDeploy,
    Rollback,
    RollbackTakesOver,
    Finish,
}

const NEXT: [Next; 5] = [
    Next::SameDeploy,
    Next::Finish,
    Next::OtherDeploy,
    Next::RollbackTakesOver,
    Next::Rollback,
];

/// A world with a live release, one before it that is retained, and images to prune.
async fn world() -> Result<World> {
    let world = World::with_a_previous().await;
    release(&world, "0.0.3").await?;
    Ok(world)
}

async fn release(world: &World, version: &str) -> Result<()> {
    let config = Kind::Release.config(world, version);
    let command = Command {
        name: "deploy",
        config: &config,
        patience: Patience::Waits(WAIT),
        state: None,
    };
    let told = command::run(world, &world.aws().await, command, &Seen::default()).await?;
    match told.last {
        Some(Last::Ended(outcome)) if matches!(*outcome, Outcome::Deployed { .. }) => Ok(()),
        other => bail!("{version} was not deployed: {other:#?}\n{}", told.story),
    }
}

/// Every point of a kind of run, or those at which it is guarded.
async fn points(world: &World, kind: Kind, is_guarded: bool) -> Result<Vec<Point>> {
    let config = kind.config(world, "0.9");
    let state = world.folder.path().join("state.json");
    let Calls {
        changes,
        looks,
        guarded,
    } = calls(world, kind.command(&config, &state)).await?;
    let mut points = Vec::new();
    for (index, (operation, nth)) in counted(&changes).into_iter().enumerate() {
        if is_guarded && !guarded.contains(&index) {
            continue;
        }
        for at in [At::Answered, At::Unanswered] {
            let operation = operation.clone();
            points.push(Point { operation, nth, at });
        }
    }
    if is_guarded {
        return Ok(points);
    }
    let some_looks = counted(&looks).into_iter().step_by(LOOKS);
    points.extend(some_looks.map(|(operation, nth)| Point {
        operation,
        nth,
        at: At::Look,
    }));
    Ok(points)
}

/// The calls in their order, each with its number among those of its operation.
fn counted(calls: &[String]) -> Vec<(String, usize)> {
    let numbered = calls.iter().enumerate().map(|(index, operation)| {
        let same = calls[..=index].iter().filter(|it| *it == operation);
        (operation.clone(), same.count())
    });
    numbered.collect()
}

/// Of the calls that only look, each so-many-th.
const LOOKS: usize = 10;

/// The points that are tried, with their numbers: all, or the last ones, some between them, and of a release each operation.
fn chosen(kind: Kind, points: Vec<Point>) -> Vec<(usize, Point)> {
    let numbered = points.iter().cloned().enumerate();
    if std::env::var_os("BGD_ALL_POINTS").is_some() {
        return numbered.collect();
    }
    let is_change = |point: &Point| point.at != At::Look;
    let last = points.iter().filter(|it| is_change(it)).count();
    let step = (points.len() / BETWEEN).max(1);
    let mut met = BTreeSet::new();
    let chosen = numbered.filter(|(number, point)| {
        // Some of them with their answer, some without.
        let is_its_turn = (point.at == At::Answered) == met.len().is_multiple_of(2);
        let is_new = kind == Kind::Release
            && is_change(point)
            && is_its_turn
            && met.insert(point.operation.clone());
        let is_last = is_change(point) && number + 2 >= last;
        is_new || is_last || number % step == step / 2
    });
    chosen.collect()
}

/// So many points between the first and the last are in each sample.
const BETWEEN: usize = 2;

/// Tries the points of a kind, and fails with all that came of it.
/// With `is_unfollowed` nobody comes before the guard has had its time.
#[expect(clippy::print_stdout, reason = "which points were tried is to be seen")]
async fn every_point(kind: Kind, is_unfollowed: bool) {
    let first = world().await.expect("a world");
    let points = points(&first, kind, is_unfollowed).await;
    let points = points.expect("a run that nobody kills");
    let all = points.len();
    let chosen = chosen(kind, points);
    let unfollowed = match is_unfollowed {
        true => ", not followed",
        false => "",
    };
    println!("{kind:?}{unfollowed}: {} of {all} points", chosen.len());
    let trial = |number: usize| Trial {
        kind,
        is_unfollowed,
        number,
        next: NEXT[number % NEXT.len()],
    };
    let why = |(number, point): &(usize, Point)| {
        let next = trial(*number).next;
        format!("{kind:?}{unfollowed} {number} {point:?} then {next:?}")
    };
    let make = async || world().await.expect("a world");
    try_each(&chosen, Some(first), make, why, async |world, point| {
        let (number, point) = point;
        Box::pin(try_point(world, trial(*number), point)).await
    })
    .await;
}

async fn before(world: &World, kind: Kind, number: usize) -> Result<Before> {
    let look = async || {
        let (_, plan) = world.plan(&world.config("any", None)).await;
        let books = Books::read(world, &plan);
        (plan, books)
    };
    let (mut plan, mut books) = look().await;
    let retained = |books: &Books| {
        let groups = books.live_and_idle();
        groups.is_some_and(|(_, idle)| !idle.releases.is_empty())
    };
    if !retained(&books) {
        release(world, &format!("0.{number}.{kind:?}")).await?;
        (plan, books) = look().await;
    }
    ensure!(retained(&books), "nothing is retained: {books:#?}");
    let release = books.serving().context("nobody serves")?.to_owned();
    Ok(Before {
        plan,
        books,
        release,
    })
}

/// What is tried at a point.
#[derive(Clone, Copy, Debug)]
struct Trial {
    kind: Kind,
    is_unfollowed: bool,
    number: usize,
    next: Next,
}

async fn try_point(world: &World, trial: Trial, point: &Point) -> Result<String> {
    let Trial { kind, number, .. } = trial;
    let before = before(world, kind, number).await?;
    let visitor = Visitor::of(world, &before.plan.url);
    let all = async {
        let config = kind.config(world, &format!("1.{number}"));
        let state = world.folder.path().join(format!("state-{number}.json"));
        let killed = kill(world, kind.command(&config, &state), point).await?;
        if trial.is_unfollowed {
            outlive_guard(world, &before, &visitor).await?;
        }
        let told = follow(world, trial, &state).await?;
        let checked = async {
            // What was said is so at once, and stays so.
            is_true(world, &before, &told)?;
            let mut waited = Duration::ZERO;
            loop {
                world.clock.sleep(LOOKED).await;
                waited += LOOKED;
                match is_in_order(world, &before, &killed, &told).await {
                    Err(_) if waited < SETTLED => {}
                    other => break other?,
                }
            }
            is_true(world, &before, &told)?;
            says_the_same(&visitor, world, &before)
        };
        let checked = checked.await;
        checked.with_context(|| format!("{told:#?}\n{}", told.story))?;
        let how = match (&killed.told, &killed.last_change) {
            (Some(_), _) => "it had ended".to_owned(),
            (None, change) => format!("last change {change:?}"),
        };
        anyhow::Ok(format!(
            "{how}; settled {}; {}",
            told.settled.as_ref().map_or("nothing", name),
            told.words()
        ))
    };
    tokio::select! {
        told = all => told,
        () = visitor.visit() => unreachable!("it visits for ever"),
    }
}

/// One more run.
async fn follow(world: &World, trial: Trial, state: &Path) -> Result<Told> {
    let Trial {
        kind, number, next, ..
    } = trial;
    let aws = world.aws().await;
    let version = match next {
        Next::SameDeploy => format!("1.{number}"),
        _ => format!("2.{number}"),
    };
    let (name, patience) = match next {
        Next::Finish => return command::finish_from(world, &aws, state).await,
        Next::SameDeploy | Next::OtherDeploy => ("deploy", Patience::Waits(WAIT)),
        Next::Rollback => ("rollback", Patience::Waits(WAIT)),
        Next::RollbackTakesOver => ("rollback", Patience::Overtakes),
    };
    let config = kind.config(world, &version);
    let command = Command {
        name,
        config: &config,
        patience,
        state: None,
    };
    let told = command::run(world, &aws, command, &Seen::default()).await?;
    let is_meant = match &told.last {
        Some(Last::Ended(outcome)) => matches!(**outcome, Outcome::Deployed { .. }),
        Some(Last::NothingToDo(_)) => true,
        // There may be nothing to go back to.
        Some(Last::Refused(why)) => name == "rollback" && !why.contains("has it"),
        None => false,
    };
    ensure!(is_meant, "{told:#?}\n{}", told.story);
    if name == "deploy" {
        ensure!(told.words() == format!("{version} serves"), "{told:#?}");
    }
    Ok(told)
}

#[tokio::test(start_paused = true)]
async fn a_release_killed_at_any_call_is_brought_to_an_end_by_whatever_comes_next() {
    every_point(Kind::Release, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_release_killed_at_any_call_is_brought_to_an_end_by_whatever_comes_next() {
    every_point(Kind::Canary, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollback_killed_at_any_call_is_brought_to_an_end_by_whatever_comes_next() {
    every_point(Kind::Rollback, false).await;
}
