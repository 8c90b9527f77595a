//! The steps as they were done and undone: how long each took, and what it waited for longest.

use std::time::Duration;

use crate::run::event::{Event, Stamped, Zone};
use crate::text;

/// More rows than any release has; a report stays bounded whatever the events are.
const MOST_ROWS: usize = 60;
/// A wait shorter than this is not worth a word.
const WORTH_A_WORD: Duration = Duration::from_millis(500);

/// Where in a run a row belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A step of a zone.
    Zone(Zone),
    /// The way back.
    Undo,
}

impl Phase {
    /// The heading of its rows.
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::Zone(Zone::Prepare) => "A prepare: live is not touched",
            Self::Zone(Zone::Commit) => "B commit: traffic moves; a failure moves it back",
            Self::Zone(Zone::Finish) => "C finish: the release is live; only forward",
            Self::Undo => "Undo: the way back",
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It did what it is for.
    Done,
    /// There was nothing to do.
    Skipped,
    /// It failed.
    Failed,
    /// The run ended before it did.
    Unfinished,
}

impl State {
    /// A mark and a word, so that no colour is needed.
    pub(super) const fn mark(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("✓", "done"),
            Self::Skipped => ("–", "skipped"),
            Self::Failed => ("✗", "failed"),
            Self::Unfinished => ("…", "not finished"),
        }
    }
}

/// A step, done or undone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) phase: Phase,
    pub(super) step: String,
    pub(super) began: Duration,
    pub(super) took: Duration,
    pub(super) state: State,
    pub(super) summary: String,
    pub(super) longest_wait: Option<(String, Duration)>,
}

/// Reads the rows out of the events.
pub(super) fn rows(events: &[Stamped]) -> Vec<Row> {
    let mut reader = Reader::default();
    for stamped in events {
        reader.read(stamped);
    }
    if let Some(last) = events.last() {
        reader.end_all(last.at);
    }
    reader.rows.truncate(MOST_ROWS);
    reader.rows
}

/// How long a phase took: from the beginning of its first step to the end of its last.
pub(super) fn phase(rows: &[Row], phase: Phase) -> Duration {
    let of = || rows.iter().filter(|row| row.phase == phase);
    let began = of().map(|row| row.began).min().unwrap_or_default();
    let ended = of().map(|row| row.began + row.took).max();
    ended.unwrap_or_default().saturating_sub(began)
}

#[derive(Default)]
struct Reader {
    rows: Vec<Row>,
    /// Those under way: some are taken side by side.
    open: Vec<Open>,
    undoing: Duration,
}

struct Open {
    zone: Zone,
    step: String,
    began: Duration,
    waits: Vec<(String, Duration)>,
    waiting: Option<(String, Duration)>,
}

impl Reader {
    fn read(&mut self, stamped: &Stamped) {
        let at = stamped.at;
        match &stamped.event {
            Event::StepBegan { step, zone } if self.open.len() < MOST_ROWS => {
                self.open.push(Open {
                    zone: *zone,
                    step: text::one_line(step),
                    began: at,
                    waits: Vec::new(),
                    waiting: None,
                });
            }
            Event::Waiting { step, reason } => {
                if let Some(at_it) = self.position(step).or(self.open.len().checked_sub(1)) {
                    let open = &mut self.open[at_it];
                    open.wait_ends(at);
                    open.waiting = Some((text::one_line(reason), at));
                }
            }
            Event::StepDone {
                step,
                summary,
                skipped,
            } => {
                let state = if *skipped {
                    State::Skipped
                } else {
                    State::Done
                };
                self.end(at, step, state, summary);
            }
            Event::StepFailed { step, cause } => self.end(at, step, State::Failed, &cause.words),
            Event::UndoBegan { .. } => {
                self.end_all(at);
                self.undoing = at;
            }
            Event::Undone { step, summary } => self.undo(at, step, State::Done, summary),
            Event::UndoFailed { step, error } => self.undo(at, step, State::Failed, error),
            _ => {}
        }
    }

    /// Which of those under way is of this name.
    fn position(&self, step: &str) -> Option<usize> {
        let step = text::one_line(step);
        self.open.iter().position(|open| open.step == step)
    }

    fn end_all(&mut self, at: Duration) {
        for open in std::mem::take(&mut self.open) {
            self.close(open, at, State::Unfinished, "");
        }
    }

    fn end(&mut self, at: Duration, step: &str, state: State, summary: &str) {
        if let Some(which) = self.position(step) {
            let open = self.open.remove(which);
            self.close(open, at, state, summary);
        }
    }

