//! The sample app as a process of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use net_clock::{Clock, Network};
use tokio_util::sync::CancellationToken;

use super::{AppFault, Log, Settings, serve};

/// Runs the app whose artifact is in `dir` as this process; the exit code.
pub async fn main(dir: &Path, port: u16) -> Result<i32> {
    let mut settings = Settings::read(dir)?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let mut told = termination()?;
    tokio::spawn(async move {
        told.recv().await;
        stopping.cancel();
    });
    let (clock, log) = (Clock::real(), Log::to_stderr());
    if let Some(code) = settings.crashes(&log) {
        return Ok(code);
    }
    // A process can start late for real: nobody listens until then.
    let gives_up = settings.gives_up_after();
    let wait = Duration::from_millis(std::mem::take(&mut settings.start_after_ms));
    let wait = gives_up.unwrap_or(wait);
    tokio::select! {
        () = stop.cancelled() => return Ok(0),
        () = clock.sleep_wall(wait) => {}
    }
    if gives_up.is_some() {
        settings.gives_up(&log);
        return Ok(1);
    }
    if settings.fault.is_some_and(AppFault::is_deaf) {
        settings.says_where_it_listens(&log, port);
        stop.cancelled().await;
        return Ok(0);
    }
    let listener = Network::tcp()
        .listen(port)
        .await
        .with_context(|| format!("listening on port {port}"))?;
    Ok(serve(settings, BTreeMap::new(), listener, clock, log, stop).await)
}

#[cfg(unix)]
fn termination() -> Result<tokio::signal::unix::Signal> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate()).context("listening for SIGTERM")
}

#[cfg(not(unix))]
fn termination() -> Result<tokio::signal::windows::CtrlC> {
    tokio::signal::windows::ctrl_c().context("listening for Ctrl-C")
}
