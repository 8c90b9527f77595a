//! The services of a machine: the user's own app as a real process, kept running as systemd would.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use net_clock::Listener;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::Host;
use super::journal::{Exit, Journal};
use super::machine::{Machine, blocking};
use super::process::{PATH, kill_group};
use super::unit::{Restart, Unit};
use crate::account::ec2;
use crate::account::ec2::instances::{AppEnd, EndedWith};
use crate::sample_app;

/// How often a service is started in one life of its machine.
const MOST_STARTS: u32 = 100;
/// The longest line of a service's output: what is beyond it is a line of its own.
const LONGEST_LINE: u64 = 48 * 1024;
/// How long a service may drain, on the wall's clock, when everything ends.
const LAST_DRAIN: Duration = Duration::from_secs(2);
/// A service never has less than this of the wall's time to stop, or its own timeout where that is shorter.
const LEAST_DRAIN: Duration = Duration::from_secs(5);

/// How long its last output is waited for, on the wall's clock.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// The process id that a service's first task says it has.
const FIRST_PID: u32 = 700;

/// Runs a service, again and again if its unit says so, until its machine's life is over.
pub(super) async fn supervise(
    host: Arc<Host>,
    machine: Arc<Machine>,
    unit: Unit,
    over: CancellationToken,
    takes_traffic: bool,
) {
    let mut service = Service {
        journal: Arc::new(Journal::of(&host, &machine, &unit)),
        port: None,
        restarts: 0,
        host,
        machine,
        unit,
        over,
        takes_traffic,
    };
    let clock = service.host.shared.clock.clone();
    let mut limit = service.unit.start_limit.clone();
    // The first start is always allowed.
    limit.allows(clock.elapsed());
    for restarts in 0..MOST_STARTS {
        service.restarts = restarts;
        let exit = match service.start().await {
            Ok(exit) => exit,
            Err(error) => Exit::NotExecuted(error.to_string()),
        };
        if service.over.is_cancelled() {
            return;
        }
        let is_again = match service.unit.restart {
            Restart::Always => true,
            Restart::OnFailure => !exit.is_clean(),
            Restart::No => false,
        };
        service.journal.ended(&exit, is_again, restarts);
        if !is_again {
            return;
        }
        tokio::select! {
            () = service.over.cancelled() => return,
            () = clock.sleep(service.unit.restart_pause) => {}
        }
        service.journal.starts_again(restarts + 1);
        if !limit.allows(clock.elapsed()) {
            service.journal.started_too_often(&exit, restarts + 1);
            return;
        }
    }
    service.journal.given_up(MOST_STARTS);
}

/// A service that is kept running.
struct Service {
    host: Arc<Host>,
    machine: Arc<Machine>,
    unit: Unit,
    journal: Arc<Journal>,
    over: CancellationToken,
    takes_traffic: bool,
    /// Where it listens, once that is chosen: the same after each restart.
    port: Option<u16>,
    /// How often it was started again.
    restarts: u32,
}

impl Service {
    /// Starts it once and stays with it to its end.
    async fn start(&mut self) -> io::Result<Exit> {
        let network = self.host.shared.network.clone();
        let listener = match network.is_memory() {
            true => Some(network.listen(self.port.unwrap_or(0)).await?),
            false => None,
        };
        let port = match (&listener, self.port) {
            (Some(listener), _) => listener.port(),
            (None, Some(port)) => port,
            (None, None) => network.free_port().await?,
        };
        self.port = Some(port);
        let mut environment = self.unit.environment.clone();
        environment.insert("PORT".to_owned(), port.to_string());
        let line = self.line_of(&environment).await?;
        match listener {
            Some(listener) => self.run_as_task(&line, environment, listener, port).await,
            None => self.run_as_process(&line, environment, port).await,
        }
    }

    /// Its command with this environment in place.
    async fn line_of(&self, environment: &BTreeMap<String, String>) -> io::Result<Vec<String>> {
        let unit = Unit {
            environment: environment.clone(),
            ..self.unit.clone()
        };
        let root = self.machine.disk();
        blocking(move || Ok(unit.command_line(&root))).await
    }

    async fn run_as_task(
        &self,
        line: &[String],
        environment: BTreeMap<String, String>,
        listener: Listener,
        port: u16,
    ) -> io::Result<Exit> {
        let program = line.first().cloned().unwrap_or_default();
        // A task has no process id: it gets one that looks like one.
        let writer = writer(&program, FIRST_PID + self.restarts);
        let settings = blocking(move || sample_settings(Path::new(&program))).await?;
        self.is_up(port);
        let journal = Arc::clone(&self.journal);
        let log = sample_app::Log::new(move |line| journal.write(&writer, line));
        let (clock, over) = (self.host.shared.clock.clone(), self.over.clone());
        let code = sample_app::serve(settings, environment, listener, clock, log, over).await;
        Ok(Exit::Code(code))
    }

