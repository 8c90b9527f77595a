//! The app that rehearsals release when the user has none of their own: small, real HTTP, and able to misbehave.
//!
//! Guarantees: without a fault it does what a well-behaved service does, above all when told to stop: it stops
//! accepting, finishes the requests in flight and exits 0. It runs as a process of its own or as a task.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use time::macros::format_description;
use time::{Date, OffsetDateTime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use net_clock::Clock;
use net_clock::{Listener, Network, Stream};

/// The text by which the artifact of a sample app is known.
pub const MARK: &str = "bg-deploy sample app";

/// The file in the artifact that says how the app behaves.
const SETTINGS_FILE: &str = "release.json";
/// The program in the artifact.
const PROGRAM_FILE: &str = "sample-app";
/// Requests that come through the preview route bear this header.
const PREVIEW_HEADER: &str = "x-bg-deploy-preview";
/// For how long a connection may be idle under [`AppFault::KeepAliveTooShort`].
const SHORT_KEEP_ALIVE: Duration = Duration::from_millis(150);
/// Which of the requests fail under [`AppFault::ErrorsAfterShift`].
const EVERY: u64 = 20;
/// For how long requests in flight may take when the app is told to stop.
const LONGEST_DRAIN: Duration = Duration::from_secs(60);
/// The longest that `/slow` can be asked to take.
const SLOWEST_MS: u64 = 600_000;
/// The largest body that is read.
const BODY_CAP: usize = 64 * 1024;
/// How many birthdays are remembered.
const BIRTHDAYS: usize = 10_000;

/// How one release of the app behaves: `release.json` in its artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What `/version` answers.
    pub version: String,
    /// What is wrong with it, if anything.
    #[serde(default)]
    pub fault: Option<AppFault>,
    /// How long it takes to start, in milliseconds.
    #[serde(default)]
    pub start_after_ms: u64,
    /// Where it answers, when it stands in for another app.
    #[serde(default)]
    pub stand_in: Option<StandIn>,
}

/// Where another app answers that the sample app stands in for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn {
    /// Its health path.
    pub health_path: String,
    /// Its version path.
    pub version_path: String,
    /// What that answers, the version in it.
    pub version_body: String,
}

impl Settings {
    /// Reads the settings of the artifact in `dir`.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(SETTINGS_FILE);
        let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("parsing {}", path.display()))
    }
}

/// What can be wrong with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppFault {
    /// `/hc` answers 500.
    Unhealthy,
    /// `/version` answers another version.
    WrongVersion,
    /// It exits with 1 at once.
    CrashOnStart,
    /// Told to stop, it exits at once and cuts every connection.
    DropsOnStop,
    /// It closes idle connections after 150 ms.
    KeepAliveTooShort,
    /// It listens only after `start_after_ms`.
    SlowStart,
    /// Every twentieth request that did not come through the preview route answers 500.
    ErrorsAfterShift,
}

