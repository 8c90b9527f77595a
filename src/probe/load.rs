//! The load: every request is due at a time fixed in advance, whatever became of the ones before it.
//!
//! A lane has a fixed number of workers. A worker takes the next ticket of the lane's schedule, waits until it is due,
//! asks, enters what came of it, and takes the next. As long as a worker is free, tickets are sent when they are due;
//! when all are busy, tickets queue (as a number, not as memory) and their latency still counts from when they were
//! due. So a server that stands still for a second is seen to stand still by every request that was due in it.
//!
//! Guarantees: never more connections than workers; a ticket that has waited its whole timeout for a worker is a
//! failure and is not sent, so that the queue of a server that hangs stays as short as its timeout.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::answer::Failure;
use super::books::Books;
use super::exchange::Connection;
use super::lanes::Plan;
use super::ledger::Ledger;
use super::sample::{ErrorClass, Lane, Sample};
use super::units::whole_micros;
use net_clock::Clock;

/// A sleep that ends this late means that the runner itself stood still.
pub const STALL: Duration = Duration::from_millis(250);

/// When requests are due.
#[derive(Debug)]
pub(super) enum Schedule {
    /// At a constant rate.
    Constant {
        first: Duration,
        rate: f64,
        next: AtomicU64,
    },
    /// Each worker's next when its last is answered, at least `interval` apart.
    InTurn { first: Duration, interval: Duration },
}

impl Schedule {
    pub(super) const fn constant(first: Duration, rate: f64) -> Self {
        Self::Constant {
            first,
            rate,
            next: AtomicU64::new(0),
        }
    }

    pub(super) const fn in_turn(first: Duration, interval: Duration) -> Self {
        Self::InTurn { first, interval }
    }

    /// When the next request is due, which from now on is the caller's.
    fn take(&self, worker: usize, last: Option<Duration>, now: Duration) -> Duration {
        match self {
            Self::Constant { first, rate, next } => {
                let ticket = next.fetch_add(1, Ordering::Relaxed);
                *first + Duration::from_secs_f64(ticket as f64 / rate)
            }
            Self::InTurn { first, interval } => match last {
                Some(last) => now.max(last + *interval),
                // A little apart, so that they do not all end at once.
                None => *first + interval.mul_f64(worker as f64),
            },
        }
    }
}

/// What the workers of all lanes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    books: Mutex<Books>,
    ledger: Option<Mutex<Ledger>>,
    cancel: CancellationToken,
    /// Requests due later than this are not sent.
    stopped: OnceLock<Duration>,
    /// How long after that requests may still be on their way.
    grace: Duration,
    /// Tickets due before this, in microseconds, may be late because the runner stood still.
    excused: AtomicU64,
}

impl Shared {
    pub(super) fn new(
        clock: &Clock,
        books: Books,
        ledger: Option<Ledger>,
        grace: Duration,
    ) -> Self {
        Self {
            clock: clock.clone(),
            books: Mutex::new(books),
            ledger: ledger.map(Mutex::new),
            cancel: CancellationToken::new(),
            stopped: OnceLock::new(),
            grace,
            excused: AtomicU64::new(0),
        }
    }

