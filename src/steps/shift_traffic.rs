//! Shifts the traffic, stage by stage: weights written in full, read back, seen on the data plane, held and judged.
//!
//! Changes: the weights of the traffic rule; nothing before this step touches live.
//! Undo: the weights as they were, read back, and seen on the data plane: the previous release answers every look.
//!
//! On a way back, what is live is presumed bad: its failures do not turn it around, and are not judged. Only a data
//! plane that does not follow, or a refusal of AWS, undoes it.
//! Waits for: each stage being seen, and its hold.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::data_plane::{PROPAGATION, ROUND, Round, is_plausible, look};
use super::soak::{hold, judge_since};
use super::watch::Watch;
use crate::aws::Aws;
use crate::aws::elbv2::{self, TargetGroups, TrafficRule};
use crate::names::{Colour, Release, Weights};
use crate::plan::{Plan, Visitor};
use crate::run::context::{Context, Undoing};
use crate::run::event::{Event, Zone};
use crate::run::runner::STRAGGLERS;
use crate::run::step::{About, Settled, Step};
use crate::run::step_id::StepId;
use crate::run::wait::{Limits, Look, WaitError};

/// How long reading the weights back may differ from what was written.
const READ_BACK: Limits = Limits::new(Duration::from_secs(60), Duration::from_secs(2));

/// How long the weights must stay as restored.
const STAYING: Limits = Limits::new(Duration::from_secs(120), Duration::from_secs(5))
    .in_a_row(STRAGGLERS.as_secs() as u32 / 5 + 1);
/// How often the weights are restored.
const RESTORES: u32 = 3;

/// The step.
#[derive(Debug)]
pub struct ShiftTraffic {
    rule: TrafficRule,
    target_groups: TargetGroups,
    candidate: Colour,
    /// How many instances of the candidate must be healthy still.
    instances: usize,
    stages: Vec<Weights>,
    hold: Duration,
    before: Weights,
    previous: Option<Release>,
    wanted: Release,
    goes_back: bool,
    url: String,
    visitor: Visitor,
    watch: Watch,
}

/// What has begun: weights may have moved.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Handle {
    /// The weights before the first write.
    pub before: Weights,
    /// When the first write was made, on the wall.
    pub written: Duration,
}

impl ShiftTraffic {
    /// Shifts as `plan` says, judged by `watch`.
    pub fn of(plan: &Plan, watch: &Watch) -> Self {
        Self {
            rule: plan.traffic_rule.clone(),
            target_groups: plan.target_groups.clone(),
            candidate: plan.idle,
            instances: usize::try_from(plan.capacity.desired).unwrap_or_default(),
            stages: plan.shift.stages(plan.idle),
            hold: plan.shift.hold,
            before: plan.previous.weights,
            previous: plan.previous.release.clone(),
            wanted: plan.release.clone(),
            goes_back: plan.goes_back(),
            url: plan.url.clone(),
            visitor: plan.visitor.clone(),
            watch: watch.clone(),
        }
    }

    async fn write(&self, cx: &Context, weights: Weights) -> Result<()> {
        elbv2::write_weights(&cx.aws, &self.rule, &self.target_groups, weights).await?;
        cx.events.emit(Event::WeightsWritten { weights });
        Ok(())
    }

    /// What the control plane holds; it is not yet what visitors get.
    async fn read_back(&self, cx: &Context, weights: Weights) -> Result<Look<()>> {
        Ok(match self.weights_now(&cx.aws).await? {
            Some(now) if now == weights => Look::Ready(()),
            Some(now) => Look::NotYet(format!("the traffic rule still says {now}")),
            None => Look::Never("the traffic rule does not name both target groups".to_owned()),
        })
    }

    /// The weights as the rule has them now; `None` when it does not name both target groups.
    async fn weights_now(&self, aws: &Aws) -> Result<Option<Weights>> {
        let rule = elbv2::describe_traffic(aws, &self.rule).await?;
        Ok(rule.split(&self.target_groups))
    }

    /// One look at whether visitors get what the weights say.
    async fn look(&self, cx: &Context, weights: Weights) -> Result<Look<()>> {
        let round = look(cx, &self.url, &self.visitor, &[], 2 * ROUND).await?;
        let percent = u8::try_from(weights.of(self.candidate)).unwrap_or(100);
        let seen = round.of(&self.wanted.0);
        Ok(if is_plausible(percent, seen, round.len()) {
            Look::Ready(())
        } else {
            Look::NotYet(describe(&round, seen, percent))
        })
    }

    /// Writes the weights as they were, reads them back, and waits until visitors get what they say.
    async fn restore(&self, cx: Undoing<'_>) -> Result<()> {
        let weights = self.before;
        let inner = cx.context();
        self.write(inner, weights).await?;
        cx.wait("the weights as restored", READ_BACK, || {
            self.hold_restored(inner)
        })
        .await?;
        let Some(previous) = &self.previous else {
            return Ok(());
        };
        let begun = inner.clock.wall();
        cx.wait(
            &format!("{previous} on the data plane again"),
            PROPAGATION,
            || async {
                if let Look::NotYet(reason) = self.hold_restored(inner).await? {
                    return Ok(Look::NotYet(reason));
                }
                let round = look(inner, &self.url, &self.visitor, &[], 2 * ROUND).await?;
                // Live may have faults of its own; what counts is that nobody gets the candidate any more.
                Ok(match round.of(&self.wanted.0) {
                    0 if round.of(&previous.0) > 0 || self.goes_back => Look::Ready(()),
                    0 => Look::NotYet(format!("no answer is {previous} ({})", round.summary())),
                    _ => Look::NotYet(format!(
                        "not all answers are {previous} again ({})",
                        round.summary()
                    )),
                })
            },
        )
        .await?;
        let after = inner.clock.wall().saturating_sub(begun);
        inner.events.emit(Event::WeightsSeen { weights, after });
        Ok(())
    }

