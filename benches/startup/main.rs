//! From the start of `bg-deploy plan` to its first AWS call, and the memory it has taken by then; beside it the same from
//! the start of the shell of the Action's step, by an action for Node that makes four of the AWS SDK's clients, and by
//! boto3, if there is a node, and a python3 that has it.
//!
//! The endpoint is a listener of ours that never answers: the time is taken when the first bytes of a request arrive.
//! It runs the release binary if there is one, else the debug one, and says which:
//! `cargo bench --profile dev --bench startup`. It prints and never asserts.

mod node;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

const RUNS: usize = 15;
/// A program that has not called by then is not going to.
const PATIENCE: Duration = Duration::from_secs(20);

const CONFIG: &str = "\
app = \"hello\"
[service]
command = \"./hello\"
artifact = \"dist/\"
";

/// The same seven clients as ours, and then the call that asks who we are.
const BOTO3: &str = "\
import sys, boto3
make = lambda name: boto3.client(name, endpoint_url=sys.argv[1], region_name='eu-central-1')
for name in ['ec2', 'elbv2', 'autoscaling', 'ssm', 's3', 'iam']: make(name)
make('sts').get_caller_identity()
";

/// One start.
struct Start {
    to_first_call: Duration,
    peak_kib: u64,
}

fn main() -> Result<()> {
    let mut out = std::io::stdout();
    let folder = Path::new(env!("CARGO_BIN_EXE_bg-deploy"));
    let target = folder.ancestors().nth(2).context("a target folder")?;
    let debug = target.join("debug/bg-deploy");
    let release = target.join("release/bg-deploy");
    for (profile, binary) in [("debug", &debug), ("release", &release)] {
        match std::fs::metadata(binary) {
            Ok(file) => writeln!(out, "{profile} binary: {:.1} MB", file.len() as f64 / 1e6)?,
            Err(_) => writeln!(out, "{profile} binary: not built")?,
        }
    }
    let (profile, binary) = if release.is_file() {
        ("release", release)
    } else {
        ("debug", debug)
    };
    let work = tempfile::tempdir()?;
    write_project(work.path())?;
    let work = work.path();
    writeln!(
        out,
        "\n{:<42}{:>14}{:>12}{:>18}",
        "program, median of 15 starts", "to call, ms", "range, ms", "peak memory, MB"
    )?;
    let plan = |url: &str| {
        let mut command = Command::new(&binary);
        command.env_clear();
        command.args(["plan", "--release", "0.0.1", "--endpoint-url", url]);
        command
    };
    report(
        &mut out,
        &format!("bg-deploy plan ({profile})"),
        &starts(work, plan)?,
    )?;
    let checkout = Checkout::write(work, &binary)?;
    for (name, from) in [
        ("the Action, a binary that is named", From::Named),
        ("the Action, a release that was kept", From::Kept),
    ] {
        let action = |url: &str| checkout.step(&from, url);
        let name = format!("{name} ({profile})");
        report(&mut out, &name, &starts(work, action)?)?;
    }
    peers(&mut out, target, work)?;
    let help = help_times(&binary)?;
    writeln!(
        out,
        "\n{:<48}{:>14.1}",
        format!("bg-deploy --help ({profile}), whole run, ms"),
        millis(median(help))
    )?;
    Ok(())
}

/// The same by other means, where they are to be had.
fn peers(out: &mut impl std::io::Write, target: &Path, work: &Path) -> Result<()> {
    match node::bundle(target)? {
        Some((node, bundle, version)) => {
            let four = |url: &str| {
                let mut command = Command::new(&node);
                command.env_clear();
                command.arg(&bundle).arg(url);
                command
            };
            let name = format!("an action for Node {version}, four clients");
            report(out, &name, &starts(work, four)?)?;
        }
        None => writeln!(out, "Node: skipped, there is none here")?,
    }
    match python_with_boto3() {
        Some((python, version)) => {
            let boto3 = |url: &str| {
                let mut command = Command::new(&python);
                command.env_clear();
                command.args(["-c", BOTO3, url]);
                command
            };
            let name = format!("boto3 {version}, the same seven clients");
            report(out, &name, &starts(work, boto3)?)?;
        }
        None => writeln!(out, "boto3: skipped, no python3 here has it")?,
    }
    Ok(())
}

/// Where the Action's binary comes from.
enum From {
    Named,
    /// From the tool cache, hashed again.
    Kept,
}

/// The Action as a release has it, and a tool cache with its binary.
struct Checkout {
    folder: PathBuf,
    binary: PathBuf,
}

