//! What a probe is to do.

use std::path::PathBuf;
use std::time::Duration;

use super::endpoint::Endpoint;

/// What to ask, how often, and what a good answer is.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Whom to ask.
    pub base: Endpoint,
    /// The path that tells the version.
    pub path: String,
    /// Where in its JSON the version stands (RFC 6901). Without one: at `/version` if the answer is JSON, else all of
    /// its text.
    pub pointer: Option<String>,
    /// Headers to send along.
    pub headers: Vec<(String, String)>,
    /// Requests per second, on the fresh and on the keep-alive lane each.
    pub rate_per_second: f64,
    /// Whether there is a lane of fresh connections. Without it no verdict is better than unproven; it is for rates
    /// at which a machine would run out of ports.
    pub fresh: bool,
    /// How long a request may take, connecting included.
    pub timeout: Duration,
    /// The path of a request that outlasts the shift, if the app has one.
    pub long_path: Option<String>,
    /// Where to write the ledger.
    pub ledger: Option<PathBuf>,
    /// Whether to plant failures that have to be caught.
    pub control: bool,
    /// Something that has nothing to do with whom it asks: when that does not answer either, it is the runner's own network.
    pub reference: Option<Endpoint>,
    /// Makes the planted path one that no app has.
    pub random: String,
    /// Good answers that take longer are counted as slow, too.
    pub slow_beyond: Option<Duration>,
    /// The statuses of good answers.
    pub expected: std::ops::RangeInclusive<u16>,
}

impl Spec {
    /// Asks twenty times a second on each lane, with a negative control, and wants any 2xx within five seconds.
    pub fn new(base: Endpoint, path: &str) -> Self {
        Self {
            base,
            path: path.to_owned(),
            pointer: None,
            headers: Vec::new(),
            rate_per_second: 20.0,
            fresh: true,
            timeout: Duration::from_secs(5),
            long_path: None,
            ledger: None,
            control: true,
            reference: None,
            random: "path".to_owned(),
            slow_beyond: None,
            expected: 200..=299,
        }
    }
}
