//! What a unit file says: settings, words, spans of time, environment files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::disk;

/// Key and value of every setting in a section, `[Service]` for instance, continued lines joined.
pub(super) fn settings(text: &str, wanted: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", " ");
    let mut section = "";
    let mut found = Vec::new();
    for line in joined.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            section = line;
        } else if section == wanted
            && let Some((key, value)) = line.split_once('=')
        {
            found.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}

/// The settings of one section.
pub(super) struct Settings<'a> {
    pub(super) name: &'a str,
    pub(super) stem: &'a str,
    pub(super) pairs: Vec<(String, String)>,
}

impl Settings<'_> {
    /// Every value of a setting; an empty one takes back what stood before it.
    pub(super) fn all(&self, key: &str) -> Vec<&str> {
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

    pub(super) fn last(&self, key: &str) -> Option<&str> {
        self.all(key).pop()
    }

    pub(super) fn seconds(&self, key: &str, otherwise: Duration) -> Result<Duration, String> {
        match self.last(key) {
            None => Ok(otherwise),
            Some(text) => time_span(text)
                .ok_or_else(|| format!("{}: {key}={text} is no time span", self.name)),
        }
    }

    /// A service that runs here otherwise than on the real machine is not run at all.
    pub(super) fn refuse_unknown(&self) -> Result<(), String> {
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
    pub(super) fn environment(&self, root: &Path) -> Result<BTreeMap<String, String>, String> {
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
    pub(super) fn folders(&self, root: &Path) -> Result<BTreeMap<String, String>, String> {
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
    pub(super) fn specify(&self, text: &str) -> String {
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
pub(super) fn words(line: &str) -> Vec<String> {
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

pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
