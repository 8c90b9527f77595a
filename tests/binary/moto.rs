//! Against an account that nobody of this project wrote: moto. What it lacks and what is done about it: tests/moto/README.md.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use bg_deploy::aws::Access;
use bg_deploy::calibrate::{Ended, Walk};
use bg_deploy::commands::calibrate::releases;
use bg_deploy::outcome::EXIT_DIFFERENT;
use net_clock::{Clock, Network};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::venv;

/// How long the walk may take, on the wall; it takes about two minutes.
const WITHIN: Duration = Duration::from_mins(8);

/// Has a table of where moto is not as AWS.
const README: &str = include_str!("../moto/README.md");

/// A program of tests/moto.
fn python(venv: &Path, program: &str) -> Command {
    let mut command = Command::new(venv.join("bin/python"));
    command
        .arg(format!(
            "{}/tests/moto/{program}",
            env!("CARGO_MANIFEST_DIR")
        ))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

#[test]
fn two_releases_and_a_rollback_leave_a_stranger_s_account_as_they_say_and_its_visitors_served() {
    let Some(venv) = venv::with("moto", "tests/moto/requirements.txt") else {
        return;
    };
    let told = python(&venv, "run.py")
        .arg(env!("CARGO_BIN_EXE_bg-deploy"))
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&told.stdout);
    let complained = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{said}\n{complained}");
    assert!(said.contains("released twice and rolled back"), "{said}");
}

/// moto, as it is; dropped, it ends.
struct Moto {
    child: Child,
    said: Value,
}

impl Moto {
    fn start(venv: &Path) -> Self {
        let mut child = python(venv, "as_it_is.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut first = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut first).expect("a line");
        let said = serde_json::from_str(&first).expect("where it answers");
        Self { child, said }
    }

    fn text(&self, of: &str) -> String {
        self.said[of].as_str().expect(of).to_owned()
    }

    fn clock(&self) -> Clock {
        let number = |of: &str| self.said[of].as_f64().expect(of);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(number("now"));
        Clock::accelerated_from(now, number("speed"))
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Where moto is known to be otherwise than AWS.
#[derive(Debug)]
struct Known {
    about: &'static str,
    operation: &'static str,
    /// The end of a path in its answer, if it is about that.
    place: &'static str,
    recorded: &'static str,
}

impl Known {
    fn is(&self, difference: &Value) -> bool {
        let of = difference["of"].as_str().unwrap_or_default();
        let path = of.strip_prefix(self.operation);
        difference["about"] == self.about
            && difference["recorded"] == self.recorded
            && path.is_some_and(|path| match self.place {
                "" => path.is_empty(),
                place => path.starts_with(' ') && path.ends_with(place),
            })
    }
}

/// The table of the README.
fn known() -> Vec<Known> {
    let cells = |line: &'static str| -> Vec<_> { line.split('|').map(str::trim).collect() };
    let rows = README.lines().map(cells);
    rows.filter_map(|row| match row.as_slice() {
        [
            "",
            about @ ("operation" | "code" | "answer"),
            operation,
            place,
            recorded,
            _,
            "",
        ] => Some(Known {
            about,
            operation,
            place,
            recorded,
        }),
        _ => None,
    })
    .collect()
}

/// The walk of `calibrate`, written down in `out`. The name of moto's load balancer leads nowhere, so the site is asked by its address.
async fn walk(moto: &Moto, folder: &Path, out: &Path) -> Ended {
    let out = RefCell::new(File::create(out).expect("a file"));
    let mut releases = releases(folder, Path::new("sample-app")).expect("two releases");
    for config in &mut releases {
        config.probe.url = Some(moto.text("site"));
        config.probe.timeout = Duration::from_mins(1);
        // What an instance of moto answers.
        let release = config.release.as_ref().expect("a name");
        fs::write(config.service.artifact.join("version"), &release.0).expect("a file");
    }
    let walk = Walk {
        access: Access {
            region: Some("eu-central-1".to_owned()),
            endpoint_url: Some(moto.text("endpoint")),
            keys: Some(("testing".to_owned(), "testing".to_owned())),
            tape: None,
        },
        network: Network::tcp(),
        clock: moto.clock(),
        releases,
        folder,
        cancel: CancellationToken::new(),
        write: &|record| {
            let line = serde_json::to_string(&record)? + "\n";
            Ok(out.borrow_mut().write_all(line.as_bytes())?)
        },
        tell: &|_| {},
    };
    let walked = tokio::time::timeout(WITHIN, Box::pin(walk.walk())).await;
    walked.expect("an end in time").expect("a walk")
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_finds_in_a_recording_of_a_stranger_s_account_what_is_known_to_be_otherwise_there()
{
    let Some(venv) = venv::with("moto", "tests/moto/requirements.txt") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("calibration.jsonl");
    let moto = Moto::start(&venv);
    let ended = walk(&moto, folder.path(), &out).await;
    // All of it is gone through, but what the undoing of the killed run needs.
    let why = ended.why_not.map(|why| format!("{why:#}"));
    let why = why.unwrap_or_default();
    let is_known = why.starts_with("its end: ") && why.contains("DeleteLaunchTemplateVersions");
    assert!(is_known, "{why}");
    assert_eq!(ended.left, [""; 0]);
    let text = fs::read_to_string(&out).expect("a recording");
    assert!(!text.contains("123456789012"), "moto's account is named");

    let told = Command::new(env!("CARGO_BIN_EXE_bg-deploy"))
        .args(["compare", "--json"])
        .arg(&out)
        .output()
        .expect("it starts");
    let complained = String::from_utf8_lossy(&told.stderr);
    assert_eq!(
        told.status.code(),
        Some(i32::from(EXIT_DIFFERENT)),
        "{complained}"
    );
    let said: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let found = said["comparison"]["differences"].as_array();
    let found = found.expect("a list");
    let touched = moto.said["touched"].as_array().expect("a list");
    let known = known();
    assert!(known.len() > 20, "{known:?}");
    for difference in known {
        let name = difference.operation.rsplit(' ').next();
        let is_mended = touched.iter().any(|one| one.as_str() == name);
        assert!(!is_mended, "it is not moto's: {difference:?}");
        let is_found = found.iter().any(|one| difference.is(one));
        assert!(is_found, "{difference:?}\n{found:#?}");
    }
}
