//! A step's shell, watched as the runner watches it: a cancel signals its process alone, at the runner's times, and
//! whatever it leaves running is found by `RUNNER_TRACKING_ID` (`ProcessInvoker.cs`, `JobExtension.cs`).

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::log::Log;

/// From SIGINT to SIGTERM.
const PATIENCE_AFTER_INT: Duration = Duration::from_millis(7_500);
/// From SIGTERM to SIGKILL.
const PATIENCE_AFTER_TERM: Duration = Duration::from_millis(2_500);
/// A step that takes longer hangs.
const LONGEST_STEP: Duration = Duration::from_secs(600);
/// A process that outlives its shell keeps the step's output open for longer.
const STREAMS_CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// Somebody cancels the job.
pub(crate) struct Cancel<'a> {
    /// When the log so far is like this.
    pub(crate) when: &'a dyn Fn(&str) -> bool,
    /// The runner's waits are multiplied by this.
    pub(crate) scale: f64,
}

/// How a shell ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) is_cancelled: bool,
    /// The signals that were needed, for messages.
    pub(super) signals: Vec<&'static str>,
}

enum Message {
    Line(String),
    Closed,
    Ended(ExitStatus),
}

/// A program that a cancel reaches, as it does below the runner. A shell that was started in the background without job
/// control ignores SIGINT, whatever it starts inherits that, and a shell cannot trap what it found ignored.
pub(super) fn with_default_signals(program: &str) -> Command {
    // GNU's env, which replaces itself with the program; where it is not, the tests have to be started in the foreground.
    if cfg!(target_os = "linux") {
        // By its place: the program may be given a PATH without it.
        let mut command = Command::new("/usr/bin/env");
        command.args(["--default-signal=INT,TERM", program]);
        command
    } else {
        Command::new(program)
    }
}

/// Runs it to its end. Leaves nothing behind: what does fails the test.
pub(super) fn run(
    mut command: Command,
    log: &mut Log,
    cancel: Option<&Cancel<'_>>,
    tracking_id: &str,
) -> Ended {
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("a shell");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    let (sender, messages) = channel();
    read(child.stdout.take().expect("its output"), sender.clone());
    read(child.stderr.take().expect("its errors"), sender.clone());
    thread::spawn(move || {
        let status = child.wait().expect("its end");
        let _ = sender.send(Message::Ended(status));
    });

    let mut escalation = Escalation {
        pid,
        signals: Vec::new(),
        next: Instant::now() + LONGEST_STEP,
    };
    let (mut status, mut open) = (None, 2);
    while status.is_none() || open > 0 {
        let wait = escalation.next.saturating_duration_since(Instant::now());
        match messages.recv_timeout(wait) {
            Ok(Message::Line(line)) => log.line(&line),
            Ok(Message::Closed) => open -= 1,
            Ok(Message::Ended(ended)) => {
                status = Some(ended);
                escalation.next = Instant::now() + STREAMS_CLOSE_WITHIN;
            }
            Err(RecvTimeoutError::Timeout) if status.is_some() => break,
            Err(RecvTimeoutError::Timeout) => {
                assert!(!escalation.signals.is_empty(), "it hangs:\n{}", log.text);
                escalation.go_on(cancel.map_or(1.0, |cancel| cancel.scale));
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let is_time = |cancel: &Cancel<'_>| (cancel.when)(&log.text);
        if status.is_none() && escalation.signals.is_empty() && cancel.is_some_and(is_time) {
            escalation.go_on(cancel.map_or(1.0, |cancel| cancel.scale));
        }
    }
    let orphans = orphans(tracking_id);
    if open > 0 || !orphans.is_empty() {
        let _ = kill_process_group(pid, Signal::KILL);
        for (orphan, _) in &orphans {
            let _ = kill_process(*orphan, Signal::KILL);
        }
        panic!("left running: {orphans:?}\n{}", log.text);
    }
    Ended {
        status: status.expect("its end"),
        is_cancelled: !escalation.signals.is_empty(),
        signals: escalation.signals,
    }
}

/// The signals of a cancel, one after the other.
struct Escalation {
    pid: Pid,
    signals: Vec<&'static str>,
    next: Instant,
}

impl Escalation {
    fn go_on(&mut self, scale: f64) {
        let (signal, name, patience) = match self.signals.len() {
            0 => (Signal::INT, "INT", PATIENCE_AFTER_INT),
            1 => (Signal::TERM, "TERM", PATIENCE_AFTER_TERM),
            _ => (Signal::KILL, "KILL", STREAMS_CLOSE_WITHIN),
        };
        // To the one process that the runner started, and to none that this started in turn.
        let _ = kill_process(self.pid, signal);
        self.signals.push(name);
        self.next = Instant::now() + patience.mul_f64(scale);
    }
}

fn read(stream: impl Read + Send + 'static, sender: Sender<Message>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r').to_owned();
            let _ = sender.send(Message::Line(line));
        }
        let _ = sender.send(Message::Closed);
    });
}

/// Processes that bear the job's mark, as the runner looks for them at its end. Without `/proc` there is none to be
/// seen; an output that stays open tells of most of them.
fn orphans(tracking_id: &str) -> Vec<(Pid, String)> {
    let mark = format!("RUNNER_TRACKING_ID={tracking_id}");
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let orphan = |entry: std::fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        if !variables.any(|variable| variable == mark.as_bytes()) {
            return None;
        }
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        Some((Pid::from_raw(pid)?, words))
    };
    processes.filter_map(|entry| orphan(entry.ok()?)).collect()
}
