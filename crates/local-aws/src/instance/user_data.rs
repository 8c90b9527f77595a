//! User data: what cloud-init does with it at the first boot.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::disk;

/// What an instance's user data is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum UserData {
    /// None at all.
    Nothing,
    /// A script, run once.
    Script(String),
    /// Files to write before anything starts, and commands to run then.
    Config {
        files: Vec<WrittenFile>,
        commands: Vec<String>,
    },
}

/// A file that cloud-config wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrittenFile {
    path: String,
    content: Vec<u8>,
    mode: u32,
    appends: bool,
}

impl UserData {
    /// Reads user data; the error is what cloud-init would write into its log.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::Nothing);
        }
        if text.starts_with("#!") {
            return Ok(Self::Script(text.to_owned()));
        }
        let Some(config) = text.strip_prefix("#cloud-config") else {
            return Err(
                "Unhandled non-multipart user data: it begins with neither #! nor #cloud-config"
                    .to_owned(),
            );
        };
        let config: Value = serde_json::from_str(config)
            .map_err(|error| format!("the local cloud reads cloud-config in JSON: {error}"))?;
        let Value::Object(members) = config else {
            return Err("the cloud-config is no object".to_owned());
        };
        let mut files = Vec::new();
        let mut commands = Vec::new();
        for (key, value) in members {
            let items = value.as_array().cloned().unwrap_or_default();
            match key.as_str() {
                "write_files" => {
                    for item in &items {
                        files.push(WrittenFile::read(item)?);
                    }
                }
                "runcmd" => {
                    for item in &items {
                        commands.push(command(item)?);
                    }
                }
                other => {
                    return Err(format!(
                        "the local cloud does not know the cloud-config key {other}"
                    ));
                }
            }
        }
        Ok(Self::Config { files, commands })
    }
}

impl WrittenFile {
    fn read(item: &Value) -> Result<Self, String> {
        let text = |name: &str| item[name].as_str();
        let path = text("path").ok_or("a write_files entry has no path")?;
        let content = text("content").unwrap_or_default();
        let content = match text("encoding") {
            None | Some("text/plain") => content.as_bytes().to_vec(),
            Some("b64" | "base64") => STANDARD
                .decode(content.trim())
                .map_err(|error| format!("the content of {path} is not base64: {error}"))?,
            Some(other) => {
                return Err(format!(
                    "the local cloud does not know the encoding {other} of {path}"
                ));
            }
        };
        let permissions = text("permissions").unwrap_or("0644");
        let mode = u32::from_str_radix(permissions, 8)
            .map_err(|_| format!("{permissions} is no mode for {path}"))?;
        Ok(Self {
            path: path.to_owned(),
            content,
            mode,
            appends: item["append"].as_bool().unwrap_or(false),
        })
    }

    /// Writes the file onto a disk.
    pub(super) fn write(&self, root: &Path) -> io::Result<()> {
        let place = disk::at(root, &self.path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut content = match self.appends {
            true => fs::read(&place).unwrap_or_default(),
            false => Vec::new(),
        };
        content.extend_from_slice(&self.content);
        fs::write(&place, content)?;
        set_mode(&place, self.mode)
    }
}

/// A command of `runcmd` as a line of a script.
fn command(item: &Value) -> Result<String, String> {
    match item {
        Value::String(line) => Ok(line.clone()),
        Value::Array(words) => Ok(words
            .iter()
            .map(|word| {
                let word = word
                    .as_str()
                    .map_or_else(|| word.to_string(), str::to_owned);
                format!("'{}'", word.replace('\'', "'\\''"))
            })
            .collect::<Vec<_>>()
            .join(" ")),
        other => Err(format!("{other} is no command")),
    }
}

#[cfg(unix)]
fn set_mode(file: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_file: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cloud_config_writes_its_files_onto_the_disk() {
        let text = "#cloud-config\n{\"write_files\":[{\"path\":\"/etc/hello/environment\",\"content\":\"RELEASE=1\\n\",\"permissions\":\"0640\"}]}";
        let Ok(UserData::Config { files, .. }) = UserData::read(text) else {
            panic!("a cloud-config")
        };
        let root = tempfile::tempdir().expect("a temporary folder");
        files[0].write(root.path()).expect("written");
        let written = root.path().join("etc/hello/environment");
        assert_eq!(
            fs::read_to_string(written).expect("the file"),
            "RELEASE=1\n"
        );
    }

    #[test]
    fn what_cloud_init_would_not_understand_is_said() {
        for text in [
            "hello",
            "#cloud-config\n{\"packages\":[\"nginx\"]}",
            "#cloud-config\n]",
        ] {
            assert!(UserData::read(text).is_err(), "{text}");
        }
        assert_eq!(UserData::read(" "), Ok(UserData::Nothing));
    }
}
