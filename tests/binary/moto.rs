//! Against an account that nobody of this project wrote: moto. What it lacks and what is done about it: tests/moto/README.md.

use std::process::{Command, Stdio};

use super::venv;

#[test]
fn two_releases_and_a_rollback_leave_a_stranger_s_account_as_they_say_and_its_visitors_served() {
    let Some(venv) = venv::with("moto", "tests/moto/requirements.txt") else {
        return;
    };
    let told = Command::new(venv.join("bin/python"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/run.py"))
        .arg(env!("CARGO_BIN_EXE_bg-deploy"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&told.stdout);
    let complained = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{said}\n{complained}");
    assert!(said.contains("released twice and rolled back"), "{said}");
}
