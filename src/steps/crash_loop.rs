//! Whether the service of an instance that is not healthy ends by itself, again and again: then nothing is left to wait for.
//!
//! One instance is asked by a command how its unit is, once its agent is there. A unit that is `failed` is given up by systemd
//! itself. One that is restarted is judged by two answers: it has been restarted [`ENOUGH`] times, and again since the
//! answer before. A service that ends because something that it needs is late is restarted as well, so being restarted
//! proves nothing by itself: who asks begins when a good start is over ([`FIRST`]), and whoever has come up by the second
//! answer is not restarted any more.
//!
//! Guarantees: it looks only, and waits for no answer: each look of the wait makes one call at most, of [`CALL`] at most; no
//! more than [`MOST`] commands; what cannot be asked changes nothing.

use std::cell::RefCell;
use std::time::Duration;

use super::unit_state::{self, UnitState};
use crate::aws::error::{ErrorKind, Failure};
use crate::aws::run_command;
use crate::cause::{Because, Exit, Reason};
use crate::run::context::Context;

/// Before the first question: a good start takes less than this, mostly.
const FIRST: Duration = Duration::from_secs(30);
/// Between two questions at least; half as long as it has been waited, if that is more.
const EVERY: Duration = Duration::from_secs(30);
/// After an answer that has to be confirmed. A unit of a bake is started again two seconds after its end.
const CONFIRM: Duration = Duration::from_secs(10);
/// Between two looks for an agent at least; an eighth of the time that it has been waited, if that is more.
const AGENT_EVERY: Duration = Duration::from_secs(5);
/// So many restarts are more than one bad start: systemd's own default gives a unit up after five starts within ten seconds.
const ENOUGH: u32 = 3;
/// The commands of one wait.
const MOST: u32 = 8;
/// How long a call may take: so long the next look at the targets is late.
const CALL: Duration = Duration::from_secs(3);
/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(20);

/// The questions of one wait.
pub(super) struct CrashLoop {
    unit: String,
    begun: Duration,
    /// How far it is; `None` when nobody is asked any more.
    asking: RefCell<Option<Asking>>,
}

/// How far asking is.
#[derive(Debug, Default)]
struct Asking {
    /// When the next question is due, since the wait began.
    due: Duration,
    commands: u32,
    sent: Option<Sent>,
    /// Who answered last, and how often the unit had been restarted.
    last: Option<(String, u32)>,
}

/// A question that is on its way.
#[derive(Debug)]
struct Sent {
    command: String,
    instance: String,
    at: Duration,
}

/// A call that will fail the next time as well.
struct InVain;

impl CrashLoop {
    /// For a wait that begins now for services with this unit.
    pub(super) fn of(unit: &str, cx: &Context) -> Self {
        Self {
            unit: unit.to_owned(),
            begun: cx.clock.elapsed(),
            asking: RefCell::new(Some(Asking {
                due: FIRST,
                ..Asking::default()
            })),
        }
    }

    /// Goes one call further, with the instances that are not healthy now; answers with why waiting is no use, if it is so.
    pub(super) async fn ask(&self, cx: &Context, sick: &[String]) -> Option<Because> {
        let mut asking = self.asking.take()?;
        let now = cx.clock.elapsed().saturating_sub(self.begun);
        let went = match asking.sent.take() {
            Some(sent) => self.hear(cx, &mut asking, sent, now).await,
            None if now >= asking.due && asking.commands < MOST => {
                self.send(cx, &mut asking, sick, now).await.map(|()| None)
            }
            None => Ok(None),
        };
        let found = went.ok()?;
        self.asking.replace(Some(asking));
        found
    }

    /// Sends a question to one whose agent is there.
    async fn send(
        &self,
        cx: &Context,
        asking: &mut Asking,
        sick: &[String],
        now: Duration,
    ) -> Result<(), InVain> {
        asking.due = now + AGENT_EVERY.max(now / 8);
        let agents = run_command::find_agents(&cx.aws, sick);
        let agents = called(cx.clock.within(CALL, Box::pin(agents)).await)?;
        let agents = agents.unwrap_or_default();
        let before = asking.last.as_ref().map(|(instance, _)| instance);
        let Some(instance) = before
            .filter(|instance| agents.contains(instance))
            .or_else(|| agents.first())
        else {
            return Ok(());
        };
        let lines = script(&self.unit);
        asking.commands += 1;
        asking.due = now + EVERY.max(now / 2);
        let command = run_command::send_script(&cx.aws, instance, &lines, COMMAND);
        let command = called(cx.clock.within(CALL, Box::pin(command)).await)?;
        asking.sent = command.map(|command| Sent {
            command,
            instance: instance.clone(),
            at: now,
        });
        Ok(())
    }

