//! What a rehearsal sets up: the sample app in two versions, what goes wrong, and how it has to end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cli::Fault;
use crate::config::{self, Config};
use crate::names::{PREVIEW_HEADER, Release};
use crate::outcome::{EXIT_OK, EXIT_ROLLED_BACK};
use local_aws::sample_app::{AppFault, Settings, StandIn, write_artifact};
use local_aws::{Fault as CloudFault, LocalAws};

/// The version that is live before.
pub const BEFORE: &str = "0.0.1";
/// The version that is released.
pub const AFTER: &str = "0.0.2";

/// A request of the long lane takes this long, on the wall: longer than the shift of a rehearsal.
const LONG_REQUEST_MS: u32 = 3_000;
/// How long `slow-start` takes to start, on AWS's clock.
const SLOW_START: Duration = Duration::from_secs(60);

/// A fault, how it has to end, and why in one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The exit code.
    pub exit_code: u8,
    /// Why, for a tired person.
    pub why: &'static str,
}

/// How a rehearsal with this fault has to end.
pub fn expected(fault: Fault) -> Expected {
    let rolled_back = |why| Expected {
        exit_code: EXIT_ROLLED_BACK,
        why,
    };
    let deployed = |why| Expected {
        exit_code: EXIT_OK,
        why,
    };
    match fault {
        Fault::Unhealthy => {
            rolled_back("the new release never answers its health check, so it never gets traffic")
        }
        Fault::WrongVersion => {
            rolled_back("the new release answers with another version than it was released as")
        }
        Fault::CrashOnStart => rolled_back(
            "the new release ends as soon as it is started, so it never becomes healthy",
        ),
        Fault::DropsOnStop => deployed(
            "the app cuts its connections when it is stopped, and nobody is on them by then: \
             capacity goes only after the drain",
        ),
        Fault::KeepAliveTooShort => rolled_back(
            "the app closes idle connections before the load balancer does, which \
             visitors see as 502",
        ),
        Fault::BakeScriptFails => {
            rolled_back("the bake script fails on the builder, so there is no image")
        }
        Fault::NoCapacity => rolled_back(
            "AWS has no instances of this type now, and says so in the scaling activity",
        ),
        Fault::SlowStart => deployed("the new release takes a minute to start, and is waited for"),
        Fault::ErrorsAfterShift => rolled_back(
            "the new release passes its tests and fails under traffic: the weights are restored",
        ),
    }
}

/// Whether the fault lies in the app: with an app of the user's own it can't be had.
pub fn is_of_the_app(fault: Fault) -> bool {
    !matches!(fault, Fault::BakeScriptFails | Fault::NoCapacity)
}

/// A config that releases the sample app.
pub fn sample_config(artifact: &Path, version: &str) -> Config {
    Config {
        app: "hello".to_owned(),
        environment: "rehearsal".to_owned(),
        region: None,
        account: None,
        release: Some(Release(version.to_owned())),
        service: config::Service {
            command: "./sample-app".to_owned(),
            artifact: artifact.to_owned(),
            port: config::default::PORT,
            health_path: config::default::HEALTH_PATH.to_owned(),
            version_path: config::default::VERSION_PATH.to_owned(),
            version_pointer: None,
            variables: Default::default(),
            stop_timeout: config::default::STOP_TIMEOUT,
        },
        bake: config::Bake {
            base_image: config::default::BASE_IMAGE.to_owned(),
            instance_type: config::default::INSTANCE_TYPE.to_owned(),
            script: None,
            timeout: config::default::BAKE_TIMEOUT,
        },
        smoke: sample_smoke(),
        shift: config::Shift {
            strategy: config::Strategy::Canary,
            weights: vec![20, 100],
            hold: Duration::from_secs(30),
            soak: Duration::from_secs(90),
        },
        probe: config::Probe {
            rate: 60.0,
            url: None,
            long_path: Some(format!("/slow?ms={LONG_REQUEST_MS}")),
            timeout: config::default::PROBE_TIMEOUT,
        },
        fleet: config::Fleet {
            instance_type: config::default::INSTANCE_TYPE.to_owned(),
            min: config::default::MIN,
            max: config::default::MAX,
            healthy_streak: config::default::HEALTHY_STREAK,
            healthy_within: Duration::from_secs(180),
        },
        retain: config::Retain {
            previous_for: config::default::RETAIN_FOR,
            images: config::default::RETAIN_IMAGES,
        },
        network: config::Network {
            vpc: None,
            subnets: Vec::new(),
            listener_port: config::default::LISTENER_PORT,
            public: true,
        },
    }
}

