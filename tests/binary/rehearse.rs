//! A rehearsal of the way back, as a person has it.

use std::process::Command;

#[test]
fn a_rehearsal_goes_back_to_the_release_before_when_it_is_asked_to_and_says_how_fast_that_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = Command::new(env!("CARGO_BIN_EXE_bg-deploy"))
        .env_clear()
        .current_dir(folder.path())
        .args([
            "rehearse",
            "--rollback",
            "--speed",
            "60",
            "--report-dir",
            "reports",
        ])
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{text}");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("live traffic is answered by 0.0.1"), "{said}");
    let reports = folder.path().join("reports/latest/rollback");
    let report = std::fs::read_to_string(reports.join("report.md")).expect("a report");
    for words in [
        "Rolled back, as asked",
        "Way back: the first weights were written ",
        "on AWS's clock) after the command began, and the last answer of `0.0.2` came ",
    ] {
        assert!(report.contains(words), "{words}\n{report}");
    }
    assert!(reports.join("ledger.jsonl").exists());
}

/// What a rehearsal says that is refused before it begins.
fn refused(file: Option<&str>, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    if let Some(text) = file {
        std::fs::write(folder.path().join("bg-deploy.toml"), text).expect("a file");
    }
    let ran = Command::new(env!("CARGO_BIN_EXE_bg-deploy"))
        .env_clear()
        .current_dir(folder.path())
        .arg("rehearse")
        .args(arguments)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(2), "{said}");
    said
}

#[test]
fn a_rehearsal_takes_the_file_that_is_there_and_says_where_it_can_not() {
    let said = refused(Some("app = 7"), &[]);
    assert!(said.contains("bg-deploy.toml:1"), "{said}");
    let said = refused(Some("app = \"hello\""), &["--fault", "unhealthy"]);
    assert!(
        said.contains("rehearse --sample --fault unhealthy"),
        "{said}"
    );
    let said = refused(None, &["--release", "2"]);
    assert!(said.contains("there is no bg-deploy.toml here"), "{said}");
    let said = refused(Some("app = 7"), &["--sample", "--release", "2"]);
    assert!(said.contains("--sample"), "{said}");
}
