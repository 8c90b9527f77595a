//! Whether the process whose run a state file tells of is still there, on this machine: it holds a lock beside that file,
//! which ends with it, however it ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Held for as long as this process carries out a run.
#[derive(Debug)]
pub struct Alive {
    /// `None` where there can be no lock: then nobody is told, as before.
    _lock: Option<File>,
}

impl Alive {
    /// From now on, of the run whose state is in this file.
    pub fn hold(state: &Path) -> Self {
        let lock = File::create(place(state));
        let lock = lock.ok().filter(|file| file.try_lock().is_ok());
        Self { _lock: lock }
    }

    /// Whether some process holds it.
    pub fn is_held(state: &Path) -> bool {
        let Ok(lock) = File::open(place(state)) else {
            return false;
        };
        matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
    }
}

/// Where the lock of this state file is.
fn place(state: &Path) -> PathBuf {
    let mut name = state.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    state.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_alive_for_as_long_as_its_process_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state.json");
        assert!(!Alive::is_held(&state));
        let alive = Alive::hold(&state);
        assert!(Alive::is_held(&state));
        drop(alive);
        assert!(!Alive::is_held(&state));
        // Where nothing can be written, nothing is held and nothing fails.
        let nowhere = Path::new("/dev/null/state.json");
        let alive = Alive::hold(nowhere);
        assert!(!Alive::is_held(nowhere));
        drop(alive);
    }
}
