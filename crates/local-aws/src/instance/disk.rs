//! The disk of a machine: a folder that stands for its root.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The folders that every base image has.
const BASE: [&str; 6] = [
    "etc/systemd/system",
    "opt",
    "root",
    "tmp",
    "var/lib",
    "var/log",
];

/// Where an absolute path of the machine's stands in `disk`; `..` does not lead out.
pub(super) fn at(disk: &Path, path: &str) -> PathBuf {
    let mut place = disk.to_owned();
    for component in Path::new(path).components() {
        if let Component::Normal(name) = component {
            place.push(name);
        }
    }
    place
}

/// Makes an empty disk.
pub(super) fn create_base(disk: &Path) -> io::Result<()> {
    BASE.iter()
        .try_for_each(|folder| fs::create_dir_all(disk.join(folder)))
}

/// Copies a folder with everything in it. Files are copied, not linked: what writes to one must not reach the other.
pub(super) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&source, &target)?;
        } else if kind.is_symlink() {
            link(&fs::read_link(&source)?, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)?;
        }
        // Sockets and pipes belong to processes that the copy doesn't have.
    }
    Ok(())
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

#[cfg(not(unix))]
fn link(target: &Path, at: &Path) -> io::Result<()> {
    let source = at.parent().unwrap_or(at).join(target);
    fs::copy(source, at).map(drop)
}

/// Removes a folder; one that isn't there is no error.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_dots_stays_on_the_disk() {
        let disk = Path::new("/disk");
        assert_eq!(
            at(disk, "/etc/app/../../../x"),
            Path::new("/disk/etc/app/x")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_copy_has_links_and_modes_and_a_life_of_its_own() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().expect("a temporary folder");
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        create_base(&from).expect("a disk");
        let program = from.join("opt/app");
        fs::write(&program, "one").expect("a file");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
        link(Path::new("app"), &from.join("opt/link")).expect("a link");
        copy_tree(&from, &to).expect("a copy");
        fs::write(&program, "two").expect("a file");
        assert_eq!(
            fs::read_to_string(to.join("opt/link")).expect("the link"),
            "one"
        );
        let mode = fs::metadata(to.join("opt/app"))
            .expect("the file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o755);
    }
}
