//! Shifts the traffic, stage by stage: weights written in full, read back, seen on the data plane, held and judged.
//!
//! Changes: the weights of the traffic rules; the floor of the previous colour, which is pinned from before the first weight;
//! the candidate's alarms, which act again from the first weight on. Nothing before this step touches live. Before each
//! weight it looks again: are they as this run left them, and can the candidate carry what live has grown to?
//! Undo: the weights as they were, read back, and seen on the data plane: the previous release answers every look.
//!
//! On a way back, what is live is presumed bad: its failures do not turn it around, and are not judged. Only a data
//! plane that does not follow, or a refusal of AWS, undoes it.
//! Waits for: each stage being seen, and its hold.

mod restore;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::aws::Aws;
use crate::aws::credentials::Life;
use crate::aws::elbv2::{self, TargetGroups, Traffic, TrafficRules};
use crate::aws::witness::{Able, Held, WeightsSeen};
use crate::guard::Guard;
use crate::names::{Release, Weights};
use crate::plan::durations::{self, Needed};
use crate::plan::{Plan, Visitor};
use crate::run::context::{Context, Undoing};
use crate::run::event::{Event, Zone};
use crate::run::step::{About, Settled, Step};
use crate::run::step_id::StepId;
use crate::run::wait::{Limits, Look};
use crate::steps::arm_guard::{arm_for, leave_former};
use crate::steps::data_plane::{PROPAGATION, ROUND, Round, Share, look};
use crate::steps::fleets::{Fit, Fleets};
use crate::steps::proof::Proof;
use crate::steps::soak::{Standing, hold, unless_failing};
use crate::steps::watch::Watch;

/// How long reading the weights back may differ from what was written.
const READ_BACK: Limits = Limits::new(durations::READ_BACK, Duration::from_secs(2));

/// How long a release that was not proved before the shift may answer nobody, before it is turned around.
const UNMET: Duration = Duration::from_secs(90);
/// The step.
#[derive(Debug)]
pub struct ShiftTraffic {
    rules: TrafficRules,
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
    /// What proves the candidate meanwhile, if nothing has before.
    proof: Option<Proof>,
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

/// What writing weights takes.
struct Looked {
    able: Able,
    seen: WeightsSeen,
    held: Held,
}

impl ShiftTraffic {
    /// Shifts to the candidate, whose instances are of this template version, as `plan` says, judged by `watch`,
    /// under `guard`, which is armed for the first stage.
    pub fn of(plan: &Plan, watch: &Watch, guard: &Guard, version: i64) -> Self {
        Self {
            rules: plan.traffic_rules.clone(),
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
            proof: None,
            written: RefCell::default(),
        }
    }

    /// Proves the candidate while the traffic moves there.
    pub fn proved_meanwhile(mut self, proof: Proof) -> Self {
        self.proof = Some(proof);
        self
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
        let Looked { able, seen, held } = self.look_again(cx, from).await?;
        self.write(cx, held, seen, able, weights).await
    }

    /// Looks at all that writing weights over `from` takes.
    async fn look_again(&self, cx: &Context, from: Weights) -> Result<Looked> {
        // Side by side, each to its end: a write of the lease is never left halfway.
        let (fit, stand) = tokio::join!(
            Box::pin(self.fleets.fit(cx, &self.guard)),
            Box::pin(self.weights_stand(cx, from)),
        );
        let Fit { able, is_raised } = fit?;
        let (seen, held) = match is_raised {
            true => self.weights_stand(cx, from).await?,
            false => stand?,
        };
        Ok(Looked { able, seen, held })
    }

    async fn weights_stand(&self, cx: &Context, from: Weights) -> Result<(WeightsSeen, Held)> {
        let seen = elbv2::see_weights(&cx.aws, &self.rules, &self.target_groups, from);
        let (seen, held) = tokio::join!(Box::pin(seen), cx.held());
        let held = held?;
        Ok((seen?, held))
    }

    async fn write(
        &self,
        cx: &Context,
        held: Held,
        seen: WeightsSeen,
        able: Able,
        weights: Weights,
    ) -> Result<()> {
        self.written.borrow_mut().push(weights);
        elbv2::write_weights(&cx.aws, held, seen, vec![able], weights).await?;
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
        let found = self.traffic_now(&cx.aws).await?.each(&self.target_groups);
        let Some(found) = found else {
            let why = "the traffic rule does not name both target groups";
            return Ok(Look::Never(why.to_owned()));
        };
        Ok(match found.iter().find(|now| **now != weights) {
            None => Look::Ready(()),
            Some(now) => Look::NotYet(format!("the traffic rule still says {now}")),
        })
    }

    /// What the traffic rules say now.
    async fn traffic_now(&self, aws: &Aws) -> Result<Traffic> {
        Ok(elbv2::describe_traffic(aws, &self.rules).await?)
    }

    /// One look at whether visitors get what the weights say, and how many got the wanted release.
    async fn look(
        &self,
        cx: &Context,
        weights: Weights,
        share: &RefCell<Share>,
    ) -> Result<(Look<()>, usize)> {
        elbv2::see_weights(&cx.aws, &self.rules, &self.target_groups, weights).await?;
        let round = look(cx, &self.url, &self.visitor, &[], 2 * ROUND).await?;
        let seen = round.of(&self.wanted.0);
        // Where live failed before, as many bad answers say nothing of the weights.
        let asked = match self.watch.baseline().bad_answers {
            0 => round.len(),
            _ if round.good() * 2 < round.len() => round.len(),
            _ => round.good(),
        };
        let mut share = share.borrow_mut();
        let look = if asked > 0 && share.add(seen, asked) {
            Look::Ready(())
        } else {
            let weight = weights.of(self.fleets.candidate);
            Look::NotYet(describe(&round, share.total(), weight))
        };
        Ok((look, seen))
    }

