//! Counts what live is answered before anything moves: what fails already is no fault of the release.
//!
//! The probe has asked since before the candidate was brought up, so there is mostly nothing to wait for. Where live fails
//! already, it is counted longer: few failures say little of how often it fails.
//!
//! Changes: nothing. Waits for: enough answers.

use std::time::Duration;

use anyhow::Result;

use super::watch::Watch;
use crate::probe::Tally;
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Check, Settled};
use crate::run::step_id::StepId;

/// How long live is watched at least, on the wall.
const LEAST: Duration = Duration::from_secs(3);
/// How long where it fails already, until there were enough requests.
const MOST: Duration = Duration::from_secs(60);
/// So many requests say how often it fails.
const ENOUGH: u64 = 2_000;
/// Between two looks.
const GLANCE: Duration = Duration::from_millis(500);

/// The step.
#[derive(Debug)]
pub struct WatchLive {
    watch: Watch,
}

impl WatchLive {
    /// Counts what `watch` sees.
    pub fn of(watch: &Watch) -> Self {
        Self {
            watch: watch.clone(),
        }
    }
}

impl Check for WatchLive {
    type Output = ();

    const ABOUT: About = About {
        id: StepId::WatchLive,
        name: "watch live",
        zone: Zone::Prepare,
        does: "counts what live is answered before anything moves, for a minute where requests fail already: the release is \
               judged against it",
        undo: "",
        calls: &[],
        undo_calls: &[],
    };

    async fn check(&self, cx: &Context) -> Result<Settled<()>> {
        if !self.watch.is_running() {
            return Ok(Settled::skipped((), "nothing is live yet"));
        }
        let began = self.watch.began();
        let watched = || cx.clock.wall().saturating_sub(began);
        cx.pause_wall(LEAST.saturating_sub(watched())).await?;
        while needs_more(&self.watch.tally_since(began), watched()) {
            cx.pause_wall(GLANCE).await?;
        }
        let tally = self.watch.tally_since(began);
        let counts = tally.counts();
        if counts.failed > 0 {
            cx.events.note(format!(
                "live traffic fails already, before anything moves: {} of {} requests; the release is judged against that",
                counts.failed, counts.sent
            ));
        }
        self.watch.judge_against(cx.clock.wall(), counts);
        let summary = format!("{} requests, {} failed", counts.sent, counts.failed);
        Ok(Settled::done((), summary))
    }
}

/// Whether what was counted in this time says too little.
fn needs_more(tally: &Tally, watched: Duration) -> bool {
    let fails = tally.counts().failed > 0;
    watched < MOST && ((fails && tally.sent < ENOUGH) || tally.undecided > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_is_watched_longer_where_it_fails_and_no_longer_than_a_minute() {
        let tally = |sent, failed, undecided| Tally {
            sent,
            failed,
            undecided,
            ..Tally::default()
        };
        let second = Duration::from_secs(1);
        assert!(!needs_more(&tally(120, 0, 0), 3 * second));
        assert!(needs_more(&tally(120, 1, 0), 3 * second));
        assert!(
            needs_more(&tally(120, 1, 1), 3 * second),
            "not told apart yet"
        );
        assert!(!needs_more(&tally(2_000, 1, 0), 50 * second));
        assert!(!needs_more(&tally(600, 30, 0), MOST));
    }
}
