//! How the shift is undone: the weights as they were, read back, seen on the data plane, and seen to stay.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{READ_BACK, ShiftTraffic};
use crate::aws::elbv2;
use crate::aws::witness::{Able, Contradiction};
use crate::names::Weights;
use crate::plan::durations;
use crate::run::context::{Context, Undoing};
use crate::run::event::Event;
use crate::run::runner::STRAGGLERS;
use crate::run::wait::{Limits, Look, WaitError};
use crate::steps::data_plane::{PROPAGATION, ROUND, look};

/// How long the weights must stay as restored.
const STAYING: Limits = Limits::new(durations::STAYING, Duration::from_secs(5))
    .in_a_row(STRAGGLERS.as_secs() as u32 / 5 + 1);
/// How long an instance of the previous colour that ended may take to be replaced: Auto Scaling notices, launches, and the
/// load balancer finds it healthy.
const ABLE: Limits = Limits::new(Duration::from_secs(300), Duration::from_secs(1))
    .growing_to(Duration::from_secs(5));
/// How often the weights are restored.
const RESTORES: u32 = 3;

impl ShiftTraffic {
    /// What contradicts that these weights are this run's doing, or those that it found.
    pub(super) fn is_moved(&self, found: Option<&[Weights]>) -> Option<Contradiction> {
        let written = self.written.borrow();
        let expected = written.last().copied().unwrap_or(self.before);
        let is_ours = |now: &Weights| *now == self.before || written.contains(now);
        let found = match found {
            Some(found) => Some(*found.iter().find(|now| !is_ours(now))?),
            None => None,
        };
        Some(Contradiction::Moved { found, expected })
    }

    /// Writes the weights as they were over ours, onto a colour that can carry them.
    async fn write_back(&self, cx: &Context) -> Result<()> {
        // Side by side, each to its end: visitors wait for this, and a write of the lease is never left halfway.
        let able = async {
            match &self.previous {
                Some(_) => self.fleets.previous_is_able(cx).await,
                None => {
                    let live = self.target_groups.of(self.fleets.live());
                    Ok(Able::as_before_a_first_release(live))
                }
            }
        };
        let mut ours = self.written.borrow().clone();
        let last = ours.last().copied().unwrap_or(self.before);
        ours.push(self.before);
        let seen = elbv2::see_weights_among(&cx.aws, &self.rules, &self.target_groups, &ours, last);
        let (able, seen, held) = tokio::join!(Box::pin(able), Box::pin(seen), cx.held());
        self.write(cx, held?, seen?, able?, self.before).await
    }

    /// The same at once, or as soon as the previous colour can carry them: an instance of it that ended is replaced.
    async fn write_back_when_able(&self, cx: Undoing<'_>) -> Result<()> {
        let too_few = |error: &anyhow::Error| {
            matches!(Contradiction::of(error), Some(Contradiction::TooFew { .. }))
        };
        let waited = cx.wait("instances that can take the traffic back", ABLE, || async {
            match self.write_back(cx.context()).await {
                Ok(()) => Ok(Look::Ready(())),
                Err(error) if too_few(&error) => {
                    let held = self.fleets.previous_held_back(cx.context()).await;
                    let held = held.map_or_else(String::new, |why| format!("; {why}"));
                    Ok(Look::NotYet(format!("{error}{held}")))
                }
                Err(error) => Err(error),
            }
        });
        Ok(waited.await?)
    }

    /// Writes the weights as they were, reads them back, and waits until visitors get what they say.
    async fn restore(&self, cx: Undoing<'_>) -> Result<()> {
        let weights = self.before;
        let inner = cx.context();
        self.write_back_when_able(cx).await?;
        cx.wait("the weights as restored", READ_BACK, || {
            self.hold_restored(inner)
        })
        .await?;
        let Some(previous) = &self.previous else {
            return Ok(());
        };
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
        inner.events.emit(Event::WeightsSeen { weights });
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
    pub(super) async fn restore_for_good(&self, cx: Undoing<'_>, mut moved: bool) -> Result<bool> {
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
