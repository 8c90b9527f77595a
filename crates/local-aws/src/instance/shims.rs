//! The commands of a real Amazon Linux that a script on a machine of the local cloud meets instead.
//!
//! Guarantees: what cannot be done here is refused with the reason, never silently passed over, so that a script
//! that fails on AWS has a chance to fail here first.

use std::fs;
use std::io;
use std::path::Path;

/// Each command and the script that stands for it.
const SHIMS: [(&str, &str); 28] = [
    ("aws", include_str!("shims/aws")),
    ("systemctl", include_str!("shims/systemctl")),
    ("shutdown", include_str!("shims/shutdown")),
    ("poweroff", include_str!("shims/shutdown")),
    ("halt", include_str!("shims/shutdown")),
    ("useradd", include_str!("shims/useradd")),
    ("adduser", include_str!("shims/useradd")),
    ("id", include_str!("shims/id")),
    ("journalctl", include_str!("shims/journalctl")),
    ("sudo", include_str!("shims/sudo")),
    ("sha256sum", include_str!("shims/sha256sum")),
    ("dnf", include_str!("shims/refused")),
    ("yum", include_str!("shims/refused")),
    ("rpm", include_str!("shims/refused")),
    ("apt", include_str!("shims/refused")),
    ("apt-get", include_str!("shims/refused")),
    ("apk", include_str!("shims/refused")),
    ("amazon-linux-extras", include_str!("shims/refused")),
    ("cloud-init", include_str!("shims/accepted")),
    ("chown", include_str!("shims/accepted")),
    ("chgrp", include_str!("shims/accepted")),
    ("groupadd", include_str!("shims/accepted")),
    ("usermod", include_str!("shims/accepted")),
    ("setcap", include_str!("shims/accepted")),
    ("restorecon", include_str!("shims/accepted")),
    ("ldconfig", include_str!("shims/accepted")),
    ("sync", include_str!("shims/accepted")),
    ("hostnamectl", include_str!("shims/accepted")),
];

/// Where the shims of one machine find things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    /// The folder that stands for the machine's root.
    pub(super) disk: &'a Path,
    /// The machine's state that is not on its disk.
    pub(super) state: &'a Path,
    /// The objects of S3, as files.
    pub(super) store: &'a Path,
    /// How many bytes its `/tmp` holds.
    pub(super) tmp: u64,
}

/// Writes every shim into `bin`.
pub(super) fn write(bin: &Path, places: Places<'_>) -> io::Result<()> {
    fs::create_dir_all(bin)?;
    for (name, text) in SHIMS {
        let text = text
            .replace("@DISK@", &places.disk.to_string_lossy())
            .replace("@STATE@", &places.state.to_string_lossy())
            .replace("@STORE@", &places.store.to_string_lossy())
            .replace("@TMP@", &places.tmp.to_string());
        let path = bin.join(name);
        fs::write(&path, text)?;
        make_executable(&path)?;
    }
    Ok(())
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> io::Result<()> {
    Ok(())
}
