//! The probe over a release: started before the shift, stopped after the drain, asked by the steps in between.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::names::Release;
use crate::plan::{Plan, Visitor};
use crate::probe::{Counts, Endpoint, Evidence, Probe, Running, Spec, Tally};
use crate::run::context::Context;
use crate::run::event::Pulse;

/// How far back a pulse looks, on the wall.
const PULSE: Duration = Duration::from_secs(3);

/// The probe, shared by the steps that ask it. Before a first release nothing can be asked, so it starts later.
#[derive(Clone, Debug)]
pub struct Watch {
    running: Rc<RefCell<Option<Running>>>,
    url: String,
    visitor: Visitor,
    /// Whose answers may not take longer than this, but for one in a hundred.
    slowest: Option<(Release, Duration)>,
    /// When it began to ask, on the wall.
    began: Rc<Cell<Duration>>,
    /// What was counted of live before anything moved.
    baseline: Rc<Cell<Counts>>,
    /// Draws what differs from request to request.
    random: String,
    ledger: Option<PathBuf>,
}

/// The slowest rate whose interval is waited for, in requests a second.
const SLOWEST: f64 = 0.1;
/// For how long there may be too few answers, on the wall.
const LONGEST: Duration = Duration::from_secs(120);
/// More often it is not worth looking.
const SHORTEST: Duration = Duration::from_millis(20);

impl Watch {
    /// A probe of the service of `plan` that does not ask yet; it writes its ledger here.
    pub fn of(plan: &Plan, ledger: Option<PathBuf>) -> Self {
        Self {
            running: Rc::default(),
            url: plan.url.clone(),
            visitor: plan.visitor.clone(),
            slowest: plan
                .shift
                .slowest
                .map(|slowest| (plan.release.clone(), slowest)),
            began: Rc::default(),
            baseline: Rc::default(),
            random: plan.deployment.clone(),
            ledger,
        }
    }

    /// Starts asking live, if it is not asked already.
    pub fn start(&self, cx: &Context) -> Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let reference = self.visitor.reference.as_deref();
        let reference = Endpoint::parse(reference.unwrap_or(&cx.aws.endpoint));
        let spec = Spec {
            reference: Some(reference.context("the probe's reference")?),
            pointer: self.visitor.version_pointer.clone(),
            rate_per_second: self.visitor.rate,
            timeout: self.visitor.timeout,
            long_path: self.visitor.long_path.clone(),
            ledger: self.ledger.clone(),
            random: self.random.clone(),
            slow_beyond: self.slowest.as_ref().map(|(_, slowest)| *slowest),
            ..Spec::new(
                Endpoint::parse(&self.url).context("the service's URL")?,
                &self.visitor.version_path,
            )
        };
        let running = Probe::start(&cx.network, &cx.clock, spec)?;
        self.began.set(running.wall());
        *self.running.borrow_mut() = Some(running);
        let running = Rc::clone(&self.running);
        cx.events
            .gauge(move || running.borrow().as_ref().map(pulse));
        Ok(())
    }

    /// Whether it asks.
    pub fn is_running(&self) -> bool {
        self.running.borrow().is_some()
    }

    /// Between two requests of a lane.
    pub fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.visitor.rate.max(SLOWEST)).max(SHORTEST)
    }

    /// What was counted since `wall`; nothing when it does not ask.
    pub fn tally_since(&self, wall: Duration) -> Tally {
        self.running
            .borrow()
            .as_ref()
            .map(|running| running.tally_since(wall))
            .unwrap_or_default()
    }

    /// Whose answers may not take longer than this, but for one in a hundred.
    pub fn slowest(&self) -> Option<&(Release, Duration)> {
        self.slowest.as_ref()
    }

    /// Whether it asks less than it should, by a mistake of its own.
    pub fn has_panicked(&self) -> bool {
        let running = self.running.borrow();
        running.as_ref().is_some_and(Running::has_panicked)
    }

    /// When it began to ask, on the wall.
    pub fn began(&self) -> Duration {
        self.began.get()
    }

    /// Has only what is due from `wall` on be judged in the end.
    pub fn judge_from(&self, wall: Duration) {
        if let Some(running) = self.running.borrow().as_ref() {
            running.judge_from(wall, None);
        }
    }

    /// Has what is due from `wall` on be judged against what was counted before, now and in the end.
    pub fn judge_against(&self, wall: Duration, baseline: Counts) {
        self.baseline.set(baseline);
        if let Some(running) = self.running.borrow().as_ref() {
            running.judge_from(wall, Some(baseline));
        }
    }

    /// What failures are compared with.
    pub fn baseline(&self) -> Counts {
        self.baseline.get()
    }

    /// Asks on until the answers are enough to prove something: what is over in a second may have too few. Without answers it
    /// does not wait for ever, and not at all after a cancel.
    pub async fn until_enough(&self, cx: &Context) {
        let until = cx.clock.wall() + LONGEST;
        let needs_more = || {
            let running = self.running.borrow();
            running
                .as_ref()
                .is_some_and(|running| !running.has_enough())
        };
        while needs_more() && cx.clock.wall() < until {
            if cx.pause_wall(self.interval()).await.is_err() {
                return;
            }
        }
    }

    /// Stops asking.
    pub async fn stop(&self) -> Result<Option<Evidence>> {
        let running = self.running.borrow_mut().take();
        match running {
            Some(running) => Ok(Some(running.stop().await?)),
            None => Ok(None),
        }
    }
}

/// What live traffic is answered now.
fn pulse(running: &Running) -> Pulse {
    let all = running.tally();
    Pulse {
        by_version: running
            .tally_since(running.wall().saturating_sub(PULSE))
            .by_version,
        sent: all.sent,
        failed: all.failed,
    }
}
