//! Where the reports of runs are kept: a folder for each run, named by when, what and which release; `latest` leads to the
//! last of them; of old ones the last [`KEPT`] stay.
//!
//! Guarantees: no run writes into the folder of another; nothing but folders of runs is ever removed, by their names.

use std::cell::OnceCell;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::names::{Release, utc};
use crate::report::LEDGER;
use net_clock::Clock;

/// So many runs' folders stay.
const KEPT: usize = 20;
/// What leads to the last of them.
const LATEST: &str = "latest";
/// The longest part of a folder's name that a release gives.
const MOST_OF_A_RELEASE: usize = 40;

/// The reports of one run.
#[derive(Debug)]
pub(super) struct Reports {
    /// Where the folders of runs are.
    root: PathBuf,
    /// What the run is called; `None` where the folder is this run's already.
    command: Option<&'static str>,
    /// The run's own, once it was asked for.
    own: OnceCell<PathBuf>,
    /// Why `latest` does not lead there.
    not_led: OnceCell<String>,
}

impl Reports {
    /// Among the folders of other runs.
    pub(super) fn among(root: &Path, command: &'static str) -> Self {
        Self {
            root: root.to_owned(),
            command: Some(command),
            own: OnceCell::new(),
            not_led: OnceCell::new(),
        }
    }

    /// In this folder and no other.
    pub(super) fn only_in(folder: &Path) -> Self {
        Self {
            root: folder.to_owned(),
            command: None,
            own: OnceCell::new(),
            not_led: OnceCell::new(),
        }
    }

    /// Where all of it is, for people.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Why `latest` does not lead to the run's own folder, if it does not.
    pub(super) fn not_led(&self) -> Option<&str> {
        self.not_led.get().map(String::as_str)
    }

    /// The run's own folder, made when it is asked for first. `release` may be empty, where none is known yet.
    pub(super) fn folder(&self, release: &Release) -> io::Result<&Path> {
        if let Some(own) = self.own.get() {
            return Ok(own);
        }
        let made = match self.command {
            Some(command) => self.make(command, release)?,
            None => {
                fs::create_dir_all(&self.root)?;
                self.root.clone()
            }
        };
        Ok(self.own.get_or_init(|| made))
    }

    fn make(&self, command: &str, release: &Release) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.root)?;
        let name = name(&utc(Clock::real().utc()), command, release);
        let (mut folder, mut others) = (self.root.join(&name), 1);
        while let Err(error) = make_private(&folder) {
            if error.kind() != ErrorKind::AlreadyExists {
                return Err(error);
            }
            // Another run of the same second.
            others += 1;
            folder = self.root.join(format!("{name}-{others}"));
        }
        // Neither is worth a run.
        if let Err(error) = lead_to(&self.root, &folder) {
            let latest = self.root.join(LATEST);
            let _ = self.not_led.set(format!(
                "{} is not this run's: {error}; its reports are in {}",
                latest.display(),
                folder.display()
            ));
        }
        let _ = remove_old(&self.root, &folder);
        Ok(folder)
    }
}

/// The ledger's place among a run's reports.
pub(super) fn ledger_in(folder: &Path) -> PathBuf {
    folder.join(LEDGER)
}

/// `2026-11-23T04-57-43Z-deploy-1.4.2`: sorted by name they are sorted by time.
fn name(at: &str, command: &str, release: &Release) -> String {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
    let plain = |one: char| if is_plain(one) { one } else { '-' };
    let at = at.replace(':', "-");
    let release: String = release
        .0
        .chars()
        .take(MOST_OF_A_RELEASE)
        .map(plain)
        .collect();
    match release.as_str() {
        "" => format!("{at}-{command}"),
        release => format!("{at}-{command}-{release}"),
    }
}

/// Whether a folder of this name is a run's: `....-..-..T..-..-..Z-` and more.
fn is_of_a_run(name: &str) -> bool {
    const FORM: &[u8; 21] = b"0000-00-00T00-00-00Z-";
    let begins = name.as_bytes().get(..FORM.len());
    let fits = |(is, form): (&u8, &u8)| match form {
        b'0' => is.is_ascii_digit(),
        form => is == form,
    };
    begins.is_some_and(|begins| begins.iter().zip(FORM).all(fits))
}

/// What an app logs may be in it: its owner's alone.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Has `latest` lead to this folder, in one go.
#[cfg(unix)]
fn lead_to(root: &Path, folder: &Path) -> io::Result<()> {
    let Some(name) = folder.file_name() else {
        return Ok(());
    };
    let link = root.join(format!(".{LATEST}-{}", std::process::id()));
    std::os::unix::fs::symlink(name, &link)?;
    let led = fs::rename(&link, root.join(LATEST));
    if led.is_err() {
        let _ = fs::remove_file(&link);
    }
    led
}

