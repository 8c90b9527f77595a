//! `finish` where no state file is: what the environment's lease knows of a run that did not come to its end, whichever
//! runner it was on.
//!
//! A step that always runs calls it after runs that never began, too, without a config or credentials: then, and while
//! another run has its turn, there is nothing to finish.

use anyhow::Result;

use super::reached::Reached;
use super::turn::{Asking, NotNow};
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::inputs::Inputs;
use crate::lease::give_back;
use crate::lease::{self, Patience, Record};
use crate::outcome::Outcome;
use crate::run::state::State;

/// What there was to finish.
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// That could not be looked at.
    NotSeen(String),
    /// A run, which ended so.
    Ended(Outcome),
}

/// Brings an earlier run to its end, if there was one.
pub(super) async fn run(
    options: &cli::Options,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<Left, EarlyExit> {
    let reached = match Reached::reach(options, inputs).await {
        Ok(reached) => reached,
        Err(refused) => return Ok(Left::NotSeen(refused.text)),
    };
    let mut left = Left::Nothing;
    for verifies in [false, true] {
        let ended = match of_lease(&reached, verifies, inputs, terminal).await {
            // It is not in the way of any release, and only the role of verifications may do it.
            Err(why) if verifies => {
                terminal.notice(&format!(
                    "what a verification left is still there: {}; the next one removes it, and so does finish with its role",
                    why.text
                ));
                Left::Nothing
            }
            ended => ended?,
        };
        // What a release left is told before what a verification did.
        if matches!(left, Left::Nothing) {
            left = ended;
        }
    }
    Ok(left)
}

/// Brings to its end what this lease knows of.
async fn of_lease(
    reached: &Reached,
    verifies: bool,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<Left, EarlyExit> {
    let place = match verifies {
        true => reached.verify_lease(),
        false => reached.lease(),
    };
    let seen = async {
        let record = lease::read(&reached.aws, &place).await?;
        let record = record.map(|(_, record)| record);
        anyhow::Ok(kept(record.as_ref()).is_some_and(|run| run.is_unfinished()))
    };
    let is_left = match seen.await {
        Ok(is_left) => is_left,
        Err(error) => return Ok(Left::NotSeen(format!("{error:#}"))),
    };
    if !is_left {
        return Ok(Left::Nothing);
    }
    let asking = Asking {
        verifies,
        ..reached.asking("finish", inputs, terminal)
    };
    let mut turn = match asking
        .turn_or_not(&reached.names(), Patience::UntilASign)
        .await?
    {
        Ok(turn) => turn,
        Err(NotNow::Busy(busy)) => {
            let holder = busy.holder.words();
            terminal.tell(&format!("that run goes on, and ends by itself: {holder}"));
            return Ok(Left::Nothing);
        }
        // Nothing that tidies up is.
        Err(on_hold @ NotNow::OnHold(_)) => {
            return Err(asking.refusal(&reached.names(), &on_hold));
        }
    };
    let settled = asking.settle(&mut turn).await?;
    give_back(turn.lease.as_ref(), false).await;
    Ok(settled.map_or(Left::Nothing, |settled| Left::Ended(settled.outcome)))
}

/// The run that a lease knows of.
pub(super) fn kept(record: Option<&Record>) -> Option<State> {
    let run = record?.run.clone()?;
    State::of_value(run).ok()
}

/// The run of this state as the lease knows it, where it knows more: a file is not written any more where the disk is full. `None`
/// when it came to its end.
pub(super) fn latest(record: Option<&Record>, state: State) -> Option<State> {
    let id = &state.plan.deployment;
    if let Some(kept) = kept(record).filter(|kept| kept.plan.deployment == *id) {
        let is_further = kept.progress.is_further_than(&state.progress);
        return match kept.has_ended() {
            // However alike the two look: the last that a file lacks may be the end alone.
            true => None,
            false => Some(if is_further { kept } else { state }),
        };
    }
    let past = record.map(Record::past_runs).unwrap_or_default();
    let is_over = past.iter().any(|done| done.deployment == *id);
    Some(state).filter(|_| !is_over)
}
