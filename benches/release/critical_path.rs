//! What a release cannot be faster than: the moments at which things became true in the account, and the holds that
//! the configuration and the steps' policies want.
//!
//! The order of the steps is taken as given, and so is what AWS takes for a thing, the looks of its runbook every few
//! seconds included. Calls, connections and scripts count as nothing, so a ratio of 1 cannot be reached.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bg_deploy::plan::Plan;
use bg_deploy::run::event::{Event, Stamped};
use bg_deploy::steps::{await_healthy, data_plane, drain_previous};
use local_aws::account::{Account, Call, Milestone};

/// A step, or several that overlap, of a release that was carried out.
pub(crate) struct Step {
    pub(crate) name: String,
    /// From its begin to its end.
    pub(crate) took: Duration,
    /// What AWS took for it.
    pub(crate) aws: Duration,
    /// What policy and configuration have it hold.
    pub(crate) held: Duration,
}

impl Step {
    /// How much later than possible it was done.
    pub(crate) fn overshoot(&self) -> Duration {
        self.took.saturating_sub(self.aws + self.held)
    }
}

/// The lower bound of a release.
pub(crate) fn bound(steps: &[Step]) -> Duration {
    steps.iter().map(|step| step.aws + step.held).sum()
}

/// Where a run begins in the account's logs.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    at: Duration,
    calls: usize,
    milestones: usize,
}

impl Mark {
    /// Now.
    pub(crate) fn now(account: &Account) -> Self {
        Self {
            at: account.now(),
            calls: account.calls.len(),
            milestones: account.milestones.len(),
        }
    }
}

/// What the account and the run logged of one release.
pub(crate) struct Recording {
    windows: Vec<(String, Duration, Duration)>,
    calls: Vec<Call>,
    milestones: Vec<Milestone>,
    image_seen: Option<Duration>,
}

impl Recording {
    /// Of the run that began at `mark` and told these events.
    pub(crate) fn new(account: &Account, events: &[Stamped], mark: Mark) -> Self {
        let baked = account.ssm.automations.values();
        let newest = baked
            .filter(|automation| automation.document.ends_with("-bake"))
            .max_by_key(|automation| automation.started_at);
        let image_seen = newest
            .filter(|automation| automation.started_at >= mark.at)
            .and_then(|automation| {
                let index = automation.runbook.position("awaitImage")?;
                automation.steps[index].ended_at
            });
        Self {
            windows: windows(events, mark.at),
            calls: account.calls[mark.calls..].to_vec(),
            milestones: account.milestones[mark.milestones..].to_vec(),
            image_seen,
        }
    }

    /// Every call of the run.
    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Every call between a step's begin and its end.
    pub(crate) fn calls_of(&self, step: &str) -> &[Call] {
        let Some((_, from, to)) = self.windows.iter().find(|(name, ..)| name == step) else {
            return &[];
        };
        let first = self.calls.partition_point(|call| call.at < *from);
        let end = self.calls.partition_point(|call| call.at <= *to);
        &self.calls[first..end.max(first)]
    }

    /// Every step of the release. Those that overlap are one: instances become healthy whether or not they were seen in
    /// service, and the previous release falls silent before the soak.
    pub(crate) fn steps(&self, plan: &Plan) -> Result<Vec<Step>> {
        let mut steps: Vec<Step> = Vec::new();
        for (name, from, to) in &self.windows {
            let took = to.saturating_sub(*from);
            if let "await healthy" | "soak" | "disarm guard" | "drain previous" = name.as_str() {
                let before = steps.last_mut().context("a step before")?;
                before.name = format!("{}, {name}", before.name);
                before.took += took;
                continue;
            }
            let (aws, held) = self.least(name, plan)?;
            steps.push(Step {
                name: name.clone(),
                took,
                aws,
                held,
            });
        }
        Ok(steps)
    }

    /// What AWS takes for a step, and what has to be held.
    fn least(&self, name: &str, plan: &Plan) -> Result<(Duration, Duration)> {
        let shift = &plan.shift;
        let stages = u32::try_from(shift.percents.len())?;
        Ok(match name {
            "bake image" => (self.bake()?, Duration::ZERO),
            "scale up idle group" => {
                let looks = plan.health.streak.saturating_sub(1);
                (self.fleet()?, await_healthy::LOOK_EVERY * looks)
            }
            "open preview route" => (self.propagation(name), rounds()),
            // The previous release answers for the last time when the last node learns of the last weights (or up to
            // one request of the probe earlier), and is to be silent for a while from then on.
            "shift traffic" => {
                let holds = (rounds() + shift.hold) * stages.saturating_sub(1);
                let after_last = (rounds() + shift.soak).max(drain_previous::QUIET);
                (self.propagation(name), holds + after_last)
            }
            _ => (Duration::ZERO, Duration::ZERO),
        })
    }

    /// From the automation's start to its own look that found the image available.
    fn bake(&self) -> Result<Duration> {
        let started = self.call("StartAutomationExecution")?;
        let seen = self.image_seen.context("a bake without an image")?;
        Ok(seen.saturating_sub(started))
    }

    /// From the group being asked for instances to the last of them being healthy.
    fn fleet(&self) -> Result<Duration> {
        let asked = self.calls_of("scale up idle group");
        let asked = asked
            .iter()
            .find(|call| call.operation == "UpdateAutoScalingGroup")
            .context("nothing was scaled up")?
            .at;
        let became = |what: &'static str| {
            let since = self.milestones.iter();
            since.filter(move |milestone| milestone.what == what && milestone.at >= asked)
        };
        let last = became("in service")
            .filter_map(|member| became("healthy").find(|healthy| healthy.of == member.of))
            .map(|healthy| healthy.at)
            .max()
            .context("nothing became healthy")?;
        Ok(last.saturating_sub(asked))
    }

    /// From each change of a rule in this step to the last node knowing it.
    fn propagation(&self, step: &str) -> Duration {
        // What an earlier release changed last may become known when this one has begun.
        let known = |since: Duration| {
            let mut all = self.milestones.iter();
            all.find(|one| one.what == "rules known to every node" && one.at >= since)
        };
        let changes = self.calls.iter();
        let changes = changes.filter(|call| call.operation == "ModifyRule");
        let Some((_, from, to)) = self.windows.iter().find(|(name, ..)| name == step) else {
            return Duration::ZERO;
        };
        changes
            .filter(|change| (from..=to).contains(&&change.at))
            .filter_map(|change| Some(known(change.at)?.at.saturating_sub(change.at)))
            .sum()
    }

    fn call(&self, operation: &str) -> Result<Duration> {
        let mut calls = self.calls.iter();
        let found = calls.find(|call| call.operation == operation);
        Ok(found.with_context(|| format!("no {operation}"))?.at)
    }
}

/// The rounds of looks at the data plane after the first good one.
fn rounds() -> Duration {
    data_plane::PROPAGATION.interval * data_plane::PROPAGATION.streak.saturating_sub(1)
}

/// When each step began and ended, on the account's clock.
fn windows(events: &[Stamped], begun: Duration) -> Vec<(String, Duration, Duration)> {
    let mut windows = Vec::new();
    let mut open = Duration::ZERO;
    for stamped in events {
        match &stamped.event {
            Event::StepBegan { .. } => open = begun + stamped.at,
            Event::StepDone { step, .. } => windows.push((step.clone(), open, begun + stamped.at)),
            _ => {}
        }
    }
    windows
}
