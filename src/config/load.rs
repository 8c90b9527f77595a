//! From inputs to a `Config`: the file is read, an environment chosen, what the command line says laid over it.

use std::fs;
use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::Config;
use super::check;
use super::comment::{COMMENT_POLICIES, CommentPolicy};
use super::disk::{self, Flaw};
use super::file::{self, Layer};
use super::form::{self, Form};
use super::key::Table;
use super::overrides::{DEFAULT_FILE, Given, Overrides};
use super::problem::{Problems, Report, listed, nearest};
use crate::command_line::CommandLine;
use crate::names::Release;
use crate::text::{self, quoted};

/// The largest file that is read, in bytes.
const FILE_MOST: u64 = 1 << 20;

/// The least file that works.
const LEAST_FILE: &str =
    "\n\n  app = \"hello\"\n  [service]\n  command = \"./hello\"\n  artifact = \"dist/\"\n";

/// Reads the file, checks it and everything that it names on disk, and lays over it what was said besides.
pub fn load(overrides: impl Into<Overrides>) -> Result<Config, Problems> {
    read_and_check(&overrides.into(), true)
}

/// The same for what bakes nothing: a job that goes back or only looks has no build output, and needs none.
pub fn load_without_artifact(overrides: impl Into<Overrides>) -> Result<Config, Problems> {
    read_and_check(&overrides.into(), false)
}

fn read_and_check(overrides: &Overrides, bakes: bool) -> Result<Config, Problems> {
    let file = overrides.file();
    let text = match read(&file) {
        Ok(text) => text,
        Err(flaw) => {
            let mut report = Report::new(&file, "");
            check_overrides(&mut report, overrides);
            report.note(None, flaw.0, flaw.1);
            return Err(report.into_problems());
        }
    };
    let mut report = Report::new(&file, &text);
    check_overrides(&mut report, overrides);
    let Some((mut config, layer)) = read_text(&mut report, &text, overrides.environment.as_ref())
    else {
        return Err(report.into_problems());
    };
    config.command_line = command_line(&config, overrides);
    if let Some(region) = &overrides.region {
        config.region = Some(region.value.clone());
    }
    if let Some(artifact) = &overrides.artifact {
        config.service.artifact = PathBuf::from(&artifact.value);
    }
    config.release = overrides
        .release
        .as_ref()
        .map(|release| Release(release.value.clone()));
    config.commit.clone_from(&overrides.commit);
    if bakes {
        check_disk(&mut report, &config, &layer, overrides.artifact.as_ref());
    }
    report.unless_problems(config)
}

/// What has to be said again to mean the same.
fn command_line(config: &Config, overrides: &Overrides) -> CommandLine {
    let value = |given: &Option<Given>| given.as_ref().map(|given| given.value.clone());
    let region_of_ci = overrides
        .region_of_ci
        .clone()
        .filter(|_| config.region.is_none());
    let is_variable_of_all = |given: &Given| given.from.starts_with("AWS_");
    let endpoint_url = overrides.endpoint_url.clone();
    CommandLine {
        config: value(&overrides.file).filter(|file| file != DEFAULT_FILE),
        region: value(&overrides.region).or(region_of_ci),
        endpoint_url: value(&endpoint_url.filter(|given| !is_variable_of_all(given))),
        release: value(&overrides.release),
        artifact: value(&overrides.artifact),
        ..CommandLine::in_environment(&config.environment)
    }
}

/// Reads and checks a text as the file would be, without a look at the disk.
pub fn parse(text: &str, file: &Path, environment: Option<&str>) -> Result<Config, Problems> {
    let mut report = Report::new(file, text);
    let asked = environment.map(|name| Given::new("--environment", name));
    match read_text(&mut report, text, asked.as_ref()) {
        Some((config, _)) => report.unless_problems(config),
        None => Err(report.into_problems()),
    }
}

/// What the parser says of a key that is there twice.
const DUPLICATE: &str = "duplicate key";

/// Reads a text; `None` where it is no TOML at all, and the rest cannot be judged.
fn read_text(
    report: &mut Report<'_>,
    text: &str,
    asked: Option<&Given>,
) -> Option<(Config, Layer)> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(text.len(), |span| span.start);
        // Its parser names no key, and points at it.
        let key = error.span().and_then(|span| text.get(span));
        let key = key.filter(|_| error.message() == DUPLICATE);
        let key = key.map(|key| format!(": `{}`", text::one_line(key)));
        report.note(
            Some(at),
            format!(
                "this is not TOML: {}{}",
                error.message(),
                key.unwrap_or_default()
            ),
            "",
        );
    }
    if !errors.is_empty() {
        return None;
    }
    let file = file::read(report, root.get_ref());
    let (environment, layer) = check::environment(report, file, asked);
    Some((check::config(report, &layer, environment), layer))
}

