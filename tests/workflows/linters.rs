//! The programs that judge workflows, pinned in `.github/lint-requirements.txt`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::{root, venv};

/// The programs that judge.
pub(super) struct Linters {
    venv: PathBuf,
}

impl Linters {
    /// `None` where they cannot be had.
    pub(super) fn get() -> Option<&'static Self> {
        static LINTERS: OnceLock<Option<Linters>> = OnceLock::new();
        LINTERS
            .get_or_init(|| {
                let venv = venv::with("lint", ".github/lint-requirements.txt")?;
                Some(Self { venv })
            })
            .as_ref()
    }

    pub(super) fn zizmor(&self, files: &[PathBuf]) -> Result<(), String> {
        let mut command = Command::new(self.venv.join("bin/zizmor"));
        command
            .args([
                "--offline",
                "--no-progress",
                "--persona=pedantic",
                "--strict-collection",
                "--config",
            ])
            .arg(root().join(".github/zizmor.yml"));
        judge(command.args(files))
    }

    pub(super) fn schema(&self, name: &str, files: &[PathBuf]) -> Result<(), String> {
        let mut command = Command::new(self.venv.join("bin/check-jsonschema"));
        judge(command.args(["--builtin-schema", name]).args(files))
    }
}

fn judge(command: &mut Command) -> Result<(), String> {
    // Without a token it asks nobody; zizmor takes one from there.
    let output = command
        .env_remove("GH_TOKEN")
        .env_remove("GITHUB_TOKEN")
        .output();
    let output = output.expect("the linter starts");
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Err(format!(
        "{}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}
