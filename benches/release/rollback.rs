//! How soon a rollback moves the traffic: while the previous colour is up, after it was scaled in, and to an earlier release.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bg_deploy::outcome::Outcome;
use bg_deploy::run::event::Event;

use super::world::World;

/// What one rollback came to, from the moment at which it was planned.
#[derive(Clone, Copy)]
pub(super) struct WayBack {
    written: Duration,
    last_old: Duration,
    over: Duration,
}

/// What is gone back to.
#[derive(Clone, Copy)]
enum From {
    Up,
    ScaledIn,
    Earlier,
}

const ALL: [(&str, From); 3] = [
    ("previous colour is up", From::Up),
    ("scaled in", From::ScaledIn),
    ("earlier release", From::Earlier),
];

/// A way back of each kind.
pub(super) async fn ways_back(seed: u64) -> Result<Vec<WayBack>> {
    let mut all = Vec::new();
    for (_, from) in ALL {
        all.push(way_back(seed, from).await?);
    }
    Ok(all)
}

async fn way_back(seed: u64, from: From) -> Result<WayBack> {
    let world = World::seeded(seed).await;
    let first = world.config("0.0.1", None);
    world.provision(&first).await;
    world.deploy(&first).await;
    world.deploy(&world.config("0.0.2", None)).await;
    match from {
        From::Up => {}
        From::ScaledIn => world.clock.sleep(Duration::from_secs(2 * 3_600)).await,
        From::Earlier => {
            world.deploy(&world.config("0.0.3", None)).await;
        }
    }
    let (finished, _, cx) = world.rollback(Some("0.0.1")).await;
    if !matches!(finished.outcome, Outcome::Deployed { .. }) {
        bail!("seed {seed}: {:?}", finished.outcome);
    }
    let evidence = finished.evidence.context("the probe ran")?;
    let live = match from {
        From::Earlier => "0.0.3",
        From::Up | From::ScaledIn => "0.0.2",
    };
    let change = evidence.changeover(live, "0.0.1").context("a change")?;
    let events = cx.events.all();
    let written = events
        .iter()
        .find(|one| matches!(one.event, Event::WeightsWritten { .. }));
    let written = written.context("weights were written")?.at;
    let over = cx.clock.elapsed();
    world.cloud.stop().await;
    Ok(WayBack {
        written,
        last_old: change.last_old.saturating_sub(cx.events.begun()),
        over,
    })
}

/// A line for each kind: the mean of the seeds, and the worst.
pub(super) fn print(out: &mut impl Write, all: &[Vec<WayBack>]) -> Result<()> {
    writeln!(
        out,
        "\nRollback, two instances, seconds on AWS's clock from the plan on: mean, worst\n\n{:<24}{:>18}{:>22}{:>18}",
        "from", "first weight", "last answer of live", "over"
    )?;
    for (index, (name, _)) in ALL.iter().enumerate() {
        let figures = |of: fn(&WayBack) -> Duration| {
            let each = all.iter().map(|ways| of(&ways[index]).as_secs_f64());
            let worst = each.clone().fold(0.0, f64::max);
            format!("{:.1} {worst:.1}", each.sum::<f64>() / all.len() as f64)
        };
        writeln!(
            out,
            "{name:<24}{:>18}{:>22}{:>18}",
            figures(|way| way.written),
            figures(|way| way.last_old),
            figures(|way| way.over),
        )?;
    }
    Ok(())
}
