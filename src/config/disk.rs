//! What the file names on disk: the artifact, the script, and the program that the command starts.
//!
//! Guarantees: reads names and permissions only, follows links no further than to see that they lead somewhere, and
//! looks at a bounded number of entries.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// The most files and folders of an artifact.
const ENTRIES_MOST: usize = 100_000;
/// The most problems that are shown of one artifact: after ten the pattern is clear.
const SHOWN_MOST: usize = 10;

/// Something on disk that is not as it must be: what, and what would be right.
pub(super) type Flaw = (String, String);

/// Looks at an artifact as a whole: whether it can be packed.
pub(super) fn artifact(path: &Path) -> Vec<Flaw> {
    let build = "build the app first, or correct `service.artifact`";
    let metadata = match look(path) {
        Ok(metadata) => metadata,
        Err(what) => return vec![(format!("the artifact {what}"), build.to_owned())],
    };
    if metadata.is_file() {
        return unreadable_file(path).into_iter().collect();
    }
    if !metadata.is_dir() {
        return vec![special(path)];
    }
    folder(path)
}

/// Looks at a script that the builder is to run.
pub(super) fn script(path: &Path) -> Vec<Flaw> {
    let remedy = "write the script, or remove `bake.script`";
    match look(path) {
        Err(what) => vec![(format!("the bake script {what}"), remedy.to_owned())],
        Ok(metadata) if metadata.is_file() => unreadable_file(path).into_iter().collect(),
        Ok(_) => vec![(
            format!("the bake script {} is not a file", path.display()),
            remedy.to_owned(),
        )],
    }
}

/// Looks for the program of a command that names one in the artifact (`./hello --port 80`).
pub(super) fn program(command: &str, artifact: &Path) -> Option<Flaw> {
    let name = command.split_whitespace().next()?.strip_prefix("./")?;
    let metadata = fs::metadata(artifact).ok()?;
    let path: PathBuf = if metadata.is_dir() {
        artifact.join(name)
    } else if artifact.file_name().is_some_and(|file| file == name) {
        artifact.to_owned()
    } else {
        let what = format!(
            "`service.command` starts ./{name}, but the artifact is the file {}",
            artifact.display()
        );
        let file = artifact.file_name()?.to_string_lossy();
        return Some((what, format!("write `command = \"./{file}\"`")));
    };
    let Ok(program) = fs::metadata(&path) else {
        return Some((
            format!(
                "`service.command` starts ./{name}, but there is no {}",
                path.display()
            ),
            "correct the command, or build that file into the artifact".to_owned(),
        ));
    };
    if program.is_file() && is_executable(&program) {
        return None;
    }
    Some((
        format!(
            "`service.command` starts ./{name}, but {} may not be executed",
            path.display()
        ),
        format!(
            "chmod +x {} (GitHub's upload-artifact loses that mark)",
            path.display()
        ),
    ))
}

/// Walks a folder without following links.
fn folder(root: &Path) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut open = vec![root.to_owned()];
    let (mut entries, mut files) = (0_usize, 0_usize);
    while let Some(folder) = open.pop() {
        let list = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let list = match list {
            Ok(list) => list,
            Err(error) => {
                flaws.push(unreadable(&folder, &error));
                continue;
            }
        };
        let mut paths: Vec<PathBuf> = list.iter().map(fs::DirEntry::path).collect();
        // Folders are listed in no order; problems should be.
        paths.sort();
        entries += paths.len();
        if entries > ENTRIES_MOST {
            let what = format!(
                "the artifact {} has more than {ENTRIES_MOST} entries",
                root.display()
            );
            flaws.push((what, "leave out what the service does not need".to_owned()));
            return flaws;
        }
        for path in paths {
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            if metadata.is_dir() {
                open.push(path);
                continue;
            }
            files += 1;
            flaws.extend(entry(&path, &metadata));
        }
    }
    if files == 0 && flaws.is_empty() {
        let what = format!("the artifact {} is an empty folder", root.display());
        flaws.push((
            what,
            "build the app first, or correct `service.artifact`".to_owned(),
        ));
    }
    shortened(flaws)
}

/// Looks at one entry of a folder that is no folder itself.
fn entry(path: &Path, metadata: &Metadata) -> Option<Flaw> {
    if metadata.is_symlink() {
        return match fs::metadata(path) {
            Ok(_) => None,
            Err(_) => Some((
                format!("in the artifact, {}", dangling(path)),
                "remove the link, or add what it points to".to_owned(),
            )),
        };
    }
    if metadata.is_file() {
        return unreadable_file(path);
    }
    Some(special(path))
}

fn shortened(mut flaws: Vec<Flaw>) -> Vec<Flaw> {
    let more = flaws.len().saturating_sub(SHOWN_MOST);
    if more > 0 {
        flaws.truncate(SHOWN_MOST);
        flaws.push((format!("and {more} more like these"), String::new()));
    }
    flaws
}

/// What stands at a path, links followed; the error follows "the artifact".
fn look(path: &Path) -> Result<Metadata, String> {
    // With a slash at its end, a path that is a link stands for what the link leads to.
    let bare: PathBuf = path.components().collect();
    fs::metadata(path).map_err(|error| {
        if fs::symlink_metadata(&bare).is_ok_and(|link| link.is_symlink()) {
            return dangling(&bare);
        }
        match error.kind() {
            io::ErrorKind::NotFound => format!("{} does not exist", path.display()),
            _ => format!("{} cannot be read: {error}", path.display()),
        }
    })
}

fn dangling(path: &Path) -> String {
    let target = fs::read_link(path).unwrap_or_default();
    format!(
        "{} is a link to {}, which does not exist",
        path.display(),
        target.display()
    )
}

fn unreadable_file(path: &Path) -> Option<Flaw> {
    fs::File::open(path)
        .err()
        .map(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Flaw {
    (
        format!("{} cannot be read: {error}", path.display()),
        "let this user read it".to_owned(),
    )
}

fn special(path: &Path) -> Flaw {
    (
        format!(
            "{} is a socket, a pipe or a device, which cannot be packed",
            path.display()
        ),
        "remove it from the artifact".to_owned(),
    )
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

/// Elsewhere there is no such mark; the image is made on Linux, where `tar` sets it.
#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    true
}