    async fn run_as_process(
        &self,
        line: &[String],
        environment: BTreeMap<String, String>,
        port: u16,
    ) -> io::Result<Exit> {
        let mut child = spawn(&self.machine, &self.unit, line, environment)?;
        self.is_up(port);
        let program = line.first().map_or("", String::as_str);
        let writer = writer(program, child.id().unwrap_or_default());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let journal = Arc::clone(&self.journal);
        let logging = tokio::spawn(async move {
            tokio::join!(
                keep_lines(stdout, &journal, &writer),
                keep_lines(stderr, &journal, &writer)
            )
        });
        let attended = attend(&self.host, &self.unit, &mut child, &self.over).await;
        // What it wrote last is read; a process that left its group may hold the pipe, and is not waited for.
        let stop_reading = logging.abort_handle();
        let clock = &self.host.shared.clock;
        if clock.within_wall(LAST_WORDS, logging).await.is_none() {
            stop_reading.abort();
        }
        let (exit, end) = attended?;
        if let (Some(end), true) = (end, self.takes_traffic) {
            let mut account = self.host.shared.account_now();
            ec2::app_ended(&mut account, &self.machine.instance, end);
        }
        Ok(exit)
    }

    /// Its process runs: the load balancer can reach it.
    fn is_up(&self, port: u16) {
        self.journal.started(self.restarts);
        if self.takes_traffic {
            let shared = &self.host.shared;
            ec2::set_app_port(
                &mut shared.account_now(),
                &self.machine.instance,
                Some(port),
            );
            shared.settle();
        }
    }
}

/// Who writes a service's lines, as the journal names it: a program, which may be known by its path, and its process.
fn writer(program: &str, pid: u32) -> String {
    let name = program.rsplit('/').next().unwrap_or(program);
    format!("{name}[{pid}]")
}

/// The settings of a sample app, which alone runs inside this process.
fn sample_settings(program: &Path) -> io::Result<sample_app::Settings> {
    let text = std::fs::read(program)?;
    let text = String::from_utf8_lossy(&text);
    if !text
        .lines()
        .nth(1)
        .is_some_and(|line| line.contains(sample_app::MARK))
    {
        return Err(io::Error::other(format!(
            "{} is no sample app, and a memory network runs no processes",
            program.display()
        )));
    }
    let folder = program.parent().unwrap_or(program);
    sample_app::Settings::read(folder).map_err(io::Error::other)
}

fn spawn(
    machine: &Machine,
    unit: &Unit,
    line: &[String],
    environment: BTreeMap<String, String>,
) -> io::Result<Child> {
    let (program, arguments) = line
        .split_first()
        .ok_or_else(|| io::Error::other("the command is empty"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&unit.folder)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", machine.disk().join("root"))
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))
}

/// Waits for a process's end, or ends it when its machine's life is over: SIGTERM, then SIGKILL. How that went, too, if it
/// had to be told.
async fn attend(
    host: &Host,
    unit: &Unit,
    child: &mut Child,
    over: &CancellationToken,
) -> io::Result<(Exit, Option<AppEnd>)> {
    let pid = child.id();
    let clock = &host.shared.clock;
    let mut status = tokio::select! {
        status = child.wait() => Some(status),
        () = over.cancelled() => None,
    };
    let mut told_at = None;
    if status.is_none() {
        told_at = Some(clock.wall());
        terminate(child, unit.terms_all);
        let patience = clock.patience(unit.stop_timeout, LEAST_DRAIN);
        let last_drain = async {
            host.ending.cancelled().await;
            clock.sleep_wall(LAST_DRAIN).await;
        };
        status = tokio::select! {
            status = child.wait() => Some(status),
            () = clock.sleep_wall(patience) => None,
            () = last_drain => None,
        };
    }
    if let Some(pid) = pid {
        kill_group(pid);
    }
    let is_killed = status.is_none();
    let status = match status {
        Some(status) => status?,
        None => {
            child.start_kill()?;
            child.wait().await?
        }
    };
    let exit = exit_of(status);
    let end = told_at.map(|told_at| AppEnd {
        with: match &exit {
            _ if is_killed => EndedWith::TimeUp,
            Exit::Signal(signal) => EndedWith::Signal(*signal),
            other => EndedWith::Code(other.numbers().1),
        },
        after: clock.wall().saturating_sub(told_at),
    });
    Ok((exit, end))
}

#[cfg(unix)]
fn exit_of(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

#[cfg(not(unix))]
fn exit_of(status: ExitStatus) -> Exit {
    Exit::Code(status.code().unwrap_or_default())
}

#[cfg(unix)]
fn terminate(child: &Child, everything: bool) {
    use rustix::process::{Pid, Signal, kill_process, kill_process_group};
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // One that has just ended is no error.
        let _ = match everything {
            true => kill_process_group(pid, Signal::TERM),
            false => kill_process(pid, Signal::TERM),
        };
    }
}

/// Elsewhere there is no such signal: the process is killed when its time is up.
#[cfg(not(unix))]
fn terminate(_child: &Child, _everything: bool) {}

/// Adds what a service writes to its journal, line by line, so that the service never blocks on a full pipe.
async fn keep_lines(stream: Option<impl AsyncRead + Unpin>, journal: &Journal, writer: &str) {
    let Some(stream) = stream else {
        return;
    };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut rest = (&mut reader).take(LONGEST_LINE);
        match rest.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                journal.write(writer, text.trim_end_matches('\n'));
            }
        }
    }
}
