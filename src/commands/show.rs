//! Shows a run while it goes: the live console, and what a signal does to it.

use std::cell::RefCell;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::Terminal;
use crate::aws::elbv2::describe_by_hand;
use crate::command_line::Next;
use crate::outcome::{Leftover, Outcome};
use crate::plan::Plan;
use crate::report::{Console, Run};
use crate::run::context::Context;
use crate::run::event::{Event, Zone};
use crate::run::progress::{Phase, Progress};
use crate::run::step_id::StepId;
use crate::steps;

/// How often the console is told the time.
const TICK: Duration = Duration::from_millis(250);

/// The live console of a run.
#[derive(Clone)]
pub(super) struct Show {
    console: Rc<RefCell<Console<Box<dyn Write>>>>,
    terminal: Terminal,
}

impl Show {
    /// Tells every event of the run from now on.
    pub(super) fn open(cx: &Context, terminal: &Terminal) -> Self {
        let console = Rc::new(RefCell::new(terminal.console()));
        let listening = Rc::clone(&console);
        cx.events
            .listen(move |stamped| listening.borrow_mut().event(stamped));
        Self {
            console,
            terminal: *terminal,
        }
    }

    /// Tells the time, for ever.
    pub(super) async fn tell_the_time(&self, cx: &Context) {
        loop {
            cx.clock.sleep_wall(TICK).await;
            let at = cx.clock.wall().saturating_sub(cx.events.begun());
            let pulse = cx.events.pulse();
            let mut console = self.console.borrow_mut();
            console.resize(self.terminal.columns());
            console.pulse(pulse);
            console.tick(at);
        }
    }

    /// Tells how it ended.
    pub(super) fn finish(&self, run: &Run<'_>) {
        self.console.borrow_mut().finish(run);
    }
}

/// How a run ended that a second signal ended at once: as far as it was seen, and no further.
pub(super) fn ended_at_once(cx: &Context, plan: &Plan) -> Outcome {
    let progress = cx.journal.progress();
    let finish = match cx.journal.file() {
        Some(file) => plan.next(Next::FinishBy(&file)),
        None => plan.next(Next::Status),
    };
    let leftovers = vec![Leftover {
        what: "what this run made, and had not removed yet".to_owned(),
        remedy: finish.clone(),
    }];
    if is_finishing(&progress) {
        return Outcome::Unproven {
            release: plan.release.clone(),
            previous: plan.previous.release.clone(),
            live: plan.idle,
            reasons: vec!["a second signal ended the run before it was finished".to_owned()],
            leftovers: vec![Leftover {
                what: "what comes after the shift is not done".to_owned(),
                remedy: finish,
            }],
        };
    }
    let step = match (&progress.stopped, progress.steps.last()) {
        (Some(stopped), _) => steps::about(stopped.step).name.to_owned(),
        (None, Some(last)) => steps::about(last.step).name.to_owned(),
        (None, None) => "the beginning".to_owned(),
    };
    let traffic_moved = progress.of(StepId::ShiftTraffic).is_some();
    if traffic_moved && !is_restored(cx, plan, &progress) {
        let look = describe_by_hand(plan.traffic_rules.own());
        return Outcome::Stuck {
            step,
            cause: "a second signal".into(),
            undo_failure: "it was ended before the traffic was seen to be back".into(),
            weights: None,
            commands: vec![finish, look],
            leftovers,
        };
    }
    let undone = progress.steps.iter().rev();
    Outcome::Cancelled {
        step,
        traffic_moved,
        serving: plan.previous.release.clone(),
        undone: undone.filter_map(|entry| entry.undone.clone()).collect(),
        leftovers,
    }
}

/// The last words of such a run.
pub(super) fn last_words(
    plan: &Plan,
    outcome: &Outcome,
    file: Option<&Path>,
    is_ci: bool,
) -> String {
    let traffic = match outcome {
        Outcome::Stuck { .. } => {
            "the traffic had begun to move, and was not seen to be back".to_owned()
        }
        Outcome::Unproven { release, .. } => format!("{release} has all the traffic"),
        Outcome::Cancelled {
            serving,
            traffic_moved,
            ..
        } => match (serving, traffic_moved) {
            (None, _) => "nothing was live before".to_owned(),
            (Some(serving), false) => format!("{serving} serves all traffic, none of it moved"),
            (Some(serving), true) => format!("{serving} was seen to serve all traffic again"),
        },
        _ => "the run had ended already".to_owned(),
    };
    let finish = |file| plan.next(Next::FinishBy(file));
    let rest = match (outcome, file) {
        (Outcome::Stuck { commands, .. }, None) => {
            format!("now type:\n  {}", commands.join("\n  "))
        }
        (_, None) => "what it made stays behind".to_owned(),
        (_, Some(file)) if is_ci => format!(
            "the rest is done by `{}`; in a workflow, the action runs it next",
            finish(file)
        ),
        (_, Some(file)) => format!("for the rest, now type:\n  {}", finish(file)),
    };
    format!("ended at once: {traffic}; {rest}")
}

/// Whether the release stands, and only the rest is missing.
fn is_finishing(progress: &Progress) -> bool {
    match &progress.stopped {
        Some(stopped) => stopped.zone == Zone::Finish,
        None => progress
            .steps
            .iter()
            .any(|entry| entry.zone == Zone::Finish),
    }
}

/// Whether the traffic was seen to be back where it was.
fn is_restored(cx: &Context, plan: &Plan, progress: &Progress) -> bool {
    let before = plan.previous.weights;
    let undone = progress
        .of(StepId::ShiftTraffic)
        .is_some_and(|entry| entry.phase == Phase::Undone);
    let seen =
        |event: &Event| matches!(event, Event::WeightsSeen { weights, .. } if *weights == before);
    undone || cx.events.all().iter().any(|it| seen(&it.event))
}
