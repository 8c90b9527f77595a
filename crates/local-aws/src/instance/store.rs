//! The objects of the account's S3 as files, for the `aws` command of the machines.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::account::{Account, authority, s3};

/// The folder, and which version of each object stands in it.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) folder: PathBuf,
    written: Mutex<BTreeMap<PathBuf, String>>,
}

/// An object on its way into the folder.
#[derive(Debug)]
pub(super) struct Export {
    file: PathBuf,
    etag: String,
    body: Bytes,
}

impl Store {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            written: Mutex::default(),
        }
    }

    /// What S3 holds now. Cheap: bodies are shared, not copied.
    pub(super) fn look(&self, account: &Account) -> Vec<Export> {
        s3::objects(&account.s3)
            .filter_map(|(bucket, key, object)| {
                let key = Path::new(key);
                // A key that leads elsewhere can't be fetched by this command.
                let is_plain = key
                    .components()
                    .all(|component| matches!(component, Component::Normal(_)));
                let mut name = key.as_os_str().to_owned();
                name.push(".object");
                is_plain.then(|| Export {
                    file: self.folder.join(bucket).join(name),
                    etag: object.etag.clone(),
                    body: object.body.clone(),
                })
            })
            .collect()
    }

    /// Of what S3 holds now, `BUCKET/KEY` of each object that this instance's role may not read, a line each.
    pub(super) fn closed_to(account: &mut Account, instance: &str) -> String {
        let held = account.ec2.instances.get(instance);
        let profile = held.and_then(|instance| instance.profile.clone());
        let all = s3::objects(&account.s3);
        let all: Vec<_> = all
            .map(|(bucket, key, _)| (bucket.to_owned(), key.to_owned()))
            .collect();
        let mut lines = String::new();
        for (bucket, key) in all {
            let about = serde_json::json!({"Bucket": bucket, "Key": key});
            let call = ("s3", "GetObject");
            if !authority::lets_instance(account, profile.as_deref(), call, &about) {
                lines += &format!("{bucket}/{key}\n");
            }
        }
        lines
    }

    /// Makes the folder hold exactly `exports`. Blocks.
    pub(super) fn write(&self, exports: Vec<Export>) -> io::Result<()> {
        // Held while writing, so that two machines don't write the same file.
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = std::mem::take(&mut *written);
        for export in exports {
            let held = gone.remove(&export.file);
            if held.as_ref() != Some(&export.etag) {
                if let Some(parent) = export.file.parent() {
                    fs::create_dir_all(parent)?;
                }
                // Removed first: a script may still be reading the old one.
                remove(&export.file)?;
                fs::write(&export.file, &export.body)?;
            }
            written.insert(export.file, export.etag);
        }
        gone.keys().try_for_each(|file| remove(file))
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
