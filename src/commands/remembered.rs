//! What is remembered of a run in the environment's lease, whichever command brought it to its end.

use std::time::SystemTime;

use crate::ending::Finished;
use crate::lease::Done;
use crate::names::utc;
use crate::outcome::Outcome;
use crate::probe::Verdict;
use crate::run::beginning::Beginning;
use crate::run::context::Context;

/// What is remembered of any run.
pub(super) fn remembered(
    beginning: &Beginning,
    deployment: &str,
    outcome: &Outcome,
    now: SystemTime,
) -> Done {
    Done {
        deployment: deployment.to_owned(),
        command: beginning.command.clone(),
        release: beginning.release.0.clone(),
        result: outcome.word(),
        ended: utc(now),
        by: beginning.by.clone(),
        ..Done::default()
    }
}

/// What is remembered of a run that this process carried out: what it proved as well, how long it took, and where it can be
/// looked at.
pub(super) fn remembered_whole(
    cx: &Context,
    beginning: &Beginning,
    deployment: &str,
    finished: &Finished,
    url: Option<&str>,
) -> Done {
    let (now, took) = (cx.clock.utc(), cx.clock.elapsed());
    let verdict = finished.verdict.as_ref().map(Verdict::word);
    Done {
        began: Some(utc(now - took)),
        took_seconds: Some(took.as_secs()),
        verdict: verdict.map(str::to_owned),
        url: url.map(str::to_owned),
        ..remembered(beginning, deployment, &finished.outcome, now)
    }
}
