//! Strangers' clients against the local cloud: boto3 and the AWS CLI, every answer checked against AWS's own model.
//!
//! The tests themselves are Python, in `tests/conformance/`. This file gives them an environment and a local cloud.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const REQUIREMENTS: &str = include_str!("conformance/requirements.txt");
/// How long the Python may take; it takes half a minute.
const MOST: Duration = Duration::from_secs(180);

#[test]
#[expect(
    clippy::print_stdout,
    reason = "a skipped test and the counts are said aloud"
)]
fn boto3_and_the_aws_cli_take_the_local_cloud_for_aws() {
    let python = match environment() {
        Ok(python) => python,
        Err(reason) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
            panic!("no environment for the conformance tests: {reason}")
        }
        Err(reason) => {
            println!("SKIPPED, nothing was tested: {reason}");
            return;
        }
    };
    let cloud = LocalAws::start();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/run.py");
    let output = run(Command::new(python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "127.0.0.1")
        .arg(script)
        .arg(&cloud.endpoint));
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    println!("{said}");
}

/// A running `local-aws`; dropped, it is gone.
struct LocalAws {
    process: Child,
    endpoint: String,
}

impl LocalAws {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_bg-deploy"))
            .args(["local-aws", "--port", "0", "--speed", "60"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = process.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let endpoint = first
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .map(str::to_owned);
        let Some(endpoint) = endpoint else {
            let _ = process.kill();
            let output = process.wait_with_output().expect("it has ended");
            let complained = String::from_utf8_lossy(&output.stderr);
            panic!("local-aws did not say where it answers: {first:?}\n{complained}");
        };
        // What else it says is read and dropped, so that its pipe never fills.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, endpoint }
    }
}

impl Drop for LocalAws {
    fn drop(&mut self) {
        // Asked first: it ends the processes of its instances itself.
        let pid = self.process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        let end = Instant::now() + Duration::from_secs(10);
        while asked.as_ref().is_ok_and(|status| status.success()) && Instant::now() < end {
            if let Ok(Some(_)) = self.process.try_wait() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A Python that has the pinned packages: made once for each set of pins.
fn environment() -> Result<PathBuf, String> {
    let mut hasher = DefaultHasher::new();
    REQUIREMENTS.hash(&mut hasher);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = target.parent().unwrap_or(target);
    let venv = target.join(format!("conformance-venv-{:016x}", hasher.finish()));
    let (python, complete) = (venv.join("bin/python"), venv.join("complete"));
    if complete.exists() {
        return Ok(python);
    }
    // What an interrupted run left is made anew.
    succeed(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )?;
    let requirements =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/requirements.txt");
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--no-deps"])
            .args(["--disable-pip-version-check", "--retries", "2", "-r"])
            .arg(requirements),
    )?;
    std::fs::write(&complete, "").map_err(|error| error.to_string())?;
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let complained = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}\n{complained}", output.status))
}

/// Runs `command` to its end, or kills it after [`MOST`]; what it said is kept either way.
fn run(command: &mut Command) -> Output {
    let process = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the environment's Python starts");
    let pid = process.id().to_string();
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = done.send(process.wait_with_output());
    });
    let output = ended.recv_timeout(MOST).unwrap_or_else(|_| {
        let _ = Command::new("kill").args(["-KILL", &pid]).status();
        ended.recv().expect("a killed process ends")
    });
    output.expect("its output can be read")
}
