//! systemd units, as far as a service needs them to run outside systemd.
//!
//! What restricts a service (`DynamicUser=`, `ProtectSystem=`) is passed over: what is shown here is whether the app runs,
//! not whether its sandbox holds.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::disk;
use super::start_limit::StartLimit;
use super::unit_file::{Settings, is_variable, settings, words};

/// The time between the signals when the unit doesn't say.
const STOP_TIMEOUT: Duration = Duration::from_secs(90);

/// The time before a restart when the unit doesn't say.
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// A service to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// "hello.service".
    pub(super) name: String,
    /// The program and its arguments, in words, variables still in place.
    pub(super) command: Vec<String>,
    /// Where it runs, on the machine's disk.
    pub(super) folder: PathBuf,
    /// Its environment.
    pub(super) environment: BTreeMap<String, String>,
    /// When it is started again after it ended.
    pub(super) restart: Restart,
    /// How long before that.
    pub(super) restart_pause: Duration,
    /// How often it may be started.
    pub(super) start_limit: StartLimit,
    /// How long between SIGTERM and SIGKILL.
    pub(super) stop_timeout: Duration,
    /// Whether SIGTERM goes to every process of the service, and not to its first only.
    pub(super) terms_all: bool,
}

/// When a service is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    No,
    OnFailure,
    Always,
}

