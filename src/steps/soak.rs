//! Soaks: both colours up, all traffic on the new one, watched. (Amazon ECS calls it bake time.)
//!
//! Changes: nothing. Waits for: the time being up, or a failure.

use std::time::Duration;

use anyhow::{Result, bail};

use super::watch::Watch;
use crate::aws::elbv2;
use crate::cause::Reason;
use crate::plan::Plan;
use crate::probe::{ErrorClass, Tally};
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Check, Settled};
use crate::run::step_id::StepId;

/// How often a hold is judged.
const GLANCE: Duration = Duration::from_secs(5);
/// So many failures without an answer from the service may be the runner's own network; one more is not.
const BLIPS: u64 = 1;

/// The step.
#[derive(Debug)]
pub struct Soak {
    time: Duration,
    target_group: String,
    instances: usize,
    watch: Watch,
    shifted: Duration,
}

impl Soak {
    /// Soaks as long as `plan` says, and judges everything since `shifted` on the wall.
    pub fn of(plan: &Plan, watch: &Watch, shifted: Duration) -> Self {
        Self {
            time: plan.shift.soak,
            target_group: plan.target_groups.of(plan.idle).to_owned(),
            instances: usize::try_from(plan.capacity.desired).unwrap_or_default(),
            watch: watch.clone(),
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
        does: "watches the new release with all the traffic, both colours up",
        undo: "",
        calls: &[],
    };

    async fn check(&self, cx: &Context) -> Result<Settled<()>> {
        hold(cx, &self.watch, self.shifted, self.time).await?;
        let looking = async { Ok(elbv2::describe_targets(&cx.aws, &self.target_group).await?) };
        let targets = cx.reading(looking).await?;
        let healthy = targets
            .iter()
            .filter(|target| target.state == "healthy")
            .count();
        let wanted = self.instances;
        if healthy < wanted {
            bail!("only {healthy} of {wanted} instances are healthy at the end of the soak");
        }
        let tally = self.watch.tally_since(self.shifted);
        let summary = format!(
            "{} requests since the shift, {} failed",
            tally.sent, tally.failed
        );
        Ok(Settled::done((), summary))
    }
}

/// Lets time pass, and fails as soon as requests do.
pub async fn hold(cx: &Context, watch: &Watch, since: Duration, time: Duration) -> Result<()> {
    let until = cx.clock.elapsed() + time;
    loop {
        judge_since(watch, since)?;
        let left = until.saturating_sub(cx.clock.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        cx.pause(left.min(GLANCE)).await?;
    }
}

/// Fails when live traffic failed since `wall`.
pub fn judge_since(watch: &Watch, wall: Duration) -> Result<()> {
    if watch.has_panicked() {
        let words = "a worker of the probe panicked: live traffic is not watched as it has to be";
        return Err(Reason::Bug.because(words).into());
    }
    let tally = watch.tally_since(wall);
    match failure(&tally) {
        Some(why) => Err(reason_of(&tally).because(why).into()),
        None => Ok(()),
    }
}

/// What is behind its failures.
fn reason_of(tally: &Tally) -> Reason {
    let first = tally.first_failure.as_ref();
    Reason::Requests(first.and_then(|sample| sample.status))
}

/// Why this tally is not good enough, if it is not.
fn failure(tally: &Tally) -> Option<String> {
    let own_network = |class: &ErrorClass| {
        matches!(
            class,
            ErrorClass::Refused | ErrorClass::ConnectTimeout | ErrorClass::Dns | ErrorClass::Tls
        )
    };
    let blips: u64 = tally
        .by_error
        .iter()
        .filter(|(class, _)| own_network(class))
        .map(|(_, count)| count)
        .sum();
    if tally.failed == 0 || (tally.failed <= BLIPS && blips == tally.failed) {
        return None;
    }
    let first = tally
        .first_failure
        .as_ref()
        .and_then(|sample| sample.detail.clone())
        .unwrap_or_default();
    Some(format!(
        "{} of {} requests to live traffic failed since the shift began; the first: {first}",
        tally.failed, tally.sent
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(failed: u64, class: ErrorClass) -> Tally {
        Tally {
            sent: 100,
            failed,
            by_error: [(class, failed)].into(),
            ..Tally::default()
        }
    }

    #[test]
    fn one_lost_connection_may_be_the_runner_s_and_one_bad_answer_is_the_service_s() {
        assert_eq!(failure(&tally(0, ErrorClass::Status)), None);
        assert_eq!(failure(&tally(1, ErrorClass::Refused)), None);
        assert!(failure(&tally(2, ErrorClass::Refused)).is_some());
        assert!(failure(&tally(1, ErrorClass::Status)).is_some());
    }
}
