//! Where a command finds its release live already: what an earlier run had left half done around it, because a person led the
//! traffic elsewhere meanwhile, is put right. Nobody else would: there is nothing to release.

use anyhow::Result;

use crate::config::Config;
use crate::plan::Plan;
use crate::prepare::{draw, look_to_launch};
use crate::run::context::Context;
use crate::steps::hand_back;

/// Looks, and puts right: a live colour that is pinned or frozen as only a run leaves it, and one that stays up for ever.
/// Answers with what stands, as the plan of a run that left it so; `None` where no one colour has all the traffic any more.
pub async fn put_right(cx: &Context, config: &Config) -> Result<Option<Plan>> {
    let inventory = look_to_launch(&cx.aws, config).await?;
    let stands = Plan::as_it_stands(config, &inventory, &draw()?);
    if let Some(plan) = &stands {
        hand_back::put_right(cx, plan).await?;
    }
    Ok(stands)
}
