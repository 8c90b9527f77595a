//! What all processes of machines have in common: where programs are looked for, and how a group of them ends.

/// Where programs are looked for: systemd's own path, and where macOS has its packages.
pub(super) const PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin";

/// Ends every process of a group at once. One that is gone is no error.
#[cfg(unix)]
pub(super) fn kill_group(pid: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Without process groups the script ends by itself.
#[cfg(not(unix))]
pub(super) fn kill_group(_pid: u32) {}
