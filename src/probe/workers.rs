//! Where the workers run: on a thread of their own, so that nothing else this program does makes a request late.
//!
//! In a memory network they are tasks of the caller's runtime instead: only there do they share its paused clock.
//!
//! Guarantees: dropping them ends them; workers that have finished hold nothing any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::lanes::LaneSpec;
use super::load::{Shared, stand_by, work};

/// The workers of all lanes.
#[derive(Debug)]
pub(super) struct Workers(Place);

#[derive(Debug)]
enum Place {
    Here(JoinSet<()>),
    Apart {
        finished: oneshot::Receiver<Result<()>>,
        _abandon: DropGuard,
    },
}

impl Workers {
    /// Starts every worker of every lane.
    pub(super) fn start(
        apart: bool,
        shared: &Arc<Shared>,
        lanes: Vec<Arc<LaneSpec>>,
    ) -> Result<Self> {
        let shared = Arc::clone(shared);
        if !apart {
            return Ok(Self(Place::Here(spawn(shared, lanes))));
        }
        let abandoned = CancellationToken::new();
        let abandon = abandoned.clone().drop_guard();
        let (sender, finished) = oneshot::channel();
        std::thread::Builder::new()
            .name("probe".into())
            .spawn(move || {
                // Nobody listens any more if the probe was dropped.
                let _ = sender.send(run(shared, lanes, &abandoned));
            })
            .context("starting the probe's thread")?;
        Ok(Self(Place::Apart {
            finished,
            _abandon: abandon,
        }))
    }

    /// Waits until every worker has come to its end.
    pub(super) async fn finish(self) -> Result<()> {
        match self.0 {
            Place::Here(workers) => join(workers).await,
            Place::Apart {
                finished,
                _abandon: abandon,
            } => {
                let outcome = finished.await.context("the probe's thread")?;
                drop(abandon);
                outcome
            }
        }
    }
}

/// The thread: a runtime of its own, gone when this returns.
fn run(
    shared: Arc<Shared>,
    lanes: Vec<Arc<LaneSpec>>,
    abandoned: &CancellationToken,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the probe's runtime")?;
    runtime.block_on(async {
        tokio::select! {
            outcome = join(spawn(shared, lanes)) => outcome,
            () = abandoned.cancelled() => Ok(()),
        }
    })
}

fn spawn(shared: Arc<Shared>, lanes: Vec<Arc<LaneSpec>>) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for lane in lanes {
        for worker in 0..lane.workers + lane.reserve {
            let (shared, lane) = (Arc::clone(&shared), Arc::clone(&lane));
            let alarm = Alarm(Arc::clone(&shared));
            workers.spawn(async move {
                let _alarm = alarm;
                match worker < lane.workers {
                    true => work(shared, lane, worker).await,
                    false => stand_by(shared, lane, worker).await,
                }
            });
        }
    }
    workers
}

/// Dropped by a panic, it tells: a step that watches must not take a silence for good answers.
struct Alarm(Arc<Shared>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.has_panicked.store(true, Ordering::Relaxed);
        }
    }
}

async fn join(mut workers: JoinSet<()>) -> Result<()> {
    while let Some(worker) = workers.join_next().await {
        worker.context("a worker of the probe")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::recorder::Recorder;
    use net_clock::Clock;
    use std::time::Duration;

    #[tokio::test]
    async fn a_worker_that_panics_is_told_while_the_others_go_on_and_at_the_end() {
        let clock = Clock::real();
        let recorder = Recorder::new(Duration::ZERO);
        let shared = Arc::new(Shared::new(&clock, recorder, None, Duration::ZERO));
        let mut workers = JoinSet::new();
        let alarm = Alarm(Arc::clone(&shared));
        workers.spawn(async move {
            let _alarm = alarm;
            panic!("planted");
        });
        let error = join(workers).await.expect_err("a worker panicked");
        assert!(
            format!("{error:#}").contains("a worker of the probe"),
            "{error:#}"
        );
        assert!(shared.has_panicked.load(Ordering::Relaxed));
        drop(Alarm(Arc::clone(&shared)));
        assert!(
            Arc::into_inner(shared).is_some(),
            "nobody holds it any more"
        );
    }
}
