//! The guard: a dead-man switch inside AWS that brings the traffic back when the process of a run vanishes.
//!
//! It is an SSM Automation that sleeps. A run that lives renews it, stage by stage and every few minutes, and disarms it
//! at the end. One that vanished does not, and then the automation restores the weights: only if they are exactly those
//! that the run left, and the previous colour is healthy.
//!
//! Guarantees: before a weight is written, the guard that was armed for it is seen to sleep; the next one sleeps before
//! the former is stopped, so that there is always one; one that has acted is an error of the run that finds it.

pub mod runbook;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::aws::ssm;
use crate::names::Weights;
use crate::plan::Plan;
use crate::run::context::{Context, Undoing};
use crate::runbook::DEPLOYMENT;
use crate::timer::{self, Runbook};

/// How long a run that says nothing is believed to live. Longer than anything that it waits for without renewing.
pub const FIRES_AFTER: Duration = Duration::from_secs(900);
/// A guard that has no more left than this is renewed.
pub const RENEWED_WITH: Duration = Duration::from_secs(600);

const UNARMED: &str = "the guard that would bring the traffic back can't be armed";

/// The guard of a run, shared by the steps that arm, renew and disarm it.
#[derive(Clone, Debug)]
pub struct Guard {
    /// `None` before a first release: there is nothing to bring the traffic back to.
    spec: Option<Rc<Spec>>,
    armed: Rc<RefCell<Vec<Armed>>>,
}

/// What every guard of a run has in common.
#[derive(Debug)]
struct Spec {
    runbook: Runbook,
    deployment: String,
}

/// An automation that sleeps.
#[derive(Clone, Debug)]
struct Armed {
    id: String,
    weights: Weights,
    /// When it acts, by the run's clock.
    fires: Duration,
}

/// What disarming came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disarmed {
    /// None was armed.
    Nothing,
    /// It was stopped before it acted.
    InTime,
    /// It had restored the weights.
    Fired,
}

impl Guard {
    /// The guard of the run of `plan`.
    pub fn of(plan: &Plan) -> Self {
        let spec = plan.previous.release.as_ref().map(|_| Rc::new(spec(plan)));
        Self {
            spec,
            armed: Rc::default(),
        }
    }

    /// Whether there is something to bring the traffic back to.
    pub fn is_needed(&self) -> bool {
        self.spec.is_some()
    }

    /// The automations that are armed, as far as this process knows.
    pub fn automations(&self) -> Vec<String> {
        let armed = self.armed.borrow();
        armed.iter().map(|armed| armed.id.clone()).collect()
    }

    /// Arms a guard for these weights beside those that are armed, and sees it sleep.
    pub async fn arm(&self, cx: &Context, weights: Weights) -> Result<()> {
        self.begin(cx, weights).await?;
        self.await_sleep(cx).await
    }

    /// The same without seeing it sleep.
    pub async fn begin(&self, cx: &Context, weights: Weights) -> Result<()> {
        let last = self.armed.borrow().len();
        let starting = self.start_at(cx, last, weights).await;
        starting.context(UNARMED)
    }

    /// Sees the one that was armed last sleep.
    pub async fn await_sleep(&self, cx: &Context) -> Result<()> {
        let Some(id) = self.automations().pop() else {
            return Ok(());
        };
        await_sleep(cx, &id).await.context(UNARMED)
    }

    async fn start_at(&self, cx: &Context, index: usize, weights: Weights) -> Result<()> {
        if let Some(spec) = &self.spec {
            let is_first = self.armed.borrow().is_empty();
            let armed = spec.start(cx, weights, is_first).await?;
            self.armed.borrow_mut().insert(index, armed);
        }
        Ok(())
    }

    /// Stops every guard but the one that was armed last.
    pub async fn stop_former(&self, cx: &Context) -> Result<()> {
        while self.armed.borrow().len() > 1 {
            self.stop_at(cx, 0).await?;
        }
        Ok(())
    }

