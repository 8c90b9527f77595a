//! Soaks: both colours up, all traffic on the new one, watched. (Amazon ECS calls it bake time.)
//!
//! Changes: nothing. Waits for: the time being up, or a failure.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use super::arm_guard::keep;
use super::carrier::Carrier;
use super::watch::Watch;
use crate::aws::elbv2::{self, TargetGroups, TrafficRules};
use crate::aws::witness::Contradiction;
use crate::cause::Reason;
use crate::guard::Guard;
use crate::names::{Colour, Release, Weights, exactly};
use crate::plan::Plan;
use crate::probe::{Counts, Tally};
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Check, Settled};
use crate::run::step_id::StepId;

/// How often it is looked in a hold whether all stands as it was left.
const GLANCE: Duration = Duration::from_secs(5);
/// By then it is known whose fault a failure was.
const DECIDED_WITHIN: Duration = Duration::from_secs(4);
/// So many connections may be lost by somebody on the way; one more is not.
const BLIPS: u64 = 1;

/// The step.
#[derive(Debug)]
pub struct Soak {
    time: Duration,
    rules: TrafficRules,
    target_groups: TargetGroups,
    candidate: Colour,
    instances: usize,
    watch: Watch,
    guard: Guard,
    shifted: Duration,
}

impl Soak {
    /// Soaks as long as `plan` says, and judges everything since `shifted` on the wall;
    /// `guard` is renewed meanwhile.
    pub fn of(plan: &Plan, watch: &Watch, guard: &Guard, shifted: Duration) -> Self {
        Self {
            time: plan.shift.soak,
            rules: plan.traffic_rules.clone(),
            target_groups: plan.target_groups.clone(),
            candidate: plan.idle,
            instances: usize::try_from(plan.capacity.desired).unwrap_or_default(),
            watch: watch.clone(),
            guard: guard.clone(),
            shifted,
        }
    }
}

impl Check for Soak {
    type Output = ();

    const ABOUT: About = About {
        id: StepId::Soak,
        name: "soak",
        zone: Zone::Commit,
        does: "watches the new release with all the traffic, and whether its instances stay healthy, both colours up",
        undo: "",
        calls: &[],
        undo_calls: &[],
    };

    async fn check(&self, cx: &Context) -> Result<Settled<()>> {
        let standing = Standing {
            rules: &self.rules,
            target_groups: &self.target_groups,
            weights: Weights::split(self.candidate, 100),
        };
        let carrier = Carrier {
            target_group: self.target_groups.of(self.candidate),
            instances: self.instances,
        };
        let glance = async || {
            standing.check(cx).await?;
            carrier.stays(cx, "in the soak").await
        };
        let (watch, guard) = (&self.watch, &self.guard);
        hold(cx, watch, self.shifted, self.time, guard, glance).await?;
        carrier.is_whole(cx, "at the end of the soak").await?;
        let counts = self.watch.tally_since(self.shifted).counts();
        let summary = format!(
            "{} requests since the shift, {} failed",
            counts.sent, counts.failed
        );
        Ok(Settled::done((), summary))
    }
}

/// What has to stand as this run left it while time passes.
#[derive(Debug)]
pub struct Standing<'a> {
    /// The rules.
    pub rules: &'a TrafficRules,
    /// The target groups that they divide the traffic between.
    pub target_groups: &'a TargetGroups,
    /// How.
    pub weights: Weights,
}

impl Standing<'_> {
    /// Fails when somebody else has changed it. A look that sees nothing says nothing.
    pub async fn check(&self, cx: &Context) -> Result<()> {
        let seeing = elbv2::see_weights(&cx.aws, self.rules, self.target_groups, self.weights);
        match cx.reading(seeing).await {
            Err(error) if Contradiction::of(&error).is_some() => Err(error),
            _ => Ok(()),
        }
    }
}

/// Lets time pass, and fails as soon as requests do, or `glance`. The guard is renewed meanwhile.
pub async fn hold(
    cx: &Context,
    watch: &Watch,
    since: Duration,
    time: Duration,
    guard: &Guard,
    glance: impl AsyncFn() -> Result<()>,
) -> Result<()> {
    let until = cx.clock.elapsed() + time;
    loop {
        keep(cx, guard).await?;
        let glancing = async {
            glance().await?;
            let left = until.saturating_sub(cx.clock.elapsed());
            cx.pause(left.min(GLANCE)).await?;
            anyhow::Ok(left.is_zero())
        };
        if unless_failing(cx, watch, since, glancing).await? {
            return all_decided(cx, watch, since).await;
        }
    }
}

/// Waits, not for long, until it is known of every failure whose fault it was, and fails if one counts.
async fn all_decided(cx: &Context, watch: &Watch, since: Duration) -> Result<()> {
    let until = cx.clock.wall() + DECIDED_WITHIN;
    while watch.tally_since(since).undecided > 0 && cx.clock.wall() < until {
        cx.pause_wall(watch.interval()).await?;
    }
    judge_since(watch, since)
}

/// Looks, and fails as soon as live traffic has failed since `wall`, whatever is looked at meanwhile: a request that fails
/// is known one interval of the probe later at most.
pub async fn unless_failing<T>(
    cx: &Context,
    watch: &Watch,
    wall: Duration,
    looking: impl Future<Output = Result<T>>,
) -> Result<T> {
    let failing = async {
        loop {
            if let Err(error) = judge_since(watch, wall) {
                return error;
            }
            cx.clock.sleep_wall(watch.interval()).await;
        }
    };
    tokio::select! {
        biased;
        error = failing => Err(error),
        looked = looking => looked,
    }
}

