//! Strangers' clients against the local cloud: boto3 and the AWS CLI, every answer checked against AWS's own model.
//!
//! The tests themselves are Python, in `tests/conformance/`. This file gives them an environment and a local cloud.

#[path = "support/venv.rs"]
mod venv;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long the Python may take; it takes half a minute to a minute and a half.
const MOST: Duration = Duration::from_secs(300);

/// The region that a local cloud begins in, and another one.
const HOME: &str = "eu-central-1";
const AWAY: &str = "us-west-2";
/// What has a local cloud of its own, side by side, and where: what is about a region is tried in another one, too.
const PARTS: [(&str, &[&str]); 3] = [
    (
        HOME,
        &[
            "planted",
            "sts",
            "s3",
            "iam",
            "cloudwatch",
            "quotas",
            "cli",
            "story",
            "regions",
        ],
    ),
    (HOME, &["ec2", "elbv2", "autoscaling", "ssm", "refusals"]),
    (
        AWAY,
        &[
            "ec2",
            "elbv2",
            "autoscaling",
            "ssm",
            "cloudwatch",
            "quotas",
            "refusals",
        ],
    ),
];
/// Calls and negative cases, in all.
const LEAST: [u32; 2] = [1_450, 480];

#[test]
#[expect(clippy::print_stdout, reason = "the counts are said aloud")]
fn boto3_and_the_aws_cli_take_the_local_cloud_for_aws() {
    let Some(venv) = venv::with("conformance", "tests/conformance/requirements.txt") else {
        return;
    };
    let python = venv.join("bin/python");
    let counted = std::thread::scope(|scope| {
        let parts = PARTS.map(|part| {
            let python = &python;
            scope.spawn(move || conforms(python, part))
        });
        parts.map(|part| part.join().expect("a part that ended"))
    });
    let sum = |index: usize| counted.iter().map(|part| part.counts[index]).sum::<u32>();
    let [calls, refusals] = [0, 1].map(sum);
    println!("in all {calls} calls, {refusals} negative cases");
    assert!(calls >= LEAST[0] && refusals >= LEAST[1], "too few");
    let without = |book: fn(&Books) -> &BTreeSet<Operation>| {
        let in_books: BTreeSet<_> = counted.iter().flat_map(book).collect();
        let served = local_aws::operations().into_iter();
        let named = served.map(|(service, operation)| (service.to_owned(), operation.to_owned()));
        let missing = named.filter(|operation| !in_books.contains(operation));
        missing.collect::<Vec<_>>()
    };
    let never = [
        without(|books| &books.succeeded),
        without(|books| &books.refused),
    ];
    assert!(
        never.iter().all(Vec::is_empty),
        "never called with success: {:?}\nnever refused by a code of AWS: {:?}",
        never[0],
        never[1]
    );
}

/// A service by what its requests are signed for, and an operation of it.
type Operation = (String, String);

/// What was called, as the Python counted it.
struct Books {
    /// How many calls, and how many negative cases.
    counts: [u32; 2],
    succeeded: BTreeSet<Operation>,
    /// Refused as the test expected it, by a code that AWS has.
    refused: BTreeSet<Operation>,
}

impl Books {
    fn read(said: &str) -> Option<Self> {
        let number = |unit: &str| {
            let mut lines = said.lines().filter(|line| line.contains(" calls, "));
            let mut counts = lines.next_back()?.split(", ");
            counts.find_map(|count| count.strip_suffix(unit)?.trim().parse().ok())
        };
        let books = said.lines().find_map(|line| line.strip_prefix("books: "))?;
        let books: serde_json::Value = serde_json::from_str(books).ok()?;
        let all = |name: &str| serde_json::from_value(books[name].clone()).ok();
        Some(Self {
            counts: [number(" calls")?, number(" negative cases")?],
            succeeded: all("succeeded")?,
            refused: all("refused")?,
        })
    }
}

/// Runs these files in this region of a local cloud.
#[expect(clippy::print_stdout, reason = "the counts are said aloud")]
fn conforms(python: &Path, (region, files): (&str, &[&str])) -> Books {
    let cloud = LocalAws::start();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/run.py");
    let output = run(Command::new(python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "127.0.0.1")
        .env("CONFORMANCE_REGION", region)
        .arg(script)
        .arg(&cloud.endpoint)
        .args(files));
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    println!("{said}");
    Books::read(&said).expect("it says what it called")
}

/// A running `local-aws`; dropped, it is gone.
struct LocalAws {
    process: Child,
    endpoint: String,
}

impl LocalAws {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_local-aws"))
            .args(["--port", "0", "--speed", "60"])
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