    /// Looks for the answer to a question.
    async fn hear(
        &self,
        cx: &Context,
        asking: &mut Asking,
        sent: Sent,
        now: Duration,
    ) -> Result<Option<Because>, InVain> {
        let answer = run_command::find_command(&cx.aws, &sent.command, &sent.instance);
        let answer = called(cx.clock.within(CALL, Box::pin(answer)).await)?.flatten();
        let Some(answer) = answer.filter(run_command::Command::has_ended) else {
            if now < sent.at + COMMAND {
                asking.sent = Some(sent);
            }
            return Ok(None);
        };
        if answer.status != "Success" {
            return Ok(None);
        }
        let state = UnitState::read(&answer.stdout);
        let before = asking.last.take();
        let before = before.filter(|(instance, _)| *instance == sent.instance);
        let before = before.map(|(_, restarts)| restarts);
        if ends_by_itself(&state, before) {
            let exit = exit_of(&state, &answer.stdout);
            let words = words(&self.unit, &sent.instance, &state, exit);
            return Ok(Some(Reason::ServiceEnds(exit).because(words)));
        }
        if before.is_none() && state.restarts >= ENOUGH {
            asking.due = sent.at + CONFIRM;
        }
        asking.last = Some((sent.instance, state.restarts));
        Ok(None)
    }
}

/// What a call answered, if it did. One that AWS does not allow is not made again.
fn called<T>(answer: Option<Result<T, Failure>>) -> Result<Option<T>, InVain> {
    match answer {
        Some(Ok(answer)) => Ok(Some(answer)),
        Some(Err(error)) if error.kind == ErrorKind::Denied => Err(InVain),
        Some(Err(_)) | None => Ok(None),
    }
}

/// Shows how the unit is, and after that how its last process ended, of which systemd knows nothing more once the next one
/// runs.
fn script(unit: &str) -> [String; 2] {
    let shown = unit_state::show(unit);
    let unit = crate::text::shell_word(unit);
    let ended = "Main process exited, code=[a-z]*, status=[0-9]*";
    [
        shown,
        format!("journalctl -u {unit} -n 1000 --no-pager -o cat | grep -o '{ended}' | tail -n 1"),
    ]
}

/// Whether a unit ends by itself; `before`: how often it had been restarted at the answer before.
fn ends_by_itself(state: &UnitState, before: Option<u32>) -> bool {
    let is_restarted = before.is_some_and(|before| before < state.restarts);
    state.active == "failed" || (is_restarted && state.restarts >= ENOUGH)
}

/// How its last process ended: by systemd's word for it, else by the journal's.
fn exit_of(state: &UnitState, shown: &str) -> Exit {
    let told = shown.lines().rev().find_map(|line| {
        let (_, told) = line.split_once("Main process exited, code=")?;
        let (code, status) = told.split_once(", status=")?;
        Some((code, status.trim().parse().ok()?))
    });
    match (state.code, told) {
        (1, _) => Exit::Status(state.status),
        (2 | 3, _) => Exit::Signal(state.status),
        (_, Some(("exited", status))) => Exit::Status(status),
        (_, Some((_, signal))) => Exit::Signal(signal),
        (_, None) => Exit::Untold,
    }
}

fn words(unit: &str, instance: &str, state: &UnitState, exit: Exit) -> String {
    let times = match state.restarts {
        0 => "it is not started again".to_owned(),
        1 => "restarted once".to_owned(),
        times => format!("restarted {times} times"),
    };
    format!("{unit} on {instance} ends by itself: {exit}, {times}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(active: &str, code: u8, status: i32, restarts: u32) -> UnitState {
        UnitState::read(&format!(
            "ActiveState={active}\nSubState=x\nExecMainCode={code}\nExecMainStatus={status}\nNRestarts={restarts}\n"
        ))
    }

    #[test]
    fn a_service_ends_by_itself_when_it_is_given_up_or_was_restarted_three_times_and_is_still() {
        for (active, restarts, before, ends) in [
            ("failed", 0, None, true),
            ("failed", 5, Some(5), true),
            ("activating", 12, Some(8), true),
            ("active", 3, Some(2), true),
            // Nothing to compare with yet.
            ("activating", 12, None, false),
            // It was late, and has come up.
            ("active", 12, Some(12), false),
            // Two bad starts are no loop.
            ("activating", 2, Some(1), false),
            // It was booted anew.
            ("activating", 4, Some(9), false),
            ("active", 0, Some(0), false),
            ("", 0, None, false),
        ] {
            let state = shown(active, 0, 0, restarts);
            assert_eq!(
                ends_by_itself(&state, before),
                ends,
                "{active} {restarts} {before:?}"
            );
        }
    }

    #[test]
    fn how_it_ended_is_systemd_s_word_else_the_last_of_its_journal() {
        let line = |how: &str| format!("NRestarts=3\nMain process exited, {how}\n");
        for (state, told, exit) in [
            (shown("activating", 1, 203, 3), "", Exit::Status(203)),
            (shown("activating", 2, 9, 3), "", Exit::Signal(9)),
            (shown("failed", 3, 11, 0), "", Exit::Signal(11)),
            (
                shown("active", 0, 0, 3),
                "code=exited, status=1",
                Exit::Status(1),
            ),
            (
                shown("active", 0, 0, 3),
                "code=killed, status=9",
                Exit::Signal(9),
            ),
            (
                shown("active", 0, 0, 3),
                "code=exited, status=",
                Exit::Untold,
            ),
            (shown("active", 0, 0, 3), "", Exit::Untold),
        ] {
            assert_eq!(exit_of(&state, &line(told)), exit, "{told}");
        }
    }
}
