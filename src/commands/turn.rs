//! A command's turn: the lease is taken before anything is decided, so that what is decided stays true; and what an earlier
//! run left half done is brought to its end first.

use std::time::Duration;

use anyhow::anyhow;

use super::remembered::remembered;
use super::show::Show;
use super::{EarlyExit, Terminal};
use crate::aws::lease::Place;
use crate::aws::{Aws, sts};
use crate::command_line::{CommandLine, Next, aws};
use crate::finish::{Ending, finish};
use crate::inputs::Inputs;
use crate::lease::{self, Busy, Hold, Holder, Lease, Patience, Taken, Unreadable, give_back};
use crate::names::{Release, roughly, utc};
use crate::outcome::{EXIT_STUCK, Outcome};
use crate::random::random_token;
use crate::run::context::Context;
use crate::run::runner::STRAGGLERS;
use crate::run::state::State;
use crate::run::step_id::StepId;
use crate::stack::Names;
use net_clock::{Clock, Network};

/// Who asks for a turn, and with what.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) aws: &'a Aws,
    pub(super) network: &'a Network,
    pub(super) clock: &'a Clock,
    pub(super) inputs: &'a Inputs,
    pub(super) terminal: &'a Terminal,
    /// What it is called.
    pub(super) command: &'a str,
    /// Whether the turn is one of verifications, which are beside those of releases.
    pub(super) verifies: bool,
    /// What is to be live at the end; empty when only a look will tell.
    pub(super) release: &'a Release,
    /// How a command is typed that means the same.
    pub(super) command_line: &'a CommandLine,
}

/// A turn.
#[derive(Debug)]
pub(super) struct Turn {
    /// The lease; `None`: the stack is not provisioned, and there is nothing to change.
    pub(super) lease: Option<Lease>,
    /// The state of a run that did not come to its end.
    pub(super) left: Option<State>,
    /// It was taken from a run that may still live.
    pub(super) is_overtaken: bool,
}

/// Why it is not somebody's turn.
#[derive(Debug)]
pub(super) enum NotNow {
    /// It is another run's.
    Busy(Busy),
    /// A person put releases on hold.
    OnHold(Hold),
}

