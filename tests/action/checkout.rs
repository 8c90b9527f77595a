//! A copy of the Action with a manifest of its own, and programs that stand in for those of a runner.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::stepper::{Runner, system};

/// A program in the place of bg-deploy: it says how it was called.
pub(crate) const STAND_IN: &str = "#!/bin/sh\necho \"stand-in: [$*] in [$PWD]\"\n";

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The file of this machine in a release.
pub(crate) fn file_of_this_machine() -> String {
    let (os, arch) = system();
    let arch = if arch == "ARM64" { "aarch64" } else { "x86_64" };
    let os = if os == "macOS" {
        "apple-darwin"
    } else {
        "unknown-linux-musl"
    };
    format!("bg-deploy-{arch}-{os}")
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A copy of the Action.
#[derive(Debug)]
pub(crate) struct Checkout {
    folder: TempDir,
}

impl Checkout {
    /// With this manifest.
    pub(crate) fn with(manifest: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("the 'action' $x ")
            .tempdir()
            .expect("a folder");
        let to = folder.path();
        std::fs::create_dir(to.join("action")).expect("a folder");
        for file in ["action.yml", "action/bootstrap.sh"] {
            std::fs::copy(root().join(file), to.join(file)).expect("a copy");
        }
        std::fs::write(to.join("action/manifest"), manifest).expect("a manifest");
        Self { folder }
    }

    /// Of release 1.2.3, in which this machine's binary is this.
    pub(crate) fn of_a_release(binary: &str) -> Self {
        let sum = sha256(binary.as_bytes());
        let other = "0".repeat(64);
        Self::with(&format!(
            "version 1.2.3\n{sum}  {}\n{other} *bg-deploy-riscv-plan9\n",
            file_of_this_machine()
        ))
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn runner(&self) -> Runner {
        Runner::of(self.path())
    }

    /// A place that has this binary as that of 1.2.3; answers with the input `mirror`.
    pub(crate) fn mirror(&self, binary: &str) -> String {
        let folder = self.folder.path().join("mirror/v1.2.3");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(file_of_this_machine()), binary).expect("a file");
        let path = self.folder.path().join("mirror");
        // curl wants a URL.
        let path = path.to_str().expect("UTF-8").replace(' ', "%20");
        format!("file://{path}/")
    }
}

/// Puts a script in front of the runner's programs.
pub(crate) fn fake(runner: &mut Runner, name: &str, script: &str) {
    let folder = runner.path("fakes");
    std::fs::create_dir_all(&folder).expect("a folder");
    write_program(&folder.join(name), script);
    let folder = folder.to_str().expect("UTF-8");
    runner.set("PATH", &format!("{folder}:/usr/local/bin:/usr/bin:/bin"));
}

/// Leaves the runner with these programs and no others.
pub(crate) fn only(runner: &mut Runner, names: &[&str]) {
    let folder = runner.path("only");
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in names {
        let places = ["/bin", "/usr/bin", "/usr/local/bin"];
        let mut places = places.iter().map(|place| Path::new(place).join(name));
        let program = places.find(|place| place.exists());
        let program = program.unwrap_or_else(|| panic!("no {name} on this machine"));
        std::os::unix::fs::symlink(program, folder.join(name)).expect("a link");
    }
    runner.set("PATH", folder.to_str().expect("UTF-8"));
}

pub(crate) fn write_program(path: &Path, script: &str) {
    std::fs::write(path, script).expect("a file");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("a mode");
}

/// Every file below a folder, relative to it.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(folder).expect("below").to_owned());
            }
        }
    }
    files
}
