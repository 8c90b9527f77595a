//! The sample app as its visitors see it, in a memory network under a paused clock.

use std::collections::BTreeMap;
use std::time::Duration;

use net_clock::{Clock, Network, Stream};
use time::Date;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::answers::days_to_birthday;
use super::artifact::{PROGRAM_FILE, make_executable};
use super::connection::{CLOSING, SHORT_KEEP_ALIVE};
use super::*;

struct Running {
    network: Network,
    port: u16,
    clock: Clock,
    stop: CancellationToken,
    exit: JoinHandle<i32>,
}

async fn run(fault: Option<AppFault>, start_after_ms: u64) -> Running {
    let network = Network::memory();
    let listener = network.listen(0).await.expect("a free port");
    let settings = Settings {
        version: "7".into(),
        fault,
        preview_header: Some("x-preview".into()),
        start_after_ms,
        ..Settings::default()
    };
    let env = BTreeMap::from([("COLOUR".to_owned(), "blue".to_owned())]);
    let (clock, stop) = (Clock::real(), CancellationToken::new());
    let port = listener.port();
    let serving = serve(
        settings,
        env,
        listener,
        clock.clone(),
        Log::to_nobody(),
        stop.clone(),
    );
    Running {
        network,
        port,
        clock,
        stop,
        exit: tokio::spawn(serving),
    }
}

impl Running {
    async fn open(&self) -> Stream {
        let open = self.network.connect("app", self.port).await;
        open.expect("somebody listens")
    }

