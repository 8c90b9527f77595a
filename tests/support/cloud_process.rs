//! `bg-deploy local-aws` as a process, for tests of the binary; dropped, it ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running `local-aws`.
pub(crate) struct LocalAws {
    child: Child,
    /// Where it answers.
    pub(crate) url: String,
}

impl LocalAws {
    /// On a free port, this many times faster than AWS.
    pub(crate) fn start(speed: u32) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bg-deploy"))
            .args(["local-aws", "--port", "0", "--speed", &speed.to_string()])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut first = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut first).expect("a line");
        let mut words = first.split_whitespace();
        let url = words.find(|word| word.starts_with("http://"));
        let url = url.expect("its address").to_owned();
        Self { child, url }
    }
}

impl Drop for LocalAws {
    fn drop(&mut self) {
        // Asked first: it ends the processes of its instances itself.
        #[cfg(unix)]
        let is_asked = {
            use rustix::process::{Pid, Signal, kill_process};
            kill_process(Pid::from_child(&self.child), Signal::TERM).is_ok()
        };
        #[cfg(not(unix))]
        let is_asked = false;
        if !is_asked {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