/// Two tests of the sample app.
fn sample_smoke() -> Vec<config::Smoke> {
    let test = |name: &str, method: &str, body: Option<&str>, status: u16| config::Smoke {
        name: name.to_owned(),
        method: method.to_owned(),
        path: "/hello/ada".to_owned(),
        headers: Default::default(),
        body: body.map(str::to_owned),
        status,
        expect_headers: Default::default(),
        json: Default::default(),
        text: None,
        within: config::default::SMOKE_WITHIN,
    };
    vec![
        test(
            "remembers a birthday",
            "PUT",
            Some(r#"{"dateOfBirth":"1815-12-10"}"#),
            204,
        ),
        test(
            "refuses a birthday that is none",
            "PUT",
            Some(r#"{"dateOfBirth":"tomorrow"}"#),
            400,
        ),
    ]
}

/// Writes an artifact of the sample app into `folder`, run by `program` (this very binary).
pub fn sample_artifact(
    folder: &Path,
    program: &Path,
    version: &str,
    fault: Option<Fault>,
    speed: f64,
) -> Result<PathBuf> {
    let artifact = folder.join(version);
    std::fs::create_dir_all(&artifact).with_context(|| format!("making {}", artifact.display()))?;
    let start_after = match fault {
        Some(Fault::SlowStart) => SLOW_START.div_f64(speed),
        _ => Duration::ZERO,
    };
    let settings = Settings {
        version: version.to_owned(),
        fault: fault.and_then(app_fault),
        preview_header: Some(PREVIEW_HEADER.to_owned()),
        start_after_ms: u64::try_from(start_after.as_millis()).unwrap_or(u64::MAX),
        ..Settings::default()
    };
    write_artifact(&artifact, program, &settings)?;
    Ok(artifact)
}

/// The version of what stands in for the user's app before its release.
pub const STAND_IN: &str = "before-the-rehearsal";

/// An artifact of the sample app that answers where the user's own app does: what is live before its release.
pub fn stand_in(folder: &Path, program: &Path, service: &config::Service) -> Result<PathBuf> {
    let artifact = folder.join("stand-in");
    std::fs::create_dir_all(&artifact).with_context(|| format!("making {}", artifact.display()))?;
    let version_body = match &service.version_pointer {
        Some(pointer) => json_with(pointer, STAND_IN).to_string(),
        None => STAND_IN.to_owned(),
    };
    let settings = Settings {
        version: STAND_IN.to_owned(),
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

fn app_fault(fault: Fault) -> Option<AppFault> {
    Some(match fault {
        Fault::Unhealthy => AppFault::Unhealthy,
        Fault::WrongVersion => AppFault::WrongVersion,
        Fault::CrashOnStart => AppFault::CrashOnStart,
        Fault::DropsOnStop => AppFault::DropsOnStop,
        Fault::KeepAliveTooShort => AppFault::KeepAliveTooShort,
        Fault::SlowStart => AppFault::SlowStart,
        Fault::ErrorsAfterShift => AppFault::ErrorsAfterShift,
        Fault::BakeScriptFails | Fault::NoCapacity => return None,
    })
}

/// Sets what goes wrong outside the app.
pub fn set_fault(
    cloud: &LocalAws,
    config: &mut Config,
    folder: &Path,
    fault: Option<Fault>,
) -> Result<()> {
    match fault {
        Some(Fault::NoCapacity) => cloud.inject(CloudFault::no_capacity()),
        Some(Fault::BakeScriptFails) => {
            let script = folder.join("bake.sh");
            let text = "#!/bin/sh\necho 'installing libfoo 2.3'\necho 'error: libfoo 2.3 is not to be had' >&2\nexit 3\n";
            std::fs::write(&script, text)
                .with_context(|| format!("writing {}", script.display()))?;
            config.bake.script = Some(script);
        }
        // What is retained would not be stopped while anybody looks.
        Some(Fault::DropsOnStop) => config.retain.previous_for = Duration::ZERO,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

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

    #[test]
    fn a_fault_ends_in_the_old_release_or_in_the_new_one_and_nowhere_else() {
        for fault in Fault::value_variants() {
            let code = expected(*fault).exit_code;
            assert!(
                code == EXIT_OK || code == EXIT_ROLLED_BACK,
                "{fault:?}: {code}"
            );
        }
    }
}