    fn close(&mut self, mut open: Open, at: Duration, state: State, summary: &str) {
        open.wait_ends(at);
        self.undoing = at;
        self.rows.push(Row {
            phase: Phase::Zone(open.zone),
            step: open.step,
            began: open.began,
            took: at.saturating_sub(open.began),
            state,
            summary: text::one_line(summary),
            longest_wait: open
                .waits
                .into_iter()
                .max_by_key(|(_, waited)| *waited)
                .filter(|(_, waited)| *waited >= WORTH_A_WORD),
        });
    }

    fn undo(&mut self, at: Duration, step: &str, state: State, summary: &str) {
        self.rows.push(Row {
            phase: Phase::Undo,
            step: format!("undo {}", text::one_line(step)),
            began: self.undoing,
            took: at.saturating_sub(self.undoing),
            state,
            summary: text::one_line(summary),
            longest_wait: None,
        });
        self.undoing = at;
    }
}

impl Open {
    fn wait_ends(&mut self, at: Duration) {
        let Some((reason, since)) = self.waiting.take() else {
            return;
        };
        let waited = at.saturating_sub(since);
        let known = self.waits.iter_mut().find(|(known, _)| *known == reason);
        if let Some((_, sum)) = known {
            *sum += waited;
        } else if self.waits.len() < MOST_ROWS {
            self.waits.push((reason, waited));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, event: Event) -> Stamped {
        Stamped {
            at: Duration::from_secs(seconds),
            event,
        }
    }

    fn waiting(reason: &str) -> Event {
        Event::Waiting {
            step: "await healthy".into(),
            reason: reason.into(),
        }
    }

    #[test]
    fn a_step_tells_what_it_waited_for_longest_added_up() {
        let rows = rows(&[
            at(
                1,
                Event::StepBegan {
                    step: "await healthy".into(),
                    zone: Zone::Prepare,
                },
            ),
            at(1, waiting("0 of 2 healthy")),
            at(4, waiting("1 of 2 healthy")),
            at(6, waiting("0 of 2 healthy")),
            at(7, waiting("a streak of 3")),
            at(
                9,
                Event::StepDone {
                    step: "await healthy".into(),
                    summary: "2 of 2".into(),
                    skipped: false,
                },
            ),
        ]);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].took, Duration::from_secs(8));
        let longest = Some(("0 of 2 healthy".to_owned(), Duration::from_secs(4)));
        assert_eq!(rows[0].longest_wait, longest);
    }

    #[test]
    fn of_steps_side_by_side_each_has_its_own_time_wait_and_end() {
        let began = |step: &str| Event::StepBegan {
            step: step.into(),
            zone: Zone::Prepare,
        };
        let done = |step: &str| Event::StepDone {
            step: step.into(),
            summary: String::new(),
            skipped: false,
        };
        let rows = rows(&[
            at(1, began("await healthy")),
            at(1, began("arm guard")),
            at(1, began("hold previous")),
            at(2, waiting("1 of 2 healthy")),
            at(3, done("arm guard")),
            at(6, done("await healthy")),
        ]);
        let told = rows
            .iter()
            .map(|row| (row.step.as_str(), row.took.as_secs(), row.state));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("arm guard", 2, State::Done),
                ("await healthy", 5, State::Done),
                ("hold previous", 5, State::Unfinished),
            ]
        );
        assert_eq!(rows[0].longest_wait, None);
        assert!(rows[1].longest_wait.is_some());
    }

    #[test]
    fn a_step_that_never_ended_is_not_called_done_and_each_undo_has_its_own_time() {
        let rows = rows(&[
            at(
                1,
                Event::StepBegan {
                    step: "soak".into(),
                    zone: Zone::Commit,
                },
            ),
            at(
                5,
                Event::UndoBegan {
                    what: "restore the weights".into(),
                },
            ),
            at(
                7,
                Event::Undone {
                    step: "shift traffic".into(),
                    summary: "all to blue".into(),
                },
            ),
            at(
                8,
                Event::UndoFailed {
                    step: "bake image".into(),
                    error: "denied".into(),
                },
            ),
        ]);
        let seen: Vec<_> = rows
            .iter()
            .map(|row| (row.state, row.took.as_secs()))
            .collect();
        assert_eq!(
            seen,
            [(State::Unfinished, 4), (State::Done, 2), (State::Failed, 1)]
        );
    }
}
