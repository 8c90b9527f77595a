//! What a machine's journal has of a service, and what `systemctl show` has: written where the shims of `journalctl` and
//! `systemctl` read it.
//!
//! Guarantees: systemd's own words about a service stand in its journal as systemd writes them; when there is too much,
//! the oldest lines go.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use time::OffsetDateTime;
use time::macros::format_description;

use super::machine::Machine;
use super::unit::Unit;
use super::{Host, lock};

/// How much of a service's journal is kept.
const KEPT_BYTES: u64 = 1 << 20;

/// Who writes systemd's own lines.
const SYSTEMD: &str = "systemd[1]";

/// How a service's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It never began, and this is why.
    NotExecuted(String),
}

impl Exit {
    /// Whether systemd takes it for a service that wanted to end: these signals end it in order.
    pub(super) fn is_clean(&self) -> bool {
        match self {
            Self::Code(code) => *code == 0,
            // SIGHUP, SIGINT, SIGPIPE, SIGTERM.
            Self::Signal(signal) => matches!(signal, 1 | 2 | 13 | 15),
            Self::NotExecuted(_) => false,
        }
    }

    /// systemd's word for it.
    fn result(&self) -> &'static str {
        match self {
            _ if self.is_clean() => "success",
            Self::Signal(_) => "signal",
            Self::Code(_) | Self::NotExecuted(_) => "exit-code",
        }
    }

    /// `CLD_EXITED` or `CLD_KILLED`, and the code or signal.
    pub(super) fn numbers(&self) -> (u8, i32) {
        match self {
            Self::Code(code) => (1, *code),
            Self::Signal(signal) => (2, *signal),
            // EXIT_EXEC
            Self::NotExecuted(_) => (1, 203),
        }
    }

    /// As systemd's journal has it.
    fn words(&self) -> String {
        let (code, status) = self.numbers();
        let (code, name) = match code {
            1 => ("exited", exit_name(status)),
            _ => ("killed", signal_name(status)),
        };
        format!("code={code}, status={status}/{name}")
    }
}

fn exit_name(status: i32) -> &'static str {
    match status {
        0 => "SUCCESS",
        1 => "FAILURE",
        2 => "INVALIDARGUMENT",
        3 => "NOTIMPLEMENTED",
        4 => "NOPERMISSION",
        5 => "NOTINSTALLED",
        6 => "NOTCONFIGURED",
        7 => "NOTRUNNING",
        203 => "EXEC",
        _ => "n/a",
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => "HUP",
        2 => "INT",
        6 => "ABRT",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        15 => "TERM",
        _ => "n/a",
    }
}

/// The journal of one service.
#[derive(Debug)]
pub(super) struct Journal {
    host: Arc<Host>,
    machine: String,
    unit: String,
    lines: Mutex<PathBuf>,
    shown: PathBuf,
}

impl Journal {
    /// The journal of this service on this machine.
    pub(super) fn of(host: &Arc<Host>, machine: &Machine, unit: &Unit) -> Self {
        let state = machine.state();
        Self {
            host: Arc::clone(host),
            machine: machine.instance.clone(),
            unit: unit.name.clone(),
            lines: Mutex::new(state.join(format!("{}.journal", unit.name))),
            shown: state.join(format!("{}.show", unit.name)),
        }
    }

    /// Adds what somebody wrote, on one line. A journal that can't be written is not a reason to fail.
    pub(super) fn write(&self, by: &str, text: &str) {
        let now = OffsetDateTime::from(self.host.shared.utc());
        let short =
            format_description!("[month repr:short] [day padding:space] [hour]:[minute]:[second]");
        let iso = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+0000");
        let (Ok(short), Ok(iso)) = (now.format(short), now.format(iso)) else {
            return;
        };
        let line = format!("{short}\t{iso}\t{}\t{by}\t{text}\n", self.machine);
        let file = lock(&self.lines);
        let _ = append(&file, line.as_bytes());
        if let Some(folder) = &*lock(&self.host.output) {
            let line = format!("{iso} {by}: {text}\n");
            let _ = append(
                &folder.join(format!("{}.log", self.machine)),
                line.as_bytes(),
            );
        }
    }

    /// systemd has started the process.
    pub(super) fn started(&self, restarts: u32) {
        self.write(SYSTEMD, &format!("Started {}.", self.unit));
        self.show(("active", "running", "success"), (0, 0), restarts);
    }

    /// The process has ended; systemd will start another, or not.
    pub(super) fn ended(&self, exit: &Exit, is_again: bool, restarts: u32) {
        let unit = &self.unit;
        if let Exit::NotExecuted(why) = exit {
            self.write(
                SYSTEMD,
                &format!("{unit}: Failed at step EXEC spawning: {why}"),
            );
        }
        if *exit != Exit::Code(0) {
            let words = exit.words();
            self.write(SYSTEMD, &format!("{unit}: Main process exited, {words}"));
        }
        let result = exit.result();
        if exit.is_clean() {
            self.write(SYSTEMD, &format!("{unit}: Deactivated successfully."));
        } else {
            self.write(SYSTEMD, &format!("{unit}: Failed with result '{result}'."));
        }
        let (active, sub) = match (is_again, exit.is_clean()) {
            (true, _) => ("activating", "auto-restart"),
            (false, true) => ("inactive", "dead"),
            (false, false) => ("failed", "failed"),
        };
        self.show((active, sub, result), exit.numbers(), restarts);
    }

    /// systemd starts it again.
    pub(super) fn starts_again(&self, restarts: u32) {
        let unit = &self.unit;
        self.write(
            SYSTEMD,
            &format!("{unit}: Scheduled restart job, restart counter is at {restarts}."),
        );
    }

    /// systemd does not start it any more, because it was started too often. Its result stays that of its last end, unless
    /// that was a success (`service_enter_dead` of systemd's service.c).
    pub(super) fn started_too_often(&self, last: &Exit, restarts: u32) {
        let unit = &self.unit;
        let result = match last.is_clean() {
            true => "start-limit-hit",
            false => last.result(),
        };
        for text in [
            format!("{unit}: Start request repeated too quickly."),
            format!("{unit}: Failed with result '{result}'."),
            format!("Failed to start {unit}."),
        ] {
            self.write(SYSTEMD, &text);
        }
        self.show(("failed", "failed", result), last.numbers(), restarts);
    }

    /// The local cloud does not start it any more.
    pub(super) fn given_up(&self, starts: u32) {
        let unit = &self.unit;
        self.write(
            "local-aws[1]",
            &format!("{unit} was started {starts} times: no more"),
        );
    }

    /// Notes what `systemctl show` answers.
    fn show(&self, states: (&str, &str, &str), (code, status): (u8, i32), restarts: u32) {
        let (active, sub, result) = states;
        let text = format!(
            "LoadState=loaded\nActiveState={active}\nSubState={sub}\nResult={result}\n\
             ExecMainCode={code}\nExecMainStatus={status}\nNRestarts={restarts}\n"
        );
        // A reader sees the old or the new, and never half of it.
        let fresh = self.shown.with_extension("fresh");
        let _ = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &self.shown));
    }
}

/// Adds a line; of a file that has become too long, the later half stays.
fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(line)?;
    if file.metadata()?.len() <= KEPT_BYTES {
        return Ok(());
    }
    drop(file);
    let all = fs::read(path)?;
    let half = &all[all.len() / 2..];
    let from = half
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    fs::write(path, &half[from..])
}
