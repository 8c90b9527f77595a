//! Runs steps, and undoes them in reverse when one fails. One comes after the other; those that do not need each other may be
//! taken side by side, each to its end ([`Runner::announce`]).
//!
//! Guarantees: a step is journalled before it starts, its handle before it settles, and its undoing once it is done; a
//! failed start is undone like a finished one; undoing goes on after a failed undo, except that nothing else is undone
//! while live traffic could not be restored; a panic inside a step is an error of the run, which unwinds.
//! What another process began can be undone here ([`Runner::rearm`]).

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;

use super::bug::unpanicked;
use super::context::{Context, Undoing};
use super::event::{Event, Zone};
use super::progress::{Entry, Stopped};
use super::step::{About, Check, Forward, Settled, Step, handle_of};
use super::step_id::StepId;
use super::wait::WaitError;
use crate::aws::error::{ErrorKind, kind};
use crate::aws::witness::Contradiction;
use crate::cause::{Cause, Reason};
use crate::command_line::Next;
use crate::lease::Lost;
use crate::outcome::Leftover;

/// How long a call that got no answer may take to have its effect; what is undone meanwhile it would do again.
pub const STRAGGLERS: Duration = Duration::from_secs(30);

/// Why a run stopped.
#[derive(Debug)]
pub struct Stop {
    /// The step that failed.
    pub step: Box<About>,
    /// The furthest zone that the run had reached: it decides what undoing means.
    pub zone: Zone,
    /// Why.
    pub cause: Cause,
    /// The run was cancelled.
    pub cancelled: bool,
}

/// What undoing came to.
#[derive(Debug, Default)]
pub struct Unwound {
    /// What was removed or restored, in order.
    pub undone: Vec<String>,
    /// What could not be removed.
    pub leftovers: Vec<Leftover>,
    /// Why the traffic could not be restored, if it could not.
    pub stuck: Option<Cause>,
    /// Something was left as it is, because somebody else has it by now.
    pub is_another_s: bool,
}

type Pending<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Option<String>>> + 'a>>;

/// A step that may have to be undone.
trait Armed<'a> {
    fn about(&self) -> About;
    fn undo<'b>(&'b self, cx: Undoing<'b>) -> Pending<'b>;
}

struct Begun<S: Step> {
    step: S,
    handle: Option<S::Handle>,
}

impl<S: Step> Armed<'_> for Begun<S> {
    fn about(&self) -> About {
        S::ABOUT
    }

    fn undo<'b>(&'b self, cx: Undoing<'b>) -> Pending<'b> {
        Box::pin(self.step.undo(cx, self.handle.as_ref()))
    }
}

/// The steps that have begun, and how to undo those that changed something.
pub struct Runner<'a> {
    context: &'a Context,
    armed: RefCell<Vec<Box<dyn Armed<'a> + 'a>>>,
    /// The last step that began here or was taken over.
    last: Cell<Option<About>>,
    /// The furthest zone of those.
    reached: Cell<Option<Zone>>,
    /// The step that failed, and was not cancelled.
    failed: Cell<Option<StepId>>,
    /// What clears what could not be undone.
    clears: Next<'static>,
}

impl std::fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runner({} steps to undo)", self.armed.borrow().len())
    }
}

impl<'a> Runner<'a> {
    /// A runner with nothing begun.
    pub fn new(context: &'a Context) -> Self {
        Self {
            context,
            armed: RefCell::default(),
            last: Cell::default(),
            reached: Cell::default(),
            failed: Cell::default(),
            clears: Next::DeployOver,
        }
    }

    /// The same of a verification: the next one clears what this one leaves.
    #[must_use]
    pub fn of_verification(self) -> Self {
        Self {
            clears: Next::Verify,
            ..self
        }
    }

    /// Notes that all of these are about to start: they are taken side by side, and made known outside this process by one
    /// write.
    pub fn announce(&self, steps: &[About]) {
        for about in steps {
            self.note_beginning(*about);
        }
    }