/// Reads the file's text; the error says what is wrong with the file as a whole.
fn read(path: &Path) -> Result<String, Flaw> {
    let flaw = |what: &str, remedy: &str| (what.to_owned(), remedy.to_owned());
    let missing = || {
        let what = if path == Path::new(DEFAULT_FILE) {
            format!("there is no {DEFAULT_FILE} here")
        } else {
            "there is no such file".to_owned()
        };
        let remedy = format!("write one with these four lines:{LEAST_FILE}");
        (what, remedy)
    };
    let opened = fs::File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => missing(),
        _ => flaw(&format!("cannot be read: {error}"), "let this user read it"),
    })?;
    if !opened.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(flaw("is not a file", "name the file itself with --config"));
    }
    let mut bytes = Vec::new();
    opened
        .take(FILE_MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| flaw(&format!("cannot be read: {error}"), "let this user read it"))?;
    if bytes.len() as u64 > FILE_MOST {
        return Err(flaw("is larger than 1 MiB", "is this the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        flaw(
            &format!("line {line} is not UTF-8"),
            "save the file as UTF-8",
        )
    })
}

/// Checks what comes from the command line and the environment.
fn check_overrides(report: &mut Report<'_>, overrides: &Overrides) {
    // A slash at the end is how many write an endpoint.
    let endpoint = overrides.endpoint_url.as_ref().map(|given| {
        let origin = given.value.strip_suffix('/').unwrap_or(&given.value);
        Given::new(given.from, origin)
    });
    let checked: [(Option<&Given>, Form, &str); 3] = [
        (overrides.release.as_ref(), form::RELEASE, "1.4.2"),
        (overrides.region.as_ref(), form::REGION, "eu-central-1"),
        (endpoint.as_ref(), form::ORIGIN, "http://127.0.0.1:4566"),
    ];
    for (given, form, example) in checked {
        let Some(given) = given else { continue };
        if !(form.fits)(&given.value) {
            report.note_input(
                given.from,
                format!("is {}, but must be {}", quoted(&given.value), form.is),
                format!("write for example `{example}`"),
            );
        }
    }
    // A name that is none would be found out when the release is over.
    if let Some(given) = &overrides.comment
        && CommentPolicy::named(&given.value).is_none()
    {
        let known = COMMENT_POLICIES.iter().map(|(name, _)| *name);
        report.note_input(
            given.from,
            format!(
                "is {}, but must be one of {}",
                quoted(&given.value),
                listed(known.clone())
            ),
            nearest(&given.value.to_lowercase().replace('_', "-"), known)
                .map_or_else(String::new, |name| format!("did you mean `{name}`?")),
        );
    }
}

/// Checks the files that a `Config` names, where their names themselves are right.
fn check_disk(report: &mut Report<'_>, config: &Config, layer: &Layer, given: Option<&Given>) {
    let place = |name| check::place_of(layer, Table::Service, name);
    let artifact = &config.service.artifact;
    let mut has_artifact = false;
    if let Some(given) = given {
        let flaws = disk::artifact(artifact);
        has_artifact = flaws.is_empty();
        for (what, remedy) in flaws {
            // What was said beside the file is not corrected in it.
            let remedy = remedy.replace("`service.artifact`", given.from);
            report.note_input(given.from, what, remedy);
        }
    } else if let Some(at) = place("artifact") {
        let flaws = disk::artifact(artifact);
        has_artifact = flaws.is_empty();
        for (what, remedy) in flaws {
            report.note(Some(at), what, remedy);
        }
    }
    if let (true, Some(at)) = (has_artifact, place("command"))
        && let Some((what, remedy)) = disk::program(&config.service.command, artifact)
    {
        report.note(Some(at), what, remedy);
    }
    if let (Some(script), Some(at)) = (
        &config.bake.script,
        check::place_of(layer, Table::Bake, "script"),
    ) {
        for (what, remedy) in disk::script(script) {
            report.note(Some(at), what, remedy);
        }
    }
}
