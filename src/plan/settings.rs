//! What a plan took over from the file, as far as a step needs it: how a visitor asks, how the traffic moves, what has to
//! hold before it does.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aws::elbv2::HealthCheck;
use crate::config::{Config, Smoke, default};
use crate::names::{Colour, Weights};
use crate::secret::Secret;

/// How live traffic is asked for its version, by the probe and by every look at the data plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visitor {
    /// Where the service answers with its release.
    pub version_path: String,
    /// Where in that answer's JSON the release stands; `None`: `/version` of a JSON body, else the whole text.
    pub version_pointer: Option<String>,
    /// A request that takes longer than this has failed.
    pub timeout: Duration,
    /// The probe's requests a second in each lane.
    pub rate: f64,
    /// A path whose answer takes longer than the shift, if the app has one.
    pub long_path: Option<String>,
    /// What tells the runner's own network apart; `None`: AWS's own endpoint.
    #[serde(default)]
    pub reference: Option<String>,
}

impl Visitor {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            version_path: config.service.version_path.clone(),
            version_pointer: config.service.version_pointer.clone(),
            timeout: config.probe.timeout,
            rate: config.probe.rate,
            long_path: config.probe.long_path.clone(),
            reference: config.probe.reference.clone(),
        }
    }
}

/// How the traffic moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// The candidate's weight in each stage, rising, the last one 100.
    pub percents: Vec<u8>,
    /// How long each stage but the last is held.
    pub hold: Duration,
    /// How long both colours stay up and watched after the last stage.
    pub soak: Duration,
    /// How long the candidate's answers may take, but for one in a hundred, if that is judged.
    #[serde(default)]
    pub slowest: Option<Duration>,
}

impl Shift {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            percents: config.shift.weights.clone(),
            hold: config.shift.hold,
            soak: config.shift.soak,
            slowest: config.shift.slowest,
        }
    }

    /// The other colour is empty: whoever were led there would get nothing.
    pub(super) fn unshared(config: &Config) -> Self {
        Self {
            soak: config.shift.soak,
            slowest: config.shift.slowest,
            ..Self::at_once()
        }
    }

    /// What is live is to get nothing, and there is nothing to wait and see.
    pub(super) fn at_once() -> Self {
        Self {
            percents: vec![100],
            hold: Duration::ZERO,
            soak: Duration::ZERO,
            slowest: None,
        }
    }

    /// The weights of each stage.
    pub fn stages(&self, candidate: Colour) -> Vec<Weights> {
        let percents = self.percents.iter();
        percents
            .map(|percent| Weights::split(candidate, *percent))
            .collect()
    }
}

/// When instances count as healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How many looks in a row every instance must be healthy.
    pub streak: u32,
    /// How long they may take.
    pub within: Duration,
}

impl Health {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            streak: config.fleet.healthy_streak,
            within: config.fleet.healthy_within,
        }
    }
}

/// How the load balancer checks the instances of a release: it belongs to the release, as its health path does, and is set
/// on a colour that nobody is led to.
///
/// Five seconds and two passes: a fresh colour is known to be healthy soon, a dead target for ten seconds at most.
pub fn health_check(config: &Config) -> HealthCheck {
    HealthCheck {
        port: config.service.port,
        path: config.service.health_path.clone(),
        interval: 5,
        timeout: 2,
        healthy: 2,
        unhealthy: 2,
    }
}

/// What must hold before the shift; the health path is always the first of it.
pub(super) fn smoke_tests(config: &Config) -> Vec<Smoke> {
    let health = Smoke {
        name: "health".to_owned(),
        method: "GET".to_owned(),
        path: config.service.health_path.clone(),
        headers: Default::default(),
        body: None,
        status: 200,
        expect_headers: Default::default(),
        json: Default::default(),
        text: None,
        within: default::SMOKE_WITHIN,
    };
    let mut tests = vec![health];
    tests.extend(config.smoke.iter().cloned());
    tests
}

/// The secret of the preview route, which is never written: it has no form that could be. A plan that was read back has
/// none, and its route can only be closed, which needs none.
#[derive(Clone, Debug, Default)]
pub struct PreviewToken(Secret);

impl PreviewToken {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(secret.clone())
    }

    /// The value, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}
