//! Carries out a planned release for a person: live console, signals, reports.

use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Terminal;
use super::signals::signal;
use crate::deploy::{Finished, deploy};
use crate::outcome::EXIT_STUCK;
use crate::plan::Plan;
use crate::report::{self, Console, LoadBalancerCounts, Run};
use crate::run::context::Context;
use crate::run::event::Event;

/// How often the console is told the time.
const TICK: Duration = Duration::from_millis(250);

/// What a release is carried out with.
#[derive(Debug)]
pub(super) struct Order<'a> {
    /// The plan.
    pub(super) plan: &'a Plan,
    /// The packed bundle.
    pub(super) bundle: &'a Path,
    /// Where reports and the ledger go.
    pub(super) report_dir: &'a Path,
    /// What the run is called ("deploy").
    pub(super) command: &'a str,
    /// Who asked for it.
    pub(super) by: Option<String>,
    /// Where the run can be looked at.
    pub(super) url: Option<String>,
}

/// Carries it out. Answers with how it ended, and its exit code; a second signal ends it without undoing.
pub(super) async fn carry_out(
    cx: &Context,
    order: &Order<'_>,
    terminal: &Terminal,
    counts: impl Fn() -> Option<LoadBalancerCounts>,
) -> Result<(Finished, u8)> {
    std::fs::create_dir_all(order.report_dir)
        .with_context(|| format!("making the folder {}", order.report_dir.display()))?;
    let console = Rc::new(RefCell::new(new_console(terminal)));
    let listening = Rc::clone(&console);
    cx.events
        .listen(move |stamped| listening.borrow_mut().event(stamped));
    cx.events.emit(Event::Began {
        command: order.command.to_owned(),
        app: order.plan.app.clone(),
        environment: order.plan.environment.clone(),
        release: order.plan.release.clone(),
        previous: order.plan.previous.release.clone(),
        by: order.by.clone(),
    });
    let ledger = order.report_dir.join("ledger.jsonl");
    let finished = tokio::select! {
        finished = deploy(cx, order.plan, order.bundle, Some(ledger)) => finished,
        () = tell_the_time(cx, &console) => unreachable!("the clock does not end"),
        () = two_signals(cx, terminal) => {
            terminal.complain(&format!(
                "stopped while undoing: look at the weights first\n  aws elbv2 describe-rules --rule-arns {}",
                order.plan.traffic_rule
            ));
            return Ok((interrupted(order.plan), EXIT_STUCK));
        }
    };
    let events = cx.events.all();
    let run = Run {
        events: &events,
        outcome: &finished.outcome,
        evidence: finished.evidence.as_ref(),
        verdict: finished.verdict.as_ref(),
        speed: cx.clock.speed(),
        lb_counts: counts(),
        url: order.url.clone(),
    };
    console.borrow_mut().finish(&run);
    for (name, text) in [
        ("report.md", report::markdown(&run)),
        ("report.html", report::html(&run)),
    ] {
        let path = order.report_dir.join(name);
        match std::fs::write(&path, text) {
            Ok(()) => terminal.tell(&format!("report: {}", path.display())),
            // A report that can't be written never changes the outcome.
            Err(error) => {
                terminal.complain(&format!("{} could not be written: {error}", path.display()))
            }
        }
    }
    let failure = report::failure_text(&run);
    if !failure.is_empty() {
        terminal.complain(&failure);
    }
    let code = finished.outcome.exit_code();
    Ok((finished, code))
}

fn new_console(terminal: &Terminal) -> Console<Box<dyn Write>> {
    Console::new(terminal.progress(), terminal.style())
}

fn interrupted(plan: &Plan) -> Finished {
    Finished {
        outcome: crate::outcome::Outcome::Stuck {
            step: "undo".to_owned(),
            cause: "a second signal".to_owned(),
            undo_failure: "stopped by hand".to_owned(),
            weights: None,
            commands: vec![format!(
                "aws elbv2 describe-rules --rule-arns {}",
                plan.traffic_rule
            )],
            leftovers: Vec::new(),
        },
        evidence: None,
        verdict: None,
    }
}

async fn tell_the_time(cx: &Context, console: &Rc<RefCell<Console<Box<dyn Write>>>>) {
    loop {
        cx.clock.sleep_wall(TICK).await;
        let at = cx.clock.wall().saturating_sub(cx.events.begun());
        console.borrow_mut().tick(at);
    }
}

/// The first signal cancels the run, which then undoes itself; ends at the second.
async fn two_signals(cx: &Context, terminal: &Terminal) {
    signal().await;
    terminal.complain("cancelled: undoing; a second signal stops that, too");
    cx.cancel.cancel();
    signal().await;
}

/// The files of a run's reports, for people.
pub(super) fn ledger_of(report_dir: &Path) -> PathBuf {
    report_dir.join("ledger.jsonl")
}
