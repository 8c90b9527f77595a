//! Who is live before the release that is rehearsed: the sample app, the user's own app, or what stands in for it.
//!
//! The user's own app is best: what is taken out of traffic and stopped is then an app of hers. Of one artifact, two releases
//! can be made where the app answers with the `RELEASE` that it is started with. Where it does not, only she has another.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::stage::{self, AFTER, BEFORE, PREVIOUS};
use crate::cause::Reason;
use crate::cli;
use crate::command_line::Rehearsal;
use crate::commands::EarlyExit;
use crate::config::{self, Config, Given};
use crate::inputs::Inputs;
use crate::names::Release;
use crate::outcome::Outcome;

/// The user's own app, as it was said on the command line.
#[derive(Clone, Debug)]
pub(super) struct Own {
    /// What is released.
    pub(super) after: Config,
    /// What `--previous` names, if it does.
    pub(super) previous: Option<Config>,
    /// What `--previous` says it answers with.
    pub(super) previous_release: Option<String>,
    /// It was asked for.
    pub(super) stand_in: bool,
}

impl Own {
    /// The app that `after` releases, and what the command says of the release before it.
    pub(super) fn of(
        after: Config,
        command: &cli::Rehearse,
        inputs: &Inputs,
    ) -> Result<Self, EarlyExit> {
        let previous = match &command.previous {
            None => None,
            Some(path) => {
                let mut inputs = inputs.clone();
                inputs.artifact = Some(Given::new("--previous", path.to_string_lossy()));
                Some(config::load(&inputs)?)
            }
        };
        let named = command.previous_release.as_deref();
        let wanted = after.release.as_ref().map(|release| release.0.as_str());
        if named.is_some() && named == wanted {
            return Err(EarlyExit::bad_input(
                "--previous-release: the release before it can't have the name of the release itself (--release)",
            ));
        }
        Ok(Self {
            after,
            previous,
            previous_release: command.previous_release.clone(),
            stand_in: command.stand_in,
        })
    }
}

/// Who is live before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// The sample app, before the sample app.
    Sample,
    /// What `--previous` names.
    Given,
    /// The same artifact, under another release.
    SameArtifact,
    /// An app of ours that answers where the user's app does.
    StandIn,
}

impl Before {
    /// Whether it is an app of the user's own.
    pub(super) const fn is_own(self) -> bool {
        matches!(self, Self::Given | Self::SameArtifact)
    }
}

/// What is live before, and what is released.
#[derive(Debug)]
pub(super) struct Releases {
    pub(super) before: Config,
    pub(super) after: Config,
    pub(super) who: Before,
    folder: PathBuf,
    program: PathBuf,
}

impl Releases {
    /// Of the sample app, or of the user's own.
    pub(super) fn of(
        own: Option<Own>,
        said: &Rehearsal,
        port: u16,
        folder: &Path,
        program: &Path,
    ) -> Result<Self> {
        let sample = |version: &str| -> Result<Config> {
            let artifact = stage::sample_artifact(folder, program, version)?;
            stage::sample_config(&artifact, version)
        };
        let (before, after, who) = match own {
            None => (sample(BEFORE)?, sample(AFTER)?, Before::Sample),
            Some(own) => {
                let who = match (&own.previous, own.stand_in) {
                    (Some(_), _) => Before::Given,
                    (None, true) => Before::StandIn,
                    (None, false) => Before::SameArtifact,
                };
                let mut before = own.previous.unwrap_or_else(|| own.after.clone());
                before.release = Some(Release(
                    own.previous_release.unwrap_or_else(|| PREVIOUS.to_owned()),
                ));
                // What the release has to answer, the one before it may not.
                before.smoke = Vec::new();
                (before, own.after, who)
            }
        };
        let mut releases = Self {
            before,
            after,
            who,
            folder: folder.to_owned(),
            program: program.to_owned(),
        };
        if who == Before::StandIn {
            releases.take_stand_in()?;
        }
        for config in [&mut releases.before, &mut releases.after] {
            config.region = None;
            config.command_line.rehearsal = Some(said.clone());
            config.account = None;
            config.probe.url = None;
            config.network = config::Network {
                vpc: None,
                subnets: Vec::new(),
                listener_port: port,
                public: true,
            };
            config.bake.base_image = config::default::BASE_IMAGE.to_owned();
        }
        Ok(releases)
    }

    /// Something else is live before.
    pub(super) fn take_stand_in(&mut self) -> Result<()> {
        let before = &mut self.before;
        before.service.artifact = stage::stand_in(&self.folder, &self.program, &before.service)?;
        before.service.command = "./sample-app".to_owned();
        before.release = Some(Release(PREVIOUS.to_owned()));
        before.bake.script = None;
        before.probe.long_path = None;
        self.who = Before::StandIn;
        Ok(())
    }
}

/// Whether this release failed for nothing but the name that it goes by.
pub(super) fn answers_another_release(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::RolledBack { cause, .. } if cause.reason == Some(Reason::WrongRelease))
}

/// What has to be said again for the same rehearsal.
pub(super) fn said(command: &cli::Rehearse) -> Rehearsal {
    Rehearsal {
        speed: (command.speed != cli::SPEED).then_some(command.speed),
        previous: command
            .previous
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned()),
        previous_release: command.previous_release.clone(),
        stand_in: command.stand_in,
    }
}