    /// The status line and all that follows, for one request on a connection of its own.
    async fn ask(&self, line: &str, body: &str) -> String {
        let mut stream = self.open().await;
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: app\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.expect("open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("text");
        answer
    }

    async fn end(self) -> i32 {
        self.stop.cancel();
        self.exit.await.expect("no panic")
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_release_is_healthy_tells_its_version_and_exits_with_0() {
    let app = run(None, 0).await;
    assert!(app.ask("GET /hc", "").await.starts_with("HTTP/1.1 200"));
    let version = app.ask("GET /version", "").await;
    assert!(
        version.ends_with(r#"{"version":"7","colour":"blue"}"#),
        "{version}"
    );
    assert!(app.ask("GET /other", "").await.starts_with("HTTP/1.1 404"));
    assert_eq!(app.end().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_birthday_is_remembered_and_counted_down() {
    let app = run(None, 0).await;
    assert!(
        app.ask("GET /hello/ada", "")
            .await
            .starts_with("HTTP/1.1 404")
    );
    let put = app
        .ask("PUT /hello/ada", r#"{"dateOfBirth":"2000-02-29"}"#)
        .await;
    assert!(put.starts_with("HTTP/1.1 204"), "{put}");
    let hello = app.ask("GET /hello/ada", "").await;
    assert!(
        hello.contains(r#"{"message":"Hello, ada! Your birthday is in "#),
        "{hello}"
    );
    for (name, body) in [
        ("ada", r#"{"dateOfBirth":"2000-02-30"}"#),
        ("ada", r#"{"dateOfBirth":"2999-01-01"}"#),
        ("ada", "{}"),
        ("ada", "not JSON"),
        ("4da", r#"{"dateOfBirth":"2000-01-01"}"#),
    ] {
        let put = app.ask(&format!("PUT /hello/{name}"), body).await;
        assert!(put.starts_with("HTTP/1.1 400"), "{name} {body}: {put}");
    }
}

#[test]
fn the_next_birthday_may_be_today_or_next_year() {
    let date = |year, month: u8, day| {
        let month = time::Month::try_from(month).expect("a month");
        Date::from_calendar_date(year, month, day).expect("a date")
    };
    assert_eq!(days_to_birthday(date(1990, 4, 2), date(2025, 4, 2)), 0);
    assert_eq!(days_to_birthday(date(1990, 4, 2), date(2025, 4, 1)), 1);
    assert_eq!(days_to_birthday(date(1990, 4, 2), date(2025, 4, 3)), 364);
    assert_eq!(days_to_birthday(date(2000, 2, 29), date(2025, 2, 28)), 1);
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_finishes_the_request_in_flight_and_accepts_no_more() {
    let app = run(None, 0).await;
    let (network, port, clock, stop) = (
        app.network.clone(),
        app.port,
        app.clock.clone(),
        app.stop.clone(),
    );
    let stopping = async {
        clock.sleep_wall(Duration::from_secs(1)).await;
        stop.cancel();
        clock.sleep_wall(Duration::from_secs(1)).await;
        assert!(network.connect("app", port).await.is_err());
    };
    let (answer, ()) = tokio::join!(app.ask("GET /slow?ms=5000", ""), stopping);
    assert!(answer.contains(r#"{"version":"7""#), "{answer}");
    assert_eq!(app.end().await, 0);
    assert_eq!(clock.wall(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_app_that_drops_on_stop_cuts_the_request_in_flight() {
    let app = run(Some(AppFault::DropsOnStop), 0).await;
    let (clock, stop) = (app.clock.clone(), app.stop.clone());
    let stopping = async {
        clock.sleep_wall(Duration::from_secs(1)).await;
        stop.cancel();
    };
    let (answer, ()) = tokio::join!(app.ask("GET /slow?ms=5000", ""), stopping);
    assert_eq!(answer, "");
    app.end().await;
    assert_eq!(clock.wall(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn each_fault_shows_where_it_should() {
    let app = run(Some(AppFault::Unhealthy), 0).await;
    assert!(app.ask("GET /hc", "").await.starts_with("HTTP/1.1 500"));
    assert!(
        app.ask("GET /version", "")
            .await
            .starts_with("HTTP/1.1 200")
    );
    let app = run(Some(AppFault::WrongVersion), 0).await;
    assert!(app.ask("GET /version", "").await.contains(r#""7-wrong""#));
    assert_eq!(
        run(Some(AppFault::CrashOnStart), 0).await.exit.await.ok(),
        Some(1)
    );
    let app = run(Some(AppFault::SlowStart), 3_000).await;
    assert_eq!(app.ask("GET /hc", "").await, "", "nobody answers yet");
    app.clock.sleep_wall(Duration::from_secs(4)).await;
    assert!(app.ask("GET /hc", "").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(start_paused = true)]
async fn errors_after_the_shift_spare_health_checks_and_previews() {
    let app = run(Some(AppFault::ErrorsAfterShift), 0).await;
    let mut failed = Vec::new();
    for number in 1..=40 {
        let preview = "GET /version HTTP/1.1\r\nx-preview: 1\r\nx:";
        assert!(app.ask(preview, "").await.starts_with("HTTP/1.1 200"));
        assert!(app.ask("GET /hc", "").await.starts_with("HTTP/1.1 200"));
        if app
            .ask("GET /version", "")
            .await
            .starts_with("HTTP/1.1 500")
        {
            failed.push(number);
        }
    }
    assert_eq!(failed, [20, 40]);
}

#[tokio::test(start_paused = true)]
async fn a_keep_alive_that_is_too_short_ends_idle_connections_but_no_request() {
    let app = run(Some(AppFault::KeepAliveTooShort), 0).await;
    assert!(app.ask("GET /slow?ms=1000", "").await.contains(r#""7""#));
    let mut stream = app.open().await;
    let before = app.clock.wall();
    stream
        .write_all(b"GET /hc HTTP/1.1\r\nhost: app\r\n\r\n")
        .await
        .expect("open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    assert!(answer.ends_with("ok"), "{answer}");
    assert_eq!(app.clock.wall() - before, SHORT_KEEP_ALIVE + CLOSING);
}

#[tokio::test(start_paused = true)]
async fn a_keep_alive_that_is_too_short_loses_the_request_that_meets_it() {
    let app = run(Some(AppFault::KeepAliveTooShort), 0).await;
    let mut stream = app.open().await;
    let request = b"GET /hc HTTP/1.1\r\nhost: app\r\n\r\n";
    stream.write_all(request).await.expect("open");
    app.clock.sleep_wall(SHORT_KEEP_ALIVE + CLOSING / 2).await;
    stream.write_all(request).await.expect("it seems open");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.expect("text");
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
}

#[cfg(unix)]
#[test]
fn the_artifact_is_a_marked_script_that_runs_any_program_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("the app");
    let program = folder.path().join("it's $HOME");
    std::fs::write(&program, "#!/bin/sh\necho \"$1|$2\"\n").expect("a program");
    make_executable(&program).expect("a mode");
    let settings = Settings {
        version: "7".into(),
        fault: Some(AppFault::KeepAliveTooShort),
        preview_header: None,
        start_after_ms: 5,
        ..Settings::default()
    };
    write_artifact(&dir, &program, &settings).expect("an artifact");
    assert_eq!(Settings::read(&dir).expect("settings"), settings);
    let script = std::fs::read_to_string(dir.join(PROGRAM_FILE)).expect("a script");
    assert_eq!(script.lines().nth(1), Some("# local-aws sample app"));
    let run = std::process::Command::new(dir.join(PROGRAM_FILE)).output();
    let told = String::from_utf8(run.expect("it runs").stdout).expect("text");
    assert_eq!(told.trim(), format!("sample-app|{}", dir.display()));
}
