//! The scale-in of the colour that is kept for a rollback ([`crate::scale_in`]): armed, taken back, and put back by steps.

use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::aws::{autoscaling, ssm};
use crate::names::{Colour, Weights};
use crate::plan::{IdleBefore, Plan};
use crate::run::context::{Context, Undoing};
use crate::runbook::LONGEST_WAIT;
use crate::scale_in::{self, Due, GROUP, SCALE_IN};
use crate::timer::{self, Runbook};

/// A scale-in that was due meanwhile comes this much later; and no colour is kept for less.
const SOON: Duration = Duration::from_secs(60);

/// The scale-in of one colour.
#[derive(Clone, Debug)]
pub(crate) struct ScaleIn {
    runbook: Runbook,
    group: String,
    deployment: String,
}

impl ScaleIn {
    /// Of this colour, by the run of `plan`.
    pub(crate) fn of(plan: &Plan, colour: Colour) -> Self {
        let names = plan.names();
        let group = names.group(colour);
        let own = [(GROUP, group.clone())];
        Self {
            runbook: Runbook::of(plan, names.scale_in_runbook(), scale_in::runbook(), own),
            group,
            deployment: plan.deployment.clone(),
        }
    }

    /// Whether it could be armed: its runbook stands.
    pub(super) async fn check(&self, cx: &Context) -> Result<()> {
        self.runbook.version(cx).await.map(|_| ())
    }

    async fn due(&self, cx: Undoing<'_>) -> Result<Vec<Due>> {
        let mut due = scale_in::find(cx.aws(), &self.runbook.name).await?;
        due.retain(|due| due.group == self.group);
        Ok(due)
    }

    /// Whether one waits already, whosever it is.
    pub(super) async fn stands(&self, cx: &Context) -> Result<bool> {
        let due = self.due(cx.for_undo()).await?;
        Ok(due.iter().any(|due| !due.is_ending))
    }

    /// Has AWS empty the group after this time, if the weights are `left` as they are now; answers with the automation.
    /// One that this run armed already stays, and one of another run ends.
    pub(crate) async fn arm(&self, cx: &Context, left: Weights, after: Duration) -> Result<String> {
        let mut due = self.due(cx.for_undo()).await?;
        if let Some(at) = due
            .iter()
            .position(|due| due.deployment == self.deployment && !due.is_ending)
        {
            return Ok(due.swap_remove(at).id);
        }
        self.stop(cx.for_undo(), due).await?;
        self.start(cx, left, after).await
    }

    async fn start(&self, cx: &Context, weights: Weights, after: Duration) -> Result<String> {
        let after = after.as_secs().clamp(SOON.as_secs(), LONGEST_WAIT);
        let token = format!(
            "{}/{}/{:?}",
            self.deployment,
            self.group,
            cx.clock.elapsed()
        );
        let runbook = self.runbook.of_those_that_are(cx).await?;
        let start = runbook.prepare(cx, after, weights, &token).await?;
        cx.once_seen("scale-in", || async {
            let idle = autoscaling::see_no_weight(&cx.aws, &self.group).await?;
            ssm::start_on_idle(&cx.aws, cx.held().await?, idle, start.clone()).await
        })
        .await
    }

    /// Waits until what was armed sleeps.
    pub(crate) async fn await_sleep(cx: &Context, step: &str, id: &str) -> Result<()> {
        timer::await_sleep(cx, step, "the scale-in of the previous colour", id).await
    }

    /// Asks AWS to take back whatever is to scale the colour in, but for the `known` one, and does not wait for its end.
    pub(super) async fn cancel_but(&self, cx: &Context, known: Option<&str>) -> Result<()> {
        let due = self.due(cx.for_undo()).await?;
        for due in due.iter().filter(|due| known != Some(&due.id)) {
            Self::cancel(cx, Some(&due.id)).await?;
        }
        Ok(())
    }

    /// Asks AWS to take back this one, if there is one, and does not wait for its end.
    pub(super) async fn cancel(cx: &Context, id: Option<&str>) -> Result<()> {
        if let Some(id) = id {
            cx.held().await?;
            ssm::cancel_automation(&cx.aws, id).await?;
        }
        Ok(())
    }

    /// Takes back whatever is to scale the colour in; answers whether that had begun by then.
    pub(super) async fn take_back(&self, cx: &Context) -> Result<bool> {
        // One that is stopped halfway would be forgotten: a cancel waits for its end.
        let due = self.due(cx.for_undo()).await?;
        self.stop(cx.for_undo(), due).await
    }

    async fn stop(&self, cx: Undoing<'_>, due: Vec<Due>) -> Result<bool> {
        let mut has_acted = false;
        for due in due {
            has_acted |= timer::stop(cx, "the scale-in", &due.id, SCALE_IN).await?;
        }
        Ok(has_acted)
    }

    /// Has the colour scaled in at its time again, or soon, if that has passed; answers when.
    pub(super) async fn put_back(
        &self,
        cx: Undoing<'_>,
        before: &IdleBefore,
        left: Weights,
    ) -> Result<Option<SystemTime>> {
        let Some(at) = before.scale_in_at else {
            return Ok(None);
        };
        let due = self.due(cx).await?;
        if let Some(due) = due.iter().find(|due| !due.is_ending) {
            return Ok(Some(due.at));
        }
        let now = cx.context().clock.utc();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
        let after = at.duration_since(now).unwrap_or_default().max(SOON);
        self.start(cx.context(), left, after).await?;
        Ok(Some(now + after))
    }
}
