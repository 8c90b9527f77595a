//! An app to put behind the load balancers when one has none of one's own: small, real HTTP, and able to misbehave.
//!
//! `GET /hc` is its health check, `GET /version` says which release it is, `GET /slow?ms=` takes its time, and
//! `PUT /hello/NAME` remembers a birthday that `GET /hello/NAME` counts the days to. A release of it is a folder made
//! by [`write_artifact`]; [`serve`] runs it as a task, [`main`] as a process.
//!
//! It writes a line when it starts, for each answer of 500 and above, and for each request that came through a preview,
//! its header included: careless apps do, and what is shown of their logs has to be shown with care.
//!
//! Guarantees: without a fault it does what a well-behaved service does, above all when told to stop: it stops
//! accepting, finishes the requests in flight and exits 0.

mod answers;
mod artifact;
mod connection;
mod log;
mod process;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::artifact::{MARK, write_artifact};
pub use self::connection::serve;
pub use self::log::Log;
pub use self::process::main;

/// How one release of the app behaves: `release.json` in its artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What `/version` answers.
    pub version: String,
    /// What is wrong with it, if anything.
    #[serde(default)]
    pub fault: Option<AppFault>,
    /// Requests with this header come through a preview: [`AppFault::ErrorsAfterShift`], [`AppFault::SlowAfterShift`] and
    /// [`AppFault::KeepAliveTooShort`] spare them.
    #[serde(default)]
    pub preview_header: Option<String>,
    /// How long it takes to start, in milliseconds.
    #[serde(default)]
    pub start_after_ms: u64,
    /// After how long it gives up starting and exits with 1, in milliseconds; 0 for never.
    #[serde(default)]
    pub give_up_after_ms: u64,
    /// Where it answers, when it stands in for another app.
    #[serde(default)]
    pub stand_in: Option<StandIn>,
}

/// Where another app answers that the sample app stands in for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn {
    /// Its health path.
    pub health_path: String,
    /// Its version path.
    pub version_path: String,
    /// What that answers, the version in it.
    pub version_body: String,
}

/// What can be wrong with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppFault {
    /// `/hc` answers 500.
    Unhealthy,
    /// `/version` answers another version.
    WrongVersion,
    /// It exits with 1 at once.
    CrashOnStart,
    /// Told to stop, it exits at once and cuts every connection.
    DropsOnStop,
    /// It closes idle connections after 15 to 150 ms, and loses the request that comes at that moment.
    KeepAliveTooShort,
    /// It listens only after `start_after_ms`.
    SlowStart,
    /// Every twentieth request that did not come through the preview route answers 500.
    ErrorsAfterShift,
    /// `/version` takes 300 ms, but for requests that come through the preview route.
    SlowAfterShift,
}

impl Settings {
    /// How long it tries to start in vain, if it does.
    fn gives_up_after(&self) -> Option<Duration> {
        (self.give_up_after_ms != 0).then(|| Duration::from_millis(self.give_up_after_ms))
    }

    /// It says that it gives up.
    fn gives_up(&self, log: &Log) {
        let version = &self.version;
        log.line(&format!("{version} gives up: no answer from DATABASE_URL"));
    }

    /// Whether it ends as soon as it is started, which it says first.
    fn crashes(&self, log: &Log) -> bool {
        let crashes = self.fault == Some(AppFault::CrashOnStart);
        if crashes {
            let version = &self.version;
            log.line(&format!(
                "{version} cannot start: nothing is at DATABASE_URL (crash-on-start)"
            ));
        }
        crashes
    }
}
