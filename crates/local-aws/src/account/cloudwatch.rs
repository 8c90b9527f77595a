//! CloudWatch in the pretend account: how many requests each target group and load balancer had, minute by minute.
//!
//! As AWS does it: a request counts once a node has a target for it, whoever answers it then; a minute without one has no
//! figure at all, not a zero; and a minute's figure is there only some time after the minute is over. It stays when the
//! load balancer or the target group is gone.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::Account;
use crate::pace::Spread;

/// What figures are of.
pub const MINUTE: Duration = Duration::from_secs(60);

/// A metric: of the load balancer alone, or of a target group behind it. Both are the last part of the ARN
/// (`app/NAME/ID`, `targetgroup/NAME/ID`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestCount {
    /// The dimension `LoadBalancer`.
    pub load_balancer: String,
    /// The dimension `TargetGroup`.
    pub target_group: Option<String>,
}

/// The figure of one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Figure {
    sum: u64,
    shown_from: Duration,
}

/// Every figure.
#[derive(Debug)]
pub struct State {
    /// By metric, and by the minute's number since 1970.
    request_counts: BTreeMap<RequestCount, BTreeMap<u64, Figure>>,
    /// Its own: how often it is asked changes nothing else in the account.
    rng: fastrand::Rng,
}

impl State {
    /// Without any figure.
    pub fn new(seed: u64) -> Self {
        Self {
            request_counts: BTreeMap::new(),
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Adds one to a minute's figure, which is shown `delay` after it is over.
    fn add(&mut self, of: RequestCount, minute: u64, over: Duration, delay: Spread) {
        let rng = &mut self.rng;
        let figures = self.request_counts.entry(of).or_default();
        let figure = figures.entry(minute).or_insert_with(|| Figure {
            sum: 0,
            shown_from: over + delay.draw(rng),
        });
        figure.sum += 1;
    }
}

/// Counts a request that goes to a target now.
pub fn count_request(account: &mut Account, load_balancer: &str, target_group: &str) {
    let since_1970 = since_1970(account.utc());
    let minute = since_1970.as_secs() / MINUTE.as_secs();
    let into = since_1970 - MINUTE * u32::try_from(minute).unwrap_or(u32::MAX);
    let over = account.now() + MINUTE.saturating_sub(into);
    let delay = account.pace.metric_delay;
    let load_balancer = dimension(load_balancer, "loadbalancer/").to_owned();
    let target_group = dimension(target_group, "").to_owned();
    for target_group in [None, Some(target_group)] {
        let of = RequestCount {
            load_balancer: load_balancer.clone(),
            target_group,
        };
        account.cloudwatch.add(of, minute, over, delay);
    }
}

/// The sums of each `period` between two moments in which there were requests, by its beginning, the earliest first.
/// Minutes whose figures are not shown yet are not in them.
pub fn request_counts(
    account: &Account,
    of: &RequestCount,
    (from, to): (SystemTime, SystemTime),
    period: Duration,
) -> BTreeMap<SystemTime, u64> {
    let seconds = period.as_secs().max(MINUTE.as_secs());
    let begin = |second: u64| second / seconds * seconds;
    // The beginning is rounded down to a whole minute, and the end is not within.
    let from = since_1970(from).as_secs() / MINUTE.as_secs() * MINUTE.as_secs();
    let to = since_1970(to);
    let mut sums = BTreeMap::new();
    let figures = account.cloudwatch.request_counts.get(of);
    for (minute, figure) in figures.into_iter().flatten() {
        let second = minute * MINUTE.as_secs();
        let begins = begin(second);
        let is_within = begins >= from && Duration::from_secs(begins) < to;
        if is_within && figure.shown_from <= account.now() {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(begins);
            *sums.entry(at).or_default() += figure.sum;
        }
    }
    sums
}

/// What stands for an ARN in a dimension.
fn dimension<'a>(arn: &'a str, kind: &str) -> &'a str {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    resource.strip_prefix(kind).unwrap_or(resource)
}

fn since_1970(at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::Pace;

    const BALANCER: &str = "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/hello/1";
    const GROUP: &str = "arn:aws:elasticloadbalancing:r:1:targetgroup/blue/2";

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn of(target_group: Option<&str>) -> RequestCount {
        RequestCount {
            load_balancer: "app/hello/1".to_owned(),
            target_group: target_group.map(str::to_owned),
        }
    }

    /// What is shown of the first hour, in minutes.
    fn shown(account: &Account, of: &RequestCount) -> Vec<(u64, u64)> {
        let hour = (
            SystemTime::UNIX_EPOCH,
            SystemTime::UNIX_EPOCH + seconds(3600),
        );
        let found = request_counts(account, of, hour, MINUTE);
        let minutes = found.into_iter();
        minutes
            .map(|(at, sum)| (since_1970(at).as_secs() / 60, sum))
            .collect()
    }

    #[test]
    fn a_minute_s_figure_is_shown_some_time_after_the_minute_and_one_without_requests_has_none() {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        let group = of(Some("targetgroup/blue/2"));
        for (at, times) in [(5, 2), (59, 1), (130, 4)] {
            account.advance(seconds(at));
            for _ in 0..times {
                count_request(&mut account, BALANCER, GROUP);
            }
        }
        let delay = account.pace.metric_delay;
        account.advance(seconds(60) + delay.most);
        assert_eq!(shown(&account, &group), [(0, 3)]);
        account.advance(seconds(179));
        assert_eq!(shown(&account, &group), [(0, 3)], "the minute goes on");
        account.advance(seconds(180) + delay.most);
        assert_eq!(shown(&account, &group), [(0, 3), (2, 4)]);
        assert_eq!(shown(&account, &of(None)), [(0, 3), (2, 4)]);
        assert_eq!(shown(&account, &of(Some("targetgroup/green/3"))), []);
    }

    #[test]
    fn figures_add_up_to_longer_periods_and_the_end_is_not_within() {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        for at in [0, 60, 240, 300] {
            account.advance(seconds(at));
            count_request(&mut account, BALANCER, GROUP);
        }
        account.advance(seconds(3600));
        let at = |second| SystemTime::UNIX_EPOCH + seconds(second);
        let found = request_counts(&account, &of(None), (at(30), at(300)), seconds(60));
        assert_eq!(
            found,
            BTreeMap::from([(at(0), 1), (at(60), 1), (at(240), 1)])
        );
        let found = request_counts(&account, &of(None), (at(0), at(301)), seconds(300));
        assert_eq!(found, BTreeMap::from([(at(0), 3), (at(300), 1)]));
    }
}