impl Asking<'_> {
    /// Takes the turn of this app and environment, or refuses with whose it is.
    pub(super) async fn turn(&self, names: &Names, patience: Patience) -> Result<Turn, EarlyExit> {
        let turn = self.turn_or_not(names, patience).await?;
        turn.map_err(|why| self.refusal(names, &why))
    }

    /// Why it is refused, and what may be done about it.
    pub(super) fn refusal(&self, names: &Names, why: &NotNow) -> EarlyExit {
        match why {
            NotNow::Busy(busy) if self.verifies => verifies_already(names, busy),
            NotNow::Busy(busy) => refused(names, busy, self.command_line),
            NotNow::OnHold(hold) => on_hold(names, hold, self.command_line),
        }
    }

    /// Takes the turn of this app and environment, or answers with why it can not be had now.
    pub(super) async fn turn_or_not(
        &self,
        names: &Names,
        patience: Patience,
    ) -> Result<Result<Turn, NotNow>, EarlyExit> {
        let caller = sts::known_caller(self.aws)
            .await
            .map_err(anyhow::Error::from)?;
        let place = match self.verifies {
            true => names.verify_lease(&caller.account, &self.aws.region),
            false => names.lease(&caller.account, &self.aws.region),
        };
        let holder = Holder {
            id: random_token()?,
            command: self.command.to_owned(),
            release: self.release.0.clone(),
            by: self.inputs.ci.asked_by(),
            url: self.inputs.ci.run_url.clone(),
            since: utc(self.clock.utc()),
        };
        let tell = |words: &str| self.terminal.tell(words);
        let taken = lease::take(self.aws, self.clock, &place, &holder, patience, tell);
        match Box::pin(taken)
            .await
            .map_err(|why| self.explain(why, &place))?
        {
            Taken::NoBucket => Ok(Ok(Turn {
                lease: None,
                left: None,
                is_overtaken: false,
            })),
            Taken::Busy(busy) => Ok(Err(NotNow::Busy(busy))),
            Taken::Lease {
                lease,
                left,
                overtaken,
            } => {
                let left = match left.map(State::of_value) {
                    Some(Ok(left)) => Some(left),
                    Some(Err(why)) => {
                        self.terminal.notice(&format!(
                            "an earlier run left something half done, and what it wrote down about it in {place} {why}"
                        ));
                        None
                    }
                    None => None,
                };
                if self.is_stopped_by_hold()
                    && let Some(hold) = lease.hold().await
                {
                    give_back(Some(&*lease), false).await;
                    return Ok(Err(NotNow::OnHold(hold)));
                }
                Ok(Ok(Turn {
                    lease: Some(*lease),
                    left: left.filter(State::is_unfinished),
                    is_overtaken: overtaken.is_some(),
                }))
            }
        }
    }

    /// A lease that cannot be read is no error of this run's, and a person can make it anew.
    fn explain(&self, why: anyhow::Error, place: &Place) -> anyhow::Error {
        if !why.is::<Unreadable>() {
            return why;
        }
        if self.verifies {
            let options = format!("--bucket {} --key {}", place.bucket.name, place.key);
            let remove = aws(Some(&self.aws.region), "s3api delete-object", &options);
            return anyhow!("{why}\nif no verification is under way, remove it: {remove}");
        }
        let unlock = self.command_line.of(Next::Unlock);
        anyhow!("{why}\nif no run is under way, make it anew: {unlock}")
    }

    /// Whether a hold stops it: what brings something new, or ends everything; not what goes back or tidies up.
    fn is_stopped_by_hold(&self) -> bool {
        matches!(self.command, "deploy" | "destroy")
    }

    /// Brings what an earlier run left half done to its end; answers with how that ended, if there was something.
    pub(super) async fn settle(&self, turn: &mut Turn) -> Result<Option<Settled>, EarlyExit> {
        let Some(left) = turn.left.take() else {
            return Ok(None);
        };
        let Some(lease) = turn.lease.take() else {
            return Ok(None);
        };
        let about = &left.beginning;
        self.terminal.tell(&format!(
            "a {} of {} did not come to its end: that is done first",
            about.command, about.release
        ));
        if turn.is_overtaken {
            self.terminal.tell(&format!(
                "it was under way a moment ago: {} s for its last call to take effect",
                STRAGGLERS.as_secs()
            ));
            self.clock.sleep(STRAGGLERS).await;
        }
        let moved = left.progress.of(StepId::ShiftTraffic).is_some();
        let (beginning, deployment) = (left.beginning.clone(), left.plan.deployment.clone());
        let mut cx = Context::new(self.aws.clone(), self.network.clone(), self.clock.lap())
            .holding(lease)
            .typed(&left.plan.command_line);
        let ended = {
            let show = Show::open(&cx, self.terminal);
            tokio::select! {
                ended = Box::pin(finish(&cx, None, left)) => ended,
                () = show.tell_the_time(&cx) => unreachable!("the clock does not end"),
            }
        };
        let lease = cx.lease.take();
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                give_back(lease.as_ref(), false).await;
                return Err(error.into());
            }
        };
        let Ending {
            finished,
            is_complete,
        } = ended;
        let done = remembered(&beginning, &deployment, &finished.outcome, self.clock.utc());
        if !is_complete || matches!(finished.outcome, Outcome::Stuck { .. }) {
            give_back(lease.as_ref(), false).await;
            return Err(EarlyExit {
                exit_code: EXIT_STUCK,
                text: "the earlier run could not be brought to its end, so nothing else was begun; what stands in the way \
                       is above"
                    .to_owned(),
                concerns: Vec::new(),
            });
        }
        if let Some(lease) = &lease {
            lease.forget_run().await;
            lease.remember(&done).await;
        }
        turn.lease = lease;
        let is_undone = matches!(
            finished.outcome,
            Outcome::RolledBack { .. } | Outcome::Cancelled { .. }
        );
        Ok(Some(Settled {
            release: beginning.release,
            outcome: finished.outcome,
            is_moved_back: moved && is_undone,
        }))
    }
}

