//! The matrix of other hands: each act of a person's at each step of a release and of a rollback. No visitor loses a request
//! but what the act costs by itself, what is said last is what AWS's books and visitors say, and one more command leaves
//! nothing of ours behind.
//!
//! A sample of the cells by default; all of them, which takes a good part of an hour, with `BGD_ALL_HANDS=1`.

pub(crate) mod act;
mod moment;
mod verdict;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bg_deploy::config::Config;
use bg_deploy::lease::Patience;
use bg_deploy::names::Colour;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;

use crate::books::Books;
use crate::command::{self, Command, Last, Seen, Told, WAIT};
use crate::support::World;
use crate::trials::try_each;
use crate::visitor::Visitor;
use act::{ACTS, Act, Cost, write_weights};
use moment::{Moment, Ran};
use verdict::{answering, costs_no_more, healthiest, is_in_order, is_true, says_the_same};

/// What is on its way out of the account is gone after this.
const SETTLED: Duration = Duration::from_secs(420);
/// How often it is looked whether it is.
const LOOKED: Duration = Duration::from_secs(60);
/// So often a person does what a refusal says.
const OBEYED: usize = 3;

/// The kinds of run in which a person has a hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Canary,
    Rollback,
}

const RELEASE: [&str; 17] = [
    "bake image",
    "publish template version",
    "clear idle group",
    "start probe",
    "scale up idle group",
    "await healthy",
    "open preview route",
    "smoke test",
    "probe version",
    "watch live",
    "arm guard",
    "shift traffic",
    "soak",
    "disarm guard",
    "drain previous",
    "retain previous",
    "prune images",
];

const ROLLBACK: [&str; 9] = [
    "start probe",
    "hold previous",
    "await healthy",
    "open preview route",
    "arm guard",
    "shift traffic",
    "disarm guard",
    "drain previous",
    "retain previous",
];

/// Steps that change something.
const CHANGING: [&str; 7] = [
    "clear idle group",
    "scale up idle group",
    "hold previous",
    "open preview route",
    "arm guard",
    "shift traffic",
    "retain previous",
];

impl Kind {
    fn config(self, world: &World, version: &str) -> Config {
        let mut config = world.config(version, None);
        config.retain.images = 3;
        config.probe.rate = 2.0;
        if self == Self::Canary {
            config.shift.weights = vec![20, 60, 100];
        }
        config
    }

    fn command<'a>(self, config: &'a Config, state: Option<&'a Path>) -> Command<'a> {
        Command {
            name: match self {
                Self::Rollback => "rollback",
                Self::Canary => "deploy",
            },
            config,
            patience: Patience::Waits(WAIT),
            state,
        }
    }

    fn moments(self) -> Vec<Moment> {
        let steps = match self {
            Self::Canary => RELEASE.as_slice(),
            Self::Rollback => ROLLBACK.as_slice(),
        };
        let mut moments: Vec<_> = steps.iter().map(|step| Moment::Begins(step)).collect();
        let changing = steps.iter().filter(|step| CHANGING.contains(*step));
        moments.extend(changing.map(|step| Moment::Changes(step)));
        if self == Self::Canary {
            moments.push(Moment::Held);
        }
        moments
    }
}

/// What is tried.
#[derive(Clone, Copy, Debug)]
struct Cell {
    kind: Kind,
    number: usize,
    moment: Moment,
    act: Act,
}

/// Every cell of a kind.
fn cells(kind: Kind) -> Vec<Cell> {
    let moments = kind.moments();
    let pairs = moments
        .iter()
        .flat_map(|moment| ACTS.map(|act| (*moment, act)));
    let numbered = pairs.enumerate();
    let cell = |(number, (moment, act))| Cell {
        kind,
        number,
        moment,
        act,
    };
    numbered.map(cell).collect()
}

/// All, or those whose act and moment is in the sample.
fn chosen(kind: Kind, sample: &[(Act, Moment)]) -> Vec<Cell> {
    let all = cells(kind);
    if let Some(only) = std::env::var_os("BGD_HANDS") {
        let only = only.to_string_lossy().into_owned();
        let is_meant = |cell: &Cell| format!("{cell:?}").contains(&only);
        return all.into_iter().filter(is_meant).collect();
    }
    if std::env::var_os("BGD_ALL_HANDS").is_some() {
        return all;
    }
    let is_sampled = |cell: &Cell| sample.contains(&(cell.act, cell.moment));
    all.into_iter().filter(is_sampled).collect()
}

