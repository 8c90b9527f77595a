//! Carries out a plan for a person: live console, signals, the run's state, reports.
//!
//! The first signal cancels the run, which then undoes itself, the traffic first; the second one ends the process at
//! once. A call that changes something is never given up for the first: it is waited for, and undone. The second may
//! drop one; what it was about is in the state file, and `bg-deploy finish` looks before it acts.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::publish::Publisher;
use super::remembered::remembered_whole;
use super::reports::ledger_in;
use super::show::{Show, ended_at_once, last_words};
use super::signals::signals;
use super::{EarlyExit, Terminal};
use crate::deploy::Finished;
use crate::inputs::Inputs;
use crate::lease::give_back;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::report::{LoadBalancerCounts, Run};
use crate::run::alive::Alive;
use crate::run::beginning::Beginning;
use crate::run::context::Context;
use crate::run::event::Event;
use crate::run::state::State;

/// What is carried out, and for whom.
#[derive(Debug)]
pub(super) struct Order<'a> {
    /// The plan.
    pub(super) plan: &'a Plan,
    /// What the run is called ("deploy").
    pub(super) command: &'a str,
    /// Who asked for it.
    pub(super) by: Option<String>,
    /// When, by the runner's clock.
    pub(super) at: String,
    /// How long the command had taken, on the wall, before the run's own clock began.
    pub(super) before: Duration,
    /// Where the run can be looked at.
    pub(super) url: Option<String>,
    /// Where its state is kept, for `finish`; a rehearsal's account is gone with it.
    pub(super) state: Option<PathBuf>,
    /// Where it is published.
    pub(super) publisher: Publisher<'a>,
    /// The endings that only lead to something else, and are neither told nor published.
    pub(super) unsaid: fn(&Outcome) -> bool,
}

impl Order<'_> {
    fn beginning(&self) -> Beginning {
        Beginning {
            by: self.by.clone(),
            at: Some(self.at.clone()),
            ..Beginning::of(self.command, self.plan)
        }
    }
}

/// Where a run's state is kept unless another file is named: where the job's next step finds it, else with the reports.
pub(super) fn state_file(given: Option<&Path>, inputs: &Inputs, report_dir: &Path) -> PathBuf {
    given.map_or_else(|| default_state_file(inputs, report_dir), Path::to_owned)
}

fn default_state_file(inputs: &Inputs, report_dir: &Path) -> PathBuf {
    match &inputs.ci.actions.temp {
        Some(temp) if inputs.ci.is_github => temp.join("bg-deploy-state.json"),
        _ => report_dir.join("state.json"),
    }
}

/// Carries it out, and gives the lease back, however that ended. `sequence` is the page, given where the ledger goes. Answers
/// with how it ended, and its exit code; a second signal ends it without undoing.
pub(super) async fn carry_out(
    cx: &Context,
    order: &Order<'_>,
    sequence: impl AsyncFnOnce(&Context, PathBuf) -> Finished,
    counts: impl Fn() -> Option<LoadBalancerCounts>,
) -> Result<(Finished, u8), EarlyExit> {
    let carried_out = tell_and_carry_out(cx, order, sequence, counts).await;
    if let (Some(lease), Some(state)) = (&cx.lease, cx.journal.state()) {
        lease.note(state);
    }
    if let (Some(lease), Ok((finished, _))) = (&cx.lease, &carried_out) {
        let (beginning, id) = (order.beginning(), &order.plan.deployment);
        let done = remembered_whole(cx, &beginning, id, finished, order.url.as_deref());
        lease.remember(&done).await;
    }
    give_back(cx.lease.as_ref(), cx.journal.has_ended()).await;
    carried_out
}

