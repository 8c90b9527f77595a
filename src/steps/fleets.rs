//! Both colours' instances while the traffic moves between them: at every moment one of the two can carry all of it.

use std::time::Duration;

use anyhow::Result;

use super::arm_guard::keep;
use super::carrier::{Carrier, enough};
use super::group::thaw_only;
use crate::aws::autoscaling::{self, Fleet};
use crate::aws::elbv2::{self, TargetGroups};
use crate::aws::error::Failure;
use crate::aws::witness::Able;
use crate::guard::Guard;
use crate::names::Colour;
use crate::plan::{ALARMS, Plan, held_back};
use crate::run::context::Context;
use crate::run::wait::{Limits, Look};

/// Both fleets.
#[derive(Debug)]
pub(super) struct Fleets {
    pub(super) candidate: Colour,
    target_groups: TargetGroups,
    candidate_group: String,
    /// What the candidate's instances were started from.
    version: i64,
    /// How many instances it was planned with.
    planned: i32,
    /// Its alarms were off before the run.
    alarms_off: bool,
    previous_group: String,
    /// The previous colour's floor and ceiling, to be given back.
    bounds: (i32, i32),
    within: Duration,
}

/// That the candidate can carry what it is to get.
#[derive(Debug)]
pub(super) struct Fit {
    pub(super) able: Able,
    /// It had to be raised, which takes minutes.
    pub(super) is_raised: bool,
}

impl Fleets {
    pub(super) fn of(plan: &Plan, version: i64) -> Self {
        let before = plan.previous.capacity;
        Self {
            candidate: plan.idle,
            target_groups: plan.target_groups.clone(),
            candidate_group: plan.idle_group(),
            version,
            planned: plan.capacity.desired,
            alarms_off: plan.idle_before.suspended.iter().any(|one| one == ALARMS),
            previous_group: plan.names().group(plan.live),
            bounds: (before.min, before.max),
            within: plan.health.within,
        }
    }

    /// The colour that was live when the run began.
    pub(super) fn live(&self) -> Colour {
        self.candidate.other()
    }

    /// The candidate, while it has visitors.
    pub(super) fn carrier(&self) -> Carrier<'_> {
        Carrier {
            target_group: self.target_groups.of(self.candidate),
            instances: usize::try_from(self.planned).unwrap_or_default(),
        }
    }

    /// The candidate can carry what live carries now: it is raised first, if live has grown since it was scaled up,
    /// and `guard` renewed meanwhile.
    pub(super) async fn fit(&self, cx: &Context, guard: &Guard) -> Result<Fit> {
        let aws = &cx.aws;
        // Side by side, each to its end: a write of the lease is never left halfway.
        let (live, fleet, held) = tokio::join!(
            Box::pin(autoscaling::describe_group(aws, &self.previous_group)),
            Box::pin(self.look(cx)),
            Box::pin(cx.held()),
        );
        let (live, fleet) = (live?, fleet?);
        let least = live.capacity.desired.max(self.planned);
        let group = &self.candidate_group;
        let floor = autoscaling::raise_over(aws, held?, &fleet.group, least).await?;
        let wanted = usize::try_from(least).unwrap_or_default();
        let is_raised = floor.now.desired > floor.before.desired;
        if is_raised {
            let more = floor.now.desired - floor.before.desired;
            cx.events.note(format!(
                "{} has grown to {} instances: {more} more for {group} before it gets any more traffic",
                self.previous_group, live.capacity.desired
            ));
            let what = format!("{wanted} healthy instances of {group}");
            let limits = Limits::new(self.within, Duration::from_secs(5));
            cx.wait("shift traffic", &what, limits, || async {
                keep(cx, guard).await?;
                Ok(match self.look(cx).await?.able(self.version, wanted) {
                    Ok(_) => Look::Ready(()),
                    Err(too_few) => Look::NotYet(too_few.to_string()),
                })
            })
            .await?;
        }
        let fleet = match is_raised {
            true => self.look(cx).await?,
            false => fleet,
        };
        Ok(Fit {
            able: fleet.able(self.version, wanted)?,
            is_raised,
        })
    }

    async fn look(&self, cx: &Context) -> Result<Fleet, Failure> {
        let target_group = self.target_groups.of(self.candidate);
        Fleet::look(&cx.aws, &self.candidate_group, target_group).await
    }

    /// The previous colour can take everything back: of as many instances as the candidate has healthy ones, or of all that
    /// it is to have, [`enough`] are healthy.
    pub(super) async fn previous_is_able(&self, cx: &Context) -> Result<Able> {
        let aws = &cx.aws;
        let (candidate, previous) = tokio::try_join!(
            elbv2::describe_targets(aws, self.target_groups.of(self.candidate)),
            autoscaling::describe_group(aws, &self.previous_group),
        )?;
        let carrying = candidate.iter().filter(|one| one.is_healthy()).count();
        let whole = usize::try_from(previous.capacity.desired).unwrap_or_default();
        elbv2::see_able(
            aws,
            self.target_groups.of(self.live()),
            enough(carrying.min(whole)),
        )
        .await
    }

    /// Why no instance of the previous colour comes, if a person has seen to that.
    pub(super) async fn previous_held_back(&self, cx: &Context) -> Option<String> {
        let group = autoscaling::describe_group(&cx.aws, &self.previous_group);
        held_back(&group.await.ok()?, &["Launch", "AddToLoadBalancer"])
    }

    /// Keeps the previous colour at its size: its policies see less traffic with each stage.
    pub(super) async fn pin_previous(&self, cx: &Context) -> Result<()> {
        autoscaling::pin(&cx.aws, cx.held().await?, &self.previous_group).await?;
        Ok(())
    }

    /// Lets the candidate grow with its visitors; its floor keeps it from shrinking.
    pub(super) async fn thaw_alarms(&self, cx: &Context) -> Result<()> {
        if self.alarms_off {
            return Ok(());
        }
        thaw_only(cx, &self.candidate_group, ALARMS).await
    }

    /// Gives the previous colour, which is live again, its own floor back.
    pub(super) async fn release_previous(&self, cx: &Context) {
        let (floor, ceiling) = self.bounds;
        let group = &self.previous_group;
        let releasing = async {
            let held = cx.held().await?;
            autoscaling::set_floor(&cx.aws, held, group, floor, ceiling).await
        };
        if let Err(error) = releasing.await {
            cx.events.note(format!(
                "{group} keeps its floor pinned, and won't be scaled in by its policies until the next run: {error:#}"
            ));
        }
    }
}
