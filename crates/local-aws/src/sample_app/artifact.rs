//! A release of the sample app as a folder: its settings, and a script that runs it.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::Settings;

/// The text by which the artifact of a sample app is known.
pub const MARK: &str = "local-aws sample app";

/// The file in the artifact that says how the app behaves.
const SETTINGS_FILE: &str = "release.json";
/// The program in the artifact.
pub(super) const PROGRAM_FILE: &str = "sample-app";

impl Settings {
    /// Reads the settings of the artifact in `dir`.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(SETTINGS_FILE);
        let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("parsing {}", path.display()))
    }
}

/// Writes an artifact into `dir`: the settings, and a script that runs `program` as the sample app.
///
/// `program` is whatever takes `sample-app DIR` and calls [`super::main`]: the binary `local-aws` does.
pub fn write_artifact(dir: &Path, program: &Path, settings: &Settings) -> Result<()> {
    let writing = || format!("writing a sample app into {}", dir.display());
    std::fs::create_dir_all(dir).with_context(writing)?;
    let release = serde_json::to_vec_pretty(settings).with_context(writing)?;
    std::fs::write(dir.join(SETTINGS_FILE), release).with_context(writing)?;
    let program = program
        .to_str()
        .context("the program's path is not UTF-8")?;
    let quoted = program.replace('\'', r"'\''");
    let script = format!("#!/bin/sh\n# {MARK}\nexec '{quoted}' sample-app \"$(dirname \"$0\")\"\n");
    let path = dir.join(PROGRAM_FILE);
    std::fs::write(&path, script).with_context(writing)?;
    make_executable(&path).with_context(writing)
}

#[cfg(unix)]
pub(super) fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
pub(super) fn make_executable(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
