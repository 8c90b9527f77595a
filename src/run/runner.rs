//! Runs steps one after the other, and undoes them in reverse when one fails.
//!
//! Guarantees: a step is journalled before it starts, its handle before it settles, and its undoing once it is done; a
//! failed start is undone like a finished one; undoing goes on after a failed undo, except that nothing else is undone
//! while live traffic could not be restored. What another process began can be undone here ([`Runner::rearm`]).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::context::{Context, Undoing};
use super::event::{Event, Zone};
use super::progress::Stopped;
use super::step::Step;
use super::wait::WaitError;
use crate::aws::error::{ErrorKind, kind};
use crate::outcome::Leftover;

/// How long a call that got no answer may take to have its effect; what is undone meanwhile it would do again.
pub const STRAGGLERS: Duration = Duration::from_secs(30);

/// Why a run stopped.
#[derive(Debug)]
pub struct Stop {
    /// The step that failed.
    pub step: &'static str,
    /// The furthest zone that the run had reached: it decides what undoing means.
    pub zone: Zone,
    /// Why, in the user's words.
    pub cause: String,
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
    pub stuck: Option<String>,
}

type Pending<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Option<String>>> + 'a>>;

/// A step that may have to be undone.
trait Armed<'a> {
    fn name(&self) -> &'static str;
    fn zone(&self) -> Zone;
    fn undo<'b>(&'b self, cx: Undoing<'b>) -> Pending<'b>;
}

struct Begun<S: Step> {
    step: S,
    handle: Option<S::Handle>,
}

impl<S: Step> Armed<'_> for Begun<S> {
    fn name(&self) -> &'static str {
        S::ABOUT.name
    }

    fn zone(&self) -> Zone {
        S::ABOUT.zone
    }

    fn undo<'b>(&'b self, cx: Undoing<'b>) -> Pending<'b> {
        Box::pin(self.step.undo(cx, self.handle.as_ref()))
    }
}

/// The steps that have begun, and how to undo them.
pub struct Runner<'a> {
    context: &'a Context,
    begun: Vec<Box<dyn Armed<'a> + 'a>>,
}

impl std::fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runner({} steps begun)", self.begun.len())
    }
}

impl<'a> Runner<'a> {
    /// A runner with nothing begun.
    pub fn new(context: &'a Context) -> Self {
        Self {
            context,
            begun: Vec::new(),
        }
    }

    /// Runs a step to its end.
    pub async fn step<S: Step + 'a>(&mut self, step: S) -> Result<S::Output, Stop> {
        let about = S::ABOUT;
        let events = &self.context.events;
        if self.context.cancel.is_cancelled() {
            return Err(self.stop::<S>(&WaitError::Cancelled.into()));
        }
        events.emit(Event::StepBegan {
            step: about.name.to_owned(),
            zone: about.zone,
        });
        let journal = &self.context.journal;
        self.context.told(journal.began(about.name, about.zone));
        // Boxed: the SDK's futures are large, and a release would hold many of them on one stack.
        let started = Box::pin(step.start(self.context)).await;
        let handle = started.as_ref().ok().cloned();
        let result = match &started {
            Ok(handle) => match serde_json::to_value(handle) {
                Ok(json) => {
                    self.context.told(journal.started(about.name, json));
                    Box::pin(step.settle(self.context, handle)).await
                }
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(anyhow::anyhow!("{error:#}")),
        };
        if let Err(error) = &result
            && about.zone == Zone::Prepare
            && kind(started.as_ref().err().unwrap_or(error)) == Some(ErrorKind::Unknown)
        {
            events.note(format!(
                "a call got no answer; {} s for it to take effect, so that undoing meets it",
                STRAGGLERS.as_secs()
            ));
            self.context.clock.sleep(STRAGGLERS).await;
        }
        // A failed start may have happened half: its undo is armed as well, without a handle.
        let cancelled_start = started.err().filter(is_cancelled);
        self.begun.push(Box::new(Begun { step, handle }));
        match result {
            Ok(settled) => {
                self.context.told(journal.done(about.name));
                events.emit(Event::StepDone {
                    step: about.name.to_owned(),
                    summary: settled.summary,
                    skipped: settled.skipped,
                });
                Ok(settled.value)
            }
            Err(error) => {
                let stop = self.stop::<S>(&cancelled_start.unwrap_or(error));
                events.emit(Event::StepFailed {
                    step: about.name.to_owned(),
                    cause: stop.cause.clone(),
                });
                Err(stop)
            }
        }
    }

    /// Takes over a step that another process began, so that it is undone with the rest.
    pub fn rearm<S: Step + 'a>(&mut self, step: S, handle: Option<S::Handle>) {
        self.begun.push(Box::new(Begun { step, handle }));
    }

    fn stop<S: Step>(&self, error: &anyhow::Error) -> Stop {
        let reached = self.begun.iter().map(|armed| armed.zone()).max();
        let stop = Stop {
            step: S::ABOUT.name,
            zone: reached.unwrap_or(S::ABOUT.zone),
            cause: format!("{error:#}"),
            cancelled: is_cancelled(error),
        };
        let stopped = Stopped {
            step: stop.step.to_owned(),
            zone: stop.zone,
            cause: stop.cause.clone(),
            cancelled: stop.cancelled,
        };
        self.context.told(self.context.journal.stopped(stopped));
        stop
    }

    fn undone(&self, step: &str, summary: Option<&str>) {
        self.context
            .told(self.context.journal.undone(step, summary));
    }

    /// Undoes everything that has begun, the last first.
    pub async fn unwind(mut self) -> Unwound {
        let mut unwound = Unwound::default();
        let events = &self.context.events;
        if let Some(last) = self.begun.last() {
            events.emit(Event::UndoBegan {
                what: last.name().to_owned(),
            });
        }
        while let Some(armed) = self.begun.pop() {
            match armed.undo(self.context.for_undo()).await {
                Ok(None) => self.undone(armed.name(), None),
                Ok(Some(summary)) => {
                    self.undone(armed.name(), Some(&summary));
                    events.emit(Event::Undone {
                        step: armed.name().to_owned(),
                        summary: summary.clone(),
                    });
                    unwound.undone.push(summary);
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    events.emit(Event::UndoFailed {
                        step: armed.name().to_owned(),
                        error: error.clone(),
                    });
                    if armed.zone() == Zone::Commit {
                        // Traffic may stand on the candidate: removing anything more would make it worse.
                        unwound.stuck = Some(error);
                        break;
                    }
                    let leftover = Leftover {
                        what: format!("what \"{}\" made: {error}", armed.name()),
                        remedy: "bg-deploy deploy (the next run clears the idle colour first)"
                            .to_owned(),
                    };
                    events.emit(Event::LeftOver {
                        what: leftover.what.clone(),
                        remedy: leftover.remedy.clone(),
                    });
                    unwound.leftovers.push(leftover);
                }
            }
        }
        unwound
    }
}

fn is_cancelled(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| matches!(cause.downcast_ref(), Some(WaitError::Cancelled)))
}
