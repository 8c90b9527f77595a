//! Scripts on a machine: run by `/bin/sh` as real processes, with the shims before everything else.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::Host;
use super::machine::{Machine, blocking};
use super::process::{PATH, kill_group};
use super::store::Store;
use crate::account::ssm::ScriptResult;

/// How much of each stream is kept.
const KEPT_BYTES: u64 = 256 * 1024;

/// A script to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// What its files are called.
    pub(super) name: &'a str,
    /// Its text.
    pub(super) text: &'a str,
    /// How long it may run, on the account's clock.
    pub(super) limit: Duration,
}

/// The file that lists the objects of S3 which the machine's role may not read.
const CLOSED_OBJECTS: &str = "closed-objects";

/// Where a script and its output stand.
#[derive(Clone, Debug)]
struct Files {
    script: PathBuf,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// Runs a script to its end, its limit, or until it is told to end.
pub(super) async fn run(
    host: &Arc<Host>,
    machine: &Machine,
    wanted: Wanted<'_>,
    over: &CancellationToken,
    cancel: &CancellationToken,
) -> ScriptResult {
    let (exports, closed) = {
        let mut account = host.shared.account();
        let closed = Store::closed_to(&mut account, &machine.instance);
        (host.store.look(&account), closed)
    };
    let exporting = Arc::clone(&host.store);
    let list = machine.state().join(CLOSED_OBJECTS);
    let written = blocking(move || {
        fs::write(list, closed)?;
        exporting.write(exports)
    });
    if let Err(error) = written.await {
        return failed(&format!("exporting the objects of S3: {error}"));
    }
    let state = machine.state();
    let files = Files {
        script: state.join(format!("{}.sh", wanted.name)),
        stdout: state.join(format!("{}.out", wanted.name)),
        stderr: state.join(format!("{}.err", wanted.name)),
    };
    let command = command(machine, &files);
    let (tell_pid, pid) = oneshot::channel();
    let (text, written) = (wanted.text.to_owned(), files.clone());
    let mut ended = std::pin::pin!(blocking(move || {
        fs::write(&written.script, text)?;
        wait(command, &written, tell_pid)
    }));
    let mut timed_out = false;
    let mut early = None;
    tokio::select! {
        result = &mut ended => early = Some(result),
        () = host.shared.clock.sleep(wanted.limit) => timed_out = true,
        () = over.cancelled() => {}
        () = cancel.cancelled() => {}
    }
    let result = match early {
        Some(result) => result,
        None => {
            if let Ok(pid) = pid.await {
                kill_group(pid);
            }
            ended.await
        }
    };
    let exit_code = match result {
        Ok(exit_code) => exit_code,
        Err(error) => return failed(&format!("running the script: {error}")),
    };
    let read = blocking(move || Ok((read(&files.stdout)?, read(&files.stderr)?))).await;
    let (stdout, stderr) = read.unwrap_or_default();
    ScriptResult {
        exit_code,
        stdout,
        stderr,
        timed_out,
    }
}

fn failed(problem: &str) -> ScriptResult {
    ScriptResult {
        exit_code: Some(1),
        stdout: String::new(),
        stderr: format!("the local cloud: {problem}\n"),
        timed_out: false,
    }
}

fn command(machine: &Machine, files: &Files) -> Command {
    let disk = machine.disk();
    let mut command = Command::new("/bin/sh");
    command
        .arg(&files.script)
        .current_dir(&disk)
        .env_clear()
        .env("PATH", format!("{}:{PATH}", machine.shims().display()))
        .env("HOME", disk.join("root"))
        .env("DESTDIR", &disk)
        .stdin(Stdio::null());
    own_group(&mut command);
    command
}

/// Starts the script, tells its process id, and waits. Blocks.
fn wait(
    mut command: Command,
    files: &Files,
    tell_pid: oneshot::Sender<u32>,
) -> io::Result<Option<i32>> {
    command
        .stdout(File::create(&files.stdout)?)
        .stderr(File::create(&files.stderr)?);
    let mut child = command.spawn()?;
    let pid = child.id();
    // Nobody listens any more when the script is to end at once; then this ends it.
    if tell_pid.send(pid).is_err() {
        kill_group(pid);
    }
    let status = child.wait()?;
    // What a script leaves running in the background ends with it.
    kill_group(pid);
    Ok(status.code())
}

fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(file)?.take(KEPT_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_command: &mut Command) {}
