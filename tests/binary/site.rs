//! A service as its users have it: the local cloud as a process, the binary that releases to it, and a visitor on the wall's
//! time who is neither the binary's probe nor of its code.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use local_aws::sample_app::{Settings, write_artifact};
use tempfile::TempDir;

use crate::cloud_process::LocalAws;

const BINARY: &str = env!("CARGO_BIN_EXE_bg-deploy");
/// How much faster than AWS the cloud runs.
const SPEED: u32 = 60;
/// Between two requests of the visitor: he notices whatever lasts a second in the cloud.
const PAUSE: Duration = Duration::from_millis(15);
/// Longer than any answer takes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A stack on the local cloud, and a folder with a config and an app to release to it.
pub(crate) struct Site {
    folder: TempDir,
    cloud: LocalAws,
    listener: SocketAddr,
}

impl Site {
    /// With this release live.
    pub(crate) fn with(release: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listener = free.local_addr().expect("its address");
        drop(free);
        let config = format!(
            "app = \"hello\"\n[service]\ncommand = \"./sample-app\"\nartifact = \"dist/\"\n\
             [fleet]\nmin = 1\nmax = 2\nhealthy-streak = 1\n[probe]\nrate = 50\n\
             [shift]\nstrategy = \"canary\"\nweights = [20, 100]\nhold = \"20s\"\nsoak = \"2m\"\n\
             [retain]\nfor = \"10m\"\n[lease]\nwait = \"2h\"\n[network]\nlistener-port = {}\n",
            listener.port()
        );
        std::fs::write(folder.path().join("bg-deploy.toml"), config).expect("a config");
        let site = Self {
            folder,
            cloud: LocalAws::start(SPEED),
            listener,
        };
        site.build("dist", release);
        for arguments in [vec!["provision"], vec!["deploy", "--release", release]] {
            let ran = site.start(&arguments).end();
            assert_eq!(ran.code, Some(0), "{}", ran.text);
        }
        site
    }

    fn build(&self, folder: &str, release: &str) {
        let settings = Settings {
            version: release.to_owned(),
            ..Settings::default()
        };
        let folder = self.folder.path().join(folder);
        write_artifact(&folder, Path::new(BINARY), &settings).expect("an artifact");
    }

    /// Starts `deploy` of a release that it builds.
    pub(crate) fn deploy(&self, release: &str) -> Running {
        let folder = format!("dist-{release}");
        self.build(&folder, release);
        self.start(&["deploy", "--release", release, "--artifact", &folder])
    }

    /// How many answers the visitor has while this is released, from beginning to end.
    pub(crate) fn answers_in_a_release(&self, release: &str, visitor: &mut Visitor) -> usize {
        let mut run = self.deploy(release);
        let mut answers = 0;
        while run.is_alive() {
            visitor.has(1);
            answers += 1;
        }
        let ran = run.end();
        assert_eq!(ran.code, Some(0), "{}", ran.text);
        answers
    }

    /// Starts a command, as on a runner of its own.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let runner = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let mut command = Command::new(BINARY);
        self.on(&mut command, runner.path(), arguments);
        let said = runner.path().join("said");
        let file = std::fs::File::create(&said).expect("a file");
        command
            .stdout(file.try_clone().expect("the same file"))
            .stderr(file);
        Running {
            child: command.spawn().expect("it starts"),
            words: arguments.join(" "),
            runner,
        }
    }

    /// `deploy` of a release that it builds, and then `finish`, on a runner with which no file can become longer than this.
    pub(crate) fn deploy_where_files_are_short(&self, release: &str, most: u32) -> [Ran; 2] {
        let folder = format!("dist-{release}");
        self.build(&folder, release);
        let runner = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let deploy = ["deploy", "--release", release, "--artifact", &folder];
        [&deploy[..], &["finish"]].map(|arguments| {
            // A shell counts blocks of 512 bytes; a program that is not told to ignore it is ended by the signal.
            let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", most / 512);
            let mut command = Command::new("sh");
            command.args(["-c", &script, BINARY]);
            self.on(&mut command, runner.path(), arguments);
            let output = command.output().expect("it starts");
            let text = [output.stdout, output.stderr].concat();
            Ran {
                code: output.status.code(),
                text: String::from_utf8_lossy(&text).into_owned(),
            }
        })
    }

    /// Has a command run on this runner.
    fn on(&self, command: &mut Command, runner: &Path, arguments: &[&str]) {
        command
            .env_clear()
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", runner)
            .env("RUNNER_TEMP", runner)
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "s")
            .env("BGD_REGION", "eu-central-1")
            .env("BGD_ENDPOINT_URL", &self.cloud.url)
            .env("BGD_CLOCK_SPEED", SPEED.to_string())
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null());
        if ["deploy", "rollback", "finish"].contains(&arguments[0]) {
            let reports = runner.join("reports");
            command.arg("--report-dir").arg(&reports);
        }
    }

    /// Somebody who asks for the version from now on.
    pub(crate) fn visitor(&self) -> Visitor {
        let listener = self.listener;
        let (stop, stopped) = mpsc::channel();
        let (tell, answers) = mpsc::channel();
        let visits = std::thread::spawn(move || visit(listener, &tell, &stopped));
        Visitor {
            answers,
            counts: BTreeMap::new(),
            last: String::new(),
            stop: Some(stop),
            visits: Some(visits),
        }
    }
}