#[expect(clippy::print_stdout, reason = "which cells were tried is to be seen")]
async fn every_cell(kind: Kind, sample: &[(Act, Moment)]) {
    let chosen = chosen(kind, sample);
    println!("{kind:?}: {} of {} cells", chosen.len(), cells(kind).len());
    let make = World::with_a_previous;
    let why = |cell: &Cell| format!("{cell:?}");
    try_each(&chosen, None, make, why, async |world, cell| {
        Box::pin(try_cell(world, *cell)).await
    })
    .await;
}

/// A world with a live release, and one before it that is retained.
async fn begin(world: &World, cell: Cell) -> Result<Plan> {
    let look = async || {
        let (_, plan) = world.plan(&world.config("any", None)).await;
        let books = Books::read(world, &plan);
        let retained = books.live_and_idle();
        let retained = retained.is_some_and(|(_, idle)| !idle.releases.is_empty());
        (plan, retained)
    };
    let (plan, retained) = look().await;
    if retained {
        return Ok(plan);
    }
    let config = cell.kind.config(world, &format!("0.{}", cell.number));
    let told = deploy(world, &config).await?;
    ensure!(
        matches!(&told.last, Some(Last::Ended(it)) if matches!(**it, Outcome::Deployed { .. })),
        "{told:#?}"
    );
    let (plan, retained) = look().await;
    ensure!(retained, "nothing is retained");
    Ok(plan)
}

async fn deploy(world: &World, config: &Config) -> Result<Told> {
    let command = Kind::Canary.command(config, None);
    // Boxed, like whatever is large and awaited from deep down.
    Box::pin(command::run(
        world,
        &world.aws().await,
        command,
        &Seen::default(),
    ))
    .await
}

async fn try_cell(world: &World, cell: Cell) -> Result<String> {
    let plan = begin(world, cell).await?;
    let visitor = Visitor::of(world, &plan.url);
    let all = async {
        let config = cell.kind.config(world, &format!("1.{}", cell.number));
        let state = world
            .folder
            .path()
            .join(format!("hands-{:?}-{}.json", cell.kind, cell.number));
        let command = cell.kind.command(&config, Some(&state));
        let ran = Box::pin(moment::run(world, command, cell.moment, cell.act)).await?;
        let ran = ran.context("there was no plan")?;
        let checking = check(world, cell, &ran, &config, &state, &visitor);
        let followed = Box::pin(checking).await;
        let story = || format!("{:#?}\n{}", ran.told.last, ran.told.story);
        let followed = followed.with_context(story)?;
        anyhow::Ok(format!(
            "{:?}; {}; then {followed}",
            ran.acted.map(|(_, cost)| cost),
            ran.told.words(),
        ))
    };
    tokio::select! {
        told = all => told,
        () = visitor.visit() => unreachable!("it visits for ever"),
    }
}

/// Fails unless all is as it should be after the run, and after one more command.
async fn check(
    world: &World,
    cell: Cell,
    ran: &Ran,
    config: &Config,
    state: &Path,
    visitor: &Visitor<'_>,
) -> Result<String> {
    let (acted_at, cost) = ran.acted.context("the moment never came")?;
    if cell.act == Act::LiveInstanceTerminated {
        let is_stuck =
            |last: &Last| matches!(last, Last::Ended(it) if matches!(**it, Outcome::Stuck { .. }));
        let is_stuck = ran.told.last.as_ref().is_some_and(is_stuck);
        ensure!(
            !is_stuck,
            "an instance that Auto Scaling replaces needs no hand"
        );
    }
    // What takes its time to be felt can't be known to a run that has ended by then.
    let is_late = cost != Cost::Nothing && world.clock.elapsed() < acted_at + LOOKED;
    if !is_late {
        is_true(world, &ran.plan, &ran.told)?;
    }
    world.clock.sleep(LOOKED).await;
    if !is_late {
        is_true(world, &ran.plan, &ran.told).context("a minute later")?;
        says_the_same(visitor, world, &ran.plan)?;
    }
    let aws = world.aws().await;
    let finished = Box::pin(command::finish_from(world, &aws, state)).await?;
    is_true(world, &ran.plan, &finished).context("finished")?;
    let (told, right_at) = Box::pin(follow(world, cell, ran, config)).await?;
    let checked = async {
        costs_no_more(visitor, ran.acted, right_at)?;
        let mut waited = Duration::ZERO;
        loop {
            world.clock.sleep(LOOKED).await;
            waited += LOOKED;
            match is_in_order(world, ran, cell.act).await {
                Err(_) if waited < SETTLED => {}
                other => break other?,
            }
        }
        is_true(world, &ran.plan, &told)?;
        says_the_same(visitor, world, &ran.plan)?;
        costs_no_more(visitor, ran.acted, right_at)
    };
    let story = || format!("then {:#?}\n{}\nand before that", told.last, told.story);
    checked.await.with_context(story)?;
    cell.act.takes_back(world, &ran.plan);
    if cell.act == Act::TerraformApplied {
        world.provision(config).await;
    }
    Ok(told.words())
}

