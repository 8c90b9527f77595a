//! Shifts the traffic, stage by stage: weights written in full, read back, seen on the data plane, held and judged.
//!
//! Changes: the weights of the traffic rule; the floor of the previous colour, which is pinned from before the first weight;
//! the candidate's alarms, which act again from the first weight on. Nothing before this step touches live. Before each
//! weight it looks again: are they as this run left them, and can the candidate carry what live has grown to?
//! Undo: the weights as they were, read back, and seen on the data plane: the previous release answers every look.
//!
//! On a way back, what is live is presumed bad: its failures do not turn it around, and are not judged. Only a data
//! plane that does not follow, or a refusal of AWS, undoes it.
//! Waits for: each stage being seen, and its hold.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::arm_guard::{arm_for, leave_former};
use super::data_plane::{PROPAGATION, ROUND, Round, is_plausible, look};
use super::fleets::Fleets;
use super::soak::{Standing, hold, judge_since};
use super::watch::Watch;
use crate::aws::Aws;
use crate::aws::credentials::Life;
use crate::aws::elbv2::{self, TargetGroups, TrafficRule};
use crate::aws::witness::{Able, Contradiction, WeightsSeen};
use crate::guard::Guard;
use crate::names::{Release, Weights};
use crate::plan::durations::{self, Needed};
use crate::plan::{Plan, Visitor};
use crate::run::context::{Context, Undoing};
use crate::run::event::{Event, Zone};
use crate::run::runner::STRAGGLERS;
use crate::run::step::{About, Settled, Step};
use crate::run::step_id::StepId;
use crate::run::wait::{Limits, Look, WaitError};

/// How long reading the weights back may differ from what was written.
const READ_BACK: Limits = Limits::new(durations::READ_BACK, Duration::from_secs(2));

/// How long the weights must stay as restored.
const STAYING: Limits = Limits::new(durations::STAYING, Duration::from_secs(5))
    .in_a_row(STRAGGLERS.as_secs() as u32 / 5 + 1);
/// How often the weights are restored.
const RESTORES: u32 = 3;

/// The step.
#[derive(Debug)]
pub struct ShiftTraffic {
    rule: TrafficRule,
    target_groups: TargetGroups,
    fleets: Fleets,
    stages: Vec<Weights>,
    hold: Duration,
    before: Weights,
    /// How long credentials have to live from the first weight on.
    needed: Needed,
    previous: Option<Release>,
    wanted: Release,
    goes_back: bool,
    url: String,
    visitor: Visitor,
    watch: Watch,
    guard: Guard,
    /// What this process wrote, or was about to write: nothing else is its to take back.
    written: RefCell<Vec<Weights>>,
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
    /// Shifts to the candidate, whose instances are of this template version, as `plan` says, judged by `watch`,
    /// under `guard`, which is armed for the first stage.
    pub fn of(plan: &Plan, watch: &Watch, guard: &Guard, version: i64) -> Self {
        Self {
            rule: plan.traffic_rule.clone(),
            target_groups: plan.target_groups.clone(),
            fleets: Fleets::of(plan, version),
            stages: plan.shift.stages(plan.idle),
            hold: plan.shift.hold,
            before: plan.previous.weights,
            needed: Needed {
                before: Duration::ZERO,
                ..plan.needed()
            },
            previous: plan.previous.release.clone(),
            wanted: plan.release.clone(),
            goes_back: plan.goes_back(),
            url: plan.url.clone(),
            visitor: plan.visitor.clone(),
            watch: watch.clone(),
            guard: guard.clone(),
            written: RefCell::default(),
        }
    }

    /// Takes the shift of another process over: any of its stages may have been written.
    pub fn left_by_another(plan: &Plan) -> Self {
        let shift = Self::of(plan, &Watch::of(plan, None), &Guard::of(plan), 0);
        *shift.written.borrow_mut() = shift.stages.clone();
        shift
    }

    /// Writes the weights of a stage over those that this run left there, if they still stand and the candidate can carry
    /// what live has grown to.
    async fn advance(&self, cx: &Context, from: Weights, weights: Weights) -> Result<()> {
        let able = self.fleets.fit(cx, &self.guard).await?;
        let seen = elbv2::see_weights(&cx.aws, &self.rule, &self.target_groups, from).await?;
        self.write(cx, seen, vec![able], weights).await
    }

    async fn write(
        &self,
        cx: &Context,
        seen: WeightsSeen,
        able: Vec<Able>,
        weights: Weights,
    ) -> Result<()> {
        self.written.borrow_mut().push(weights);
        elbv2::write_weights(&cx.aws, cx.held().await?, seen, able, weights).await?;
        cx.events.emit(Event::WeightsWritten { weights });
        Ok(())
    }

