//! The bundle: the artifact, the service's unit and the bake script in one reproducible archive.
//!
//! Guarantees: the same files give the same bytes, whoever packs them and whenever: entries are sorted, owners are
//! root, times are zero, modes are 755 or 644. Links are packed as links, and must not point out of the artifact.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};
use tempfile::NamedTempFile;

/// A packed bundle.
#[derive(Debug)]
pub struct Bundle {
    /// The archive, removed when this is dropped.
    pub file: NamedTempFile,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// How many files the artifact has.
    pub files: usize,
}

/// Packs the artifact (a file or a folder), the unit and the script.
pub fn pack(artifact: &Path, unit: &str, script: Option<&Path>) -> Result<Bundle> {
    let folder = std::env::temp_dir();
    let packed = NamedTempFile::new_in(&folder)
        .map_err(anyhow::Error::from)
        .and_then(|file| pack_into(file, artifact, unit, script));
    packed.with_context(|| {
        format!(
            "nothing was changed: packing {} into a file in {} (for another folder: TMPDIR)",
            artifact.display(),
            folder.display()
        )
    })
}

fn pack_into(
    file: NamedTempFile,
    artifact: &Path,
    unit: &str,
    script: Option<&Path>,
) -> Result<Bundle> {
    let hashing = Hashing {
        out: BufWriter::new(file.reopen()?),
        hash: Sha256::new(),
        size: 0,
    };
    // No name and no time in the gzip header: they would differ from machine to machine.
    let gzip = GzBuilder::new()
        .mtime(0)
        .write(hashing, Compression::fast());
    let mut archive = Builder::new(gzip);
    archive.follow_symlinks(false);
    let files = append_artifact(&mut archive, artifact)?;
    append_bytes(&mut archive, "bg-deploy/service", unit.as_bytes(), false)?;
    if let Some(script) = script {
        let text = fs::read(script).with_context(|| format!("reading {}", script.display()))?;
        append_bytes(&mut archive, "bg-deploy/bake", &text, true)?;
    }
    let mut hashing = archive.into_inner()?.finish()?;
    hashing.out.flush()?;
    Ok(Bundle {
        file,
        sha256: hex::encode(hashing.hash.finalize()),
        size: hashing.size,
        files,
    })
}

fn append_artifact<W: Write>(archive: &mut Builder<W>, artifact: &Path) -> Result<usize> {
    let meta = fs::metadata(artifact).with_context(|| format!("reading {}", artifact.display()))?;
    if meta.is_file() {
        let name = artifact
            .file_name()
            .with_context(|| format!("the name of {}", artifact.display()))?;
        append_file(archive, &Path::new("app").join(name), artifact)?;
        return Ok(1);
    }
    let mut entries = Vec::new();
    collect(artifact, Path::new(""), &mut entries)?;
    entries.sort();
    let mut files = 0;
    for relative in entries {
        let source = artifact.join(&relative);
        let name = Path::new("app").join(&relative);
        let meta = fs::symlink_metadata(&source)
            .with_context(|| format!("reading {}", source.display()))?;
        if meta.is_dir() {
            let mut header = header(EntryType::Directory, 0, true);
            archive.append_data(&mut header, &name, io::empty())?;
        } else if meta.is_symlink() {
            let target = fs::read_link(&source)?;
            if escapes(&relative, &target) {
                bail!(
                    "the link {} points out of the artifact, to {}",
                    source.display(),
                    target.display()
                );
            }
            let mut header = header(EntryType::Symlink, 0, true);
            archive.append_link(&mut header, &name, &target)?;
            files += 1;
        } else if meta.is_file() {
            append_file(archive, &name, &source)?;
            files += 1;
        } else {
            bail!(
                "{} is neither a file, a folder nor a link",
                source.display()
            );
        }
    }
    Ok(files)
}

/// Every path below `root`, relative to it.
fn collect(root: &Path, below: &Path, entries: &mut Vec<PathBuf>) -> Result<()> {
    let folder = root.join(below);
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let relative = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &relative, entries)?;
        }
        entries.push(relative);
    }
    Ok(())
}

/// Whether a link at `at` to `target` leads out of the folder that `at` is relative to.
fn escapes(at: &Path, target: &Path) -> bool {
    let mut depth = at.components().count().saturating_sub(1);
    for component in target.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return true,
        }
    }
    false
}

fn append_file<W: Write>(archive: &mut Builder<W>, name: &Path, source: &Path) -> Result<()> {
    let file = File::open(source).with_context(|| format!("reading {}", source.display()))?;
    let meta = file.metadata()?;
    let mut header = header(EntryType::Regular, meta.len(), is_executable(&meta));
    // A file that grows while it is packed would spoil the archive.
    archive
        .append_data(&mut header, name, file.take(meta.len()))
        .with_context(|| format!("packing {}", source.display()))
}

fn append_bytes<W: Write>(
    archive: &mut Builder<W>,
    name: &str,
    bytes: &[u8],
    executable: bool,
) -> Result<()> {
    let mut header = header(EntryType::Regular, bytes.len() as u64, executable);
    archive.append_data(&mut header, name, bytes)?;
    Ok(())
}

fn header(kind: EntryType, size: u64, executable: bool) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[cfg(unix)]
fn is_executable(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    meta.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    // Windows has no such bit: everything may be run.
    true
}

struct Hashing<W> {
    out: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        root
    }

    #[test]
    fn the_same_files_give_the_same_bundle_in_another_place_and_order() {
        let one = folder(&[("a", "1"), ("b/c", "2")]);
        let two = folder(&[("b/c", "2"), ("a", "1")]);
        let first = pack(one.path(), "unit", None).expect("packed");
        let second = pack(two.path(), "unit", None).expect("packed");
        assert_eq!(first.sha256, second.sha256);
        assert_eq!(first.files, 2);
        let other = pack(two.path(), "another unit", None).expect("packed");
        assert_ne!(first.sha256, other.sha256);
    }

    #[test]
    fn the_bundle_s_hash_is_that_of_the_file() {
        let root = folder(&[("hello", "x")]);
        let bundle = pack(&root.path().join("hello"), "unit", None).expect("packed");
        let bytes = fs::read(bundle.file.path()).expect("the archive");
        assert_eq!(bundle.sha256, hex::encode(Sha256::digest(&bytes)));
        assert_eq!(bundle.size, bytes.len() as u64);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_artifact_is_refused_and_one_inside_is_packed() {
        let root = folder(&[("bin/hello", "x")]);
        std::os::unix::fs::symlink("bin/hello", root.path().join("run")).expect("a link");
        assert_eq!(pack(root.path(), "unit", None).expect("packed").files, 2);
        std::os::unix::fs::symlink("../../etc/passwd", root.path().join("bin/out"))
            .expect("a link");
        let error = pack(root.path(), "unit", None).expect_err("it leads out");
        assert!(
            format!("{error:#}").contains("points out of the artifact"),
            "{error}"
        );
    }
}
