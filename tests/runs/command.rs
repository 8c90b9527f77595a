//! A run as the commands carry it out: its turn, what was left brought to its end, a plan, the page, and the lease given back.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bg_deploy::aws::Aws;
use bg_deploy::config::Config;
use bg_deploy::deploy::deploy;
use bg_deploy::finish::finish;
use bg_deploy::lease::{self, Lease, Patience, Taken};
use bg_deploy::names::Release;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::{Decision, Plan};
use bg_deploy::prepare::{prepare, prepare_rollback};
use bg_deploy::reconcile::put_right;
use bg_deploy::rollback::rollback;
use bg_deploy::run::beginning::Beginning;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::run::runner::STRAGGLERS;
use bg_deploy::run::state::State;
use bg_deploy::run::step_id::StepId;

use crate::support::{World, story};

/// How long a run waits for its turn, as the commands have it.
pub(crate) const WAIT: Duration = Duration::from_secs(600);

/// A command, and what it is given.
#[derive(Clone, Copy)]
pub(crate) struct Command<'a> {
    /// "deploy", "rollback".
    pub(crate) name: &'a str,
    pub(crate) config: &'a Config,
    pub(crate) patience: Patience,
    /// Where the run's state is kept, if it is.
    pub(crate) state: Option<&'a Path>,
}

/// The last word of a run.
#[derive(Debug)]
pub(crate) enum Last {
    Ended(Box<Outcome>),
    NothingToDo(Release),
    Refused(String),
}

/// What a run told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// How an earlier run was brought to its end.
    pub(crate) settled: Option<Outcome>,
    pub(crate) last: Option<Last>,
    /// What happened, a line an event.
    pub(crate) story: String,
}

/// What can be seen of a run while it goes on.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its plan, as soon as there is one.
    pub(crate) plan: RefCell<Option<Plan>>,
    /// What has happened since.
    pub(crate) events: Rc<RefCell<Vec<Event>>>,
}

/// Who serves, by this outcome.
pub(crate) fn serving(outcome: &Outcome) -> Option<Release> {
    match outcome {
        Outcome::Deployed { release, .. } | Outcome::Unproven { release, .. } => {
            Some(release.clone())
        }
        Outcome::Stopped { serving, .. }
        | Outcome::RolledBack { serving, .. }
        | Outcome::Cancelled { serving, .. } => serving.clone(),
        _ => None,
    }
}

impl Told {
    /// The last word in short.
    pub(crate) fn words(&self) -> String {
        match &self.last {
            Some(Last::Ended(outcome)) => match serving(outcome) {
                Some(release) => format!("{release} serves"),
                None => format!("{outcome:?}"),
            },
            Some(Last::NothingToDo(release)) => format!("{release} serves"),
            Some(Last::Refused(why)) => format!("refused: {why}"),
            None => "nothing".to_owned(),
        }
    }
}

/// Carries a command out, in sight of `seen`.
pub(crate) async fn run(
    world: &World,
    aws: &Aws,
    command: Command<'_>,
    seen: &Seen,
) -> Result<Told> {
    let mut told = Told::default();
    let cx = Context::new(aws.clone(), world.network.clone(), world.clock.lap());
    let (mut lease, left, overtaken) = match world.lease(&cx, command.name, command.patience).await
    {
        Taken::Lease {
            lease,
            left,
            overtaken,
        } => (*lease, left, overtaken),
        Taken::Busy(busy) => {
            let why = format!("{} has it", busy.holder.command);
            told.last = Some(Last::Refused(why));
            return Ok(told);
        }
        Taken::NoBucket => anyhow::bail!("no bucket"),
    };
    let left = match left {
        Some(left) => Some(State::of_value(left).map_err(anyhow::Error::msg)?),
        None => None,
    };
    if let Some(left) = left.filter(|left| !left.has_ended() && !left.progress.steps.is_empty()) {
        if overtaken.is_some() {
            world.clock.sleep(STRAGGLERS).await;
        }
        let moved = left.progress.of(StepId::ShiftTraffic).is_some();
        lease = settle(world, aws, lease, left, &mut told).await?;
        let is_undone = matches!(
            told.settled,
            Some(Outcome::RolledBack { .. } | Outcome::Cancelled { .. })
        );
        if command.name == "rollback" && moved && is_undone {
            // The way back was the end of the run that was stopped.
            let release = told.settled.as_ref().and_then(serving);
            told.last = Some(Last::NothingToDo(release.unwrap_or_default()));
            let _ = lease.release(true).await;
            return Ok(told);
        }
    }
    let cx = Context::new(aws.clone(), world.network.clone(), world.clock.lap()).holding(lease);
    told.last = Some(decide_and_carry_out(&cx, command, seen).await?);
    told.story.push_str(&story(&cx));
    Ok(told)
}

