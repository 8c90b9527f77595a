//! What a step may use: AWS, the network, the clock, the cancel token, and the stream of events.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::time::Duration;

use anyhow::bail;
use tokio_util::sync::CancellationToken;

use super::bug::bug;
use super::event::{Event, Pulse, Stamped};
use super::journal::{Journal, Notice};
use super::step_id::StepId;
use super::wait::{Limits, Look, WaitError, once_seen, wait_until};
use crate::aws::Aws;
use crate::aws::witness::Held;
use crate::command_line::CommandLine;
use crate::lease::{Lease, Lost};
use crate::outcome::Leftover;
use net_clock::{Clock, Network};

/// Told of every event as it happens.
type Listener = Box<dyn FnMut(&Stamped)>;
/// Asked what live traffic is answered now; nothing while nobody asks it.
type Gauge = Box<dyn Fn() -> Option<Pulse>>;

/// The one stream of a run's events.
pub struct Events {
    clock: Clock,
    begun: Duration,
    all: RefCell<Vec<Stamped>>,
    listener: RefCell<Option<Listener>>,
    gauge: RefCell<Option<Gauge>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events", self.all.borrow().len())
    }
}

impl Events {
    /// An empty stream that begins now.
    pub fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            begun: clock.wall(),
            all: RefCell::new(Vec::new()),
            listener: RefCell::new(None),
            gauge: RefCell::new(None),
        }
    }

    /// Has `listener` told of every event from now on.
    pub fn listen(&self, listener: impl FnMut(&Stamped) + 'static) {
        *self.listener.borrow_mut() = Some(Box::new(listener));
    }

    /// Has `gauge` asked from now on what live traffic is answered.
    pub fn gauge(&self, gauge: impl Fn() -> Option<Pulse> + 'static) {
        *self.gauge.borrow_mut() = Some(Box::new(gauge));
    }

    /// What live traffic is answered now, if it is asked.
    pub fn pulse(&self) -> Option<Pulse> {
        self.gauge.borrow().as_ref().and_then(|gauge| gauge())
    }

    /// Adds an event.
    pub fn emit(&self, event: Event) {
        let stamped = Stamped {
            at: self.clock.wall().saturating_sub(self.begun),
            event,
        };
        let mut listener = self.listener.borrow_mut();
        let told = listener.as_mut().map(|listener| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| listener(&stamped)))
        });
        self.all.borrow_mut().push(stamped);
        if let Some(Err(panic)) = told {
            // A report is a view: it ends no run. It gets no further event, as it would panic again.
            *listener = None;
            drop(listener);
            let why = bug(panic.as_ref());
            self.note(format!("nothing more is told while the run goes on: {why}"));
        }
    }

    /// Adds a sentence worth knowing.
    pub fn note(&self, text: impl Into<String>) {
        self.emit(Event::Note { text: text.into() });
    }

    /// Tells of something that stays behind; answers with it.
    pub fn left_over(&self, leftover: Leftover) -> Leftover {
        self.emit(Event::LeftOver {
            what: leftover.what.clone(),
            remedy: leftover.remedy.clone(),
        });
        leftover
    }

    /// When the stream began, on the clock's wall.
    pub fn begun(&self) -> Duration {
        self.begun
    }

    /// Everything so far.
    pub fn all(&self) -> Vec<Stamped> {
        self.all.borrow().clone()
    }
}

/// What a step may use.
#[derive(Debug)]
pub struct Context {
    /// The AWS API.
    pub aws: Aws,
    /// Where requests to the service are made from.
    pub network: Network,
    /// The time.
    pub clock: Clock,
    /// Ends waits, but not undoing.
    pub cancel: CancellationToken,
    /// What happens.
    pub events: Events,
    /// What has begun, and how far it came.
    pub journal: Journal,
    /// The right to change anything; `None`: nothing can be changed that could harm.
    pub lease: Option<Lease>,
    /// A step has begun that is not written down yet.
    owes_writing: Cell<bool>,
    /// How a command is typed that means the same.
    pub command_line: CommandLine,
}

impl Context {
    /// For a run that begins now on this clock, and that nobody has cancelled.
    pub fn new(aws: Aws, network: Network, clock: Clock) -> Self {
        Self {
            aws,
            network,
            events: Events::new(&clock),
            cancel: CancellationToken::new(),
            journal: Journal::default(),
            lease: None,
            owes_writing: Cell::default(),
            command_line: CommandLine::default(),
            clock,
        }
    }

    /// The same, for a run that holds this lease.
    pub fn holding(mut self, lease: Lease) -> Self {
        self.lease = Some(lease);
        self
    }

    /// The same, for a run whose commands are typed so.
    pub fn typed(mut self, command_line: &CommandLine) -> Self {
        self.command_line = command_line.clone();
        self
    }

    /// That the lease is held, now.
    pub async fn held(&self) -> anyhow::Result<Held> {
        let Some(lease) = &self.lease else {
            bail!("nothing may be changed: this run does not hold the lease");
        };
        if self.owes_writing.get() {
            self.write_down().await?;
        }
        Ok(lease.held().await?)
    }

    /// Whoever next asks whether the lease is held has what was noted written down before.
    pub(super) fn owe_writing(&self) {
        self.owes_writing.set(true);
    }

