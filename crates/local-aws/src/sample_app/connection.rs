//! Listening, connections, and how they end.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use net_clock::{Clock, Listener, Stream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::answers::App;
use super::{AppFault, Log, Settings};

/// The longest that a connection may be idle under [`AppFault::KeepAliveTooShort`].
pub(super) const SHORT_KEEP_ALIVE: Duration = Duration::from_millis(150);
/// Into how many steps that is divided: after each answer a connection may be idle for one step less than after the last
/// one, and then for the longest again. So some connection ends when its next request comes, however often they come.
const KEEP_ALIVE_STEPS: u32 = 10;
/// For how long many servers keep an idle connection.
const FIVE_SECONDS: Duration = Duration::from_secs(5);
/// For how long what arrives on a connection that is being closed is lost. Between two machines that is as long as the
/// way between them; this is longer, so that a release of seconds meets what a service meets in an hour.
pub(super) const CLOSING: Duration = Duration::from_millis(15);
/// For how long requests in flight may take when the app is told to stop.
const LONGEST_DRAIN: Duration = Duration::from_secs(60);

/// Serves until `stop`; the exit code that a process would have.
///
/// A task cannot stop listening without losing its port, so until it has started it closes every connection at once.
pub async fn serve(
    settings: Settings,
    env: BTreeMap<String, String>,
    mut listener: Listener,
    clock: Clock,
    log: Log,
    stop: CancellationToken,
) -> i32 {
    if let Some(code) = settings.crashes(&log) {
        return code;
    }
    let drops = settings.fault == Some(AppFault::DropsOnStop);
    let gives_up = settings.gives_up_after();
    let starting = gives_up.unwrap_or(Duration::from_millis(settings.start_after_ms));
    if !start(starting, &mut listener, &clock, &stop).await {
        return 0;
    }
    if gives_up.is_some() {
        settings.gives_up(&log);
        return 1;
    }
    settings.says_where_it_listens(&log, listener.port());
    if settings.fault.is_some_and(AppFault::is_deaf) {
        let never = Duration::from_secs(u64::from(u32::MAX));
        start(never, &mut listener, &clock, &stop).await;
        return 0;
    }
    let lingers = settings.fault.map_or(Duration::ZERO, AppFault::lingers);
    let stop = lingering(stop, &clock, lingers);
    let app = Arc::new(App::new(settings, env, clock.clone(), log));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            stream = listener.accept() => match stream {
                Ok(stream) => {
                    connections.spawn(converse(Arc::clone(&app), stream, stop.clone()));
                }
                // Out of descriptors, most likely: some are free after a while.
                Err(_) => clock.sleep_wall(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    if !drops {
        let all = async { while connections.join_next().await.is_some() {} };
        clock.within_wall(LONGEST_DRAIN, all).await;
    }
    0
}

/// A stop that comes so much later.
fn lingering(stop: CancellationToken, clock: &Clock, lingers: Duration) -> CancellationToken {
    if lingers.is_zero() {
        return stop;
    }
    let (late, clock) = (CancellationToken::new(), clock.clone());
    let stopping = late.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        clock.sleep_wall(lingers).await;
        stopping.cancel();
    });
    late
}

/// Takes so long to start; false if it is told to stop before.
async fn start(
    takes: Duration,
    listener: &mut Listener,
    clock: &Clock,
    stop: &CancellationToken,
) -> bool {
    let until = clock.wall() + takes;
    while clock.wall() < until {
        tokio::select! {
            () = stop.cancelled() => return false,
            () = clock.sleep_until_wall(until) => {}
            stream = listener.accept() => drop(stream),
        }
    }
    true
}

/// One connection, until the client closes it or the app stops.
async fn converse(app: Arc<App>, stream: Stream, stop: CancellationToken) {
    let busy = AtomicU64::new(0);
    let answered = tokio::sync::Notify::new();
    // What smoke tests and version probes would find is found before the shift: this fault is for visitors.
    let previewed = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        busy.fetch_add(1, Ordering::Relaxed);
        previewed.store(app.is_preview(&request), Ordering::Relaxed);
        let (app, busy, answered) = (&app, &busy, &answered);
        async move {
            let response = app.answer(request).await;
            busy.fetch_sub(1, Ordering::Relaxed);
            answered.notify_one();
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let fault = app.settings.fault;
    let keeps = !matches!(
        fault,
        Some(AppFault::KeepAliveTooShort | AppFault::KeepAlive5s)
    );
    let mut idle = match fault {
        Some(AppFault::KeepAlive5s) => FIVE_SECONDS,
        _ => SHORT_KEEP_ALIVE,
    };
    let mut ending = false;
    let drops = app.settings.fault == Some(AppFault::DropsOnStop);
    loop {
        tokio::select! {
            biased;
            // How a client leaves is its own affair.
            _ = connection.as_mut() => return,
            () = stop.cancelled(), if !ending && !drops => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = answered.notified(), if !keeps => idle = keep_alive(&app),
            () = app.clock.sleep_wall(idle), if !keeps && !previewed.load(Ordering::Relaxed) => {
                if busy.load(Ordering::Relaxed) == 0 {
                    if fault == Some(AppFault::KeepAliveTooShort) {
                        app.clock.sleep_wall(CLOSING).await;
                    }
                    return;
                }
            }
        }
    }
}

/// For how long a connection may be idle after an answer, under [`AppFault::KeepAliveTooShort`] and [`AppFault::KeepAlive5s`].
fn keep_alive(app: &App) -> Duration {
    if app.settings.fault == Some(AppFault::KeepAlive5s) {
        return FIVE_SECONDS;
    }
    let answers = app.answers.fetch_add(1, Ordering::Relaxed);
    let step = u32::try_from(answers % u64::from(KEEP_ALIVE_STEPS)).unwrap_or_default();
    SHORT_KEEP_ALIVE * (KEEP_ALIVE_STEPS - step) / KEEP_ALIVE_STEPS
}
