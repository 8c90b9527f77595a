//! The commands of this program that are suggested: each as it has to be typed to mean the same app, environment, region and
//! release as the command that suggests it, wherever that found them.
//!
//! Guarantees: the one place that writes them down (`tests/house.rs`); what a shell would take apart is quoted.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::names::NO_ENVIRONMENT;
use crate::text::shell_word;

/// What was said beside the file, or is not in it, and has to be said again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommandLine {
    /// The file, where it is another than `bg-deploy.toml` here.
    pub config: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The region, where the file has none.
    pub region: Option<String>,
    /// Where AWS answers, where that was said by an option: a variable stands in the shell already.
    pub endpoint_url: Option<String>,
    /// The release, where one was named.
    pub release: Option<String>,
    /// What is released, where it is another than the file's.
    pub artifact: Option<String>,
    /// It is a rehearsal: whatever is typed next is one, too, as its cloud is gone, and AWS was never meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
}

/// What was said of a rehearsal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rehearsal {
    /// How many times faster than AWS, where that was said.
    pub speed: Option<u32>,
    /// An earlier build of the app.
    pub previous: Option<String>,
    /// What that answers with.
    pub previous_release: Option<String>,
    /// Something else than the app was to be live before.
    pub stand_in: bool,
}

/// A command that is suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// How things stand.
    Status,
    /// What is in the way.
    Doctor,
    /// The same, and what is safe is mended.
    Fix,
    /// Makes and updates the stack.
    Provision,
    /// Removes the stack of this app and environment: `hello/prod`.
    Destroy(&'a str),
    /// The same while visitors are served, by a release that is left to be filled in.
    DestroyServing(&'a str),
    /// The same release, again.
    Deploy,
    /// The same, where a run left something behind.
    DeployOver,
    /// The same outside of the windows.
    DeployAtAnyTime,
    /// The same though its commit is older.
    DeployOlder,
    /// Another release, whose artifact is to be built first.
    DeployOf(&'a str),
    /// Back to the release before.
    Rollback,
    /// Back to this one.
    RollbackTo(&'a str),
    /// The same, though another run is under way.
    TakeOver,
    /// Brings an earlier run to its end, by what AWS has of it.
    Finish,
    /// The same by its state file.
    FinishBy(&'a Path),
    /// Lets releases go on.
    ReleaseHold,
    /// Takes the turn away from a run that is gone.
    Unlock,
    /// Rehearses, again.
    Rehearse,
    /// The same, and the way back after it.
    RehearseRollback,
    /// Rehearses the sample app with this fault.
    RehearseSample(&'a str),
    /// The same release, proved again without traffic.
    Verify,
    /// Walks through this account.
    Calibrate(&'a str),
    /// Removes what such a walk left there.
    TearDown(&'a str),
    /// Holds the local cloud against what a walk wrote down.
    Compare(&'a Path),
    /// Asks live traffic there whether this release answers, and no other.
    Probe(&'a str, &'a str),
}

impl CommandLine {
    /// For this environment, where the file and the shell say all the rest.
    pub fn in_environment(environment: &str) -> Self {
        Self {
            environment: Some(environment.to_owned()).filter(|it| it != NO_ENVIRONMENT),
            ..Self::default()
        }
    }

    /// Whether it is a rehearsal.
    pub fn rehearses(&self) -> bool {
        self.rehearsal.is_some()
    }

    /// How this is typed.
    pub fn of(&self, next: Next<'_>) -> String {
        let next = match self.rehearses() {
            true => next.rehearsed(),
            false => next,
        };
        let (command, options) = next.words();
        let mut words = vec!["bg-deploy".to_owned(), command.to_owned()];
        let mut say = |option: &str, value: Option<&str>| {
            words.extend(value.map(|value| format!("{option} {}", shell_word(value))));
        };
        let rehearsal = self.rehearsal.as_ref();
        let speed = rehearsal.and_then(|it| it.speed).map(|it| it.to_string());
        match next {
            Next::Calibrate(account) | Next::TearDown(account) => {
                say("--region", self.region.as_deref());
                say("--account", Some(account));
            }
            Next::Compare(recording) => {
                return format!(
                    "bg-deploy compare {}",
                    shell_word(&recording.to_string_lossy())
                );
            }
            // Its state says the rest.
            Next::FinishBy(file) => say("--state", Some(&file.to_string_lossy())),
            Next::RehearseSample(fault) => {
                say("--sample --fault", Some(fault));
                say("--speed", speed.as_deref());
            }
            // Of the file it takes the app, and a cloud of its own.
            Next::Rehearse | Next::RehearseRollback => {
                say("--config", self.config.as_deref());
                say("--release", self.release.as_deref());
                say("--artifact", self.artifact.as_deref());
                if let Some(rehearsal) = rehearsal {
                    say("--previous", rehearsal.previous.as_deref());
                    say("--previous-release", rehearsal.previous_release.as_deref());
                }
                say("--speed", speed.as_deref());
            }
            _ => {
                say("--config", self.config.as_deref());
                say("--environment", self.environment.as_deref());
                say("--region", self.region.as_deref());
            }
        }
        if command != "rehearse" {
            say("--endpoint-url", self.endpoint_url.as_deref());
        }
        match next {
            Next::RollbackTo(release) => say("--to", Some(release)),
            Next::Destroy(whole) | Next::DestroyServing(whole) => say("--yes", Some(whole)),
            Next::DeployOf(release) => say("--release", Some(release)),
            Next::Probe(url, release) => {
                say("--url", Some(url));
                say(
                    "--expect",
                    Some(release).filter(|release| !release.is_empty()),
                );
            }
            _ if next.releases() => say("--release", self.release.as_deref()),
            _ => {}
        }
        if next.releases() {
            say("--artifact", self.artifact.as_deref());
        }
        words.extend(options.map(str::to_owned));
        let stand_in = rehearsal.is_some_and(|it| it.stand_in);
        if stand_in && matches!(next, Next::Rehearse | Next::RehearseRollback) {
            words.push("--stand-in".to_owned());
        }
        words.join(" ")
    }
}

impl Next<'_> {
    /// The command, and what it is told beside what is said of every run.
    fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Status => ("status", None),
            Self::Doctor => ("doctor", None),
            Self::Fix => ("doctor", Some("--fix")),
            Self::Provision => ("provision", None),
            Self::Destroy(_) => ("destroy", None),
            Self::DestroyServing(_) => ("destroy", Some("--even-while-serving RELEASE")),
            Self::Deploy | Self::DeployOf(_) => ("deploy", None),
            Self::DeployOver => ("deploy", Some(" # clears the idle colour first")),
            Self::DeployAtAnyTime => ("deploy", Some("--ignore-windows")),
            Self::DeployOlder => ("deploy", Some("--allow-older")),
            Self::Rollback | Self::RollbackTo(_) => ("rollback", None),
            Self::TakeOver => ("rollback", Some("--take-over")),
            Self::Finish | Self::FinishBy(_) => ("finish", None),
            Self::ReleaseHold => ("release-hold", None),
            Self::Unlock => ("unlock", Some("--reason \"...\"")),
            Self::Rehearse | Self::RehearseSample(_) => ("rehearse", None),
            Self::RehearseRollback => ("rehearse", Some("--rollback")),
            Self::Verify => ("verify", None),
            Self::Probe(..) => ("probe", None),
            Self::Calibrate(_) => ("calibrate", None),
            Self::TearDown(_) => ("calibrate", Some("--tear-down")),
            Self::Compare(_) => ("compare", None),
        }
    }

    /// What comes next of it in a rehearsal.
    fn rehearsed(self) -> Self {
        match self {
            Self::RehearseSample(_) | Self::RehearseRollback => self,
            Self::Rollback | Self::RollbackTo(_) | Self::TakeOver => Self::RehearseRollback,
            _ => Self::Rehearse,
        }
    }

    /// Whether it takes an artifact.
    fn releases(self) -> bool {
        matches!(self.words().0, "deploy" | "verify")
    }
}

/// How a command of the AWS CLI is typed. Whoever types it may have another region as the default.
pub fn aws(region: Option<&str>, command: &str, options: &str) -> String {
    let region = region.map_or_else(String::new, |region| format!(" --region {region}"));
    format!("aws {command}{region} {options}")
}

/// The region that an ARN names: `arn:aws:elasticloadbalancing:REGION:...`
pub fn region_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(3).filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_says_is_not_said_again() {
        let prod = CommandLine::in_environment("prod");
        assert_eq!(prod.of(Next::Status), "bg-deploy status --environment prod");
        assert_eq!(
            prod.of(Next::RollbackTo("1.8.0")),
            "bg-deploy rollback --environment prod --to 1.8.0"
        );
        assert_eq!(
            prod.of(Next::TakeOver),
            "bg-deploy rollback --environment prod --take-over"
        );
        assert_eq!(
            prod.of(Next::FinishBy(Path::new("out/state.json"))),
            "bg-deploy finish --state out/state.json"
        );
    }

    #[test]
    fn after_a_rehearsal_nothing_is_suggested_that_asks_aws() {
        let rehearsed = CommandLine {
            config: Some("x.toml".to_owned()),
            region: Some("eu-west-1".to_owned()),
            rehearsal: Some(Rehearsal::default()),
            ..CommandLine::default()
        };
        for (next, typed) in [
            (
                Next::Rollback,
                "bg-deploy rehearse --config x.toml --rollback",
            ),
            (Next::Status, "bg-deploy rehearse --config x.toml"),
            (Next::Deploy, "bg-deploy rehearse --config x.toml"),
            (
                Next::RehearseSample("unhealthy"),
                "bg-deploy rehearse --sample --fault unhealthy",
            ),
        ] {
            assert_eq!(rehearsed.of(next), typed);
        }
        let own = CommandLine {
            release: Some("1.0.0".to_owned()),
            ..rehearsed
        };
        assert_eq!(
            own.of(Next::Deploy),
            "bg-deploy rehearse --config x.toml --release 1.0.0"
        );
        let beside = CommandLine {
            artifact: Some("out".to_owned()),
            rehearsal: Some(Rehearsal {
                speed: Some(60),
                previous: Some("last build".to_owned()),
                previous_release: Some("0.9".to_owned()),
                stand_in: false,
            }),
            ..own
        };
        assert_eq!(
            beside.of(Next::Rollback),
            "bg-deploy rehearse --config x.toml --release 1.0.0 --artifact out --previous 'last build' \
             --previous-release 0.9 --speed 60 --rollback"
        );
    }

    #[test]
    fn what_was_said_beside_it_is_and_a_shell_takes_nothing_apart() {
        let said = CommandLine {
            config: Some("deploy/our app.toml".to_owned()),
            environment: Some("prod".to_owned()),
            region: Some("eu-west-1".to_owned()),
            endpoint_url: Some("http://127.0.0.1:4566".to_owned()),
            release: Some("it's".to_owned()),
            artifact: Some("out".to_owned()),
            rehearsal: None,
        };
        let all = "--config 'deploy/our app.toml' --environment prod --region eu-west-1 --endpoint-url http://127.0.0.1:4566";
        assert_eq!(said.of(Next::Fix), format!("bg-deploy doctor {all} --fix"));
        assert_eq!(
            said.of(Next::DeployOlder),
            format!(r"bg-deploy deploy {all} --release 'it'\''s' --artifact out --allow-older")
        );
        assert_eq!(
            said.of(Next::DeployOf("1.0.0")),
            format!("bg-deploy deploy {all} --release 1.0.0 --artifact out")
        );
    }
}