    /// Whether the weights are as they were. A write of ours that got no answer, and was carried out after they were
    /// restored, is taken back at once.
    async fn hold_restored(&self, cx: &Context) -> Result<Look<()>> {
        let looked = self.read_back(cx, self.before).await?;
        if matches!(looked, Look::NotYet(_)) {
            let now = self.weights_now(&cx.aws).await?;
            if now.is_some_and(|now| self.stages.contains(&now)) {
                self.write(cx, self.before).await?;
            }
        }
        Ok(looked)
    }

    /// Whether the weights stay as they were; a write of ours that got no answer may still be carried out.
    async fn stays(&self, cx: Undoing<'_>) -> Result<bool> {
        let weights = self.before;
        let waited = cx.wait("the weights staying as restored", STAYING, || async {
            Ok(match self.read_back(cx.context(), weights).await? {
                Look::NotYet(reason) => Look::Never(reason),
                other => other,
            })
        });
        match waited.await {
            Ok(()) => Ok(true),
            Err(WaitError::Never { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn describe(round: &Round, seen: usize, percent: u8) -> String {
    format!(
        "{seen} of {} answers are the new release, at weight {percent} ({})",
        round.len(),
        round.summary()
    )
}

impl Step for ShiftTraffic {
    type Handle = Handle;
    type Output = Duration;

    const ABOUT: About = About {
        id: StepId::ShiftTraffic,
        name: "shift traffic",
        zone: Zone::Commit,
        does: "moves the weights stage by stage: each written in full, read back, seen on the data plane, held, judged",
        undo: "restores the weights, and waits until the previous release answers every look at the data plane",
        calls: &["ModifyRule"],
    };

    async fn start(&self, cx: &Context) -> Result<Handle> {
        // Somebody may have moved the weights, or the candidate may have died, since the plan was made.
        let now = self.weights_now(&cx.aws).await?;
        if now != Some(self.before) {
            bail!(
                "somebody else changed the weights since this run began: they are {}, and were {}",
                now.map_or_else(|| "not readable".to_owned(), |now| now.to_string()),
                self.before
            );
        }
        let targets =
            elbv2::describe_targets(&cx.aws, self.target_groups.of(self.candidate)).await?;
        let healthy = targets
            .iter()
            .filter(|target| target.state == "healthy")
            .count();
        let wanted = self.instances;
        if healthy < wanted {
            bail!("only {healthy} of {wanted} instances of the candidate are still healthy");
        }
        let written = cx.clock.wall();
        let first = self.stages.first().context("a shift without stages")?;
        self.write(cx, *first).await?;
        Ok(Handle {
            before: self.before,
            written,
        })
    }

    async fn settle(&self, cx: &Context, handle: &Handle) -> Result<Settled<Duration>> {
        let name = Self::ABOUT.name;
        let last = self.stages.len().saturating_sub(1);
        let mut written = handle.written;
        for (index, &weights) in self.stages.iter().enumerate() {
            if index > 0 {
                written = cx.clock.wall();
                self.write(cx, weights).await?;
            }
            cx.wait(name, "the weights as written", READ_BACK, || {
                self.read_back(cx, weights)
            })
            .await?;
            let what = format!("{weights} on the data plane");
            cx.wait(name, &what, PROPAGATION, || async {
                if !self.goes_back {
                    judge_since(&self.watch, handle.written)?;
                }
                self.look(cx, weights).await
            })
            .await?;
            let after = cx.clock.wall().saturating_sub(written);
            cx.events.emit(Event::WeightsSeen { weights, after });
            if index < last {
                hold(cx, &self.watch, handle.written, self.hold).await?;
            }
        }
        let seen = cx.clock.wall();
        if self.goes_back {
            self.watch.judge_from(seen);
        }
        let took = seen.saturating_sub(written);
        // A first release is the first thing there is to ask.
        self.watch.start(cx)?;
        let summary = format!(
            "all traffic on {}, seen {:.1} s after the last write",
            self.candidate,
            took.as_secs_f64()
        );
        Ok(Settled::done(handle.written, summary))
    }

    async fn undo(&self, cx: Undoing<'_>, handle: Option<&Handle>) -> Result<Option<String>> {
        let now = self.weights_now(cx.aws()).await?;
        let is_before = now == Some(self.before);
        if handle.is_none() && !is_before && now != self.stages.first().copied() {
            // Written by somebody else: not ours to restore.
            return Ok(None);
        }
        let mut moved = handle.is_some() || !is_before;
        for _ in 0..RESTORES {
            if moved {
                self.restore(cx).await?;
            }
            if self.stays(cx).await? {
                return Ok(moved.then(|| match &self.previous {
                    Some(previous) => format!("restored the weights; {previous} answers again"),
                    None => "restored the weights; nothing was live before".to_owned(),
                }));
            }
            moved = true;
        }
        bail!("the weights did not stay as restored, {RESTORES} times")
    }
}
