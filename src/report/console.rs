//! The run as it happens: a line for each finished step, and on a terminal one more that says what is waited for.
//!
//! Guarantees: a line is never rewritten unless the writer is a live terminal; nothing scrolls while waiting; a
//! writer that fails is ignored, for a closed pipe must not stop a release.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use super::plain;
use super::subject::Subject;
use super::timeline::{self, Stage};
use super::words::took;
use super::{Run, ending, text};
use crate::run::event::{Event, Stamped, Zone};

/// How long CI may be silent.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Reasons of one step that are written as lines of their own.
const MOST_REASONS: usize = 20;
/// The columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

/// What the writer can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// It shows colours.
    pub ansi: bool,
    /// It is a terminal: its last line can be rewritten.
    pub live: bool,
    /// It is a job's log: say at least every half minute that the run is alive.
    pub ci: bool,
}

/// Writes a run as it happens.
#[derive(Debug)]
pub struct Console<W: Write> {
    writer: W,
    style: Style,
    columns: usize,
    stage: Option<Stage>,
    step: Option<Step>,
    /// The time of the last event or tick.
    now: Duration,
    spoke: Duration,
    /// Whether the last line is the one that changes.
    is_pending: bool,
}

/// The step that is under way; its events, so that its row is the same as in every other report.
#[derive(Debug)]
struct Step {
    name: String,
    began: Duration,
    events: Vec<Stamped>,
    reason: String,
    said: BTreeSet<String>,
}

impl<W: Write> Console<W> {
    /// Writes to `writer`, which can do what `style` says.
    pub fn new(writer: W, style: Style) -> Self {
        Self {
            writer,
            style,
            columns: COLUMNS,
            stage: None,
            step: None,
            now: Duration::ZERO,
            spoke: Duration::ZERO,
            is_pending: false,
        }
    }