    async fn stop_at(&self, cx: &Context, index: usize) -> Result<()> {
        let former = self.armed.borrow().get(index).cloned();
        let Some(former) = former else {
            return Ok(());
        };
        let has_fired = stop(cx.for_undo(), &former.id).await?;
        self.armed.borrow_mut().remove(index);
        if has_fired {
            bail!(
                "the guard restored the weights: this run had not renewed it for {} s",
                FIRES_AFTER.as_secs()
            );
        }
        Ok(())
    }

    /// Renews whichever guard has little time left, in its place; answers whether there was one.
    pub async fn keep(&self, cx: &Context) -> Result<bool> {
        let mut has_renewed = false;
        for index in 0..self.automations().len() {
            let held = self.armed.borrow().get(index).cloned();
            let Some(held) = held else {
                break;
            };
            if held.fires.saturating_sub(cx.clock.elapsed()) > RENEWED_WITH {
                continue;
            }
            let renewing = async {
                self.start_at(cx, index + 1, held.weights).await?;
                await_sleep(cx, &self.automations()[index + 1]).await
            };
            let renewed = renewing.await;
            renewed.context("the guard that would bring the traffic back can't be renewed")?;
            self.stop_at(cx, index).await?;
            has_renewed = true;
        }
        Ok(has_renewed)
    }

    /// Stops every guard of the run: those of this process, those that a journal names, and what a call armed that
    /// was never answered.
    pub async fn disarm(&self, cx: Undoing<'_>, noted: &[String]) -> Result<Disarmed> {
        let Some(spec) = &self.spec else {
            return Ok(Disarmed::Nothing);
        };
        let mut all = self.automations();
        all.extend_from_slice(noted);
        let (runbook, own) = (&spec.runbook.name, &spec.deployment);
        all.extend(ssm::find_running_automations(cx.aws(), runbook, DEPLOYMENT, own).await?);
        all.sort();
        all.dedup();
        let mut has_fired = false;
        for id in &all {
            has_fired |= stop(cx, id).await?;
        }
        self.armed.borrow_mut().clear();
        Ok(match (all.is_empty(), has_fired) {
            (true, _) => Disarmed::Nothing,
            (_, true) => Disarmed::Fired,
            (_, false) => Disarmed::InTime,
        })
    }
}

impl Spec {
    /// Starts one. Only the first may be asked for again and again: later, visitors are on the candidate, and the role was seen.
    async fn start(&self, cx: &Context, weights: Weights, is_first: bool) -> Result<Armed> {
        // Before the call: what AWS counts begins later.
        let fires = cx.clock.elapsed() + FIRES_AFTER;
        let token = format!("{}/{weights}/{fires:?}", self.deployment);
        let seconds = FIRES_AFTER.as_secs();
        let start = self.runbook.prepare(cx, seconds, weights, &token).await?;
        let call = || async { Ok(ssm::start_automation(&cx.aws, start.clone()).await?) };
        let id = match is_first {
            true => cx.once_seen("guard", call).await?,
            false => call().await?,
        };
        Ok(Armed { id, weights, fires })
    }
}

fn spec(plan: &Plan) -> Spec {
    let names = plan.names();
    let before = plan.previous.weights;
    let own = [
        ("Previous", plan.target_groups.of(plan.live).to_owned()),
        ("PreviousGroup", names.group(plan.live)),
        ("FloorBefore", plan.previous.capacity.min.to_string()),
        ("BlueBefore", before.blue.to_string()),
        ("GreenBefore", before.green.to_string()),
    ];
    Spec {
        runbook: Runbook::of(plan, names.guard_runbook(), runbook::runbook(), own),
        deployment: plan.deployment.clone(),
    }
}

async fn await_sleep(cx: &Context, id: &str) -> Result<()> {
    timer::await_sleep(cx, "guard", "the guard", id).await
}

/// Stops one; answers whether it had acted.
async fn stop(cx: Undoing<'_>, id: &str) -> Result<bool> {
    timer::stop(cx, "the guard", id, runbook::RESTORE).await
}
