//! What the probe costs and how true it is, beside a peer: CPU time for each request, lateness, latency.
//!
//! The server is a child process (this program again), so that its CPU time is not counted. The peer is `oha` if it is
//! on the PATH, else a plain hyper client in a closed loop, which keeps no ledger, reads no version and paces nothing.
//! `cargo bench --profile dev --bench probe` runs it without the ten minutes that the AWS SDK takes to build in the
//! release profile, but unoptimised: its CPU time for each request, and the lateness that comes of it, are several times
//! those of the released binary.
//! It prints and never asserts: a shared machine's figures are for comparing within one run only.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bg_deploy::probe::{Endpoint, Probe, Spec};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use local_aws::sample_app::{self, Log, Settings};
use net_clock::Clock;
use net_clock::Network;
use tokio_util::sync::CancellationToken;

const RATES: [u32; 2] = [1_000, 5_000];
const SECONDS: u64 = 5;
/// Connections of the closed loop and of oha.
const CONNECTIONS: u32 = 50;
/// Makes this program the server.
const SERVE: &str = "--serve-for-bench";

/// One line of the table.
struct Row {
    name: &'static str,
    rate: u32,
    requests: u64,
    cpu: Duration,
    p50: Option<Duration>,
    lateness_p99: Option<Duration>,
}

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == SERVE) {
        return serve().await;
    }
    let (mut server, port) = start_server()?;
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    for rate in RATES {
        rows.push(probe(port, rate, &folder.path().join("ledger.jsonl")).await?);
        rows.push(match oha(port, rate)? {
            Some(row) => row,
            None => closed_loop(port, rate).await?,
        });
    }
    server.kill()?;
    server.wait()?;
    print(&rows)
}

fn start_server() -> Result<(Child, u16)> {
    let program = std::env::current_exe()?;
    let mut server = Command::new(program)
        .arg(SERVE)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut port = String::new();
    let told: ChildStdout = server.stdout.take().context("the server's output")?;
    BufReader::new(told).read_line(&mut port)?;
    Ok((server, port.trim().parse()?))
}

async fn serve() -> Result<()> {
    let listener = Network::tcp().listen(0).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", listener.port())?;
    out.flush()?;
    let settings = Settings {
        version: "1.0.0".into(),
        ..Settings::default()
    };
    let stop = CancellationToken::new();
    sample_app::serve(
        settings,
        Default::default(),
        listener,
        Clock::real(),
        Log::to_nobody(),
        stop,
    )
    .await;
    Ok(())
}

/// The probe with its ledger, its version check and its control, on the keep-alive lane alone: the peers keep their
/// connections too, and loopback runs out of ports under thousands of fresh ones a second.
async fn probe(port: u16, rate: u32, ledger: &Path) -> Result<Row> {
    let clock = Clock::real();
    let base = Endpoint::parse(&format!("http://127.0.0.1:{port}"))?;
    let spec = Spec {
        rate_per_second: f64::from(rate),
        fresh: false,
        ledger: Some(ledger.to_owned()),
        ..Spec::new(base, "/version")
    };
    let before = cpu_of("self")?;
    let running = Probe::start(&Network::tcp(), &clock, spec)?;
    clock.sleep_wall(Duration::from_secs(SECONDS)).await;
    let evidence = running.stop().await?;
    Ok(Row {
        name: "probe, ledger on",
        rate,
        requests: evidence.tally.sent - evidence.tally.failed,
        cpu: cpu_of("self")?.saturating_sub(before),
        p50: Some(evidence.latency.p50),
        lateness_p99: Some(evidence.lateness_p99),
    })
}

/// As many requests as the probe sends, one after the other on each connection, as fast as they are answered.
async fn closed_loop(port: u16, rate: u32) -> Result<Row> {
    let each = rate * SECONDS as u32 / CONNECTIONS;
    let before = cpu_of("self")?;
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        workers.spawn(async move {
            let stream = Network::tcp().connect("127.0.0.1", port).await?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            let driver = tokio::spawn(connection);
            for _ in 0..each {
                let request = http::Request::get("/version")
                    .header("host", "bench")
                    .body(Empty::<Bytes>::new())?;
                sender.ready().await?;
                sender.send_request(request).await?.collect().await?;
            }
            driver.abort();
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(Row {
        name: "hyper, closed loop",
        rate,
        requests: u64::from(each * CONNECTIONS),
        cpu: cpu_of("self")?.saturating_sub(before),
        p50: None,
        lateness_p99: None,
    })
}

/// The same rate by oha; `None` if it is not installed.
fn oha(port: u16, rate: u32) -> Result<Option<Row>> {
    let seconds = format!("{SECONDS}s");
    let (rate_text, connections) = (rate.to_string(), CONNECTIONS.to_string());
    let url = format!("http://127.0.0.1:{port}/version");
    let before = cpu_of_children()?;
    let options = [
        "--no-tui",
        "--latency-correction",
        "-q",
        &rate_text,
        "-c",
        &connections,
    ];
    let run = Command::new("oha")
        .args(options)
        .args(["-z", &seconds, &url])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let Ok(status) = run else { return Ok(None) };
    Ok(status.success().then_some(Row {
        name: "oha",
        rate,
        requests: u64::from(rate) * SECONDS,
        cpu: cpu_of_children()?.saturating_sub(before),
        p50: None,
        lateness_p99: None,
    }))
}

/// User and system time of a process so far, from `/proc`: ticks of a hundredth of a second.
fn cpu_of(process: &str) -> Result<Duration> {
    ticks(process, 11)
}

/// The same for this process's ended children.
fn cpu_of_children() -> Result<Duration> {
    ticks("self", 13)
}

fn ticks(process: &str, field: usize) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The program's name, in brackets, may hold blanks.
    let (_, fields) = stat.rsplit_once(')').context("a name in brackets")?;
    let two = fields.split_whitespace().skip(field).take(2);
    let ticks: u64 = two.map(|tick| tick.parse::<u64>().unwrap_or(0)).sum();
    Ok(Duration::from_millis(ticks * 10))
}

fn print(rows: &[Row]) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{:<20}{:>10}{:>12}{:>16}{:>10}{:>18}",
        "client", "rate /s", "answered", "CPU us/request", "p50 us", "lateness p99 us"
    )?;
    for row in rows {
        let micros = |duration: Option<Duration>| match duration {
            Some(duration) => duration.as_micros().to_string(),
            None => "-".to_owned(),
        };
        let cpu = row.cpu.as_secs_f64() * 1e6 / row.requests.max(1) as f64;
        writeln!(
            out,
            "{:<20}{:>10}{:>12}{cpu:>16.1}{:>10}{:>18}",
            row.name,
            row.rate,
            row.requests,
            micros(row.p50),
            micros(row.lateness_p99)
        )?;
    }
    Ok(())
}
