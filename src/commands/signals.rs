//! What ends a command from outside: SIGINT and SIGTERM, or Ctrl-C, counted from the first time that anybody asks. None
//! is lost in between.

use std::future::{Future, pending};
use std::sync::OnceLock;

use tokio::sync::watch;

use super::EarlyExit;
use crate::outcome::EXIT_CANCELLED;

/// Returns at the next signal.
pub(super) async fn signal() {
    let mut counted = counted();
    counted.borrow_and_update();
    if counted.changed().await.is_err() {
        pending().await
    }
}

/// Returns when so many signals have come.
pub(super) async fn signals(number: u32) {
    if counted().wait_for(|count| *count >= number).await.is_err() {
        pending().await
    }
}

/// Does what changes nothing; a signal ends it at once.
pub(super) async fn unless_cancelled<T>(
    reading: impl Future<Output = Result<T, EarlyExit>>,
) -> Result<T, EarlyExit> {
    tokio::select! {
        biased;
        () = signals(1) => Err(EarlyExit {
            exit_code: EXIT_CANCELLED,
            text: "cancelled before anything was changed".to_owned(),
            concerns: Vec::new(),
        }),
        read = reading => read,
    }
}

/// How many signals have come. They are the process's, so there is one count of them.
fn counted() -> watch::Receiver<u32> {
    static COUNT: OnceLock<watch::Receiver<u32>> = OnceLock::new();
    let counted = COUNT.get_or_init(|| {
        let (count, counted) = watch::channel(0);
        let mut heard = Heard::listen();
        tokio::spawn(async move {
            loop {
                heard.next().await;
                count.send_modify(|count| *count += 1);
            }
        });
        counted
    });
    counted.clone()
}

/// The process's signals; from now on, they do not end it by themselves.
#[cfg(unix)]
struct Heard {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Heard {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            () = next_of(self.interrupt.as_mut()) => {}
            () = next_of(self.terminate.as_mut()) => {}
        }
    }
}

#[cfg(unix)]
async fn next_of(signal: Option<&mut tokio::signal::unix::Signal>) {
    let heard = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        pending().await
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct Heard;

#[cfg(not(unix))]
impl Heard {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            pending().await
        }
    }
}