/// Brings what an earlier run left to its end.
async fn settle(
    world: &World,
    aws: &Aws,
    lease: Lease,
    left: State,
    told: &mut Told,
) -> Result<Lease> {
    let mut cx = Context::new(aws.clone(), world.network.clone(), world.clock.lap()).holding(lease);
    let ending = finish(&cx, None, left).await?;
    told.story = format!("{}\n--\n", story(&cx));
    ensure!(ending.is_complete, "{ending:?}\n{}", told.story);
    told.settled = Some(ending.finished.outcome);
    let lease = cx.lease.take().context("a lease")?;
    lease.forget_run().await;
    Ok(lease)
}

async fn decide_and_carry_out(cx: &Context, command: Command<'_>, seen: &Seen) -> Result<Last> {
    let Command { config, state, .. } = command;
    let (decision, bundle) = if command.name == "rollback" {
        (prepare_rollback(&cx.aws, config, &[], None).await?, None)
    } else {
        let release = config.release.clone().context("a release")?;
        let prepared = prepare(&cx.aws, config, &release).await?;
        (prepared.decision, Some(prepared.bundle))
    };
    let plan = match decision {
        Decision::Release(plan) => plan,
        undecided => {
            if matches!(undecided, Decision::NothingToDo(_)) {
                put_right(cx, config).await?;
            }
            give_back(cx, true).await;
            return Ok(match undecided {
                Decision::NothingToDo(release) => Last::NothingToDo(release),
                Decision::Refused(why) => Last::Refused(why),
                Decision::Release(_) => unreachable!("it is decided"),
            });
        }
    };
    *seen.plan.borrow_mut() = Some((*plan).clone());
    let events = Rc::clone(&seen.events);
    cx.events
        .listen(move |one| events.borrow_mut().push(one.event.clone()));
    let beginning = Beginning {
        command: command.name.to_owned(),
        release: plan.release.clone(),
        ..Beginning::default()
    };
    let begun = State::new(beginning, (*plan).clone());
    match state {
        Some(file) => cx.journal.keep(file, begun)?,
        None => cx.journal.go_on(None, begun),
    }
    let finished = match &bundle {
        Some(bundle) => deploy(cx, &plan, bundle.file.path(), None).await,
        None => rollback(cx, &plan, None).await,
    };
    cx.journal.ended(&finished.outcome, true);
    if let (Some(lease), Some(state)) = (&cx.lease, cx.journal.state()) {
        lease.note(state);
    }
    give_back(cx, cx.journal.has_ended()).await;
    Ok(Last::Ended(Box::new(finished.outcome)))
}

async fn give_back(cx: &Context, has_ended: bool) {
    if let Some(lease) = &cx.lease {
        // Lost, it is given back already.
        let _ = lease.release(has_ended).await;
    }
}

/// `finish`, from the state in this file.
pub(crate) async fn finish_from(world: &World, aws: &Aws, file: &Path) -> Result<Told> {
    let mut told = Told::default();
    let state = State::read(file).map_err(|why| anyhow::Error::msg(why.0))?;
    let Some(state) = state.filter(|state| !state.has_ended()) else {
        return Ok(told);
    };
    let cx = Context::new(aws.clone(), world.network.clone(), world.clock.lap());
    let place = state
        .plan
        .names()
        .lease(&state.plan.account, &state.plan.region);
    let held = lease::read(aws, &place).await?;
    let run = held.and_then(|(_, record)| record.run);
    let is_own = run
        .and_then(|run| State::of_value(run).ok())
        .is_some_and(|run| run.plan.deployment == state.plan.deployment);
    let patience = match is_own {
        true => Patience::Overtakes,
        false => Patience::Waits(WAIT),
    };
    let Taken::Lease { lease, .. } = world.lease(&cx, "finish", patience).await else {
        anyhow::bail!("no turn");
    };
    let cx = cx.holding(*lease);
    let ending = finish(&cx, Some(file), state).await?;
    told.story = story(&cx);
    ensure!(ending.is_complete, "{ending:?}\n{}", told.story);
    cx.journal.ended(&ending.finished.outcome, true);
    give_back(&cx, true).await;
    told.settled = Some(ending.finished.outcome);
    Ok(told)
}
