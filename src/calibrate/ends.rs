//! What the parts of a walk begin with, and have to come to.

use std::path::Path;

use anyhow::{Result, bail};

use crate::names::Release;
use crate::outcome::Outcome;
use crate::plan::{Decision, Plan};
use crate::run::beginning::Beginning;
use crate::run::context::Context;
use crate::run::state::State;

pub(super) fn planned(decision: Decision) -> Result<Box<Plan>> {
    match decision {
        Decision::Release(plan) => Ok(plan),
        Decision::Refused(why) => bail!("refused: {why}"),
        Decision::NothingToDo(Release(release)) => bail!("{release} is live already"),
    }
}

pub(super) fn begin(cx: &Context, command: &str, plan: &Plan, kept: Option<&Path>) -> Result<()> {
    let state = State::new(Beginning::of(command, plan), plan.clone());
    match kept {
        Some(file) => cx.journal.keep(file, state),
        None => {
            cx.journal.go_on(None, state);
            Ok(())
        }
    }
}

/// How a release ended that has to be live now.
pub(super) fn live(outcome: &Outcome) -> Result<String> {
    match outcome {
        Outcome::Deployed { .. } | Outcome::Unproven { .. } => Ok(outcome.word()),
        _ => bail!("{}", words(outcome)),
    }
}

pub(super) fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::RolledBack { step, cause, .. } => format!("rolled back at \"{step}\": {cause}"),
        Outcome::Refused { reason, .. } => format!("refused: {reason}"),
        other => other.word(),
    }
}