/// Which verification is under way: it ends by itself, and one that is gone is not waited for any longer than that takes to see.
fn verifies_already(names: &Names, busy: &Busy) -> EarlyExit {
    let (app, environment) = (&names.app, &names.environment);
    EarlyExit::refused(format!(
        "another verification of {app} in {environment} is under way, after {} of waiting; nothing was changed\n\
         that run: {}\n\
         to wait longer for its end: `wait` in [lease] of bg-deploy.toml",
        roughly(busy.waited),
        busy.holder.words(),
    ))
}

/// Whose turn it still is, and what may be done about it.
fn refused(names: &Names, busy: &Busy, command_line: &CommandLine) -> EarlyExit {
    let (app, environment) = (&names.app, &names.environment);
    let waited = match busy.waited {
        Duration::ZERO => String::new(),
        waited => format!(" after {} of waiting", roughly(waited)),
    };
    EarlyExit::refused(format!(
        "it is another run's turn for {app} in {environment}{waited}; nothing was changed\n\
         that run: {}\n\
         how things stand: {}\n\
         to wait longer for its end: `wait` in [lease] of bg-deploy.toml\n\
         to go back to the previous release at once, which stops that run: {}\n\
         if nothing of that run is left: {}",
        busy.holder.words(),
        command_line.of(Next::Status),
        command_line.of(Next::TakeOver),
        command_line.of(Next::Unlock),
    ))
}

fn on_hold(names: &Names, hold: &Hold, command_line: &CommandLine) -> EarlyExit {
    let (app, environment) = (&names.app, &names.environment);
    EarlyExit::refused(format!(
        "releases of {app} in {environment} are on hold: {}; nothing was changed\n\
         rollbacks are possible; to let releases go on: {}",
        hold.words(),
        command_line.of(Next::ReleaseHold)
    ))
}

/// How an earlier run was brought to its end.
#[derive(Debug)]
pub(super) struct Settled {
    /// What it was to release.
    pub(super) release: Release,
    /// How.
    pub(super) outcome: Outcome,
    /// It had begun to move the traffic, and that was taken back.
    pub(super) is_moved_back: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::EXIT_REFUSED;

    #[test]
    fn a_refusal_says_who_has_the_turn_since_when_for_what_where_to_look_and_what_to_type() {
        let busy = |waited| Busy {
            holder: Holder {
                command: "deploy".to_owned(),
                release: "1.4.2".to_owned(),
                by: Some("octocat".to_owned()),
                url: Some("https://github.com/octo/demo/actions/runs/7".to_owned()),
                since: "2026-11-22T09:00:00Z".to_owned(),
                ..Holder::default()
            },
            waited: Duration::from_secs(waited),
        };
        let names = Names::new("hello", "prod");
        let prod = CommandLine::in_environment("prod");
        let refusal = refused(&names, &busy(601), &prod);
        assert_eq!(refusal.exit_code, EXIT_REFUSED);
        for words in [
            "hello in prod after 10m of waiting",
            "deploy of 1.4.2 by octocat, since 2026-11-22T09:00:00Z, https://github.com/octo/demo/actions/runs/7",
            "nothing was changed",
            "bg-deploy status --environment prod",
            "bg-deploy rollback --environment prod --take-over",
            "bg-deploy unlock --environment prod --reason \"...\"",
        ] {
            assert!(refusal.text.contains(words), "{words}\n{}", refusal.text);
        }
        assert!(!refused(&names, &busy(0), &prod).text.contains("waiting;"));
    }
}