impl Checkout {
    fn write(work: &Path, binary: &Path) -> Result<Self> {
        let folder = work.join("checkout");
        let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        let file = format!("bg-deploy-{target}");
        let kept = folder.join("tools/bg-deploy/0.0.0").join(&target);
        std::fs::create_dir_all(&kept)?;
        std::fs::create_dir_all(folder.join("action"))?;
        std::fs::copy(binary, kept.join(&file))?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = "action/bootstrap.sh";
        std::fs::copy(source.join(script), folder.join(script))?;
        let sum = hex::encode(Sha256::digest(std::fs::read(binary)?));
        let manifest = format!("version 0.0.0\n{sum}  {file}\n");
        std::fs::write(folder.join("action/manifest"), manifest)?;
        // As in action.yml, as a file like the runner's.
        let run = "exec bash --noprofile --norc -p \"$GITHUB_ACTION_PATH/action/bootstrap.sh\"\n";
        std::fs::write(folder.join("step.sh"), run)?;
        let binary = binary.to_owned();
        Ok(Self { folder, binary })
    }

    /// The shell of the step that plans.
    fn step(&self, from: &From, url: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .env_clear()
            .args(["--noprofile", "--norc", "-e", "-o", "pipefail"])
            .arg(self.folder.join("step.sh"))
            .env("GITHUB_ACTION_PATH", &self.folder)
            .env("RUNNER_OS", "Linux")
            .env(
                "RUNNER_ARCH",
                if cfg!(target_arch = "aarch64") {
                    "ARM64"
                } else {
                    "X64"
                },
            )
            .env("RUNNER_TOOL_CACHE", self.folder.join("tools"))
            .env("BGD_COMMAND", "plan")
            .env("BGD_RELEASE", "0.0.1")
            .env("BGD_ENDPOINT_URL", url);
        if let From::Named = from {
            command.env("BGD_BINARY", &self.binary);
        }
        command
    }
}

/// The least that `plan` accepts.
fn write_project(folder: &Path) -> Result<()> {
    std::fs::write(folder.join("bg-deploy.toml"), CONFIG)?;
    std::fs::create_dir(folder.join("dist"))?;
    let program = folder.join("dist/hello");
    std::fs::write(&program, "#!/bin/sh\n")?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn starts(folder: &Path, command: impl Fn(&str) -> Command) -> Result<Vec<Start>> {
    // The first one reads the program from disk; it does not count.
    start(folder, &command)?;
    (0..RUNS).map(|_| start(folder, &command)).collect()
}

/// Starts a program, and ends it when it makes its first call.
fn start(folder: &Path, command: &impl Fn(&str) -> Command) -> Result<Start> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let (sender, called) = std::sync::mpsc::channel();
    std::thread::spawn(move || -> Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.read_exact(&mut [0; 4])?;
        sender.send((Instant::now(), stream))?;
        Ok(())
    });
    let mut command = command(&url);
    command
        .current_dir(folder)
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder)
        .env("AWS_ACCESS_KEY_ID", "AKIDBENCH")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "eu-central-1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let answer = called.recv_timeout(PATIENCE);
    let peak = peak_kib(&child);
    child.kill()?;
    let mut said = String::new();
    if let Some(mut errors) = child.stderr.take() {
        errors.read_to_string(&mut said)?;
    }
    child.wait()?;
    match answer {
        Ok((at, _held_open)) => Ok(Start {
            to_first_call: at.duration_since(begun),
            peak_kib: peak?,
        }),
        Err(_) => bail!("{command:?} made no call: {said}"),
    }
}

/// The most memory a running process has had resident.
fn peak_kib(child: &Child) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let figure = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(figure.context("a process without VmHWM")?.parse()?)
}

fn help_times(binary: &Path) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..=RUNS {
        let begun = Instant::now();
        let mut command = Command::new(binary);
        let status = command.arg("--help").stdout(Stdio::null()).status()?;
        if !status.success() {
            bail!("--help ended with {status}");
        }
        times.push(begun.elapsed());
    }
    times.remove(0);
    Ok(times)
}

/// The interpreter itself and boto3's version: a shim of a version manager would be timed too.
fn python_with_boto3() -> Option<(PathBuf, String)> {
    let words = "import sys, boto3; print(sys.executable); print(boto3.__version__)";
    let mut command = Command::new("python3");
    let ran = command.args(["-c", words]).output().ok()?;
    let text = String::from_utf8(ran.stdout).ok()?;
    let mut lines = text.lines().map(str::to_owned);
    Some((lines.next()?.into(), lines.next()?))
}

fn report(out: &mut impl std::io::Write, name: &str, starts: &[Start]) -> Result<()> {
    let times: Vec<_> = starts.iter().map(|start| start.to_first_call).collect();
    let least = times.iter().min().copied().unwrap_or_default();
    let most = times.iter().max().copied().unwrap_or_default();
    let peak = starts.iter().map(|start| start.peak_kib).max();
    writeln!(
        out,
        "{name:<48}{:>14.1}{:>12}{:>18.1}",
        millis(median(times)),
        format!("{:.0}-{:.0}", millis(least), millis(most)),
        peak.unwrap_or_default() as f64 * 1024.0 / 1e6,
    )?;
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
