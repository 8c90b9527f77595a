//! How soon the traffic is brought back from a release that fails: from the first visitor's request that failed to the
//! weights as they were, written.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bg_deploy::config::Config;
use bg_deploy::deploy::deploy;
use bg_deploy::outcome::Outcome;
use bg_deploy::run::event::Event;
use local_aws::sample_app::AppFault;

use super::world::World;

/// What one release that fails under traffic came to.
#[derive(Clone, Copy)]
pub(super) struct Restored {
    /// From the end of the first answer that failed to the run's knowing that it fails.
    known: Duration,
    /// From there to the weights as they were, written.
    written: Duration,
    /// From there to the last answer of the release that fails.
    last_bad: Duration,
}

/// A release that answers with errors as soon as it has traffic.
pub(super) async fn restored(seed: u64) -> Result<Restored> {
    let world = World::seeded(seed).await;
    let first = with_defaults(world.config("0.0.1", None));
    world.provision(&first).await;
    world.deploy(&first).await;
    let bad = with_defaults(world.config("0.0.2", Some(AppFault::ErrorsAfterShift)));
    let (prepared, plan) = world.plan(&bad).await;
    let cx = world.context().await;
    let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    if !matches!(finished.outcome, Outcome::RolledBack { .. }) {
        bail!("seed {seed}: {:?}", finished.outcome);
    }
    let evidence = finished.evidence.context("the probe ran")?;
    let begun = cx.events.begun();
    let failures = &evidence.excerpt.failures;
    let failed = failures.iter().map(|sample| sample.finished());
    let (first, last) = (failed.clone().min(), failed.max());
    let first = first.context("no request failed")?.saturating_sub(begun);
    let last = last.context("no request failed")?.saturating_sub(begun);
    let events = cx.events.all();
    let mut after = events
        .iter()
        .skip_while(|one| !matches!(one.event, Event::StepFailed { .. }));
    let known = after.next().context("a step failed")?.at;
    let written = after.find(|one| matches!(one.event, Event::WeightsWritten { .. }));
    let written = written.context("weights were written")?.at;
    world.cloud.stop().await;
    Ok(Restored {
        known: known.saturating_sub(first),
        written: written.saturating_sub(known),
        last_bad: last.saturating_sub(known),
    })
}

/// The rate that a user has who says nothing of it.
fn with_defaults(mut config: Config) -> Config {
    config.probe.rate = bg_deploy::config::default::RATE;
    config
}

/// The mean of the seeds, and the worst.
pub(super) fn print(out: &mut impl Write, all: &[Restored]) -> Result<()> {
    writeln!(
        out,
        "\nA release that fails under traffic, seconds on AWS's clock: mean, worst\n"
    )?;
    let mut print_row = |what: &str, of: fn(&Restored) -> Duration| {
        let each = all.iter().map(|one| of(one).as_secs_f64());
        let worst = each.clone().fold(0.0, f64::max);
        let mean = each.sum::<f64>() / all.len() as f64;
        writeln!(out, "{what:<36}{mean:>6.2} {worst:>6.2}")
    };
    print_row("first failed answer, to known", |it| it.known)?;
    print_row("known, to the weights written", |it| it.written)?;
    print_row("known, to its last failed answer", |it| it.last_bad)?;
    Ok(())
}
