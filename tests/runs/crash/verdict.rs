//! What is held against the local cloud's books when all is over.

use anyhow::{Context as _, Result, ensure};
use bg_deploy::names::Release;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;

use super::killing::Killed;
use crate::books::Books;
use crate::command::{Last, Told, serving};
use crate::support::World;
use crate::support::standing::traces;
use crate::visitor::Visitor;

/// Instances, image with snapshot and template version of a release that stands.
const RELEASE: usize = 5;

/// What there was before the kill.
pub(super) struct Before {
    pub(super) plan: Plan,
    pub(super) books: Books,
    pub(super) release: String,
}

/// How a run that was brought to its end stands.
pub(super) fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Deployed { .. } | Outcome::Unproven { .. } => "as released",
        Outcome::Cancelled { .. } | Outcome::RolledBack { .. } => "as undone",
        _ => "otherwise",
    }
}

/// Fails unless the last word of a run is what the books say.
pub(super) fn is_true(world: &World, before: &Before, told: &Told) -> Result<()> {
    let books = Books::read(world, &before.plan);
    let serves = books.serving().map(|it| Release(it.to_owned()));
    let settled = told.settled.as_ref();
    let told = match &told.last {
        Some(Last::Ended(outcome)) => serving(outcome),
        Some(Last::NothingToDo(release)) => Some(release.clone()),
        Some(Last::Refused(_)) | None => match settled {
            Some(settled) => serving(settled),
            None => serves.clone(),
        },
    };
    ensure!(
        serves.is_some() && serves == told,
        "told {told:?}, and {serves:?} serves: {books:#?}"
    );
    Ok(())
}

/// Fails unless the groups are as declared, and nothing of the killed run is left.
pub(super) async fn is_in_order(
    world: &World,
    before: &Before,
    killed: &Killed,
    told: &Told,
) -> Result<()> {
    let books = Books::read(world, &before.plan);
    let (live, idle) = books.live_and_idle().context("no colour has all")?;
    let (live_before, _) = before.books.live_and_idle().context("as before")?;
    ensure!(
        (live.capacity, &live.suspended) == (live_before.capacity, &live_before.suspended),
        "live {live:#?} and before {live_before:#?}"
    );
    ensure!(
        live.releases.len() == live.capacity[2] as usize,
        "{live:#?}"
    );
    ensure!(!live.is_due, "the live group is scaled in: {live:#?}");
    let is_empty = idle.capacity == [0; 3] && idle.releases.is_empty() && !idle.is_due;
    let is_retained = !idle.releases.is_empty() && idle.is_due;
    ensure!(is_empty || is_retained, "idle {idle:#?}");
    ensure!(books.guards == 0, "{} guards", books.guards);
    let Some(plan) = &killed.plan else {
        return Ok(());
    };
    let traces = traces(world, &plan.deployment);
    // Of a release that stands what it consists of stays; a rollback makes nothing.
    let stands = match (&told.settled, &killed.told) {
        (Some(settled), _) => name(settled) == "as released",
        (None, Some(_)) => true,
        (None, None) => serving_now_or_retained(&books, plan),
    };
    let expected = match stands && !plan.goes_back() {
        true => RELEASE,
        false => 0,
    };
    ensure!(
        traces.len() == expected,
        "stands: {stands}, left behind: {traces:#?}"
    );
    // The secret of its preview route leads nowhere else than none does.
    let token = plan.preview_token.reveal();
    for _ in 0..5 {
        let seen = world.visit(&plan.url, Some(token)).await;
        ensure!(
            Some(seen.as_str()) == books.serving(),
            "the preview route answers {seen}"
        );
    }
    Ok(())
}

/// It came to its end, and only its lease was not given back.
fn serving_now_or_retained(books: &Books, plan: &Plan) -> bool {
    let releases = books.groups.iter().flat_map(|group| &group.releases);
    releases
        .into_iter()
        .any(|release| *release == plan.release.0)
}

/// Fails unless no visitor lost a request, and the last one was answered by who serves.
pub(super) fn says_the_same(visitor: &Visitor<'_>, world: &World, before: &Before) -> Result<()> {
    let lost = visitor.lost();
    ensure!(lost.is_empty(), "{lost:?} of {:?}", visitor.answers());
    let serves = Books::read(world, &before.plan);
    let last = visitor.last();
    ensure!(
        serves.serving() == Some(last.as_str()),
        "visitors get {last}"
    );
    ensure!(
        visitor.answers().contains_key(&before.release),
        "nobody met {}",
        before.release
    );
    Ok(())
}