    /// With credentials that end meanwhile, the traffic could not be brought back.
    fn check_credentials(&self, cx: &Context) -> Result<()> {
        let Life::Until(end) = cx.aws.life() else {
            return Ok(());
        };
        let left = end.duration_since(cx.clock.utc()).unwrap_or_default();
        match self.needed.too_short(left, cx.clock.elapsed()) {
            Some(why) => bail!("no weight was written: {why}"),
            None => Ok(()),
        }
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
        elbv2::see_weights(&cx.aws, &self.rule, &self.target_groups, weights).await?;
        let round = look(cx, &self.url, &self.visitor, &[], 2 * ROUND).await?;
        let percent = u8::try_from(weights.of(self.fleets.candidate)).unwrap_or(100);
        let seen = round.of(&self.wanted.0);
        Ok(if is_plausible(percent, seen, round.len()) {
            Look::Ready(())
        } else {
            Look::NotYet(describe(&round, seen, percent))
        })
    }

    /// Whether these weights are this run's doing, or those that it found.
    fn is_ours(&self, weights: Option<Weights>) -> bool {
        weights.is_some_and(|now| now == self.before || self.written.borrow().contains(&now))
    }

    /// Writes the weights as they were over ours, onto a colour that can carry them.
    async fn write_back(&self, cx: &Context) -> Result<()> {
        let now = self.weights_now(&cx.aws).await?;
        let (Some(from), true) = (now, self.is_ours(now)) else {
            return Err(self.moved(now).into());
        };
        let able = match &self.previous {
            Some(_) => self.fleets.previous_is_able(cx).await?,
            None => Able::as_before_a_first_release(self.target_groups.of(self.fleets.live())),
        };
        let seen = elbv2::see_weights(&cx.aws, &self.rule, &self.target_groups, from).await?;
        self.write(cx, seen, vec![able], self.before).await
    }

    fn moved(&self, found: Option<Weights>) -> Contradiction {
        let written = self.written.borrow();
        Contradiction::Moved {
            found,
            expected: written.last().copied().unwrap_or(self.before),
        }
    }

    /// Writes the weights as they were, reads them back, and waits until visitors get what they say.
    async fn restore(&self, cx: Undoing<'_>) -> Result<()> {
        let weights = self.before;
        let inner = cx.context();
        self.write_back(inner).await?;
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
    /// restored, is taken back at once; what somebody else writes is theirs.
    async fn hold_restored(&self, cx: &Context) -> Result<Look<()>> {
        let looked = self.read_back(cx, self.before).await?;
        if matches!(looked, Look::NotYet(_)) {
            self.write_back(cx).await?;
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

    /// Restores the weights, and sees them stay.
    async fn restore_for_good(&self, cx: Undoing<'_>, mut moved: bool) -> Result<bool> {
        for _ in 0..RESTORES {
            if moved {
                self.restore(cx).await?;
            }
            if self.stays(cx).await? {
                return Ok(moved);
            }
            moved = true;
        }
        bail!("the weights did not stay as restored, {RESTORES} times")
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
        calls: &["ModifyRule", "UpdateAutoScalingGroup", "ResumeProcesses"],
    };

    async fn start(&self, cx: &Context) -> Result<Handle> {
        self.check_credentials(cx)?;
        let first = *self.stages.first().context("a shift without stages")?;
        // From here on the previous colour has to be able to take everything back, whatever its policies think.
        self.fleets.pin_previous(cx).await?;
        let written = cx.clock.wall();
        self.advance(cx, self.before, first).await?;
        Ok(Handle {
            before: self.before,
            written,
        })
    }

    async fn settle(&self, cx: &Context, handle: &Handle) -> Result<Settled<Duration>> {
        let name = Self::ABOUT.name;
        let last = self.stages.len().saturating_sub(1);
        let mut written = handle.written;
        self.fleets.thaw_alarms(cx).await?;
        for (index, &weights) in self.stages.iter().enumerate() {
            if index > 0 {
                arm_for(cx, &self.guard, weights).await?;
                written = cx.clock.wall();
                self.advance(cx, self.stages[index - 1], weights).await?;
                leave_former(cx, &self.guard).await?;
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
                let standing = Standing {
                    rule: &self.rule,
                    target_groups: &self.target_groups,
                    weights,
                };
                hold(
                    cx,
                    &self.watch,
                    handle.written,
                    self.hold,
                    &standing,
                    &self.guard,
                )
                .await?;
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
            self.fleets.candidate,
            took.as_secs_f64()
        );
        Ok(Settled::done(handle.written, summary))
    }

    async fn undo(&self, cx: Undoing<'_>, handle: Option<&Handle>) -> Result<Option<String>> {
        let now = self.weights_now(cx.aws()).await?;
        if !self.is_ours(now) {
            // Written by somebody else: not ours to restore.
            return match handle {
                Some(_) => Err(self.moved(now).into()),
                None => Ok(None),
            };
        }
        let begins_moved = handle.is_some() || now != Some(self.before);
        let moved = self.restore_for_good(cx, begins_moved).await?;
        self.fleets.release_previous(cx.context()).await;
        Ok(moved.then(|| match &self.previous {
            Some(previous) => format!("restored the weights; {previous} answers again"),
            None => "restored the weights; nothing was live before".to_owned(),
        }))
    }
}