/// A command under way.
pub(crate) struct Running {
    child: Child,
    /// Its arguments.
    pub(crate) words: String,
    runner: TempDir,
}

/// What a command said.
pub(crate) struct Ran {
    /// Its exit code; none when it was killed.
    pub(crate) code: Option<i32>,
    /// All that it wrote.
    pub(crate) text: String,
}

impl Ran {
    /// Who serves, in its last words on that: `X serves all traffic`, whether still or again.
    pub(crate) fn serving(&self) -> Option<&str> {
        let words = self.text.split_whitespace();
        let words: Vec<_> = words
            .map(|word| word.trim_end_matches([',', ':', ';', '.']))
            .collect();
        let at = words
            .windows(3)
            .rposition(|said| said[0].starts_with("serves") && said[1..] == ["all", "traffic"])?;
        let before = words[..at].iter().rev();
        before.copied().find(|word| *word != "still")
    }
}

impl Running {
    /// Where it keeps the state of its run.
    pub(crate) fn state_file(&self) -> std::path::PathBuf {
        self.runner.path().join("reports").join("state.json")
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let code = self.child.wait().expect("it ends").code();
        let said = std::fs::read(self.runner.path().join("said")).expect("what it said");
        Ran {
            code,
            text: String::from_utf8_lossy(&said).into_owned(),
        }
    }

    /// Ends it as nothing can be prepared for (SIGKILL).
    pub(crate) fn kill(mut self) -> Ran {
        self.child.kill().expect("killed");
        self.end()
    }
}

/// Somebody who asks all the time, each time on a connection of its own.
pub(crate) struct Visitor {
    answers: Receiver<String>,
    counts: BTreeMap<String, usize>,
    last: String,
    stop: Option<Sender<()>>,
    visits: Option<JoinHandle<()>>,
}

impl Visitor {
    /// Waits until he has had so many answers more.
    pub(crate) fn has(&mut self, more: usize) {
        for _ in 0..more {
            let answer = self.answers.recv_timeout(2 * TIMEOUT).expect("an answer");
            self.note(answer);
        }
    }

    /// Waits until he has met this release, which `run` brings.
    pub(crate) fn meets(&mut self, release: &str, run: &mut Running) {
        while !self.counts.contains_key(release) {
            assert!(run.is_alive(), "{} ended before", run.words);
            self.has(1);
        }
    }

    /// The answer to a request that is made after this is asked.
    pub(crate) fn next(&mut self) -> &str {
        while let Ok(answer) = self.answers.try_recv() {
            self.note(answer);
        }
        // The one under way may have been answered before.
        self.has(2);
        &self.last
    }

    fn note(&mut self, answer: String) {
        *self.counts.entry(answer.clone()).or_default() += 1;
        self.last = answer;
    }

    /// How often he had each answer; what begins with `LOST` is none of the service's.
    pub(crate) fn counts(&mut self) -> &BTreeMap<String, usize> {
        self.next();
        &self.counts
    }

    /// What was no answer of the service's.
    pub(crate) fn lost(&mut self) -> Vec<String> {
        let lost = self.counts().keys().filter(|said| said.starts_with("LOST"));
        lost.cloned().collect()
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(visits) = self.visits.take() {
            let _ = visits.join();
        }
    }
}

fn visit(listener: SocketAddr, tell: &Sender<String>, stopped: &Receiver<()>) {
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(PAUSE) {
        let said = ask(listener).unwrap_or_else(|error| format!("LOST: {error}"));
        if tell.send(said).is_err() {
            return;
        }
    }
}

/// The version that answers.
fn ask(listener: SocketAddr) -> Result<String, std::io::Error> {
    let mut stream = TcpStream::connect_timeout(&listener, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /version HTTP/1.1\r\nhost: hello\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.starts_with("HTTP/1.1 200") {
        let status = head.lines().next().unwrap_or("no answer");
        return Ok(format!("LOST: {status}"));
    }
    let said: serde_json::Value = serde_json::from_str(body)?;
    Ok(said["version"]
        .as_str()
        .unwrap_or("LOST: no version")
        .to_owned())
}
