//! What a run that stops, because somebody else has led the visitors elsewhere, leaves behind of its own: a colour that
//! visitors are led to now is given back to its policies, whatever this run, or the retention of an earlier one, had pinned and
//! frozen there; one that nobody is led to any more, and that is up, is retained as after a release.
//!
//! Changes: the floor and the processes of a group that visitors are led to; the scale-in that waits for one that nobody is.

use anyhow::Result;

use super::group::thaw;
use super::retain_previous::HandOver;
use super::scale_in::ScaleIn;
use crate::aws::autoscaling;
use crate::aws::elbv2;
use crate::aws::witness::Contradiction;
use crate::names::{Colour, human};
use crate::plan::{Plan, is_frozen, is_pinned};
use crate::run::context::Context;

/// Does it for both colours, and says what could not be done.
pub(crate) async fn hand_back(cx: &Context, plan: &Plan) {
    if cx.lost().is_some() {
        // Whoever has the lease now sees to it.
        return;
    }
    for colour in Colour::BOTH {
        if let Err(error) = hand_back_one(cx, plan, colour).await {
            let group = plan.names().group(colour);
            cx.events.note(format!(
                "{group} may still have its floor pinned and its scaling frozen: {error:#}"
            ));
        }
    }
}

/// The same for what an earlier run left, where `plan` is what stands: only what no person leaves so.
pub async fn put_right(cx: &Context, plan: &Plan) -> Result<()> {
    let live = autoscaling::describe_group(&cx.aws, &plan.idle_group()).await?;
    if is_pinned(live.capacity, plan.floor) || is_frozen(&live) {
        HandOver::of(plan).carry_out(cx).await?;
        cx.events
            .note(format!("{} is given back to its policies", live.name));
    }
    retain(cx, plan, plan.live, &plan.names().group(plan.live)).await
}

async fn hand_back_one(cx: &Context, plan: &Plan, colour: Colour) -> Result<()> {
    let group = plan.names().group(colour);
    match autoscaling::see_no_weight(&cx.aws, &group).await {
        Ok(_) => return retain(cx, plan, colour, &group).await,
        Err(error) if Contradiction::of(&error).is_some() => {}
        Err(error) => return Err(error),
    }
    if colour == plan.idle {
        return HandOver::of(plan).carry_out(cx).await;
    }
    let before = plan.previous.capacity;
    let held = cx.held().await?;
    autoscaling::set_floor(&cx.aws, held, &group, before.min, before.max).await?;
    if plan.previous.frozen {
        thaw(cx, &group, &[]).await?;
    }
    Ok(())
}

/// Nothing else would ever scale it in. Where the other colour does not have all the traffic, it may yet be needed.
async fn retain(cx: &Context, plan: &Plan, colour: Colour, group: &str) -> Result<()> {
    let rule = elbv2::describe_traffic(&cx.aws, &plan.traffic_rules).await?;
    let Some(weights) = rule.split(&plan.target_groups) else {
        return Ok(());
    };
    let Some(other) = weights.live().filter(|live| *live != colour) else {
        return Ok(());
    };
    let (up, live) = (
        autoscaling::describe_group(&cx.aws, group).await?,
        autoscaling::describe_group(&cx.aws, &plan.names().group(other)).await?,
    );
    let time = plan.retain.previous_for;
    if up.capacity.desired == 0 || live.capacity.desired == 0 || time.is_zero() {
        return Ok(());
    }
    let scale_in = ScaleIn::of(plan, colour);
    if scale_in.stands(cx).await? {
        return Ok(());
    }
    scale_in.arm(cx, weights, time).await?;
    cx.events.note(format!(
        "{group} stays up for {}, and is scaled in then if nobody is led to it",
        human(time)
    ));
    Ok(())
}