/// Fails when live traffic failed since `wall`.
fn judge_since(watch: &Watch, wall: Duration) -> Result<()> {
    if watch.has_panicked() {
        let words = "a worker of the probe panicked: live traffic is not watched as it has to be";
        return Err(Reason::Bug.because(words).into());
    }
    let tally = watch.tally_since(wall);
    if let Some(why) = failure(&tally, watch.baseline()) {
        return Err(reason_of(&tally).because(why).into());
    }
    let slow = watch
        .slowest()
        .and_then(|(release, slowest)| too_slow(&tally, release, *slowest));
    match slow {
        Some(why) => Err(Reason::Slow.because(why).into()),
        None => Ok(()),
    }
}

/// So many of its answers say how slow a release is.
const ENOUGH: u64 = 50;
/// So many slow ones are not the runner's doing: it sends to few connections at a time.
const SLOW_ONES: u64 = 5;

/// Why this release is too slow, if it is: its answers' 99th percentile is beyond what is allowed.
fn too_slow(tally: &Tally, release: &Release, slowest: Duration) -> Option<String> {
    let of = |counts: &BTreeMap<String, u64>| counts.get(&release.0).copied().unwrap_or_default();
    let (answers, slow) = (of(&tally.by_version), of(&tally.slow_by_version));
    let is_slow = answers >= ENOUGH && slow >= SLOW_ONES && slow * 100 > answers;
    is_slow.then(|| {
        format!(
            "{slow} of {answers} answers of {release} took longer than {}, and shift.slowest allows one in a hundred",
            exactly(slowest)
        )
    })
}

/// What is behind its failures.
fn reason_of(tally: &Tally) -> Reason {
    let first = tally.first_failure.as_ref();
    Reason::Requests(first.and_then(|sample| sample.status))
}

/// Why this tally is not good enough after what there was before, if it is not.
fn failure(tally: &Tally, before: Counts) -> Option<String> {
    let counts = tally.counts();
    let is_blip = counts.failed <= BLIPS && counts.failed == tally.unconnected;
    if is_blip || !counts.is_worse_than(before) {
        return None;
    }
    let first = tally.first_failure.as_ref().map(|sample| {
        let words = sample.detail.clone();
        let first = words.unwrap_or_else(|| sample.to_string());
        format!("; the first: {first}")
    });
    let already = match before.failed {
        0 => String::new(),
        failed => format!(" (before it {failed} of {} did)", before.sent),
    };
    Some(format!(
        "{} of {} requests to live traffic failed since the shift began{already}{}",
        counts.failed,
        counts.sent,
        first.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{ErrorClass, Lane, Sample};

    fn tally(failed: u64, unconnected: u64) -> Tally {
        Tally {
            sent: 100,
            failed,
            unconnected,
            bad_answers: failed - unconnected,
            ..Tally::default()
        }
    }

    #[test]
    fn a_release_is_too_slow_when_more_than_one_in_a_hundred_of_enough_answers_are() {
        let told = |answers, slow| {
            let tally = Tally {
                by_version: [("2".to_owned(), answers), ("1".to_owned(), 1_000)].into(),
                slow_by_version: [("2".to_owned(), slow), ("1".to_owned(), 1_000)].into(),
                ..Tally::default()
            };
            too_slow(&tally, &Release("2".into()), Duration::from_millis(1_500))
        };
        assert_eq!(told(49, 49), None);
        assert_eq!(told(50, 4), None);
        assert_eq!(told(500, 5), None);
        assert_eq!(
            told(499, 5).expect("a reason"),
            "5 of 499 answers of 2 took longer than 1500ms, and shift.slowest allows one in a hundred"
        );
    }

    #[test]
    fn one_lost_connection_may_be_anybody_s_and_one_bad_answer_is_the_service_s() {
        let failure = |tally: &Tally| super::failure(tally, Counts::default());
        assert_eq!(failure(&tally(0, 0)), None);
        assert_eq!(failure(&tally(1, 1)), None);
        assert!(failure(&tally(2, 2)).is_some());
        assert!(failure(&tally(2, 1)).is_some());
        assert!(failure(&tally(1, 0)).is_some());
    }

    #[test]
    fn what_the_runner_lost_or_what_is_not_known_yet_or_what_failed_before_is_no_failure() {
        let before = Counts {
            sent: 1_000,
            failed: 10,
            bad_answers: 10,
        };
        let lost = Tally {
            lost_by_runner: 7,
            undecided: 2,
            bad_answers: 0,
            ..tally(9, 0)
        };
        assert_eq!(failure(&lost, Counts::default()), None);
        let one_more = Tally {
            failed: 10,
            bad_answers: 1,
            ..lost
        };
        assert!(failure(&one_more, Counts::default()).is_some());
        assert_eq!(failure(&tally(2, 0), before), None);
        let words = failure(&tally(20, 0), before).expect("a reason");
        assert!(words.contains("(before it 10 of 1000 did)"), "{words}");
    }

    #[test]
    fn the_first_failure_is_told_or_nothing_is_promised() {
        let none = failure(&tally(1, 0), Counts::default()).expect("a reason");
        assert!(none.ends_with("failed since the shift began"), "{none}");
        let with_first = |detail: Option<&str>| {
            let first = Sample {
                lane: Lane::Fresh,
                scheduled: Duration::from_secs(7),
                sent: None,
                to: None,
                latency: Duration::ZERO,
                connect: None,
                status: Some(500),
                version: None,
                error: Some(ErrorClass::Status),
                detail: detail.map(str::to_owned),
            };
            let tally = Tally {
                first_failure: Some(first),
                ..tally(1, 0)
            };
            failure(&tally, Counts::default()).expect("a reason")
        };
        assert!(with_first(Some("500: broken")).ends_with("; the first: 500: broken"));
        assert!(!with_first(None).ends_with(": "), "{}", with_first(None));
    }
}
