//! The lanes of a probe: what each asks, how often, over how many connections.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use tokio::sync::Mutex;

use super::addresses::Addresses;
use super::endpoint::Endpoint;
use super::exchange::{Request, Want};
use super::sample::Lane;
use super::schedule::Schedule;
use super::spec::Spec;
use net_clock::Network;

/// The fewest and the most connections of a lane.
const POOL: std::ops::RangeInclusive<usize> = 4..=100;
/// For how long a target may take to answer before more connections are used.
const POOL_COVERS: Duration = Duration::from_millis(400);
/// The highest rate that makes sense from one machine.
const HIGHEST_RATE: f64 = 20_000.0;
/// How often the negative control asks.
const CONTROL_RATE: f64 = 1.0;
/// How often the reference is asked, or as often as a lane of visitors asks where that is less.
const REFERENCE_RATE: f64 = 4.0;
/// A reference that takes longer than this is silent.
const REFERENCE_TIMEOUT: Duration = Duration::from_secs(2);
/// How many long requests are on their way at any time.
const LONG_AT_ONCE: usize = 2;
/// How long a long request may take.
const LONG_TIMEOUT: Duration = Duration::from_secs(600);
/// The least time between two starts of long requests of one worker.
const LONG_INTERVAL: Duration = Duration::from_secs(1);

/// One lane, ready to run.
#[derive(Debug)]
pub(super) struct LaneSpec {
    pub(super) shape: Lane,
    pub(super) request: Request,
    pub(super) schedule: Schedule,
    pub(super) workers: usize,
    /// Further ones, for when all of these wait for answers.
    pub(super) reserve: usize,
    /// Who of the reserve watches whether that is so.
    pub(super) watch: Mutex<()>,
    pub(super) timeout: Duration,
}

/// Every lane that the spec asks for.
pub(super) fn lane_specs(
    network: &Network,
    spec: &Spec,
    now: Duration,
) -> Result<Vec<Arc<LaneSpec>>> {
    ensure!(
        spec.rate_per_second > 0.0 && spec.rate_per_second <= HIGHEST_RATE,
        "a rate of {} per second is not above 0 and at most {HIGHEST_RATE}",
        spec.rate_per_second
    );
    ensure!(
        !spec.timeout.is_zero(),
        "a timeout of 0 fails every request"
    );
    let interval = Duration::from_secs_f64(1.0 / spec.rate_per_second);
    let request = |path: &str, want| request(network, spec, path, want);
    let visit = |lane, first| -> Result<LaneSpec> {
        Ok(LaneSpec {
            shape: lane,
            request: request(&spec.path, Want::Version(spec.pointer.clone()))?,
            schedule: Schedule::constant(first, spec.rate_per_second),
            workers: pool(spec.rate_per_second, POOL_COVERS),
            reserve: reserve(spec.rate_per_second, spec.timeout),
            watch: Mutex::default(),
            timeout: spec.timeout,
        })
    };
    // Half an interval later, so that the two lanes take turns.
    let mut lanes = vec![visit(Lane::KeepAlive, now + interval / 2)?];
    if spec.fresh {
        lanes.push(visit(Lane::Fresh, now)?);
    }
    if let Some(path) = &spec.long_path {
        lanes.push(LaneSpec {
            shape: Lane::Long,
            request: request(path, Want::Whole)?,
            schedule: Schedule::in_turn(now, LONG_INTERVAL),
            workers: LONG_AT_ONCE,
            reserve: 0,
            watch: Mutex::default(),
            timeout: LONG_TIMEOUT,
        });
    }
    if spec.control {
        let path = format!("/bg-deploy-negative-control-{}", spec.random);
        lanes.push(LaneSpec {
            shape: Lane::Control,
            request: request(&path, Want::Version(spec.pointer.clone()))?,
            schedule: Schedule::constant(now, CONTROL_RATE),
            workers: *POOL.start(),
            reserve: 0,
            watch: Mutex::default(),
            timeout: spec.timeout,
        });
    }
    if let Some(endpoint) = &spec.reference {
        lanes.push(LaneSpec {
            shape: Lane::Reference,
            request: reference(network, endpoint)?,
            schedule: Schedule::constant(now, 1.0 / reference_interval(spec).as_secs_f64()),
            workers: pool(REFERENCE_RATE, REFERENCE_TIMEOUT),
            reserve: 0,
            watch: Mutex::default(),
            timeout: REFERENCE_TIMEOUT,
        });
    }
    Ok(lanes.into_iter().map(Arc::new).collect())
}

