//! The load: every request is due at a time fixed in advance, whatever became of the ones before it.
//!
//! A lane has a few workers, and a reserve. A worker takes the next ticket of the lane's schedule, waits until it is due,
//! asks, enters what came of it, and takes the next. As long as a worker is free, tickets are sent when they are due;
//! when all wait for answers, one of the reserve joins them. When the reserve is used up as well, tickets queue (as a number,
//! not as memory) and their latency still counts from when they were due. So a server that stands still for a second is seen
//! to stand still by every request that was due in it.
//!
//! Guarantees: never more connections than workers and reserve; a ticket that has waited its whole timeout for a worker is a
//! failure and is not sent, so that the queue of a server that hangs stays as short as its timeout.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::answer::FailedRequest;
use super::exchange::Connection;
use super::lanes::LaneSpec;
use super::ledger::Ledger;
use super::recorder::Recorder;
use super::sample::{ErrorClass, Lane, Sample};
use super::units::whole_micros;
use net_clock::Clock;

/// A sleep that ends this late means that the runner itself stood still.
pub const STALL: Duration = Duration::from_millis(250);

/// What the workers of all lanes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    recorder: Mutex<Recorder>,
    ledger: Option<Mutex<Ledger>>,
    cancel: CancellationToken,
    /// Requests due later than this are not sent.
    stopped: OnceLock<Duration>,
    /// How long after that requests may still be on their way.
    grace: Duration,
    /// Tickets due before this, in microseconds, may be late because the runner stood still.
    excused: AtomicU64,
    /// A worker panicked: what it had to ask is not asked any more.
    pub(super) has_panicked: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        clock: &Clock,
        recorder: Recorder,
        ledger: Option<Ledger>,
        grace: Duration,
    ) -> Self {
        Self {
            clock: clock.clone(),
            recorder: Mutex::new(recorder),
            ledger: ledger.map(Mutex::new),
            cancel: CancellationToken::new(),
            stopped: OnceLock::new(),
            grace,
            excused: AtomicU64::new(0),
            has_panicked: AtomicBool::new(false),
        }
    }

    /// What was recorded. A poisoned lock means that another task panicked: counts are whole after every statement.
    pub(super) fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the ledger out, once nobody else shares it.
    pub(super) fn into_parts(self) -> (Recorder, Option<Ledger>) {
        let recorder = self.recorder.into_inner();
        let ledger = self.ledger.map(Mutex::into_inner);
        (
            recorder.unwrap_or_else(PoisonError::into_inner),
            ledger.map(|ledger| ledger.unwrap_or_else(PoisonError::into_inner)),
        )
    }

    /// Ends the schedule now; requests on their way may end.
    pub(super) fn stop(&self) -> Duration {
        let at = *self.stopped.get_or_init(|| self.clock.wall());
        self.cancel.cancel();
        at
    }

    fn is_over(&self, scheduled: Duration) -> bool {
        self.cancel.is_cancelled() && self.stopped.get().is_none_or(|at| scheduled > *at)
    }

    /// How long a request that is sent now may take. A long one is cut short by the end of the grace, not failed.
    fn limit(&self, lane: &LaneSpec, now: Duration) -> Duration {
        match self.stopped.get() {
            Some(at) if lane.shape != Lane::Long => {
                lane.timeout.min((*at + self.grace).saturating_sub(now))
            }
            _ => lane.timeout,
        }
    }

    /// Waits until the probe was stopped and the grace after it is over.
    async fn grace_is_over(&self) {
        self.cancel.cancelled().await;
        let at = self.stopped.get().copied().unwrap_or_default();
        self.clock.sleep_until_wall(at + self.grace).await;
    }

    fn enter(&self, sample: &Sample) {
        if let Some(ledger) = &self.ledger {
            ledger
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .enter(sample);
        }
        self.recorder().enter(sample);
    }

    /// Notes that a sleep that was to end then ended only now.
    fn note_stall(&self, scheduled: Duration, now: Duration) {
        if let Some(reference) = &mut self.recorder().reference {
            reference.note(scheduled, now);
        }
        let before = self.excused.fetch_max(whole_micros(now), Ordering::Relaxed);
        // All workers wake from the same stall; it is counted once.
        if now.saturating_sub(Duration::from_micros(before)) > STALL {
            self.recorder().runner_stalls += 1;
        }
    }
}

/// So late nobody took a ticket: all workers wait for answers.
const SHORT_AFTER: Duration = Duration::from_millis(20);

/// Waits until a request is due that no worker of the lane is free for, and is one of them from then on. One of the reserve
/// watches at a time.
pub(super) async fn stand_by(shared: Arc<Shared>, lane: Arc<LaneSpec>, worker: usize) {
    {
        let waiting = async {
            let _watch = lane.watch.lock().await;
            is_short(&shared, &lane).await;
        };
        tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            () = waiting => {}
        }
    }
    work(shared, lane, worker).await;
}