    /// Takes the traffic through all stages; answers how long after the last write that was seen.
    async fn follow(&self, cx: &Context, handle: &Handle) -> Result<Duration> {
        let last = self.stages.len().saturating_sub(1);
        let mut written = handle.written;
        let mut after = Duration::ZERO;
        self.fleets.thaw_alarms(cx).await?;
        for (index, &weights) in self.stages.iter().enumerate() {
            if index > 0 {
                arm_for(cx, &self.guard, weights).await?;
                written = cx.clock.wall();
                self.advance(cx, self.stages[index - 1], weights).await?;
                leave_former(cx, &self.guard).await?;
            }
            self.await_data_plane(cx, handle, weights, written).await?;
            after = cx.clock.wall().saturating_sub(written);
            cx.events.emit(Event::WeightsSeen { weights });
            if index < last {
                let standing = Standing {
                    rules: &self.rules,
                    target_groups: &self.target_groups,
                    weights,
                };
                let carrier = self.fleets.carrier();
                let glance = async || {
                    standing.check(cx).await?;
                    carrier.stays(cx, "while it has a share").await
                };
                let (watch, guard) = (&self.watch, &self.guard);
                hold(cx, watch, handle.written, self.hold, guard, glance).await?;
            }
        }
        Ok(after)
    }

    /// Waits until the rule says these weights, and visitors get what they say.
    async fn await_data_plane(
        &self,
        cx: &Context,
        handle: &Handle,
        weights: Weights,
        written: Duration,
    ) -> Result<()> {
        let seeing = self.see_data_plane(cx, weights, written);
        match self.goes_back {
            true => seeing.await,
            false => unless_failing(cx, &self.watch, handle.written, seeing).await,
        }
    }

    async fn see_data_plane(
        &self,
        cx: &Context,
        weights: Weights,
        written: Duration,
    ) -> Result<()> {
        let name = Self::ABOUT.name;
        cx.wait(name, "the weights as written", READ_BACK, || {
            self.read_back(cx, weights)
        })
        .await?;
        let what = format!("{weights} on the data plane");
        let met = Cell::new(false);
        let percent = u8::try_from(weights.of(self.fleets.candidate)).unwrap_or(100);
        let share = RefCell::new(Share::of(percent));
        cx.wait(name, &what, PROPAGATION, || async {
            let (look, seen) = self.look(cx, weights, &share).await?;
            met.set(met.get() || seen > 0);
            let waited = cx.clock.wall().saturating_sub(written);
            if self.proof.is_some() && !met.get() && waited > UNMET {
                return Ok(Look::Never(format!(
                    "{} has not answered anybody for {} s",
                    self.wanted,
                    UNMET.as_secs()
                )));
            }
            Ok(look)
        })
        .await?;
        Ok(())
    }
}

fn describe(round: &Round, (seen, asked): (usize, usize), weight: u16) -> String {
    let last = if asked > round.len() {
        "the last: "
    } else {
        ""
    };
    format!(
        "{seen} of {asked} answers are the new release, at weight {weight} ({last}{})",
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
        undo_calls: &["ModifyRule", "UpdateAutoScalingGroup", "ResumeProcesses"],
    };

    const LOOKS_FIRST: bool = true;

    async fn start(&self, cx: &Context) -> Result<Handle> {
        self.check_credentials(cx)?;
        let first = *self.stages.first().context("a shift without stages")?;
        // From here on the previous colour has to be able to take everything back, whatever its policies think.
        let (pinned, looked) = tokio::join!(
            Box::pin(self.fleets.pin_previous(cx)),
            Box::pin(self.look_again(cx, self.before)),
        );
        pinned?;
        let Looked { able, seen, held } = looked?;
        let written = cx.clock.wall();
        self.write(cx, held, seen, able, first).await?;
        Ok(Handle {
            before: self.before,
            written,
        })
    }

    async fn settle(&self, cx: &Context, handle: &Handle) -> Result<Settled<Duration>> {
        let following = Box::pin(self.follow(cx, handle));
        let took = match &self.proof {
            None => following.await?,
            Some(proof) => {
                let proving = Box::pin(proof.make(cx, &self.guard));
                tokio::try_join!(following, proving)?.0
            }
        };
        if self.goes_back {
            self.watch.judge_from(cx.clock.wall());
        }
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
        let now = self.traffic_now(cx.aws()).await?.each(&self.target_groups);
        if let Some(contradiction) = self.is_moved(now.as_deref()) {
            // Written by somebody else: not ours to restore.
            return match handle {
                Some(_) => Err(contradiction.into()),
                None => Ok(None),
            };
        }
        let is_before = now.is_some_and(|now| now.iter().all(|now| *now == self.before));
        let begins_moved = handle.is_some() || !is_before;
        let moved = self.restore_for_good(cx, begins_moved).await?;
        self.fleets.release_previous(cx.context()).await;
        Ok(moved.then(|| match &self.previous {
            Some(previous) => format!("restored the weights; {previous} answers again"),
            None => "restored the weights; nothing was live before".to_owned(),
        }))
    }
}
