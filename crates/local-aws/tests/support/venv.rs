//! A Python with pinned packages: made once for each set of pins, and kept under the target folder.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of a virtual environment with the packages of `requirements`, or `None` where there can be none. In CI
/// that is a failure. Whoever asks while it is being made waits for it.
#[expect(clippy::print_stdout, reason = "a skipped test is said aloud")]
pub(crate) fn with(name: &str, requirements: &str) -> Option<PathBuf> {
    match environment(name, requirements) {
        Ok(venv) => Some(venv),
        Err(reason) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
            panic!("no environment with {requirements}: {reason}")
        }
        Err(reason) => {
            println!("SKIPPED, nothing was tested: {reason}");
            None
        }
    }
}

fn environment(name: &str, requirements: &str) -> Result<PathBuf, String> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join(requirements);
    let pins = std::fs::read(&requirements).map_err(|error| error.to_string())?;
    let mut hasher = DefaultHasher::new();
    pins.hash(&mut hasher);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = target.parent().unwrap_or(target);
    let venv = target.join(format!("{name}-venv-{:016x}", hasher.finish()));
    let complete = venv.join("complete");
    // Tests run side by side, in one process and in several; the lock goes with the file.
    let lock = std::fs::File::create(venv.with_extension("lock"))
        .and_then(|file| file.lock().map(|()| file));
    let _held = lock.map_err(|error| format!("{}: {error}", venv.display()))?;
    if complete.exists() {
        return Ok(venv);
    }
    // What an interrupted run left is made anew.
    succeed(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )?;
    succeed(
        Command::new(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--no-deps"])
            .args(["--disable-pip-version-check", "--retries", "2", "-r"])
            .arg(requirements),
    )?;
    std::fs::write(&complete, "").map_err(|error| error.to_string())?;
    Ok(venv)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let complained = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}\n{complained}", output.status))
}
