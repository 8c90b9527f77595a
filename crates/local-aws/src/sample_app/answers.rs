//! What the sample app answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use net_clock::Clock;
use serde::Deserialize;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::{AppFault, Log, Settings};

/// Which of the requests fail under [`AppFault::ErrorsAfterShift`].
const EVERY: u64 = 20;
/// How long an answer takes under [`AppFault::SlowAfterShift`].
const SLOW: Duration = Duration::from_millis(300);
/// How long an answer takes under [`AppFault::VersionSlow`].
const VERY_SLOW: Duration = Duration::from_secs(4);
/// How large an answer is under [`AppFault::VersionHuge`].
const HUGE: usize = 30_000_000;
/// How long each state lasts under [`AppFault::Flaps`].
const FLAP: Duration = Duration::from_secs(30);
/// The longest that `/slow` can be asked to take.
const SLOWEST_MS: u64 = 600_000;
/// The largest body that is read.
const BODY_CAP: usize = 64 * 1024;
/// How many birthdays are remembered.
const BIRTHDAYS: usize = 10_000;

/// A running release.
#[derive(Debug)]
pub(super) struct App {
    pub(super) settings: Settings,
    env: BTreeMap<String, String>,
    pub(super) clock: Clock,
    begun: Duration,
    visits: AtomicU64,
    /// After how many answers a connection was kept for a short time.
    pub(super) answers: AtomicU64,
    birthdays: Mutex<BTreeMap<String, Date>>,
    /// What [`AppFault::Leaks`] keeps.
    leaked: Mutex<Vec<String>>,
    log: Log,
}

impl App {
    pub(super) fn new(
        settings: Settings,
        env: BTreeMap<String, String>,
        clock: Clock,
        log: Log,
    ) -> Self {
        Self {
            settings,
            env,
            begun: clock.wall(),
            clock,
            visits: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            birthdays: Mutex::default(),
            leaked: Mutex::default(),
            log,
        }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let asked = format!("{} {}", request.method(), request.uri().path());
        let header = self.preview_header(&request).map(|(name, value)| {
            format!(
                ", with {name}: {}",
                String::from_utf8_lossy(value.as_bytes())
            )
        });
        let response = self.respond(request).await;
        let status = response.status();
        if status.is_server_error() || header.is_some() {
            let header = header.unwrap_or_default();
            self.log
                .line(&format!("{asked}: {}{header}", status.as_u16()));
        }
        response
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.settings.fault {
            Some(AppFault::Hangs) => std::future::pending().await,
            Some(AppFault::Leaks) => {
                let kept = format!("{:?}", request.headers());
                let mut leaked = self.leaked.lock().unwrap_or_else(PoisonError::into_inner);
                leaked.push(kept);
            }
            _ => {}
        }
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
            (&Method::GET | &Method::HEAD, "/hc") => match self.is_healthy() {
                true => text(StatusCode::OK, "ok"),
                false => text(StatusCode::INTERNAL_SERVER_ERROR, "unhealthy"),
            },
            (&Method::GET, "/version") => {
                if self.settings.fault == Some(AppFault::VersionHangs) {
                    std::future::pending::<()>().await;
                }
                let takes = match self.settings.fault {
                    Some(AppFault::SlowAfterShift) if !self.is_preview(&request) => SLOW,
                    Some(AppFault::VersionSlow) => VERY_SLOW,
                    _ => Duration::ZERO,
                };
                self.clock.sleep_wall(takes).await;
                self.broken_version().unwrap_or_else(|| self.version())
            }
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

    /// Whether it came through a preview.
    pub(super) fn is_preview(&self, request: &Request<Incoming>) -> bool {
        self.preview_header(request).is_some()
    }

    fn preview_header<'a>(
        &'a self,
        request: &'a Request<Incoming>,
    ) -> Option<(&'a str, &'a HeaderValue)> {
        let name = self.settings.preview_header.as_deref()?;
        Some((name, request.headers().get(name)?))
    }

    fn fails(&self, request: &Request<Incoming>) -> bool {
        let one_in = match self.settings.fault {
            Some(AppFault::ErrorsAfterShift) => EVERY,
            _ => self.settings.fails_one_in,
        };
        one_in > 0
            && !self.is_preview(request)
            && (self.visits.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(one_in)
    }

    fn is_healthy(&self) -> bool {
        match self.settings.fault {
            Some(AppFault::Unhealthy) => false,
            Some(AppFault::Flaps) => {
                let runs = self.clock.wall().saturating_sub(self.begun);
                (runs.as_secs() / FLAP.as_secs()).is_multiple_of(2)
            }
            _ => true,
        }
    }

    /// What is answered instead of the version, if something is.
    fn broken_version(&self) -> Option<Response<Full<Bytes>>> {
        const PAGE: &str =
            "<!doctype html>\n<html><title>hello</title><div id=\"app\"></div></html>\n";
        match self.settings.fault? {
            AppFault::Version500 => Some(text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "no such file: VERSION",
            )),
            AppFault::VersionEmpty => Some(text(StatusCode::OK, "")),
            AppFault::VersionHuge => {
                let huge = Bytes::from(vec![b'x'; HUGE]);
                Some(answer(StatusCode::OK, "text/plain", huge))
            }
            AppFault::VersionPage => Some(answer(StatusCode::OK, "text/html", PAGE.into())),
            AppFault::VersionRedirects => {
                let mut response = text(StatusCode::FOUND, "");
                let login = HeaderValue::from_static("/login");
                response.headers_mut().insert(http::header::LOCATION, login);
                Some(response)
            }
            _ => None,
        }
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

    fn birthdays(&self) -> MutexGuard<'_, BTreeMap<String, Date>> {
        self.birthdays
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn today(&self) -> Date {
        OffsetDateTime::from(self.clock.utc()).date()
    }
}

/// The days until the next birthday; someone born on 29 February celebrates on 1 March in other years.
pub(super) fn days_to_birthday(born: Date, today: Date) -> i64 {
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
    let kind = HeaderValue::from_static(kind);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, kind);
    response
}
