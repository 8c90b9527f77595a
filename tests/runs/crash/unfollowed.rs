//! Nobody comes after the kill: once the guard has had its time, exactly one release answers, and a healthy one. Whoever comes
//! after that brings the rest to its end.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bg_deploy::guard::FIRES_AFTER;

use super::verdict::Before;
use super::{Kind, every_point};
use crate::books::Books;
use crate::support::World;
use crate::visitor::Visitor;

/// The guard has acted after this, if it acts: its time, and its looks at the previous colour.
const OVER: Duration = FIRES_AFTER.saturating_add(Duration::from_secs(700));
/// Visitors asked: enough to meet every node of the load balancer.
const VISITORS: usize = 30;

/// Lets the guard's time pass, and fails unless all is well without any run.
pub(super) async fn outlive_guard(
    world: &World,
    before: &Before,
    visitor: &Visitor<'_>,
) -> Result<()> {
    world.clock.sleep(OVER).await;
    let lost = visitor.lost();
    ensure!(lost.is_empty(), "{lost:?} of {:?}", visitor.answers());
    let books = Books::read(world, &before.plan);
    ensure!(books.guards == 0, "{} guards are armed", books.guards);
    let (live, _) = books
        .live_and_idle()
        .with_context(|| format!("the traffic is divided: {books:#?}"))?;
    let enough = live.releases.len() >= live.capacity[2] as usize && !live.releases.is_empty();
    ensure!(enough && !live.is_due, "{books:#?}");
    for _ in 0..VISITORS {
        let seen = world.visit(&before.plan.url, None).await;
        ensure!(
            books.serving() == Some(seen.as_str()),
            "{seen} answers: {books:#?}"
        );
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_canary_killed_at_any_call_while_it_is_guarded_and_not_followed_leaves_one_release() {
    every_point(Kind::Canary, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollback_killed_at_any_call_while_it_is_guarded_and_not_followed_leaves_one_release() {
    every_point(Kind::Rollback, true).await;
}
