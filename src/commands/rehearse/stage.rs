//! What a rehearsal sets up: the sample app in two versions, or what stands in for an app before its release.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::config::{self, Config};
use crate::faults::{Fault, Place, Scene};
use crate::names::{PREVIEW_HEADER, Release};
use local_aws::LocalAws;
use local_aws::sample_app::{Settings, StandIn, write_artifact};

/// The version that is live before.
pub const BEFORE: &str = "0.0.1";
/// The version that is released.
pub const AFTER: &str = "0.0.2";

/// The file of the sample app.
const SAMPLE: &str = include_str!("sample.toml");

/// A config that releases the sample app.
pub fn sample_config(artifact: &Path, version: &str) -> Result<Config> {
    let mut config = config::parse(SAMPLE, Path::new("sample.toml"), Some("rehearsal"))?;
    config.service.artifact = artifact.to_owned();
    config.release = Some(Release(version.to_owned()));
    Ok(config)
}

/// Writes an artifact of the sample app into `folder`, run by `program` (this very binary).
pub fn sample_artifact(folder: &Path, program: &Path, version: &str) -> Result<PathBuf> {
    let artifact = folder.join(version);
    write_artifact(&artifact, program, &sample_app(version))?;
    Ok(artifact)
}

/// The sample app in this version, well-behaved.
fn sample_app(version: &str) -> Settings {
    Settings {
        version: version.to_owned(),
        preview_header: Some(PREVIEW_HEADER.to_owned()),
        ..Settings::default()
    }
}

/// The release that is live before a release of the user's app, where it has no name of its own.
pub const PREVIOUS: &str = "before-the-rehearsal";

/// An artifact of the sample app that answers where the user's own app does: what is live before its release.
pub fn stand_in(folder: &Path, program: &Path, service: &config::Service) -> Result<PathBuf> {
    let artifact = folder.join("stand-in");
    let version_body = match &service.version_pointer {
        Some(pointer) => json_with(pointer, PREVIOUS).to_string(),
        None => PREVIOUS.to_owned(),
    };
    let settings = Settings {
        version: PREVIOUS.to_owned(),
        stand_in: Some(StandIn {
            health_path: service.health_path.clone(),
            version_path: service.version_path.clone(),
            version_body,
        }),
        ..Settings::default()
    };
    write_artifact(&artifact, program, &settings)?;
    Ok(artifact)
}

/// The smallest JSON that has `text` at this pointer (RFC 6901).
fn json_with(pointer: &str, text: &str) -> serde_json::Value {
    let keys = pointer.split('/').skip(1);
    let keys: Vec<_> = keys
        .map(|key| key.replace("~1", "/").replace("~0", "~"))
        .collect();
    keys.into_iter()
        .rev()
        .fold(serde_json::Value::from(text), |inner, key| {
            match key.parse::<usize>() {
                Ok(index) if index < 64 => {
                    let mut items = vec![serde_json::Value::Null; index];
                    items.push(inner);
                    items.into()
                }
                _ => serde_json::json!({ key: inner }),
            }
        })
}

/// Plants a fault in what is released and in the local cloud.
pub fn plant(
    fault: &Fault,
    cloud: &LocalAws,
    config: &mut Config,
    folder: &Path,
    program: &Path,
    speed: f64,
) -> Result<()> {
    let mut app = sample_app(AFTER);
    (fault.plant)(&mut Scene {
        app: &mut app,
        config,
        cloud,
        folder,
        speed,
    })?;
    if fault.place == Place::App {
        write_artifact(&config.service.artifact, program, &app)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_s_json_has_the_version_where_the_pointer_says() {
        for pointer in ["/version", "/build/a~1b/version", "/builds/2/v"] {
            let json = json_with(pointer, "x");
            assert_eq!(
                json.pointer(pointer),
                Some(&serde_json::json!("x")),
                "{json}"
            );
        }
    }
}
