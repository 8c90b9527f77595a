//! The binary itself, real signals and a real clock: what the runner does to it when a workflow is cancelled.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::cloud_process::LocalAws;

const CONFIG: &str = "app = \"hello\"\n[service]\ncommand = \"./hello\"\nartifact = \"dist/\"\n";
/// How much faster than AWS the cloud runs.
const SPEED: u32 = 60;
/// What may take so long at most is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder with an app, and a local cloud.
struct Desk {
    folder: TempDir,
    cloud: LocalAws,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("dist")).expect("a folder");
        let program = folder.path().join("dist/hello");
        std::fs::write(&program, "#!/bin/sh\n").expect("a file");
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("a mode");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let config = format!("{CONFIG}[network]\nlistener-port = {port}\n");
        std::fs::write(folder.path().join("bg-deploy.toml"), config).expect("a file");
        let cloud = LocalAws::start(SPEED);
        Self { folder, cloud }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bg-deploy"));
        command
            .env_clear()
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", self.folder.path())
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "s")
            .env("BGD_REGION", "eu-central-1")
            .env("BGD_ENDPOINT_URL", &self.cloud.url)
            .env("GITHUB_ACTIONS", "true")
            .env("RUNNER_TEMP", self.folder.path())
            .current_dir(self.folder.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command that no signal comes to, and that may therefore wait as fast as the cloud runs.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = self.command(arguments);
        command.env("BGD_CLOCK_SPEED", SPEED.to_string());
        answer(&command.output().expect("it runs"))
    }

    fn state_file(&self) -> PathBuf {
        self.folder.path().join("bg-deploy-state.json")
    }

    /// What the file says about a step; nothing when there is no such file or step.
    fn phase_of(&self, step: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.state_file()).ok()?;
        let state: serde_json::Value = serde_json::from_str(&text).expect("whole JSON");
        let steps = state["progress"]["steps"].as_array().expect("steps");
        let entry = steps.iter().find(|entry| entry["step"] == step)?;
        Some(entry["phase"].as_str().expect("a phase").to_owned())
    }

    /// Starts a release and waits until its bake is under way.
    fn baking(&self) -> Child {
        let mut child = self
            .command(&["deploy", "--release", "1"])
            .spawn()
            .expect("it starts");
        let begun = Instant::now();
        while self.phase_of("bake-image").as_deref() != Some("started") {
            assert!(begun.elapsed() < PATIENCE, "it never began");
            assert!(child.try_wait().expect("a child").is_none(), "it ended");
            std::thread::yield_now();
        }
        child
    }
}

fn answer(output: &Output) -> (Option<i32>, String) {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), format!("{out}{err}"))
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("sent");
}

#[test]
fn a_run_that_the_runner_interrupts_ends_in_order_and_finish_completes_it() {
    let desk = Desk::new();
    let (code, text) = desk.run(&["provision"]);
    assert_eq!(code, Some(0), "{text}");
    let created = text.lines().filter(|line| line.starts_with("created "));
    assert!(created.count() > 10, "{text}");
    let (code, text) = desk.run(&["finish"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("nothing to finish"), "{text}");

    let child = desk.baking();
    send(&child, Signal::INT);
    let begun = Instant::now();
    let is_stopping = || {
        let text = std::fs::read_to_string(desk.state_file()).expect("a state");
        text.contains("\"cancelled\": true")
    };
    while !is_stopping() {
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "the signal was not heard"
        );
        std::thread::yield_now();
    }
    send(&child, Signal::TERM);
    let begun = Instant::now();
    let (code, text) = answer(&child.wait_with_output().expect("it ends"));
    assert!(begun.elapsed() < Duration::from_secs(2), "{text}");
    assert_eq!(code, Some(5), "{text}");
    assert!(text.contains("bg-deploy finish --state"), "{text}");
    // A line of its own, among those that tell of the run.
    let told =
        |line: &str| line.starts_with("  · cancelled: if traffic has moved, it goes back first");
    assert!(text.lines().any(told), "{text}");

    let mut denied = desk.command(&["finish"]);
    denied.env("AWS_ACCESS_KEY_ID", "EXPIRED1");
    let (code, text) = answer(&denied.output().expect("it runs"));
    assert_eq!(code, Some(3), "{text}");
    assert!(
        text.contains("expired") && text.contains("bg-deploy finish --state"),
        "{text}"
    );

    let (code, text) = desk.run(&["finish"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(
        desk.phase_of("bake-image").as_deref(),
        Some("undone"),
        "{text}"
    );
    let (code, text) = desk.run(&["finish"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("nothing to finish"), "{text}");
}

#[test]
fn a_state_that_cannot_be_written_ends_a_run_before_it_changes_anything() {
    let desk = Desk::new();
    let (code, text) = desk.run(&["provision"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = desk.run(&["deploy", "--release", "1", "--state", "absent/state.json"]);
    assert_eq!(code, Some(1), "{text}");
    for words in ["absent/state.json", "nothing was changed", "--state"] {
        assert!(text.contains(words), "no {words:?} in: {text}");
    }
    // Nobody has to wait for it.
    let (code, text) = desk.run(&["status"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("under way"), "{text}");
    let (code, text) = desk.run(&["finish", "--state", "bg-deploy.toml"]);
    assert_eq!(code, Some(2), "{text}");
}