    /// Tells it how wide the terminal is.
    #[must_use]
    pub fn with_columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(20);
        self
    }

    /// Writes what happened.
    pub fn event(&mut self, stamped: &Stamped) {
        self.now = self.now.max(stamped.at);
        match &stamped.event {
            Event::Began { .. } => self.began(stamped),
            Event::StepBegan { step, zone } => self.step_began(stamped, step, *zone),
            Event::Waiting { reason, .. } => self.waiting(stamped, reason),
            Event::StepDone { .. } | Event::StepFailed { .. } => self.step_ended(stamped),
            Event::UndoBegan { what } => {
                self.abandon_step(stamped);
                self.heading(Stage::Undo);
                self.line(&format!("  first: {}", text::console(what)));
            }
            Event::Undone { step, summary } => self.undone("✓", step, summary),
            Event::UndoFailed { step, error } => self.undone("✗", step, error),
            Event::SmokeTested {
                name,
                request,
                problems,
                took,
            } => self.smoke_tested(name, request, problems, *took),
            Event::WeightsWritten { weights } => {
                self.line(&format!("    weights written: {weights}"))
            }
            Event::WeightsSeen { weights, after } => {
                let after = super::words::latency(*after);
                self.line(&format!("    weights obeyed:  {weights} (after {after})"));
            }
            Event::LeftOver { what, remedy } => {
                self.line(&format!("  ! left over: {}", text::console(what)));
                self.line(&format!("    $ {}", text::console(remedy)));
            }
            Event::Note { text } => self.line(&format!("  · {}", text::console(text))),
            Event::Decided { .. } | Event::Fleet { .. } | Event::BuilderLog { .. } => {}
        }
    }

    /// Tells it the time, so that it can say that the run is alive.
    pub fn tick(&mut self, at: Duration) {
        self.now = self.now.max(at);
        if self.style.live {
            self.pending();
        } else if self.style.ci && self.now.saturating_sub(self.spoke) >= HEARTBEAT {
            self.heartbeat();
        }
    }

    /// Writes the probe and the verdict.
    pub fn finish(&mut self, run: &Run<'_>) {
        self.erase();
        self.step = None;
        self.put("\n");
        for line in ending(run).lines() {
            self.line(line);
        }
    }

    fn began(&mut self, stamped: &Stamped) {
        let subject = Subject::of(std::slice::from_ref(stamped));
        let what = subject
            .app_and(&subject.release)
            .then(subject.place())
            .plain();
        let live = match &subject.previous {
            Some(previous) => format!(", {} is live", text::console(previous)),
            None => ", the first release".to_owned(),
        };
        let by = subject.by.as_deref().map(text::console);
        let by = by
            .map(|by| format!(", asked for by {by}"))
            .unwrap_or_default();
        self.line(&format!(
            "{}: {what}{live}{by}",
            text::console(&subject.command)
        ));
    }

    fn step_began(&mut self, stamped: &Stamped, step: &str, zone: Zone) {
        self.abandon_step(stamped);
        self.heading(Stage::Zone(zone));
        self.step = Some(Step {
            name: text::console(step),
            began: stamped.at,
            events: vec![stamped.clone()],
            reason: String::new(),
            said: BTreeSet::new(),
        });
        self.pending();
    }

    fn waiting(&mut self, stamped: &Stamped, reason: &str) {
        let reason = text::console(reason);
        let Some(step) = &mut self.step else { return };
        if step.events.len() < 1_000 {
            step.events.push(stamped.clone());
        }
        step.reason.clone_from(&reason);
        let is_news = step.said.len() < MOST_REASONS && step.said.insert(reason.clone());
        if self.style.live {
            self.pending();
        } else if is_news {
            let name = step.name.clone();
            self.line(&format!("  … {name}: {reason}"));
        }
    }

    fn step_ended(&mut self, stamped: &Stamped) {
        let Some(mut step) = self.step.take() else {
            return;
        };
        step.events.push(stamped.clone());
        for row in timeline::rows(&step.events) {
            let (mark, _) = row.state.mark();
            let row = timeline::Row {
                longest_wait: None,
                ..row
            };
            self.marked(mark, &plain::step(&row));
        }
    }

    /// A step that neither ended well nor badly before something else began.
    fn abandon_step(&mut self, stamped: &Stamped) {
        if self.step.is_some() {
            self.step_ended(stamped);
        }
    }

    fn undone(&mut self, mark: &str, step: &str, summary: &str) {
        let line = format!(
            "  {mark} {}: {}",
            text::console(step),
            text::console(summary)
        );
        self.marked(mark, &line);
    }

    fn smoke_tested(&mut self, name: &str, request: &str, problems: &[String], took: Duration) {
        let mark = if problems.is_empty() { "✓" } else { "✗" };
        let (name, request) = (text::console(name), text::console(request));
        let took = super::words::latency(took);
        self.marked(mark, &format!("    {mark} {name}: {request} ({took})"));
        for problem in problems.iter().take(MOST_REASONS) {
            self.line(&format!("      {}", text::console(problem)));
        }
    }

    fn heading(&mut self, stage: Stage) {
        if self.stage != Some(stage) {
            self.stage = Some(stage);
            let heading = stage.heading();
            self.put_line(&self.painted("1", heading));
        }
    }

    fn heartbeat(&mut self) {
        let Some(step) = &self.step else { return };
        let so_far = took(self.now.saturating_sub(step.began));
        let reason = match step.reason.as_str() {
            "" => String::new(),
            reason => format!(", {reason}"),
        };
        let line = format!("  … still at it: {} for {so_far}{reason}", step.name);
        self.line(&line);
    }

    /// Rewrites the line that changes.
    fn pending(&mut self) {
        let Some(step) = self.step.as_ref().filter(|_| self.style.live) else {
            return;
        };
        let so_far = took(self.now.saturating_sub(step.began));
        let line = format!("  … {}  {so_far}  {}", step.name, step.reason);
        let line = text::fit(line.trim_end(), self.columns - 1);
        let line = self.painted("2", &line);
        self.put(&format!("\r\u{1b}[K{line}"));
        self.is_pending = true;
        self.flush();
    }

    fn erase(&mut self) {
        if self.is_pending {
            self.put("\r\u{1b}[K");
            self.is_pending = false;
        }
    }

    /// A line with its mark in colour; the mark alone says enough.
    fn marked(&mut self, mark: &str, line: &str) {
        let colour = match mark {
            "✓" => "32",
            "✗" => "31",
            _ => "2",
        };
        let painted = line.replacen(mark, &self.painted(colour, mark), 1);
        self.put_line(&painted);
    }

    fn line(&mut self, line: &str) {
        self.put_line(line);
    }

    fn put_line(&mut self, line: &str) {
        self.erase();
        self.put(line);
        self.put("\n");
        self.spoke = self.now;
        self.pending();
        self.flush();
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.style.ansi {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// A report that cannot be written does not change the outcome.
    fn put(&mut self, text: &str) {
        let _ = self.writer.write_all(text.as_bytes());
    }

    fn flush(&mut self) {
        let _ = self.writer.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::stories;

    fn told(style: Style, ticks: &[u64]) -> String {
        let tale = stories::deployed();
        let mut written = Vec::new();
        let mut console = Console::new(&mut written, style).with_columns(60);
        let mut ticks = ticks.iter().map(|at| Duration::from_secs(*at)).peekable();
        for stamped in &tale.events {
            while let Some(at) = ticks.next_if(|at| *at < stamped.at) {
                console.tick(at);
            }
            console.event(stamped);
        }
        console.finish(&tale.run());
        String::from_utf8(written).expect("text")
    }

    #[test]
    fn a_jobs_log_has_each_zone_each_step_and_each_reason_once_and_no_codes() {
        let ci = Style {
            ci: true,
            ..Style::default()
        };
        let text = told(ci, &[]);
        let before_end = text.split("\n\n").next().unwrap_or_default();
        for once in [
            "A prepare:",
            "B commit:",
            "C finish:",
            "✓ bake image",
            "… await healthy: 1 of 2 healthy",
            "weights written: blue 90, green 10",
        ] {
            assert_eq!(
                before_end.matches(once).count(),
                1,
                "{once} in {before_end}"
            );
        }
        assert!(!text.contains(['\u{1b}', '\r']), "{text}");
        assert!(text.ends_with("asked for by octocat, push to main.\n"));
    }

    #[test]
    fn a_jobs_log_is_never_silent_for_longer_than_half_a_minute_and_beats_no_faster() {
        let ci = Style {
            ci: true,
            ..Style::default()
        };
        let every_second: Vec<u64> = (0..430).collect();
        let beats = told(ci, &every_second).matches("still at it").count();
        assert!((6..=14).contains(&beats), "{beats} beats");
        let plain = told(Style::default(), &every_second);
        assert_eq!(plain.matches("still at it").count(), 0);
    }

    #[test]
    fn on_a_terminal_the_last_line_is_rewritten_within_its_width_and_nothing_scrolls() {
        let live = Style {
            ansi: true,
            live: true,
            ci: false,
        };
        let every_second: Vec<u64> = (0..430).collect();
        let (quiet, ticking) = (told(live, &[]), told(live, &every_second));
        let lines = |text: &str| text.matches('\n').count();
        assert_eq!(lines(&quiet), lines(&ticking), "waiting scrolls");
        assert!(ticking.contains("… bake image  2 min 00 s  the image to be available"));
        for piece in ticking
            .split("\r\u{1b}[K")
            .filter(|piece| !piece.contains('\n'))
        {
            let bare = piece.replace("\u{1b}[2m", "").replace("\u{1b}[0m", "");
            assert!(text::columns(&bare) < 60, "{bare:?}");
        }
        assert!(!ticking.trim_end().ends_with("\u{1b}[K"));
    }

    #[test]
    fn without_colours_every_line_still_says_how_it_ended() {
        let text = told(
            Style {
                live: true,
                ..Style::default()
            },
            &[],
        );
        assert!(text.contains("✓ bake image") && !text.contains("\u{1b}[3"));
    }

    #[test]
    fn a_writer_that_fails_is_ignored() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
        }
        let tale = stories::deployed();
        let mut console = Console::new(Closed, Style::default());
        tale.events
            .iter()
            .for_each(|stamped| console.event(stamped));
        console.finish(&tale.run());
    }
}
