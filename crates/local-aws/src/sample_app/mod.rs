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
    /// One in so many requests that did not come through the preview route answers 500; 0 for none.
    #[serde(default)]
    pub fails_one_in: u64,
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
    /// It runs and never listens.
    NoPort,
    /// It says that it listens on port 3000, whatever `PORT` is.
    WrongPort,
    /// It takes connections and never answers.
    Hangs,
    /// `/version` answers 500.
    Version500,
    /// `/version` answers 200 with nothing.
    VersionEmpty,
    /// `/version` answers 200 with 30 MB.
    VersionHuge,
    /// `/version` answers 200 with a page, as many apps do for any path.
    VersionPage,
    /// `/version` leads to a login.
    VersionRedirects,
    /// `/version` never answers.
    VersionHangs,
    /// `/version` takes four seconds.
    VersionSlow,
    /// Told to stop, it takes half a minute.
    SlowStop,
    /// Told to stop, it goes on, for a minute.
    IgnoresSigterm,
    /// It closes connections that were idle for five seconds, as many servers do.
    KeepAlive5s,
    /// It keeps every request's memory.
    Leaks,
    /// It wants to write into its own folder, and exits with 1 as it may not.
    WritesIntoOwnFolder,
    /// It exits with 127, as what lacks a library does.
    LacksLibrary,
    /// `/hc` answers 200 for half a minute and 500 for the next.
    Flaps,
}

impl AppFault {
    /// What it says before it exits, and its exit code, where it does so as soon as it is started.
    fn exit(self) -> Option<(&'static str, i32)> {
        match self {
            Self::CrashOnStart => Some((
                "cannot start: nothing is at DATABASE_URL (crash-on-start)",
                1,
            )),
            Self::WritesIntoOwnFolder => Some((
                "cannot start: ./cache.db: Read-only file system (os error 30)",
                1,
            )),
            Self::LacksLibrary => Some((
                "error while loading shared libraries: libfoo.so.2: cannot open shared object file: No such file or directory",
                127,
            )),
            _ => None,
        }
    }

    /// Whether it never listens.
    fn is_deaf(self) -> bool {
        matches!(self, Self::NoPort | Self::WrongPort)
    }

    /// How long it goes on when it is told to stop, before it does what a well-behaved service does at once.
    fn lingers(self) -> Duration {
        match self {
            Self::SlowStop => Duration::from_secs(30),
            Self::IgnoresSigterm => Duration::from_secs(60),
            _ => Duration::ZERO,
        }
    }
}

impl Settings {
    /// How long it tries to start in vain, if it does.
    fn gives_up_after(&self) -> Option<Duration> {
        (self.give_up_after_ms != 0).then(|| Duration::from_millis(self.give_up_after_ms))
    }

    /// It says where it listens.
    fn says_where_it_listens(&self, log: &Log, port: u16) {
        let version = &self.version;
        match self.fault {
            Some(AppFault::NoPort) => log.line(&format!("{version} is started")),
            Some(AppFault::WrongPort) => log.line(&format!("{version} listens on port 3000")),
            _ => log.line(&format!("{version} listens on port {port}")),
        }
    }

    /// It says that it gives up.
    fn gives_up(&self, log: &Log) {
        let version = &self.version;
        log.line(&format!("{version} gives up: no answer from DATABASE_URL"));
    }

    /// The exit code with which it ends as soon as it is started, if it does, which it says first.
    fn crashes(&self, log: &Log) -> Option<i32> {
        let (says, code) = self.fault.and_then(AppFault::exit)?;
        log.line(&format!("{} {says}", self.version));
        Some(code)
    }
}
