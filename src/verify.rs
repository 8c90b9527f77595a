//! THE PAGE of a verification: all of a release that comes before its shift, and then undone again.
//!
//! No traffic moves and no weight is written, so nothing is probed: live is as it was. What fails ends it as it ends a
//! release that fails before the shift.

use std::path::Path;

use crate::deploy::{prove, publish};
use crate::ending::{Finished, begin, by_looking, undone};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::run::context::Context;
use crate::run::runner::Runner;

/// Carries out a plan up to the shift, and undoes it. `bundle` is the packed bundle.
pub async fn verify(cx: &Context, plan: &Plan, bundle: &Path) -> Finished {
    begin(cx, plan);
    cx.keep_lease(prove_and_undo(cx, plan, bundle)).await
}

async fn prove_and_undo(cx: &Context, plan: &Plan, bundle: &Path) -> Finished {
    let run = Runner::new(cx).of_verification();
    let proving = async {
        let candidate = publish(&run, plan, bundle).await?;
        prove(&run, plan, candidate).await
    };
    let outcome = match proving.await {
        Err(stop) => undone(cx, plan, run, stop).await,
        Ok(_) => {
            let unwound = run.unwind().await;
            Outcome::Verified {
                release: plan.release.clone(),
                serving: plan.previous.release.clone(),
                undone: unwound.undone,
                leftovers: unwound.leftovers,
            }
        }
    };
    Finished {
        outcome: by_looking(cx, plan, outcome).await,
        evidence: None,
        verdict: None,
    }
}