    /// Runs a step that can be undone.
    pub async fn step<S: Step + 'a>(&self, step: S) -> Result<S::Output, Stop> {
        let (cx, about) = (self.context, S::ABOUT);
        self.begin(about)?;
        let change = Box::pin(step.start(cx));
        let started = match S::LOOKS_FIRST {
            true => {
                cx.owe_writing();
                unpanicked(change).await
            }
            false => self.start(change).await,
        };
        let handle = started.as_ref().ok().cloned();
        let result = match started {
            Ok(handle) => self.settle(&step, &handle).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &result
            && about.zone == Zone::Prepare
            && kind(error) == Some(ErrorKind::Unknown)
        {
            cx.events.note(format!(
                "a call got no answer; {} s for it to take effect, so that undoing meets it",
                STRAGGLERS.as_secs()
            ));
            cx.clock.sleep(STRAGGLERS).await;
        }
        // A failed start may have happened half: its undo is armed as well, without a handle.
        self.arm(Begun { step, handle });
        self.end(about, result)
    }

    /// Makes a step's change: what is about to be done is known outside this process, or it is not done.
    /// Boxed: the SDK's futures are large, and a release would hold many of them on one stack.
    async fn start<T>(
        &self,
        change: Pin<Box<impl Future<Output = anyhow::Result<T>>>>,
    ) -> anyhow::Result<T> {
        self.context.write_down().await?;
        unpanicked(change).await
    }

    async fn settle<S: Step>(
        &self,
        step: &S,
        handle: &S::Handle,
    ) -> anyhow::Result<Settled<S::Output>> {
        let cx = self.context;
        let noted = serde_json::to_value(handle)?;
        cx.note_if(cx.journal.started(S::ABOUT.id, noted));
        unpanicked(Box::pin(step.settle(cx, handle))).await
    }

    /// Runs a step that changes nothing.
    pub async fn check<C: Check>(&self, check: C) -> Result<C::Output, Stop> {
        let (cx, about) = (self.context, C::ABOUT);
        self.begin(about)?;
        // Nothing of it can be half done.
        cx.note_if(cx.journal.started(about.id, Value::Null));
        let result = unpanicked(Box::pin(check.check(cx))).await;
        self.end(about, result)
    }

    /// Runs a step of the finish zone, which is never undone.
    pub async fn forward<F: Forward>(&self, step: F) -> Result<(), Stop> {
        let (cx, about) = (self.context, F::ABOUT);
        self.begin(about)?;
        let result = match self.start(Box::pin(step.start(cx))).await {
            Ok(begun) => {
                cx.note_if(cx.journal.started(about.id, Value::Null));
                unpanicked(Box::pin(step.settle(cx, &begun))).await
            }
            Err(error) => Err(error),
        };
        self.end(about, result)
    }

