//! From what AWS holds to the plan of a rollback, or why there is none, with what to type instead.
//!
//! What is live is presumed bad. Nothing is demanded that only a bake needs, and no artifact.

use crate::aws::launch_templates::Version;
use crate::command_line::Next;
use crate::config::Config;
use crate::inventory::{Inventory, Stack, release};
use crate::lease::Done;
use crate::names::Release;
use crate::stack::{Names, TAG_COMMIT};

use super::past::{known_never_live, within_reach};
use super::preconditions::{Chosen, Preconditions};
use super::{Decision, Draw, Plan, Shift, Source, is_frozen};

impl Plan {
    /// Decides a rollback to `to`, else to what was live before; `runs` are those that are remembered.
    pub fn go_back(
        config: &Config,
        inventory: &Inventory,
        runs: &[Done],
        to: Option<&Release>,
        draw: &Draw,
    ) -> Decision {
        Self::of_a_past(config, inventory, runs, to, draw)
            .unwrap_or_else(|reasons| Decision::Refused(reasons.join("\n")))
    }

    fn of_a_past(
        config: &Config,
        inventory: &Inventory,
        runs: &[Done],
        to: Option<&Release>,
        draw: &Draw,
    ) -> Result<Decision, Vec<String>> {
        let names = Names::new(&config.app, &config.environment);
        let met = Preconditions::find(config, inventory, &names, &[])?;
        let (live, idle) = (met.live_stack, met.idle_stack);
        let back = Back {
            config,
            inventory,
            runs,
            running: inventory.release_of(met.live),
            live,
            idle,
        };
        if let Some(to) = to
            && back.running.as_ref() == Some(to)
        {
            return Ok(Decision::NothingToDo(to.clone()));
        }
        let (release, source) = back.chosen(to).map_err(|reason| vec![reason])?;
        let kept = match source {
            Source::Retained { .. } => idle.group.capacity.desired,
            _ => 0,
        };
        let chosen = Chosen {
            commit: back.commit_of(&source),
            release,
            source,
            desired: live.group.capacity.desired.max(kept),
            shift: Shift::at_once(),
        };
        let plan = met.plan(config, inventory, draw, chosen);
        Ok(Decision::Release(Box::new(plan)))
    }
}

/// What a way back is chosen from.
struct Back<'a> {
    config: &'a Config,
    inventory: &'a Inventory,
    runs: &'a [Done],
    running: Option<Release>,
    live: &'a Stack,
    idle: &'a Stack,
}

impl Back<'_> {
    /// The release to go back to, and where it comes from.
    fn chosen(&self, to: Option<&Release>) -> Result<(Release, Source), String> {
        let release = match to {
            Some(to) => to.clone(),
            None => self.before()?,
        };
        let source = self.source_of(&release)?;
        Ok((release, source))
    }

    /// The release that was live before: the one that the idle group starts instances of.
    fn before(&self) -> Result<Release, String> {
        let at_hand = self.at_hand();
        let before = at_hand
            .and_then(release)
            .filter(|release| Some(release) != self.running.as_ref());
        let (Some(version), Some(before)) = (at_hand, before) else {
            return Err(self.nothing_before());
        };
        if let Some(run) = known_never_live(version, self.runs) {
            return Err(format!(
                "{before} is what the idle colour starts, and it was never live: it is of a {}\n\
                 say which release is meant:{}",
                run.words(),
                self.reachable()
            ));
        }
        // A candidate that never was live is newer than what is.
        let newer = self.live.group.template_version < Some(version.number);
        if newer && self.idle.is_up() && is_frozen(&self.idle.group) {
            return Err(format!(
                "{before} is up on the idle colour as a run left it that was interrupted, or is still under way: \
                 it may never have been live\n\
                 if no run is under way, first run: {}\n\
                 or say which release is meant:{}",
                self.config.next(Next::Finish),
                self.reachable()
            ));
        }
        Ok(before)
    }

    /// The commit that what is gone back to was made from.
    fn commit_of(&self, source: &Source) -> Option<String> {
        let number = match source {
            Source::Retained { version }
            | Source::ScaledIn { version, .. }
            | Source::Earlier { version, .. } => *version,
            Source::Artifact(_) => return None,
        };
        let mut versions = self.inventory.versions.iter();
        let version = versions.find(|version| version.number == number)?;
        version.tags.get(TAG_COMMIT).cloned()
    }

    /// Where a release comes from.
    fn source_of(&self, wanted: &Release) -> Result<Source, String> {
        let is_it = |version: &&Version| release(version).as_ref() == Some(wanted);
        let at_hand = self.at_hand().filter(is_it);
        if let Some(version) = at_hand {
            if self.idle.is_up() && self.idle.runs_only(version.number) {
                return Ok(Source::Retained {
                    version: version.number,
                });
            }
            if self.inventory.stands(&version.image) {
                return Ok(Source::ScaledIn {
                    version: version.number,
                    image: version.image.clone(),
                });
            }
        }
        let known: Vec<&Version> = self.inventory.versions.iter().filter(is_it).collect();
        let standing = known
            .iter()
            .find(|version| self.inventory.stands(&version.image));
        match (standing, known.first()) {
            (Some(version), _) => Ok(Source::Earlier {
                image: version.image.clone(),
                version: version.number,
            }),
            (None, Some(version)) => Err(format!(
                "{wanted} can't be gone back to: its image {} is gone (retain.images keeps {})\n\
                 to release it again, check it out, build it, and run: {}{}",
                version.image,
                self.config.retain.images,
                self.config.next(Next::DeployOf(&wanted.0)),
                self.or_another()
            )),
            (None, None) => Err(format!(
                "{} in {} has no release {wanted} that AWS knows of{}",
                self.config.app,
                self.config.environment,
                self.or_another()
            )),
        }
    }

    /// The template version that the idle group starts instances from.
    fn at_hand(&self) -> Option<&Version> {
        let number = self.idle.group.template_version?;
        let mut versions = self.inventory.versions.iter();
        versions.find(|version| version.number == number)
    }

    fn nothing_before(&self) -> String {
        let (app, environment) = (&self.config.app, &self.config.environment);
        let what = match &self.running {
            Some(running) => format!("{running} is the first release of {app} in {environment}"),
            None => format!("{app} has no release in {environment} yet"),
        };
        if within_reach(self.inventory, self.runs).is_empty() {
            return format!("{what}: there is nothing to go back to");
        }
        format!(
            "what was live in {environment} before is not known any more{}",
            self.or_another()
        )
    }

    fn or_another(&self) -> String {
        match self.reachable() {
            none if none.is_empty() => "\nno earlier release can be gone back to".to_owned(),
            commands => format!("\nthese can be gone back to, the newest first:{commands}"),
        }
    }

    /// The command for each release that can be gone back to, a line each.
    fn reachable(&self) -> String {
        within_reach(self.inventory, self.runs)
            .iter()
            .map(|release| format!("\n  {}", self.config.next(Next::RollbackTo(&release.0))))
            .collect()
    }
}
