//! `probe` against a server that means harm: nothing it answers steers a terminal, or is a command to a job's runner.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

/// Versions and failures, as a server may well answer with.
const NASTY: [&str; 8] = [
    "::add-mask::x",
    "  ::error file=a::b",
    "##[error]x",
    "1\n::stop-commands::x",
    "1\r::notice::x\u{2028}::debug::y",
    "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}2J",
    "\u{202e}gpj.exe\u{202c}\u{2066}x\u{2069}",
    "\u{feff}::warning::x\u{8}\u{7f}",
];

/// Answers every request with the next of them, with 200 or 500 in turn; gives its address.
fn hostile_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for (turn, stream) in listener.incoming().flatten().enumerate() {
            let status = ["200 OK", "500 ::error::x"][turn / NASTY.len() % 2];
            thread::spawn(move || answer(stream, status, NASTY[turn % NASTY.len()]));
        }
    });
    url
}

fn answer(mut stream: TcpStream, status: &str, body: &str) {
    let reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut lines = reader.lines().map_while(Result::ok);
    let asked = lines.next().unwrap_or_default();
    // The rest of the head.
    lines.find(String::is_empty);
    let status = if asked.contains("negative-control") {
        "404 Not Found"
    } else {
        status
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// All that the probe says, on both streams.
fn said(more: &[&str], in_actions: bool) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_bg-deploy"))
        .args(["probe", "--for", "1s", "--rate", "40", "--expect", "2"])
        .args(["--url", &hostile_server()])
        .args(more)
        .env_clear()
        .envs(in_actions.then_some(("GITHUB_ACTIONS", "true")))
        .output()
        .expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

#[track_caller]
fn assert_harmless(text: &str) {
    for word in ["add-mask", "stop-commands", "gpj.exe", "500"] {
        assert!(text.contains(word), "it was not told: {text:?}");
    }
    let steers = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    assert_eq!(text.chars().find(steers), None, "{text:?}");
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::"), "{line:?}");
        assert!(!line.contains("##["), "{line:?}");
    }
}

#[test]
fn what_a_hostile_server_answers_takes_effect_on_no_terminal_and_in_no_job() {
    for in_actions in [false, true] {
        let text = said(&[], in_actions);
        assert_harmless(&text);
        assert!(text.contains("\n\nfailed: "), "no verdict: {text}");
    }
}

#[test]
fn what_a_hostile_server_answers_is_json_that_takes_no_effect_either() {
    let text = said(&["--json"], true);
    assert_harmless(&text);
    // What goes to standard error stands after it.
    let answer = text.lines().next().unwrap_or_default();
    let told: serde_json::Value = serde_json::from_str(answer).expect("JSON");
    assert!(told["evidence"]["tally"]["failed"].as_u64() > Some(0));
}
