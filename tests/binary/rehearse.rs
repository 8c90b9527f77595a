//! A rehearsal as a person has it: of the way back, and of an app of her own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use local_aws::sample_app::{AppFault, Settings, write_artifact};

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

const PROGRAM: &str = env!("CARGO_BIN_EXE_bg-deploy");

/// A file and an app with this fault; it answers with this version.
fn an_app_of_one_s_own(folder: &Path, version: &str, fault: AppFault) {
    let settings = Settings {
        version: version.to_owned(),
        fault: Some(fault),
        ..Settings::default()
    };
    let artifact = folder.join("app");
    write_artifact(&artifact, Path::new(PROGRAM), &settings).expect("an app");
    let file = "app = \"hi\"\n[service]\ncommand = \"./sample-app\"\nartifact = \"app\"\nstop-timeout = \"5s\"\n\
                [probe]\nlong-path = \"/slow?ms=1500\"\n";
    std::fs::write(folder.join("bg-deploy.toml"), file).expect("a file");
}

/// Has the app in this folder answer with the release that it is started with.
fn answer_with_the_release(folder: &Path) {
    let script = format!(
        "#!/bin/sh\nhere=$(dirname \"$0\")\nown=$(mktemp -d)\n\
         sed \"s/VERSION/$RELEASE/\" \"$here/release.json\" > \"$own/release.json\"\nexec '{PROGRAM}' sample-app \"$own\"\n"
    );
    let path = folder.join("app/sample-app");
    std::fs::write(&path, script).expect("a script");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("a program");
}

/// What a rehearsal of release 1.4.2 of that app says: its answer for a program, and its words.
fn rehearsed(folder: &Path, more: &[&str]) -> (serde_json::Value, String) {
    let ran = Command::new(PROGRAM)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir(folder)
        .args(["rehearse", "--release", "1.4.2", "--speed", "60", "--json"])
        .args(more)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{said}");
    let answer = serde_json::from_slice(&ran.stdout).expect("JSON");
    (answer, said)
}

#[test]
fn the_release_before_is_the_app_itself_where_it_answers_with_the_release_it_is_started_with() {
    let folder = tempfile::tempdir().expect("a folder");
    an_app_of_one_s_own(folder.path(), "VERSION", AppFault::DropsOnStop);
    answer_with_the_release(folder.path());
    let (answer, said) = rehearsed(folder.path(), &[]);
    assert_eq!(answer["previous"], "before-the-rehearsal", "{said}");
    // One artifact, one image.
    assert!(said.contains("nothing to bake"), "{said}");
    assert!(!said.contains("--stand-in"), "{said}");
    assert_eq!(
        answer["findings"],
        serde_json::json!(["drops-on-stop"]),
        "{said}"
    );
    assert!(said.contains("and cut that answer"), "{said}");
    // Two instances of each release, each with what it said.
    let kept = std::fs::read_dir(folder.path().join("bg-deploy-report/latest/instances"));
    let kept = kept.expect("a folder").map(|file| {
        let path = file.expect("a file").path();
        std::fs::read_to_string(path).expect("text")
    });
    let kept: Vec<_> = kept.collect();
    for release in ["before-the-rehearsal", "1.4.2"] {
        let starts = format!("{release} listens on port ");
        let of = kept.iter().filter(|text| text.contains(&starts));
        assert_eq!(of.count(), 2, "{release}: {kept:#?}");
    }
}

#[test]
fn something_else_is_live_before_where_the_app_has_one_version_only() {
    let folder = tempfile::tempdir().expect("a folder");
    an_app_of_one_s_own(folder.path(), "1.4.2", AppFault::KeepAlive5s);
    let (answer, said) = rehearsed(folder.path(), &[]);
    assert_eq!(answer["previous"], "before-the-rehearsal", "{said}");
    assert!(said.contains("To spare the attempt: --stand-in"), "{said}");
    // The attempt is no failure of the rehearsal, and not told as one.
    assert!(!said.contains("Not released"), "{said}");
    assert!(!said.contains("What failed"), "{said}");
    let found = serde_json::json!(["keep-alive-too-short"]);
    assert_eq!(answer["findings"], found, "{said}");
    assert!(said.contains("finished its answer to /slow"), "{said}");
}

#[test]
fn an_app_that_does_not_stop_is_found_whatever_is_live_before() {
    let folder = tempfile::tempdir().expect("a folder");
    an_app_of_one_s_own(folder.path(), "1.4.2", AppFault::IgnoresSigterm);
    let (answer, said) = rehearsed(folder.path(), &["--stand-in"]);
    let found = serde_json::json!(["does-not-stop"]);
    assert_eq!(answer["findings"], found, "{said}");
    assert!(
        !said.contains("--stand-in"),
        "nothing was attempted: {said}"
    );
}