/// A link takes a right there that few have.
#[cfg(not(unix))]
fn lead_to(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes the oldest, as long as there are more than [`KEPT`]; never the one that was just made.
fn remove_old(root: &Path, new: &Path) -> io::Result<()> {
    let mut all = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        // Of the entry itself: a link is no folder.
        if entry.file_type()?.is_dir() && name.to_str().is_some_and(is_of_a_run) {
            all.push(entry.path());
        }
    }
    all.sort();
    let too_many = all.len().saturating_sub(KEPT);
    for old in all.iter().take(too_many).filter(|old| *old != new) {
        fs::remove_dir_all(old)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(release: &str) -> Release {
        Release(release.to_owned())
    }

    #[test]
    fn a_folder_says_when_what_and_which_release_and_leads_nowhere_else() {
        let at = "2026-11-23T04:57:43Z";
        let deploy = name(at, "deploy", &release("1.4.2"));
        assert_eq!(deploy, "2026-11-23T04-57-43Z-deploy-1.4.2");
        let nothing = name(at, "rollback", &release(""));
        assert_eq!(nothing, "2026-11-23T04-57-43Z-rollback");
        let hostile = name(at, "deploy", &release("../../etc/pässwd"));
        assert_eq!(hostile, "2026-11-23T04-57-43Z-deploy-..-..-etc-p-sswd");
        assert!(name(at, "deploy", &release(&"9".repeat(500))).len() < 80);
        for own in [deploy, nothing, hostile] {
            assert!(is_of_a_run(&own), "{own}");
        }
        for other in [
            "latest",
            "2026-11-23",
            "first-release",
            "2026-11-23T04-57-43X-deploy",
        ] {
            assert!(!is_of_a_run(other), "{other}");
        }
    }

    #[test]
    fn each_run_has_its_own_folder_and_the_latest_is_led_to() {
        let root = tempfile::tempdir().expect("a folder");
        let first = Reports::among(root.path(), "deploy");
        let first = first.folder(&release("1")).expect("a folder").to_owned();
        fs::write(first.join("report.md"), "one").expect("a report");
        let second = Reports::among(root.path(), "deploy");
        let own = second.folder(&release("1")).expect("a folder");
        assert_ne!(own, first, "in the same second");
        assert_eq!(second.folder(&release("2")).expect("the same"), own);
        assert!(!own.join("report.md").exists());
        #[cfg(unix)]
        {
            let latest = root.path().join(LATEST);
            assert_eq!(fs::canonicalize(latest).ok(), fs::canonicalize(own).ok());
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_an_app_logs_is_read_by_nobody_else() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().expect("a folder");
        let own = Reports::among(root.path(), "deploy");
        let own = own.folder(&release("1")).expect("a folder");
        let mode = fs::metadata(own).expect("a folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[cfg(unix)]
    #[test]
    fn a_latest_that_is_somebody_s_folder_stays_and_is_told() {
        let root = tempfile::tempdir().expect("a folder");
        let theirs = root.path().join(LATEST).join("report.html");
        fs::create_dir(root.path().join(LATEST)).expect("a folder");
        fs::write(&theirs, "theirs").expect("a file");
        let own = Reports::among(root.path(), "deploy");
        assert!(own.folder(&release("1")).is_ok());
        let told = own.not_led().expect("words");
        assert!(
            told.contains("is not this run's") && told.contains("-deploy-1"),
            "{told}"
        );
        assert_eq!(fs::read_to_string(theirs).expect("a file"), "theirs");
    }

    #[test]
    fn the_oldest_go_and_nothing_that_is_no_run_s() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |name: &str| root.path().join(name);
        for year in 1..=25 {
            let name = format!("20{year:02}-01-01T00-00-00Z-deploy-1");
            fs::create_dir_all(at(&name).join("deeper")).expect("a folder");
        }
        fs::create_dir(at("1999-notes")).expect("a folder");
        fs::write(at("2000-01-01T00-00-00Z-deploy-a-file"), "").expect("a file");
        fs::write(at("state.json"), "").expect("a file");
        Reports::among(root.path(), "deploy")
            .folder(&release("2"))
            .expect("a folder");
        let mut left: Vec<_> = fs::read_dir(root.path())
            .expect("entries")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| at(name).is_dir() && is_of_a_run(name))
            .collect();
        left.sort();
        assert_eq!(left.len(), KEPT, "{left:?}");
        assert_eq!(left[0], "2007-01-01T00-00-00Z-deploy-1");
        for other in [
            "1999-notes",
            "2000-01-01T00-00-00Z-deploy-a-file",
            "state.json",
        ] {
            assert!(at(other).exists(), "{other}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_and_one_that_is_given_is_used_as_it_is() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("file");
        fs::write(&file, "").expect("a file");
        assert!(
            Reports::among(&file, "deploy")
                .folder(&release("1"))
                .is_err()
        );
        let given = root.path().join("given");
        let own = Reports::only_in(&given);
        assert_eq!(own.folder(&release("1")).expect("a folder"), given);
    }
}
