//! The services of a machine: the user's own app as a real process, kept running as systemd would.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::Host;
use super::machine::{Machine, blocking};
use super::process::{PATH, kill_group};
use super::unit::{Restart, Unit};
use crate::account::ec2;
use crate::sample_app;

/// How often a service is started in one life of its machine.
const MOST_STARTS: u32 = 100;
/// How much of a service's output is kept.
const KEPT_BYTES: usize = 1 << 20;
/// How long a service may drain, on the wall's clock, when everything ends.
const LAST_DRAIN: Duration = Duration::from_secs(2);

/// How long its last output is waited for, on the wall's clock.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How a service ended: its exit code, `None` for a signal.
type Exit = Option<i32>;

/// Runs a service, again and again if its unit says so, until its machine's life is over.
pub(super) async fn supervise(
    host: Arc<Host>,
    machine: Arc<Machine>,
    unit: Unit,
    over: CancellationToken,
    takes_traffic: bool,
) {
    let mut port = None;
    for _ in 0..MOST_STARTS {
        let exit = start(&host, &machine, &unit, &over, &mut port, takes_traffic).await;
        if over.is_cancelled() {
            return;
        }
        let said = match &exit {
            Ok(code) => format!("{} ended with exit code {code:?}", unit.name),
            Err(error) => format!("{} cannot run: {error}", unit.name),
        };
        log(&machine, &unit, &said).await;
        let is_over = match (unit.restart, &exit) {
            (Restart::Always, _) => false,
            (Restart::OnFailure, exit) => matches!(exit, Ok(Some(0))),
            (Restart::No, _) => true,
        };
        if is_over {
            return;
        }
        tokio::select! {
            () = over.cancelled() => return,
            () = host.shared.clock.sleep(unit.restart_pause) => {}
        }
    }
    log(
        &machine,
        &unit,
        &format!("{} was started {MOST_STARTS} times: no more", unit.name),
    )
    .await;
}

/// Starts a service once and stays with it to its end.
async fn start(
    host: &Arc<Host>,
    machine: &Arc<Machine>,
    unit: &Unit,
    over: &CancellationToken,
    port: &mut Option<u16>,
    takes_traffic: bool,
) -> io::Result<Exit> {
    let root = machine.disk();
    let mut environment = unit.environment.clone();
    let line_of = |environment: &BTreeMap<String, String>| {
        let unit = Unit {
            environment: environment.clone(),
            ..unit.clone()
        };
        let root = root.clone();
        blocking(move || Ok(unit.command_line(&root)))
    };
    let is_in_memory = host.shared.network.is_memory();
    let listener = match is_in_memory {
        true => Some(host.shared.network.listen(port.unwrap_or(0)).await?),
        false => None,
    };
    let chosen = match (&listener, *port) {
        (Some(listener), _) => listener.port(),
        (None, Some(port)) => port,
        (None, None) => host.shared.network.free_port().await?,
    };
    *port = Some(chosen);
    environment.insert("PORT".to_owned(), chosen.to_string());
    let line = line_of(&environment).await?;
    let report = || {
        if takes_traffic {
            ec2::set_app_port(
                &mut host.shared.account_now(),
                &machine.instance,
                Some(chosen),
            );
            host.shared.settle();
        }
    };
    if let Some(listener) = listener {
        let program = line.first().cloned().unwrap_or_default();
        let settings = blocking(move || sample_settings(Path::new(&program))).await?;
        report();
        let clock = host.shared.clock.clone();
        let code = sample_app::serve(settings, environment, listener, clock, over.clone()).await;
        return Ok(Some(code));
    }
    let mut child = spawn(machine, unit, &line, environment)?;
    report();
    let logging = tokio::spawn(keep_output(
        machine.state().join(format!("{}.log", unit.name)),
        child.stdout.take(),
        child.stderr.take(),
    ));
    let exit = attend(host, unit, &mut child, over).await;
    // What it wrote last is read; a process that left its group may hold the pipe, and is not waited for.
    let stop_reading = logging.abort_handle();
    if host
        .shared
        .clock
        .within_wall(LAST_WORDS, logging)
        .await
        .is_none()
    {
        stop_reading.abort();
    }
    exit
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

/// Waits for a process's end, or ends it when its machine's life is over: SIGTERM, then SIGKILL.
async fn attend(
    host: &Host,
    unit: &Unit,
    child: &mut Child,
    over: &CancellationToken,
) -> io::Result<Exit> {
    let pid = child.id();
    let mut status = tokio::select! {
        status = child.wait() => Some(status),
        () = over.cancelled() => None,
    };
    if status.is_none() {
        terminate(child, unit.terms_all);
        let last_drain = async {
            host.ending.cancelled().await;
            host.shared.clock.sleep_wall(LAST_DRAIN).await;
        };
        status = tokio::select! {
            status = child.wait() => Some(status),
            () = host.shared.clock.sleep(unit.stop_timeout) => None,
            () = last_drain => None,
        };
    }
    if let Some(pid) = pid {
        kill_group(pid);
    }
    let status = match status {
        Some(status) => status?,
        None => {
            child.start_kill()?;
            child.wait().await?
        }
    };
    Ok(status.code())
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

/// Appends what a service writes to its log, up to a bound; what is beyond it is read and dropped, so that the
/// service never blocks on a full pipe.
async fn keep_output(
    file: std::path::PathBuf,
    stdout: Option<impl AsyncRead + Unpin>,
    stderr: Option<impl AsyncRead + Unpin>,
) {
    let opened = tokio::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&file)
        .await;
    let (Ok(mut log), Some(mut stdout), Some(mut stderr)) = (opened, stdout, stderr) else {
        return;
    };
    let mut left = KEPT_BYTES;
    let (mut one, mut other) = (vec![0; 8192], vec![0; 8192]);
    let (mut one_open, mut other_open) = (true, true);
    while one_open || other_open {
        let (bytes, is_open) = tokio::select! {
            read = stdout.read(&mut one), if one_open => (&one[..read.unwrap_or(0)], &mut one_open),
            read = stderr.read(&mut other), if other_open => (&other[..read.unwrap_or(0)], &mut other_open),
        };
        *is_open = !bytes.is_empty();
        let kept = &bytes[..bytes.len().min(left)];
        left -= kept.len();
        if log.write_all(kept).await.is_err() || log.flush().await.is_err() {
            left = 0;
        }
    }
}

/// Adds a line to a service's log.
async fn log(machine: &Machine, unit: &Unit, line: &str) {
    let file = machine.state().join(format!("{}.log", unit.name));
    let line = format!("{line}\n");
    let _ = blocking(move || {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)?;
        file.write_all(line.as_bytes())
    })
    .await;
}