    /// The books. A poisoned lock means that another task panicked: counts are whole after every statement.
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the ledger out, once nobody else shares it.
    pub(super) fn into_parts(self) -> (Books, Option<Ledger>) {
        let books = self.books.into_inner();
        let ledger = self.ledger.map(Mutex::into_inner);
        (
            books.unwrap_or_else(PoisonError::into_inner),
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
    fn limit(&self, plan: &Plan, now: Duration) -> Duration {
        match self.stopped.get() {
            Some(at) if plan.lane != Lane::Long => {
                plan.timeout.min((*at + self.grace).saturating_sub(now))
            }
            _ => plan.timeout,
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
        self.books().enter(sample);
    }

    /// Notes that a sleep ended late.
    fn note_stall(&self, now: Duration) {
        let before = self.excused.fetch_max(whole_micros(now), Ordering::Relaxed);
        // All workers wake from the same stall; it is counted once.
        if now.saturating_sub(Duration::from_micros(before)) > STALL {
            self.books().runner_stalls += 1;
        }
    }
}

/// Does one worker's share of a lane until the probe is stopped.
pub(super) async fn work(shared: Arc<Shared>, plan: Arc<Plan>, worker: usize) {
    let mut kept = None;
    let mut last = None;
    // Made once: registering it anew for each request would cost as much as the request.
    let mut cancelled = pin!(shared.cancel.cancelled());
    loop {
        let scheduled = plan.schedule.take(worker, last, shared.clock.wall());
        last = Some(scheduled);
        if !is_due(&shared, scheduled, &mut kept, cancelled.as_mut()).await {
            return;
        }
        let now = shared.clock.wall();
        let waited = now.saturating_sub(scheduled);
        let excused = Duration::from_micros(shared.excused.load(Ordering::Relaxed));
        if waited > plan.timeout && scheduled >= excused {
            shared.enter(&never_sent(&plan, scheduled, waited));
            tokio::task::consume_budget().await;
            continue;
        }
        if !send(&shared, &plan, scheduled, now, &mut kept).await {
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
                    shared.note_stall(now);
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
    plan: &Plan,
    scheduled: Duration,
    sent: Duration,
    kept: &mut Option<Connection>,
) -> bool {
    if plan.lane != Lane::KeepAlive {
        *kept = None;
    }
    let asking = plan
        .question
        .ask(&shared.clock, shared.limit(plan, sent), kept);
    // Only long requests are still on their way when all others have to have ended.
    let reply = if plan.lane == Lane::Long {
        tokio::select! {
            biased;
            reply = asking => reply,
            () = shared.grace_is_over() => {
                shared.books().enter_unfinished(plan.lane);
                return false;
            }
        }
    } else {
        asking.await
    };
    let mut sample = Sample {
        lane: plan.lane,
        scheduled,
        sent: Some(sent),
        latency: shared.clock.wall().saturating_sub(scheduled),
        connect: reply.connect,
        status: None,
        version: None,
        error: None,
        detail: None,
    };
    match reply.outcome {
        Ok(answer) => {
            sample.status = Some(answer.status);
            sample.version = answer.version;
        }
        Err(failure) => fill(&mut sample, failure),
    }
    shared.enter(&sample);
    true
}

fn fill(sample: &mut Sample, failure: Failure) {
    sample.status = failure.status;
    sample.error = Some(failure.class);
    sample.detail = Some(failure.detail).filter(|detail| !detail.is_empty());
}

fn never_sent(plan: &Plan, scheduled: Duration, waited: Duration) -> Sample {
    let mut sample = Sample {
        lane: plan.lane,
        scheduled,
        sent: None,
        latency: waited,
        connect: None,
        status: None,
        version: None,
        error: None,
        detail: None,
    };
    let detail = format!("never sent: all {} connections were busy", plan.workers);
    fill(&mut sample, Failure::new(ErrorClass::Timeout, &detail));
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_schedule_does_not_drift() {
        let schedule = Schedule::constant(Duration::from_secs(5), 3.0);
        let last = (0..30_001)
            .map(|_| schedule.take(0, None, Duration::ZERO))
            .last();
        assert_eq!(last, Some(Duration::from_secs(10_005)));
    }

    #[test]
    fn a_long_request_follows_the_last_one_but_not_in_a_hot_loop() {
        let second = Duration::from_secs(1);
        let schedule = Schedule::in_turn(Duration::ZERO, second);
        assert_eq!(schedule.take(1, None, Duration::ZERO), second);
        assert_eq!(schedule.take(0, Some(second), second), 2 * second);
        assert_eq!(schedule.take(0, Some(second), 9 * second), 9 * second);
    }
}