    /// Fails when a lease was held, and is not any more.
    pub async fn still_held(&self) -> anyhow::Result<()> {
        match &self.lease {
            Some(_) => self.held().await.map(drop),
            None => Ok(()),
        }
    }

    /// Why the lease is lost, if it is.
    pub fn lost(&self) -> Option<Lost> {
        self.lease.as_ref().and_then(Lease::lost)
    }

    /// Writes down in the lease what is about to be done, before it is.
    pub async fn write_down(&self) -> anyhow::Result<()> {
        let Some(lease) = &self.lease else {
            return Ok(());
        };
        self.owes_writing.set(false);
        if let Some(state) = self.journal.state_if_new() {
            lease.note(state);
        }
        let written = lease.write_down().await;
        // Nobody changes anything before it is.
        if written.is_err() {
            self.owes_writing.set(true);
        }
        written?;
        Ok(())
    }

    /// Carries out `run`, and keeps the lease meanwhile. A run that loses it is cancelled; so is one that soon will, as
    /// long as it may still put things back.
    pub async fn keep_lease<T>(&self, run: impl Future<Output = T>) -> T {
        let Some(lease) = &self.lease else {
            return run.await;
        };
        let keeping = async {
            let note = || self.journal.state_if_new();
            let why = lease.keep(note).await;
            self.events.note(format!("{why}; the run stops"));
            self.cancel.cancel();
            // One that is not lost yet is kept, for undoing.
            while self.lost().is_none() {
                lease.keep(note).await;
            }
            std::future::pending::<()>().await;
        };
        // Boxed, like the steps: both are large.
        let (run, keeping) = (Box::pin(run), Box::pin(keeping));
        tokio::select! {
            biased;
            done = run => done,
            () = keeping => unreachable!("it is pending"),
        }
    }

    /// Tells that the run's state could not be written, if that is so.
    pub fn note_if(&self, notice: Notice) {
        if let Some(notice) = notice {
            self.events.note(notice);
        }
    }

    /// Looks at something once, unless the run is cancelled meanwhile. Only for what changes nothing: it is dropped.
    pub async fn reading<T>(
        &self,
        reading: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(WaitError::Cancelled.into()),
            read = reading => read,
        }
    }

    /// Waits for something on behalf of a step: progress becomes events. A look only looks: cancelling drops it.
    pub async fn wait<T, F, Fut>(
        &self,
        step: &str,
        what: &str,
        limits: Limits,
        look: F,
    ) -> Result<T, WaitError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = anyhow::Result<Look<T>>>,
    {
        wait_until(
            &self.clock,
            &self.cancel,
            what,
            limits,
            |reason| self.waiting(step, reason),
            look,
        )
        .await
    }

    /// Makes a step's call again while AWS may only not see yet what it names: [`once_seen`].
    pub async fn once_seen<T, F, Fut>(&self, step: &str, call: F) -> anyhow::Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = anyhow::Result<T>>,
    {
        let progress = |reason: &str| self.waiting(step, reason);
        once_seen(&self.clock, &self.cancel, progress, call).await
    }

    fn waiting(&self, step: &str, reason: &str) {
        self.events.emit(Event::Waiting {
            step: step.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Lets time pass, unless the run is cancelled.
    pub async fn pause(&self, duration: Duration) -> Result<(), WaitError> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(WaitError::Cancelled),
            () = self.clock.sleep(duration) => Ok(()),
        }
    }

    /// Lets time of the wall pass, unless the run is cancelled.
    pub async fn pause_wall(&self, duration: Duration) -> Result<(), WaitError> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(WaitError::Cancelled),
            () = self.clock.sleep_wall(duration) => Ok(()),
        }
    }

    /// The same with a token of its own: undoing goes on after a cancel.
    pub fn for_undo(&self) -> Undoing<'_> {
        Undoing {
            context: self,
            failed_in: None,
        }
    }
}

/// A context for undoing: not ended by the run's cancel token, each wait with its own deadline.
#[derive(Clone, Copy, Debug)]
pub struct Undoing<'a> {
    context: &'a Context,
    failed_in: Option<StepId>,
}

impl Undoing<'_> {
    /// The AWS API.
    pub fn aws(&self) -> &Aws {
        &self.context.aws
    }

    /// The same, because this step failed; `None` when none did.
    pub(super) fn because(mut self, failed_in: Option<StepId>) -> Self {
        self.failed_in = failed_in;
        self
    }

    /// The step whose failure is the reason to undo; `None` when it is a cancel, the plan, or another process's run.
    pub fn failed_in(&self) -> Option<StepId> {
        self.failed_in
    }

    /// That the lease is held, now.
    pub async fn held(&self) -> anyhow::Result<Held> {
        self.context.held().await
    }

    /// What a step may use for looking, without waiting.
    pub fn context(&self) -> &Context {
        self.context
    }

    /// Waits for something; only the deadline ends it.
    pub async fn wait<T, F, Fut>(&self, what: &str, limits: Limits, look: F) -> Result<T, WaitError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = anyhow::Result<Look<T>>>,
    {
        let never = CancellationToken::new();
        wait_until(
            &self.context.clock,
            &never,
            what,
            limits,
            |reason| self.context.waiting(what, reason),
            look,
        )
        .await
    }
}
