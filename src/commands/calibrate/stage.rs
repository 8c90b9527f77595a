//! What is released on a walk, and the walk through the local cloud that a recording is compared with.

use std::cell::RefCell;
use std::path::Path;

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;

use crate::aws::Access;
use crate::calibrate::{Recording, Walk};
use crate::cli::LOCAL_REGION;
use crate::commands::rehearse::stage::{AFTER, BEFORE, sample_artifact};
use crate::config::{self, Config};
use crate::names::Release;
use local_aws::{LocalAws, Options};
use net_clock::{Clock, Network};

/// The file of what is released.
const CALIBRATION: &str = include_str!("calibration.toml");

/// The sample app in two versions, run by `program`.
pub fn releases(folder: &Path, program: &Path) -> Result<[Config; 2]> {
    let release = |version: &str| -> Result<Config> {
        let mut config = config::parse(
            CALIBRATION,
            Path::new("calibration.toml"),
            Some("throwaway"),
        )?;
        config.service.artifact = sample_artifact(folder, program, version)?;
        config.release = Some(Release(version.to_owned()));
        Ok(config)
    };
    Ok([release(BEFORE)?, release(AFTER)?])
}

/// Walks through a local cloud of this seed, in memory and on tokio's paused clock: what takes AWS an hour takes seconds.
pub async fn local_walk(seed: u64) -> Result<Recording> {
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let (network, clock) = (Network::memory(), Clock::real());
    let cloud = LocalAws::start(Options {
        network: network.clone(),
        clock: clock.clone(),
        seed,
        region: LOCAL_REGION.to_owned(),
        ..Options::default()
    })
    .await?;
    let recording = RefCell::new(Recording::default());
    let walk = Walk {
        access: Access {
            region: Some(LOCAL_REGION.to_owned()),
            endpoint_url: Some(cloud.endpoint()),
            keys: Some(("AKIDPERSON".to_owned(), "local".to_owned())),
            tape: None,
        },
        network,
        clock,
        // In memory the local cloud runs the sample app itself.
        releases: releases(folder.path(), Path::new("sample-app"))?,
        folder: folder.path(),
        cancel: CancellationToken::new(),
        write: &|record| {
            recording.borrow_mut().add(record);
            Ok(())
        },
        tell: &|_| {},
    };
    let ended = Box::pin(walk.walk()).await?;
    cloud.stop().await;
    match ended.why_not {
        Some(why) => Err(why.context("the walk through the local cloud")),
        None => Ok(recording.into_inner()),
    }
}
