//! How soon a rollback moves the traffic: while the previous colour is up, after it was scaled in, and to an earlier release.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bg_deploy::ending::Finished;
use bg_deploy::names::Release;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Decision;
use bg_deploy::prepare::prepare_rollback;
use bg_deploy::rollback::rollback;
use bg_deploy::run::beginning::Beginning;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::run::state::State;

use super::world::{World, config_of};

/// What one rollback came to, from the command on.
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

/// As the command does: it takes its turn, looks, and keeps a journal. Its events are timed from before the first call on.
async fn go_back(world: &World) -> Result<(Finished, Context)> {
    let cx = world.context().await;
    let mut config = config_of(Path::new("/nowhere"), "any");
    // It is over in seconds: visitors enough to tell of it.
    config.probe.rate = 5.0;
    let to = Release("0.0.1".to_owned());
    let plan = match prepare_rollback(&cx.aws, &config, &[], Some(&to)).await? {
        Decision::Release(plan) => plan,
        other => bail!("no rollback: {other:?}"),
    };
    let state = State::new(Beginning::default(), (*plan).clone());
    cx.journal.go_on(None, state);
    Ok((rollback(&cx, &plan, None).await, cx))
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
    let (finished, cx) = go_back(&world).await?;
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
        "\nRollback, two instances, seconds on AWS's clock from the command on: mean, worst\n\n{:<24}{:>18}{:>22}{:>18}",
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
