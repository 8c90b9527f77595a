//! What is held against the local cloud's books and the visitor's answers.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bg_deploy::names::Colour;
use bg_deploy::outcome::{EXIT_OK, EXIT_REFUSED, EXIT_STUCK, Outcome};
use bg_deploy::plan::Plan;

use super::act::{Act, Cost};
use super::moment::Ran;
use crate::books::Books;
use crate::command::{Last, Told, serving};
use crate::support::World;
use crate::support::standing::traces;
use crate::visitor::Visitor;

/// The last node of a load balancer may take so long to learn of a weight.
const PROPAGATED: Duration = Duration::from_secs(60);

/// Who answers everybody: the one release behind the weights, if something of it is healthy.
pub(super) fn answering(books: &Books) -> Option<String> {
    let weighted = books.groups.iter().zip(books.weights);
    let mut weighted = weighted.filter(|(_, weight)| *weight > 0);
    let is_up = weighted.all(|(group, _)| group.healthy > 0);
    is_up.then(|| books.serving().map(str::to_owned)).flatten()
}

/// Fails unless what a run said last is what the books say.
pub(super) fn is_true(world: &World, plan: &Plan, told: &Told) -> Result<()> {
    let books = Books::read(world, plan);
    let answers = answering(&books);
    let outcome = match (&told.last, &told.settled) {
        (Some(Last::Ended(outcome)), _) => &**outcome,
        (Some(Last::NothingToDo(release)), _) => {
            ensure!(
                answers.as_ref() == Some(&release.0),
                "told that {release} serves, and {answers:?} does: {books:#?}"
            );
            return Ok(());
        }
        (None, Some(outcome)) => outcome,
        (Some(Last::Refused(_)) | None, _) => return Ok(()),
    };
    let said = serving(outcome).map(|release| release.0);
    ensure!(
        said == answers,
        "told that {said:?} serves, and {answers:?} does: {books:#?}"
    );
    let code = outcome.exit_code();
    if answers.is_none() {
        ensure!(
            code == EXIT_STUCK,
            "nobody serves, and the exit code is {code}"
        );
    }
    ensure!(code != EXIT_REFUSED, "a run that began is not refused");
    if code == EXIT_OK {
        ensure!(matches!(outcome, Outcome::Deployed { .. }), "{outcome:?}");
    }
    if let Outcome::Stopped { weights, .. } | Outcome::Stuck { weights, .. } = outcome {
        let [blue, green] = books.weights.map(|weight| u16::try_from(weight).ok());
        let is_read = weights.is_none_or(|it| [Some(it.blue), Some(it.green)] == [blue, green]);
        ensure!(is_read, "told {weights:?}: {books:#?}");
    }
    Ok(())
}

/// Fails if a visitor lost more than what the person's act cost by itself; `right_at` is when that was put right.
pub(super) fn costs_no_more(
    visitor: &Visitor<'_>,
    acted: Option<(Duration, Cost)>,
    right_at: Duration,
) -> Result<()> {
    let allowed = match acted {
        None | Some((_, Cost::Nothing)) => Duration::ZERO..Duration::ZERO,
        Some((at, Cost::For(time))) => at..at + time,
        Some((at, Cost::UntilPutRight)) => at..right_at + PROPAGATED,
    };
    let losses = visitor.losses().into_iter();
    let ours: Vec<_> = losses.filter(|(at, _)| !allowed.contains(at)).collect();
    ensure!(
        ours.is_empty(),
        "lost: {} requests that {acted:?} does not cost, allowed {allowed:?}: {:?} ... {:?}",
        ours.len(),
        ours.first(),
        ours.last()
    );
    Ok(())
}

/// Fails unless the last visitor was answered by who serves.
pub(super) fn says_the_same(visitor: &Visitor<'_>, world: &World, plan: &Plan) -> Result<()> {
    let (last, books) = (visitor.last(), Books::read(world, plan));
    if let Some(answering) = answering(&books) {
        ensure!(
            answering == last,
            "visitors get {last}, and {answering} has the traffic"
        );
    }
    Ok(())
}

/// Fails unless the groups are as declared, and nothing of the run is left that a person had a hand in.
pub(super) async fn is_in_order(world: &World, ran: &Ran, act: Act) -> Result<()> {
    let plan = &ran.plan;
    let books = Books::read(world, plan);
    let (live, idle) = books.live_and_idle().context("no colour has all")?;
    let [floor, ceiling, desired] = live.capacity;
    ensure!(
        floor == 2 && ceiling >= 4 && (2..=6).contains(&desired),
        "live is not as declared: {live:#?}"
    );
    let is_theirs = act == Act::LiveSuspended && books.live == Some(plan.live);
    ensure!(
        live.suspended.is_empty() || is_theirs,
        "live is frozen: {live:#?}"
    );
    let wanted = desired as usize;
    ensure!(
        live.releases.len() == wanted && live.healthy == wanted && !live.is_due,
        "live is not whole: {live:#?}"
    );
    let is_empty = idle.capacity == [0; 3] && idle.releases.is_empty() && !idle.is_due;
    let is_retained = !idle.releases.is_empty() && idle.is_due;
    ensure!(
        is_empty || is_retained,
        "idle is neither empty nor retained: {idle:#?}"
    );
    ensure!(books.guards == 0, "{} guards", books.guards);
    let mut released = books.groups.iter().flat_map(|group| &group.releases);
    let stands = released.any(|release| *release == plan.release.0);
    let mut traces = traces(world, &plan.deployment);
    // Whoever makes a version the default one has taken it.
    traces.retain(|it| act != Act::DefaultVersionChanged || !it.contains("template version"));
    ensure!(
        stands || plan.goes_back() || traces.is_empty(),
        "left behind: {traces:#?}"
    );
    let token = plan.preview_token.reveal();
    for _ in 0..5 {
        let seen = world.visit(&plan.url, Some(token)).await;
        let serves = answering(&books);
        ensure!(
            serves.as_ref() == Some(&seen),
            "the preview route answers {seen}"
        );
    }
    Ok(())
}

/// The colour with most healthy instances: what a person leads the traffic to.
pub(super) fn healthiest(books: &Books) -> Colour {
    let [blue, green] = &books.groups;
    match blue.healthy > green.healthy {
        true => Colour::Blue,
        false => Colour::Green,
    }
}