/// Waits until a ticket is due and not taken.
async fn is_short(shared: &Shared, lane: &LaneSpec) {
    while let Some(next) = lane.schedule.next_due() {
        shared.clock.sleep_until_wall(next + SHORT_AFTER).await;
        if lane.schedule.next_due() == Some(next) {
            return;
        }
    }
    std::future::pending().await
}

/// Does one worker's share of a lane until the probe is stopped.
pub(super) async fn work(shared: Arc<Shared>, lane: Arc<LaneSpec>, worker: usize) {
    let mut kept = None;
    let mut last = None;
    // Made once: registering it anew for each request would cost as much as the request.
    let mut cancelled = pin!(shared.cancel.cancelled());
    loop {
        let scheduled = lane.schedule.take(worker, last, shared.clock.wall());
        last = Some(scheduled);
        if !is_due(&shared, scheduled, &mut kept, cancelled.as_mut()).await {
            return;
        }
        let now = shared.clock.wall();
        let waited = now.saturating_sub(scheduled);
        let excused = Duration::from_micros(shared.excused.load(Ordering::Relaxed));
        if waited > lane.timeout && scheduled >= excused {
            shared.enter(&never_sent(&lane, scheduled, waited));
            tokio::task::consume_budget().await;
            continue;
        }
        if lane.shape == Lane::Reference
            && let Some(reference) = &mut shared.recorder().reference
        {
            reference.begin(scheduled);
        }
        if !send(&shared, &lane, scheduled, now, &mut kept).await {
            return;
        }
    }
}

/// Waits until a ticket is due; false if the probe is stopped before.
async fn is_due(
    shared: &Shared,
    scheduled: Duration,
    kept: &mut Option<Connection>,
    mut cancelled: Pin<&mut WaitForCancellationFuture<'_>>,
) -> bool {
    while shared.clock.wall() < scheduled {
        tokio::select! {
            biased;
            () = cancelled.as_mut() => break,
            () = closed(kept) => *kept = None,
            () = shared.clock.sleep_until_wall(scheduled) => {
                let now = shared.clock.wall();
                if now.saturating_sub(scheduled) > STALL {
                    shared.note_stall(scheduled, now);
                }
            }
        }
    }
    !shared.is_over(scheduled)
}

/// Waits until the server closes a kept connection; for ever if there is none.
async fn closed(kept: &mut Option<Connection>) {
    match kept {
        Some(connection) => connection.closed().await,
        None => std::future::pending().await,
    }
}

/// Asks, and enters what came of it; false if the probe's end cut it short.
async fn send(
    shared: &Shared,
    lane: &LaneSpec,
    scheduled: Duration,
    sent: Duration,
    kept: &mut Option<Connection>,
) -> bool {
    if lane.shape != Lane::KeepAlive {
        *kept = None;
    }
    let asking = lane
        .request
        .send(&shared.clock, shared.limit(lane, sent), kept);
    // Only long requests are still on their way when all others have to have ended.
    let attempt = if lane.shape == Lane::Long {
        tokio::select! {
            biased;
            attempt = asking => attempt,
            () = shared.grace_is_over() => {
                shared.recorder().enter_unfinished(lane.shape);
                return false;
            }
        }
    } else {
        asking.await
    };
    let mut sample = Sample {
        lane: lane.shape,
        scheduled,
        sent: Some(sent),
        to: attempt.to,
        latency: shared.clock.wall().saturating_sub(scheduled),
        connect: attempt.connect,
        status: None,
        version: None,
        error: None,
        detail: None,
    };
    match attempt.outcome {
        Ok(answer) => {
            sample.status = Some(answer.status);
            sample.version = answer.version;
        }
        Err(failure) => fill(&mut sample, failure),
    }
    shared.enter(&sample);
    true
}

fn fill(sample: &mut Sample, failure: FailedRequest) {
    sample.status = failure.status;
    sample.error = Some(failure.class);
    sample.detail = Some(failure.detail).filter(|detail| !detail.is_empty());
}

fn never_sent(lane: &LaneSpec, scheduled: Duration, waited: Duration) -> Sample {
    let mut sample = Sample {
        lane: lane.shape,
        scheduled,
        sent: None,
        to: None,
        latency: waited,
        connect: None,
        status: None,
        version: None,
        error: None,
        detail: None,
    };
    let detail = format!(
        "never sent: all {} connections waited for an answer",
        lane.workers + lane.reserve
    );
    fill(
        &mut sample,
        FailedRequest::new(ErrorClass::Timeout, &detail),
    );
    sample
}
