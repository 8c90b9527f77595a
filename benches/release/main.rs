//! A whole second release against the local cloud, beside the time that AWS itself took for it; ways back; and how soon a
//! release that fails has lost its traffic again.
//!
//! Everything is in memory under a paused clock, so a release of five minutes takes a second or two, and a seed gives the
//! same figures again: `cargo bench --profile dev --bench release`, or with `-- 40` for forty seeds. No profile makes AWS
//! faster, and the release profile takes ten minutes of building the AWS SDK first. It prints and never asserts.
//!
//! The lower bound is no model: [`critical_path`] adds up what became true when, from the account's own milestones,
//! and what the configuration wants held. API calls count as taking no time in it.

mod critical_path;
mod restore;
mod rollback;
mod tallies;
mod world;

use std::time::Duration;

use anyhow::{Result, bail};
use bg_deploy::outcome::Outcome;
use local_aws::account::Call;

use critical_path::{Mark, Recording, Step};
use world::World;

/// So many seeds, from 1, unless the command line has another number.
const SEEDS: u64 = 5;

/// What one seed's release came to.
struct Measured {
    seed: u64,
    took: Duration,
    steps: Vec<Step>,
    calls: Vec<Call>,
    waits: usize,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    let mut all = Vec::new();
    let mut ways_back = Vec::new();
    let mut restored = Vec::new();
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    for seed in 1..=given.unwrap_or(SEEDS) {
        all.push(runtime.block_on(second_release(seed))?);
        ways_back.push(runtime.block_on(rollback::ways_back(seed))?);
        restored.push(runtime.block_on(restore::restored(seed))?);
    }
    let mut out = std::io::stdout();
    print_durations(&mut out, &all)?;
    print_steps(&mut out, &all)?;
    tallies::print(&mut out, &all)?;
    rollback::print(&mut out, &ways_back)?;
    restore::print(&mut out, &restored)?;
    Ok(())
}

/// A first release, and then the second one that is measured.
async fn second_release(seed: u64) -> Result<Measured> {
    let world = World::seeded(seed).await;
    let first = world.config("0.0.1", None);
    world.provision(&first).await;
    world.deploy(&first).await;
    let next = world.config("0.0.2", None);
    let (prepared, plan) = world.plan(&next).await;
    // Its clock begins before it takes its turn.
    let mark = Mark::now(&world.cloud.account());
    let cx = world.context().await;
    let finished = bg_deploy::deploy::deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    let took = cx.clock.elapsed();
    if !matches!(finished.outcome, Outcome::Deployed { .. }) {
        bail!("seed {seed}: {:?}", finished.outcome);
    }
    let recording = Recording::new(&world.cloud.account(), &cx.events.all(), mark);
    let steps = recording.steps(&plan)?;
    let calls = recording.calls().to_vec();
    let waits = tallies::wait_calls(&recording);
    world.cloud.stop().await;
    Ok(Measured {
        seed,
        took,
        steps,
        calls,
        waits,
    })
}

fn print_durations(out: &mut impl std::io::Write, all: &[Measured]) -> Result<()> {
    writeln!(
        out,
        "Second release, two instances, seconds on AWS's clock\n\n{:>5}{:>10}{:>14}{:>8}{:>12}{:>9}",
        "seed", "release", "lower bound", "ratio", "overshoot", "calls/s"
    )?;
    for run in all {
        let bound = critical_path::bound(&run.steps);
        writeln!(
            out,
            "{:>5}{:>10.1}{:>14.1}{:>8.3}{:>12.1}{:>9.2}",
            run.seed,
            run.took.as_secs_f64(),
            bound.as_secs_f64(),
            run.took.as_secs_f64() / bound.as_secs_f64(),
            run.took.saturating_sub(bound).as_secs_f64(),
            run.calls.len() as f64 / run.took.as_secs_f64(),
        )?;
    }
    Ok(())
}

/// Each step's share of the bound, and how much later than that it was done: the mean over the seeds, and the worst.
fn print_steps(out: &mut impl std::io::Write, all: &[Measured]) -> Result<()> {
    writeln!(
        out,
        "\n{:<38}{:>10}{:>10}{:>16}{:>8}",
        "step", "AWS's", "held", "overshoot mean", "worst"
    )?;
    let names = all.first().map(|run| run.steps.len()).unwrap_or_default();
    for index in 0..names {
        let steps: Vec<_> = all.iter().map(|run| &run.steps[index]).collect();
        let mean = |of: fn(&Step) -> Duration| {
            steps.iter().map(|step| of(step).as_secs_f64()).sum::<f64>() / steps.len() as f64
        };
        let worst = steps.iter().map(|step| step.overshoot()).max();
        writeln!(
            out,
            "{:<38}{:>10.1}{:>10.1}{:>16.2}{:>8.2}",
            steps[0].name,
            mean(|step| step.aws),
            mean(|step| step.held),
            mean(Step::overshoot),
            worst.unwrap_or_default().as_secs_f64(),
        )?;
    }
    Ok(())
}
