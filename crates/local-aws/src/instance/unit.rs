//! systemd units, as far as a service needs them to run outside systemd.
//!
//! What restricts a service (`DynamicUser=`, `ProtectSystem=`) is passed over: a rehearsal shows whether the app runs,
//! not whether its sandbox holds.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::disk;

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
        let settings = Settings {
            name,
            stem,
            pairs: settings(text),
        };
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

/// Key and value of every setting in `[Service]`, continued lines joined.
fn settings(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", " ");
    let mut section = "";
    let mut found = Vec::new();
    for line in joined.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            section = line;
        } else if section == "[Service]"
            && let Some((key, value)) = line.split_once('=')
        {
            found.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}

/// The settings of `[Service]`.
struct Settings<'a> {
    name: &'a str,
    stem: &'a str,
    pairs: Vec<(String, String)>,
}

impl Settings<'_> {
    /// Every value of a setting; an empty one takes back what stood before it.
    fn all(&self, key: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for (_, value) in self.pairs.iter().filter(|(held, _)| held == key) {
            if value.is_empty() {
                values.clear();
            } else {
                values.push(value.as_str());
            }
        }
        values
    }

    fn last(&self, key: &str) -> Option<&str> {
        self.all(key).pop()
    }

    fn seconds(&self, key: &str, otherwise: Duration) -> Result<Duration, String> {
        match self.last(key) {
            None => Ok(otherwise),
            Some(text) => time_span(text)
                .ok_or_else(|| format!("{}: {key}={text} is no time span", self.name)),
        }
    }

    /// A service that runs here otherwise than on the real machine is not run at all.
    fn refuse_unknown(&self) -> Result<(), String> {
        const KINDS: [&str; 4] = ["simple", "exec", "notify", "idle"];
        if let Some(kind) = self.last("Type").filter(|kind| !KINDS.contains(kind)) {
            return Err(format!(
                "{}: the local cloud does not run services of the type {kind}",
                self.name
            ));
        }
        for refused in ["ExecStartPre", "ExecStartPost", "ExecStop", "RootDirectory"] {
            if self.last(refused).is_some() {
                return Err(format!(
                    "{}: the local cloud does not know {refused}=",
                    self.name
                ));
            }
        }
        Ok(())
    }

    /// `Environment=` and `EnvironmentFile=`, the files after the lines as systemd has it.
    fn environment(&self, root: &Path) -> Result<BTreeMap<String, String>, String> {
        let mut environment = BTreeMap::new();
        for line in self.all("Environment") {
            for word in words(&self.specify(line)) {
                if let Some((key, value)) = word.split_once('=') {
                    environment.insert(key.to_owned(), value.to_owned());
                }
            }
        }
        for file in self.all("EnvironmentFile") {
            let (path, is_optional) = match file.strip_prefix('-') {
                Some(path) => (path, true),
                None => (file, false),
            };
            match fs::read_to_string(disk::at(root, &self.specify(path))) {
                Ok(text) => environment.extend(environment_file(&text)),
                Err(_) if is_optional => {}
                Err(error) => {
                    return Err(format!(
                        "{}: the environment file {path}: {error}",
                        self.name
                    ));
                }
            }
        }
        Ok(environment)
    }

    /// Makes the folders that the service wants, and tells it where they are.
    fn folders(&self, root: &Path) -> Result<BTreeMap<String, String>, String> {
        let mut variables = BTreeMap::new();
        for (key, variable, parent) in [
            ("StateDirectory", "STATE_DIRECTORY", "var/lib"),
            ("CacheDirectory", "CACHE_DIRECTORY", "var/cache"),
            ("LogsDirectory", "LOGS_DIRECTORY", "var/log"),
            ("RuntimeDirectory", "RUNTIME_DIRECTORY", "run"),
        ] {
            if let Some(folder) = self.last(key) {
                let place = disk::at(&root.join(parent), &self.specify(folder));
                fs::create_dir_all(&place)
                    .map_err(|error| format!("{}: {key}={folder}: {error}", self.name))?;
                variables.insert(variable.to_owned(), place.to_string_lossy().into_owned());
            }
        }
        Ok(variables)
    }

    /// Replaces the specifiers that a service's unit is likely to have.
    fn specify(&self, text: &str) -> String {
        let mut out = String::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.push(letter);
                continue;
            }
            match letters.next() {
                Some('n') => out.push_str(self.name),
                Some('N' | 'p') => out.push_str(self.stem),
                Some('%') | None => out.push('%'),
                Some(other) => out.extend(['%', other]),
            }
        }
        out
    }
}

/// Splits a line into words as systemd does, quotes taken off.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', _) => word.get_or_insert_default().extend(letters.next()),
            (_, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, None) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// `KEY=VALUE` lines, with comments and quotes.
fn environment_file(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', ';']))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| {
            let value = value.trim();
            let unquoted = ['"', '\'']
                .into_iter()
                .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
            (key.trim().to_owned(), unquoted.unwrap_or(value).to_owned())
        })
        .collect()
}

/// `5`, `5s`, `200ms`, `1min 30s`; `infinity` is as long as a machine may run.
fn time_span(text: &str) -> Option<Duration> {
    if text == "infinity" {
        return Some(Duration::from_secs(7 * 24 * 3600));
    }
    let mut total = 0.0;
    for part in text.split_whitespace() {
        let split = part
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(part.len());
        let (number, unit) = part.split_at(split);
        let scale = match unit {
            "" | "s" | "sec" | "second" | "seconds" => 1.0,
            "ms" | "msec" => 0.001,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hour" | "hours" => 3600.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
    }
    Duration::try_from_secs_f64(total).ok()
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
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
    fn what_would_not_run_here_is_refused() {
        let root = disk_with_app();
        for (line, problem) in [
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