/// The same release again, or after a rollback another one; a person does what a refusal says. Answers with the last word,
/// and when somebody is served again.
async fn follow(world: &World, cell: Cell, ran: &Ran, config: &Config) -> Result<(Told, Duration)> {
    let mut config = config.clone();
    if cell.kind == Kind::Rollback {
        config = cell.kind.config(world, &format!("2.{}", cell.number));
    }
    let mut right_at = Duration::ZERO;
    for _ in 0..OBEYED {
        let told = deploy(world, &config).await?;
        if answering(&Books::read(world, &ran.plan)).is_some() && right_at.is_zero() {
            right_at = world.clock.elapsed();
        }
        let why = match &told.last {
            Some(Last::Ended(outcome)) => match &**outcome {
                Outcome::Deployed { .. } => return Ok((told, right_at)),
                Outcome::RolledBack { cause, .. } => cause.words.clone(),
                _ => bail!("one more command: {told:#?}\n{}", told.story),
            },
            Some(Last::NothingToDo(_)) => {
                is_true(world, &ran.plan, &told).context("one more command")?;
                return Ok((told, right_at));
            }
            Some(Last::Refused(why)) => why.clone(),
            None => bail!("nothing was said"),
        };
        is_true(world, &ran.plan, &told).context("one more command")?;
        obey(world, ran, &config, &why)
            .await
            .with_context(|| format!("one more command: {}", told.story))?;
        if answering(&Books::read(world, &ran.plan)).is_some() && right_at.is_zero() {
            right_at = world.clock.elapsed();
        }
    }
    bail!("it was refused {OBEYED} times, whatever a person did of what it said")
}

/// Does what a refusal says.
async fn obey(world: &World, ran: &Ran, config: &Config, why: &str) -> Result<()> {
    if why.contains("wait until it is gone") {
        world.clock.sleep(SETTLED).await;
    }
    if why.contains("bg-deploy provision") {
        world.provision(config).await;
    } else if why.contains("modify-rule") {
        let books = Books::read(world, &ran.plan);
        let weights = match healthiest(&books) {
            Colour::Blue => [100, 0],
            Colour::Green => [0, 100],
        };
        write_weights(&mut world.cloud.account(), &ran.plan, weights);
    } else if why.contains("resume-processes") {
        Act::LiveSuspended.takes_back(world, &ran.plan);
    } else if why.contains("bg-deploy rollback") {
        let command = Kind::Rollback.command(config, None);
        let (aws, seen) = (world.aws().await, Seen::default());
        let back = Box::pin(command::run(world, &aws, command, &seen)).await?;
        is_true(world, &ran.plan, &back)?;
    } else {
        bail!("it does not say what to type: {why}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_person_s_hand_in_any_step_of_a_release_loses_nobody_and_the_last_word_is_true() {
    let sample = [
        (Act::TerraformApplied, Moment::Begins("clear idle group")),
        (Act::WeightsToTheOther, Moment::Begins("await healthy")),
        (
            Act::CandidateGroupDeleted,
            Moment::Begins("open preview route"),
        ),
        (Act::WeightsInHalf, Moment::Held),
    ];
    every_cell(Kind::Canary, &sample).await;
}

#[tokio::test(start_paused = true)]
async fn a_person_s_hand_in_any_step_of_a_rollback_loses_nobody_and_the_last_word_is_true() {
    let sample = [
        (Act::WeightsInHalf, Moment::Begins("start probe")),
        (Act::LiveSuspended, Moment::Begins("hold previous")),
    ];
    every_cell(Kind::Rollback, &sample).await;
}
