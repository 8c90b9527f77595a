//! What is remembered of a run in the environment's lease, whichever command brought it to its end.

use std::time::SystemTime;

use crate::lease::Done;
use crate::names::utc;
use crate::outcome::Outcome;
use crate::run::beginning::Beginning;

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