/// Serves until `stop`; the exit code that a process would have.
///
/// A task cannot stop listening without losing its port, so until it has started it closes every connection at once.
pub async fn serve(
    settings: Settings,
    env: BTreeMap<String, String>,
    mut listener: Listener,
    clock: Clock,
    stop: CancellationToken,
) -> i32 {
    if settings.fault == Some(AppFault::CrashOnStart) {
        return 1;
    }
    let drops = settings.fault == Some(AppFault::DropsOnStop);
    if !start(&settings, &mut listener, &clock, &stop).await {
        return 0;
    }
    let app = Arc::new(App {
        settings,
        env,
        clock: clock.clone(),
        visits: AtomicU64::new(0),
        birthdays: Mutex::new(BTreeMap::new()),
    });
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

/// Takes as long to start as the settings say; false if it is told to stop before.
async fn start(
    settings: &Settings,
    listener: &mut Listener,
    clock: &Clock,
    stop: &CancellationToken,
) -> bool {
    let until = clock.wall() + Duration::from_millis(settings.start_after_ms);
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
    let service = service_fn(|request| {
        busy.fetch_add(1, Ordering::Relaxed);
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
    let keeps = app.settings.fault != Some(AppFault::KeepAliveTooShort);
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
            () = answered.notified(), if !keeps => {}
            () = app.clock.sleep_wall(SHORT_KEEP_ALIVE), if !keeps => {
                if busy.load(Ordering::Relaxed) == 0 {
                    return;
                }
            }
        }
    }
}

#[derive(Debug)]
struct App {
    settings: Settings,
    env: BTreeMap<String, String>,
    clock: Clock,
    visits: AtomicU64,
    birthdays: Mutex<BTreeMap<String, Date>>,
}

impl App {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        if let Some(stand_in) = &self.settings.stand_in {
            let asked = request
                .uri()
                .path_and_query()
                .map_or(path.as_str(), |asked| asked.as_str());
            if asked == stand_in.health_path {
                return text(StatusCode::OK, "ok");
            }
            if asked == stand_in.version_path {
                let body = stand_in.version_body.clone().into();
                return answer(StatusCode::OK, "text/plain; charset=utf-8", body);
            }
        }
        if path != "/hc" && self.fails(&request) {
            return text(StatusCode::INTERNAL_SERVER_ERROR, "broken");
        }
        match (request.method(), path.as_str()) {
            (&Method::GET | &Method::HEAD, "/hc") => match self.settings.fault {
                Some(AppFault::Unhealthy) => text(StatusCode::INTERNAL_SERVER_ERROR, "unhealthy"),
                _ => text(StatusCode::OK, "ok"),
            },
            (&Method::GET, "/version") => self.version(),
            (&Method::GET, "/slow") => {
                let wait = slow_ms(request.uri().query().unwrap_or_default());
                self.clock.sleep_wall(Duration::from_millis(wait)).await;
                self.version()
            }
            (&Method::GET, path) => match path.strip_prefix("/hello/") {
                Some(name) => self.greet(name),
                None => text(StatusCode::NOT_FOUND, "not found"),
            },
            (&Method::PUT, path) => match path.strip_prefix("/hello/") {
                Some(name) => self.remember(name, request.into_body()).await,
                None => text(StatusCode::NOT_FOUND, "not found"),
            },
            _ => text(StatusCode::NOT_FOUND, "not found"),
        }
    }

    fn fails(&self, request: &Request<Incoming>) -> bool {
        self.settings.fault == Some(AppFault::ErrorsAfterShift)
            && !request.headers().contains_key(PREVIEW_HEADER)
            && (self.visits.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(EVERY)
    }

    /// The version, with the environment and the colour if they are known.
    fn version(&self) -> Response<Full<Bytes>> {
        let version = &self.settings.version;
        let version = match self.settings.fault {
            Some(AppFault::WrongVersion) => format!("{version}-wrong"),
            _ => version.clone(),
        };
        let mut body = serde_json::json!({ "version": version });
        for (key, variable) in [("environment", "ENVIRONMENT"), ("colour", "COLOUR")] {
            if let Some(value) = self.env.get(variable) {
                body[key] = value.as_str().into();
            }
        }
        json(&body)
    }

    fn greet(&self, name: &str) -> Response<Full<Bytes>> {
        let born = self.birthdays().get(name).copied();
        let Some(born) = born else {
            return text(StatusCode::NOT_FOUND, "unknown name");
        };
        let days = days_to_birthday(born, self.today());
        let message = format!("Hello, {name}! Your birthday is in {days} day(s)");
        json(&serde_json::json!({ "message": message }))
    }

    async fn remember(&self, name: &str, body: Incoming) -> Response<Full<Bytes>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Born {
            date_of_birth: String,
        }
        let bad = |why| text(StatusCode::BAD_REQUEST, why);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphabetic()) {
            return bad("a name has letters only");
        }
        let Ok(body) = Limited::new(body, BODY_CAP).collect().await else {
            return bad("the body is too long");
        };
        let Ok(born) = serde_json::from_slice::<Born>(&body.to_bytes()) else {
            return bad("dateOfBirth is missing");
        };
        let format = format_description!("[year]-[month]-[day]");
        let Ok(born) = Date::parse(&born.date_of_birth, format) else {
            return bad("dateOfBirth is not YYYY-MM-DD");
        };
        if born >= self.today() {
            return bad("dateOfBirth is not in the past");
        }
        let mut birthdays = self.birthdays();
        if birthdays.len() >= BIRTHDAYS && !birthdays.contains_key(name) {
            return text(StatusCode::INSUFFICIENT_STORAGE, "too many names");
        }
        birthdays.insert(name.to_owned(), born);
        let mut response = text(StatusCode::NO_CONTENT, "");
        response.headers_mut().clear();
        response
    }

    fn birthdays(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Date>> {
        self.birthdays
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn today(&self) -> Date {
        OffsetDateTime::from(self.clock.utc()).date()
    }
}

/// The days until the next birthday; someone born on 29 February celebrates on 1 March in other years.
fn days_to_birthday(born: Date, today: Date) -> i64 {
    let first_of_march = |year| Date::from_calendar_date(year, time::Month::March, 1);
    let in_year = |year| born.replace_year(year).or_else(|_| first_of_march(year));
    [today.year(), today.year() + 1]
        .into_iter()
        .filter_map(|year| in_year(year).ok())
        .map(|day| (day - today).whole_days())
        .find(|days| *days >= 0)
        .unwrap_or_default()
}

fn slow_ms(query: &str) -> u64 {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "ms")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0)
        .min(SLOWEST_MS)
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    answer(
        status,
        "text/plain; charset=utf-8",
        Bytes::from_static(text.as_bytes()),
    )
}

fn json(value: &serde_json::Value) -> Response<Full<Bytes>> {
    answer(StatusCode::OK, "application/json", value.to_string().into())
}

fn answer(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static(kind);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, kind);
    response
}

/// Writes an artifact into `dir`: the settings, and a script that runs `program` as the sample app.
pub fn write_artifact(dir: &Path, program: &Path, settings: &Settings) -> Result<()> {
    let writing = || format!("writing a sample app into {}", dir.display());
    std::fs::create_dir_all(dir).with_context(writing)?;
    let release = serde_json::to_vec_pretty(settings).with_context(writing)?;
    std::fs::write(dir.join(SETTINGS_FILE), release).with_context(writing)?;
    let program = program
        .to_str()
        .context("the program's path is not UTF-8")?;
    let quoted = program.replace('\'', r"'\''");
    let script = format!("#!/bin/sh\n# {MARK}\nexec '{quoted}' sample-app \"$(dirname \"$0\")\"\n");
    let path = dir.join(PROGRAM_FILE);
    std::fs::write(&path, script).with_context(writing)?;
    make_executable(&path).with_context(writing)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

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
    let clock = Clock::real();
    if settings.fault == Some(AppFault::CrashOnStart) {
        return Ok(1);
    }
    // A process can start late for real: nobody listens until then.
    let wait = Duration::from_millis(std::mem::take(&mut settings.start_after_ms));
    tokio::select! {
        () = stop.cancelled() => return Ok(0),
        () = clock.sleep_wall(wait) => {}
    }
    let listener = Network::tcp()
        .listen(port)
        .await
        .with_context(|| format!("listening on port {port}"))?;
    Ok(serve(settings, BTreeMap::new(), listener, clock, stop).await)
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

#[cfg(test)]
mod tests;