/// The services that start at boot, by name.
pub(super) fn enabled(root: &Path) -> io::Result<Vec<Result<Unit, String>>> {
    let wants = root.join("etc/systemd/system/multi-user.target.wants");
    let mut names = Vec::new();
    match fs::read_dir(&wants) {
        Ok(entries) => {
            for entry in entries {
                names.push(entry?.file_name().to_string_lossy().into_owned());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    names.sort();
    Ok(names
        .into_iter()
        .filter(|name| name.ends_with(".service"))
        .map(|name| {
            let file = root.join("etc/systemd/system").join(&name);
            let text = fs::read_to_string(&file)
                .map_err(|error| format!("{name} is enabled and cannot be read: {error}"))?;
            Unit::read(&name, &text, root)
        })
        .collect())
}

impl Unit {
    /// Reads a unit, and the environment files that it names.
    pub(super) fn read(name: &str, text: &str, root: &Path) -> Result<Self, String> {
        let stem = name.trim_end_matches(".service");
        let section = |wanted| Settings {
            name,
            stem,
            pairs: settings(text, wanted),
        };
        let (settings, of_unit) = (section("[Service]"), section("[Unit]"));
        settings.refuse_unknown()?;
        let command = settings
            .last("ExecStart")
            .ok_or_else(|| format!("{name} has no ExecStart="))?;
        let command = command.trim_start_matches(['-', '@', ':', '+', '!']);
        let mut environment = settings.environment(root)?;
        environment.extend(settings.folders(root)?);
        let folder = settings.specify(settings.last("WorkingDirectory").unwrap_or("/"));
        Ok(Self {
            name: name.to_owned(),
            command: words(&settings.specify(command)),
            folder: disk::at(root, folder.trim_start_matches('-')),
            environment,
            restart: match settings.last("Restart") {
                Some("always") => Restart::Always,
                Some("on-failure" | "on-abnormal" | "on-abort") => Restart::OnFailure,
                _ => Restart::No,
            },
            restart_pause: settings.seconds("RestartSec", RESTART_PAUSE)?,
            start_limit: start_limit(&of_unit)?,
            stop_timeout: settings.seconds("TimeoutStopSec", STOP_TIMEOUT)?,
            terms_all: matches!(settings.last("KillMode"), None | Some("control-group")),
        })
    }

    /// The command with its variables replaced, and with what lies on the machine's disk found there.
    pub(super) fn command_line(&self, root: &Path) -> Vec<String> {
        let mut line = Vec::new();
        for word in &self.command {
            match word.strip_prefix('$').filter(|name| is_variable(name)) {
                // A variable that is a word of its own becomes as many words as it has.
                Some(name) => {
                    line.extend(words(self.environment.get(name).map_or("", String::as_str)))
                }
                None => line.push(self.expand(word)),
            }
        }
        line.into_iter().map(|word| on_disk(root, word)).collect()
    }

    fn expand(&self, word: &str) -> String {
        let mut out = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let braced = after
                .strip_prefix('{')
                .and_then(|inner| inner.split_once('}'));
            match braced {
                Some((name, tail)) => {
                    out.push_str(self.environment.get(name).map_or("", String::as_str));
                    rest = tail;
                }
                None => {
                    out.push('$');
                    rest = after.strip_prefix('$').unwrap_or(after);
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// `StartLimitIntervalSec=` and `StartLimitBurst=`, which systemd.unit(5) has in `[Unit]`.
fn start_limit(settings: &Settings<'_>) -> Result<StartLimit, String> {
    let default = StartLimit::default();
    let burst = settings.last("StartLimitBurst").map(|text| {
        let no_number = |_| format!("{}: StartLimitBurst={text} is no number", settings.name);
        text.parse().map_err(no_number)
    });
    Ok(StartLimit::new(
        settings.seconds("StartLimitIntervalSec", default.interval())?,
        burst.transpose()?.unwrap_or(default.burst()),
    ))
}

/// An absolute path (also after `--option=`) that lies on the disk.
fn on_disk(root: &Path, word: String) -> String {
    let (option, path) = match word.split_once('=') {
        Some((option, path)) if option.starts_with('-') => (format!("{option}="), path),
        _ => (String::new(), word.as_str()),
    };
    let place = disk::at(root, path);
    if path.starts_with('/') && path.len() > 1 && place.exists() {
        format!("{option}{}", place.display())
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "[Unit]\nDescription=x\n[Service]\nExecStart=/opt/hello/hello --port ${PORT} \"a b\" $MORE --dir=/opt/hello --pc=100%%\nWorkingDirectory=/opt/hello\nEnvironment=PORT=8080 \"MORE=c d\"\nEnvironmentFile=-/etc/hello/environment\nEnvironmentFile=-/etc/none\nRestart=always\nRestartSec=2\nTimeoutStopSec=1min 30s\nStateDirectory=hello\n[Install]\nWantedBy=multi-user.target\n";

    fn disk_with_app() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        disk::create_base(root.path()).expect("a disk");
        for (path, text) in [
            ("opt/hello/hello", "x"),
            ("etc/hello/environment", "RELEASE=\"1.2\"\n# no\n"),
        ] {
            let file = root.path().join(path);
            fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
            fs::write(file, text).expect("a file");
        }
        root
    }

    #[test]
    fn a_unit_s_command_finds_the_disk_and_the_environment() {
        let root = disk_with_app();
        let unit = Unit::read("hello.service", UNIT, root.path()).expect("a unit");
        let place = |path: &str| root.path().join(path).to_string_lossy().into_owned();
        assert_eq!(
            unit.command_line(root.path()),
            [
                place("opt/hello/hello"),
                "--port".into(),
                "8080".into(),
                "a b".into(),
                "c".into(),
                "d".into(),
                format!("--dir={}", place("opt/hello")),
                "--pc=100%".into(),
            ]
        );
        assert_eq!(unit.environment["RELEASE"], "1.2");
        assert_eq!(unit.environment["STATE_DIRECTORY"], place("var/lib/hello"));
        assert_eq!(unit.stop_timeout, Duration::from_secs(90));
        assert_eq!(unit.restart, Restart::Always);
    }

    #[test]
    fn how_often_a_unit_may_be_started_stands_in_its_section_unit_else_it_is_systemd_s_default() {
        let root = disk_with_app();
        for (of_unit, seconds, burst) in [
            ("", 10, 5),
            ("StartLimitIntervalSec=0", 0, 5),
            ("StartLimitIntervalSec=1min\nStartLimitBurst=3", 60, 3),
        ] {
            let text = format!("[Unit]\n{of_unit}\n[Service]\nExecStart=/x\n");
            let unit = Unit::read("a.service", &text, root.path()).expect("a unit");
            let limit = StartLimit::new(Duration::from_secs(seconds), burst);
            assert_eq!(unit.start_limit, limit, "{of_unit}");
        }
    }

    #[test]
    fn what_would_not_run_here_is_refused() {
        let root = disk_with_app();
        for (line, problem) in [
            (
                "ExecStart=/x\n[Unit]\nStartLimitBurst=some",
                "StartLimitBurst=some",
            ),
            ("ExecStart=/x\nType=forking", "forking"),
            ("ExecStart=/x\nExecStartPre=/y", "ExecStartPre"),
            ("ExecStart=/x\nEnvironmentFile=/none", "/none"),
            ("Restart=always", "ExecStart"),
        ] {
            let error = Unit::read("a.service", &format!("[Service]\n{line}\n"), root.path())
                .expect_err(problem);
            assert!(error.contains(problem), "{error}");
        }
    }
}
