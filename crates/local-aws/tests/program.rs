//! The binary: what it says, what it answers, and how it ends.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use local_aws::sample_app::{Settings, write_artifact};

const PROGRAM: &str = env!("CARGO_BIN_EXE_local-aws");

/// A started program; dropped, it is gone.
struct Running(Child);

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        let command = command.args(arguments).stdout(Stdio::piped());
        Self(command.spawn().expect("the binary starts"))
    }

    fn first_line(&mut self) -> String {
        let stdout = self.0.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("it says something");
        line
    }

    /// Asks it to end; its exit code.
    fn terminate(mut self) -> Option<i32> {
        let pid = i32::try_from(self.0.id()).ok();
        let pid = pid.and_then(rustix::process::Pid::from_raw).expect("an id");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        self.0.wait().expect("it ends").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn it_says_where_it_answers_and_in_which_region_and_ends_when_it_is_asked_to() {
    let mut running = Running::start(&["--port", "0", "--region", "us-east-2", "--speed", "60"]);
    let line = running.first_line();
    assert!(line.contains("region us-east-2"), "{line}");
    let (_, address) = line.split_once("http://127.0.0.1:").expect("an endpoint");
    let port = address
        .split_whitespace()
        .next()
        .and_then(|port| port.parse().ok());
    let body = "Action=DescribeAvailabilityZones&Version=2016-11-15";
    let request = format!(
        "POST / HTTP/1.1\r\nhost: local\r\nconnection: close\r\ncontent-length: {}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=me/20260101/us-east-2/ec2/aws4_request\r\n\r\n{body}",
        body.len()
    );
    let answer = ask(port.expect("a port"), &request).expect("an answer");
    assert!(
        answer.contains("<zoneName>us-east-2a</zoneName>"),
        "{answer}"
    );
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_told_with_what_to_type_instead() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = Command::new(PROGRAM).args(["--port", &port]).output();
    let output = output.expect("the binary starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    for words in [port.as_str(), "choose another port with --port"] {
        assert!(complaint.contains(words), "{complaint}");
    }
}

#[test]
fn an_artifact_of_the_sample_app_is_run_by_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        version: "7".to_owned(),
        ..Settings::default()
    };
    write_artifact(folder.path(), PROGRAM.as_ref(), &settings).expect("an artifact");
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let app = Command::new(folder.path().join("sample-app"))
        .env("PORT", port.to_string())
        .spawn();
    let running = Running(app.expect("the script runs"));
    let request = "GET /version HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n";
    let answer = std::iter::repeat_with(|| {
        std::thread::park_timeout(std::time::Duration::from_millis(10));
        ask(port, request)
    })
    .take(1000)
    .find_map(|answer| answer);
    assert!(answer.expect("it listens").ends_with(r#"{"version":"7"}"#));
    assert_eq!(running.terminate(), Some(0));
}