async fn tell_and_carry_out(
    cx: &Context,
    order: &Order<'_>,
    sequence: impl AsyncFnOnce(&Context, PathBuf) -> Finished,
    counts: impl Fn() -> Option<LoadBalancerCounts>,
) -> Result<(Finished, u8), EarlyExit> {
    let publisher = order.publisher;
    let beginning = order.beginning();
    let folder = publisher.folder(&beginning.release)?;
    let state = State::new(beginning.clone(), order.plan.clone());
    match &order.state {
        Some(file) => keep_state(cx, file, state)?,
        None => cx.journal.go_on(None, state),
    }
    // Whoever finds the state file meanwhile is told that nobody has to go on with it.
    let _alive = order.state.as_deref().map(Alive::hold);
    let show = Show::open(cx, publisher.terminal);
    cx.events.emit(Event::Began(beginning.clone()));
    let ended = RefCell::new(None);
    let whole = async {
        // Nobody's visitors wait until others were told.
        let telling = async {
            let memory = publisher.begin(&beginning).await;
            cx.note_if(cx.journal.remember(&memory));
            memory
        };
        let (memory, finished) = tokio::join!(telling, sequence(cx, ledger_in(folder)));
        cx.note_if(cx.journal.ended(&finished.outcome, false));
        *ended.borrow_mut() = Some(finished.outcome.clone());
        let (events, calls) = (cx.events.all(), cx.aws.calls());
        let run = Run {
            events: &events,
            outcome: &finished.outcome,
            evidence: finished.evidence.as_ref(),
            verdict: finished.verdict.as_ref(),
            before: order.before,
            speed: cx.clock.speed(),
            lb_counts: counts(),
            url: order.url.clone(),
            live_url: Some(order.plan.url.clone()),
            calls: &calls,
        };
        if !(order.unsaid)(&finished.outcome) {
            show.finish(&run);
            publisher.end(&beginning, &memory, &run).await;
        }
        cx.note_if(cx.journal.ended(&finished.outcome, true));
        finished
    };
    let finished = tokio::select! {
        finished = whole => finished,
        () = show.tell_the_time(cx) => unreachable!("the clock does not end"),
        () = two_signals(cx, &ended, publisher.terminal) => {
            let known = ended.borrow_mut().take();
            stopped(cx, order, known)
        }
    };
    let code = finished.outcome.exit_code();
    Ok((finished, code))
}

/// Keeps the run's state from now on, which has to be possible before anything is changed. What is in the file may be written
/// over, if it is a run's: what that left was brought to its end before this one was planned.
fn keep_state(cx: &Context, file: &Path, state: State) -> Result<(), EarlyExit> {
    State::read(file).map_err(|why| EarlyExit::bad_input(why.0))?;
    cx.journal
        .keep(file, state)
        .context("nothing was changed; a run that is killed could not be finished without that (--state FILE)")?;
    Ok(())
}

/// How a run ended that was ended at once, if it had not ended yet.
fn stopped(cx: &Context, order: &Order<'_>, known: Option<Outcome>) -> Finished {
    let publisher = order.publisher;
    let outcome = known.unwrap_or_else(|| {
        let outcome = ended_at_once(cx, order.plan);
        let is_ci = publisher.inputs.ci.is_ci;
        let words = last_words(order.plan, &outcome, order.state.as_deref(), is_ci);
        publisher.terminal.complain(&words);
        outcome
    });
    Finished {
        outcome,
        evidence: None,
        verdict: None,
    }
}

/// The first signal cancels the run, which then undoes itself; ends at the second.
async fn two_signals(cx: &Context, ended: &RefCell<Option<Outcome>>, terminal: &Terminal) {
    signals(1).await;
    if ended.borrow().is_some() {
        terminal.complain("the run has ended, and only has to be told; another signal stops that");
    } else {
        // Told as all else of the run is, so that no line of it is written over the other.
        cx.events.note(
            "cancelled: if traffic has moved, it goes back first, then what this run made is removed; \
             another signal ends this at once",
        );
    }
    cx.cancel.cancel();
    signals(2).await;
}
