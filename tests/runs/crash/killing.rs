//! Runs whose process is killed at one of their calls to AWS: its future is dropped, and nothing more of it happens.

use std::future::{Future as _, poll_fn};
use std::ops::Range;
use std::pin::pin;
use std::task::Poll;

use anyhow::{Context as _, Result};
use bg_deploy::plan::Plan;

use crate::command::{self, Command, Seen, Told};
use crate::support::World;

/// Where a run is killed: at its `nth` call of this operation, the first is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) operation: String,
    pub(super) nth: usize,
    pub(super) at: At,
}

/// At which kind of call, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// A call that changes something was answered, and the answer read.
    Answered,
    /// AWS has carried out a call that changes something, and nobody has read the answer.
    Unanswered,
    /// AWS has answered a look, and nobody has read that.
    Look,
}

/// How many calls of a run reached AWS.
struct Reached<'a> {
    world: &'a World,
    seen: usize,
    changes: Vec<String>,
    /// How many of these there were when a guard was first seen armed, and when one was last.
    guarded: Option<(usize, usize)>,
    looks: Vec<String>,
}

impl<'a> Reached<'a> {
    fn from_now(world: &'a World) -> Self {
        Self {
            world,
            seen: world.cloud.account().calls.len(),
            changes: Vec::new(),
            guarded: None,
            looks: Vec::new(),
        }
    }

    /// Counts what came meanwhile.
    fn count(&mut self) {
        let account = self.world.cloud.account();
        // Automations and instances sign with keys of their own.
        let own = account.calls[self.seen..]
            .iter()
            .filter(|it| it.key == "AKIDTEST");
        for call in own {
            match call.is_mutating() {
                true => self.changes.push(call.operation.clone()),
                false => self.looks.push(call.operation.clone()),
            }
        }
        self.seen = account.calls.len();
        let mut automations = account.ssm.automations.values();
        if automations.any(|it| !it.status.is_final() && it.document.ends_with("-guard")) {
            let now = self.changes.len();
            let (first, _) = self.guarded.unwrap_or((now, now));
            self.guarded = Some((first, now));
        }
    }
}

/// The calls of a run that nobody kills.
#[derive(Debug)]
pub(super) struct Calls {
    /// Those that change something.
    pub(super) changes: Vec<String>,
    /// Those that look.
    pub(super) looks: Vec<String>,
    /// Which of the changes are made from arming the guard to disarming it.
    pub(super) guarded: Range<usize>,
}

/// Carries out a command to its end, and counts.
pub(super) async fn calls(world: &World, command: Command<'_>) -> Result<Calls> {
    let mut reached = Reached::from_now(world);
    let (aws, seen) = (world.aws().await, Seen::default());
    let mut run = pin!(command::run(world, &aws, command, &seen));
    poll_fn(|task| {
        reached.count();
        run.as_mut().poll(task)
    })
    .await?;
    reached.count();
    let (first, last) = reached.guarded.context("no guard was armed")?;
    Ok(Calls {
        // The call that arms the first one, and the one that disarms the last.
        guarded: first - 1..(last + 1).min(reached.changes.len()),
        changes: reached.changes,
        looks: reached.looks,
    })
}

/// A run that was killed, or that came to its end before.
pub(super) struct Killed {
    pub(super) plan: Option<Plan>,
    /// What it told, if it was not killed.
    pub(super) told: Option<Told>,
    /// The last call that changed something, and how it was killed after it.
    pub(super) last_change: Option<String>,
}

/// Carries out a command, and kills it at this point.
pub(super) async fn kill(world: &World, command: Command<'_>, point: &Point) -> Result<Killed> {
    let aws = world.aws().await;
    let mut reached = Reached::from_now(world);
    let seen = Seen::default();
    let told = {
        let mut run = pin!(command::run(world, &aws, command, &seen));
        poll_fn(|task| {
            reached.count();
            let has_met = |reached: &Reached<'_>| {
                let of_it = |calls: &[String]| {
                    let of_it = calls.iter().filter(|it| **it == point.operation);
                    of_it.count()
                };
                let met = match point.at {
                    At::Unanswered => of_it(&reached.changes),
                    At::Look => of_it(&reached.looks),
                    At::Answered => {
                        let calls = aws.calls();
                        let of_it = calls.iter().filter(|it| it.operation == point.operation);
                        of_it.count()
                    }
                };
                met >= point.nth
            };
            if has_met(&reached) {
                return Poll::Ready(None);
            }
            match run.as_mut().poll(task) {
                Poll::Ready(told) => Poll::Ready(Some(told)),
                Poll::Pending if point.at == At::Answered && has_met(&reached) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    };
    Ok(Killed {
        plan: seen.plan.into_inner(),
        told: told.transpose()?,
        last_change: reached.changes.last().cloned(),
    })
}