    /// Takes over a step that another process began, so that it is undone with the rest.
    /// What it had begun is read from its line of the journal.
    pub fn rearm<S: Step + 'a>(&self, step: S, entry: &Entry) -> anyhow::Result<()> {
        let handle = handle_of::<S>(entry)?;
        self.arm(Begun { step, handle });
        self.note_begun(S::ABOUT);
        Ok(())
    }

    fn begin(&self, about: About) -> Result<(), Stop> {
        if self.context.cancel.is_cancelled() {
            return Err(self.stop(about, &WaitError::Cancelled.into()));
        }
        self.context.events.emit(Event::StepBegan {
            step: about.name.to_owned(),
            zone: about.zone,
        });
        self.note_beginning(about);
        Ok(())
    }

    fn note_beginning(&self, about: About) {
        let cx = self.context;
        cx.note_if(cx.journal.began(about.id, about.zone));
    }

    fn arm<S: Step + 'a>(&self, begun: Begun<S>) {
        self.armed.borrow_mut().push(Box::new(begun));
    }

    fn end<T>(&self, about: About, result: anyhow::Result<Settled<T>>) -> Result<T, Stop> {
        self.note_begun(about);
        let cx = self.context;
        match result {
            Ok(settled) => {
                cx.note_if(cx.journal.done(about.id));
                cx.events.emit(Event::StepDone {
                    step: about.name.to_owned(),
                    summary: settled.summary,
                    skipped: settled.skipped,
                });
                Ok(settled.value)
            }
            Err(error) => {
                let stop = self.stop(about, &error);
                self.failed.set((!stop.cancelled).then_some(about.id));
                cx.events.emit(Event::StepFailed {
                    step: about.name.to_owned(),
                    cause: stop.cause.clone(),
                });
                Err(stop)
            }
        }
    }

    fn note_begun(&self, about: About) {
        self.last.set(Some(about));
        self.reached.set(self.reached.get().max(Some(about.zone)));
    }

    fn stop(&self, about: About, error: &anyhow::Error) -> Stop {
        let stop = Stop {
            step: Box::new(about),
            zone: self.reached.get().unwrap_or(about.zone),
            cause: cause_of(error),
            cancelled: is_cancelled(error),
        };
        let stopped = Stopped {
            step: about.id,
            zone: stop.zone,
            cause: stop.cause.clone(),
            cancelled: stop.cancelled,
        };
        self.context.note_if(self.context.journal.stopped(stopped));
        stop
    }

    /// Undoes everything that has begun, the last first.
    pub async fn unwind(self) -> Unwound {
        let mut unwound = Unwound::default();
        let cx = self.context;
        if let Some(last) = self.last.get() {
            cx.events.emit(Event::UndoBegan {
                what: last.name.to_owned(),
            });
        }
        let mut left = self.armed.take();
        while let Some(armed) = left.pop() {
            let about = armed.about();
            // Another's by now: not even what only this run made is taken from under it.
            let undone = match cx.still_held().await {
                Ok(()) => unpanicked(armed.undo(cx.for_undo().because(self.failed.get()))).await,
                Err(lost) => Err(lost),
            };
            match undone {
                Ok(None) => cx.note_if(cx.journal.undone(about.id, None)),
                Ok(Some(summary)) => {
                    cx.note_if(cx.journal.undone(about.id, Some(&summary)));
                    cx.events.emit(Event::Undone {
                        step: about.name.to_owned(),
                        summary: summary.clone(),
                    });
                    unwound.undone.push(summary);
                }
                Err(error) => {
                    let error = cause_of(&error);
                    cx.events.emit(Event::UndoFailed {
                        step: about.name.to_owned(),
                        error: error.words.clone(),
                    });
                    if cx.lost().is_some() {
                        // All that is left is another's: it is said once.
                        let rest = left.iter().rev().map(|armed| armed.about());
                        let all: Vec<_> = std::iter::once(about).chain(rest).collect();
                        let all = left_to_others(cx, &all, &error.words);
                        unwound.leftovers.push(all);
                        unwound.is_another_s = true;
                        break;
                    }
                    if error.reason == Some(Reason::Another) {
                        // Theirs by now: it stays as it is, and what else was made is looked at by itself.
                        unwound
                            .leftovers
                            .push(left_to_others(cx, &[about], &error.words));
                        unwound.is_another_s = true;
                        continue;
                    }
                    if about.zone == Zone::Commit {
                        // Traffic may stand on the candidate: removing anything more would make it worse.
                        unwound.stuck = Some(error);
                        break;
                    }
                    unwound
                        .leftovers
                        .push(left_over(cx, about, &error.words, self.clears));
                }
            }
        }
        unwound
    }
}

/// Names what a step made and undoing could not remove.
fn left_over(cx: &Context, about: About, error: &str, clears: Next<'_>) -> Leftover {
    cx.events.left_over(Leftover {
        what: format!("what \"{}\" made: {error}", about.name),
        remedy: cx.command_line.of(clears),
    })
}

/// Names what steps made and somebody else has by now.
fn left_to_others(cx: &Context, steps: &[About], why: &str) -> Leftover {
    let names: Vec<_> = steps
        .iter()
        .map(|about| format!("\"{}\"", about.name))
        .collect();
    let are = match steps.len() {
        1 => "is left as it is",
        _ => "are left as they are",
    };
    cx.events.left_over(Leftover {
        what: format!("{} {are}: {why}", names.join(", ")),
        remedy: cx.command_line.of(Next::Status),
    })
}

/// Why it failed; whoever asks whether that was somebody else's doing goes by the reason.
fn cause_of(error: &anyhow::Error) -> Cause {
    let cause = Cause::of(error);
    let is_moved = Contradiction::of(error).is_some_and(Contradiction::is_another_s);
    let lost = error.chain().find_map(|cause| cause.downcast_ref::<Lost>());
    if is_moved || matches!(lost, Some(Lost::Overtaken(_))) {
        return cause.with(Reason::Another);
    }
    cause
}

fn is_cancelled(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| matches!(cause.downcast_ref(), Some(WaitError::Cancelled)))
}
