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
    let reports = folder.path().join("reports/rollback");
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