/// Between two requests to the reference.
pub(super) fn reference_interval(spec: &Spec) -> Duration {
    Duration::from_secs_f64(1.0 / REFERENCE_RATE.min(spec.rate_per_second))
}

/// A request for any answer. The visitors' own headers are not sent along: they may be secrets.
fn reference(network: &Network, endpoint: &Endpoint) -> Result<Request> {
    Ok(Request {
        network: network.clone(),
        endpoint: endpoint.clone(),
        addresses: Addresses::of(network, &endpoint.host, endpoint.port),
        uri: http::Uri::from_static("/"),
        headers: headers(&endpoint.authority(), &[])?,
        expected: 100..=599,
        want: Want::Anything,
    })
}

fn request(network: &Network, spec: &Spec, path: &str, want: Want) -> Result<Request> {
    ensure!(
        path.starts_with('/'),
        "the path {path:?} has to begin with /"
    );
    Ok(Request {
        network: network.clone(),
        endpoint: spec.base.clone(),
        addresses: Addresses::of(network, &spec.base.host, spec.base.port),
        uri: path
            .parse()
            .with_context(|| format!("{path:?} as a path"))?,
        headers: headers(&spec.base.authority(), &spec.headers)?,
        expected: spec.expected.clone(),
        want,
    })
}

fn headers(authority: &str, own: &[(String, String)]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(own.len() + 2);
    headers.insert(HOST, HeaderValue::from_str(authority).context("the host")?);
    let agent = concat!("bg-deploy/", env!("CARGO_PKG_VERSION"), " probe");
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in own {
        let parsed: HeaderName = name
            .parse()
            .with_context(|| format!("{name:?} as a header name"))?;
        // The value is not in the error: it may be a secret.
        let value = HeaderValue::from_str(value)
            .with_context(|| format!("the value of the header {name}"))?;
        headers.insert(parsed, value);
    }
    Ok(headers)
}

/// How many connections a lane has: enough for a target that takes so long, never enough to overflow a server's accept queue.
fn pool(rate: f64, covers: Duration) -> usize {
    let wanted = (rate * covers.as_secs_f64()).ceil();
    // The rate was checked above, so this is a small positive number.
    (wanted as usize).clamp(*POOL.start(), *POOL.end())
}

/// How many more it has for a target that takes as long as a request may: what a slow service answers has to be measured, and
/// a request that had no connection would say nothing of it.
fn reserve(rate: f64, timeout: Duration) -> usize {
    pool(rate, timeout).saturating_sub(pool(rate, POOL_COVERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        Spec::new(Endpoint::parse("http://h").expect("a URL"), "/version")
    }

    #[test]
    fn a_pool_is_small_and_grows_with_the_rate_up_to_its_cap() {
        let rates = [0.1, 20.0, 100.0, 20_000.0];
        assert_eq!(rates.map(|rate| pool(rate, POOL_COVERS)), [4, 8, 40, 100]);
        let timeout = Duration::from_secs(5);
        assert_eq!(rates.map(|rate| reserve(rate, timeout)), [0, 92, 60, 0]);
    }

    #[test]
    fn what_cannot_be_sent_is_refused_before_anything_is_sent_and_no_secret_is_told() {
        let refused = |change: fn(&mut Spec)| {
            let mut spec = spec();
            change(&mut spec);
            let outcome = lane_specs(&Network::memory(), &spec, Duration::ZERO);
            format!("{:#}", outcome.expect_err("a refusal"))
        };
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e6] {
            let mut spec = spec();
            spec.rate_per_second = rate;
            assert!(lane_specs(&Network::memory(), &spec, Duration::ZERO).is_err());
        }
        assert!(refused(|spec| spec.path = "version".into()).contains("begin with /"));
        assert!(refused(|spec| spec.timeout = Duration::ZERO).contains("timeout"));
        let secret = refused(|spec| spec.headers = vec![("x-key".into(), "se\ncret".into())]);
        assert!(
            secret.contains("x-key") && !secret.contains("cret\""),
            "{secret}"
        );
    }
}
