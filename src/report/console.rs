//! The run as it happens: a line for each finished step, and on a terminal one more that says what is waited for.
//!
//! Guarantees: a line is never rewritten unless the writer is a live terminal; nothing scrolls while waiting; a
//! writer that fails is ignored, for a closed pipe must not stop a release.

mod style;

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

pub use self::style::{Says, Style};
use super::convergence::Following;
use super::details;
use super::plain;
use super::story::Story;
use super::subject;
use super::timeline::{self, Phase};
use super::words::took;
use super::{Run, annotation, pulse};
use crate::run::beginning::Beginning;
use crate::run::event::{Event, Pulse, Stamped, Zone};
use crate::text;

/// How long CI may be silent.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Reasons of one step that are written as lines of their own.
const MOST_REASONS: usize = 20;
/// The fewest columns that lines are fitted to.
const FEWEST_COLUMNS: usize = 20;

/// Writes a run as it happens.
#[derive(Debug)]
pub struct Console<W: Write> {
    writer: W,
    style: Style,
    columns: usize,
    phase: Option<Phase>,
    /// The steps under way: the first of them is the one whose time is told.
    steps: Vec<OpenStep>,
    /// The time of the last event or tick.
    now: Duration,
    spoke: Duration,
    /// How many of the last lines are those that change.
    pending: usize,
    /// Whether a group of the job's log is open.
    is_grouped: bool,
    subject: Beginning,
    /// How fast the traffic follows the weights.
    following: Following,
    pulse: Option<Pulse>,
}

/// The step that is under way; its events, so that its row is the same as in every other report.
#[derive(Debug)]
struct OpenStep {
    name: String,
    began: Duration,
    events: Vec<Stamped>,
    reason: String,
    said: BTreeSet<String>,
}

impl<W: Write> Console<W> {
    /// Writes to `writer`, which can do what `style` says and has so many columns.
    pub fn new(writer: W, style: Style, columns: usize) -> Self {
        Self {
            writer,
            style,
            columns: columns.max(FEWEST_COLUMNS),
            phase: None,
            steps: Vec::new(),
            now: Duration::ZERO,
            spoke: Duration::ZERO,
            pending: 0,
            is_grouped: false,
            subject: Beginning::default(),
            following: Following::default(),
            pulse: None,
        }
    }

    /// Tells it how wide the terminal is now.
    pub fn resize(&mut self, columns: usize) {
        self.columns = columns.max(FEWEST_COLUMNS);
    }

    /// Writes what happened.
    pub fn event(&mut self, stamped: &Stamped) {
        self.now = self.now.max(stamped.at);
        self.following.read(stamped);
        if self.style.says == Says::TheEnd {
            return;
        }
        match &stamped.event {
            Event::Began(_) => self.began(stamped),
            Event::StepBegan { step, zone } => self.step_began(stamped, step, *zone),
            Event::Waiting { step, reason } => self.waiting(stamped, step, reason),
            Event::StepDone { step, .. } | Event::StepFailed { step, .. } => {
                self.step_ended(stamped, step);
            }
            Event::UndoBegan { what } => {
                self.abandon_steps(stamped);
                self.heading(Phase::Undo);
                self.line(&format!("  first: {}", text::for_log(what)));
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
            Event::WeightsSeen { weights } => {
                let after = self.following.after().map(|after| format!(" ({after})"));
                let after = after.unwrap_or_default();
                self.line(&format!("    weights obeyed:  {weights}{after}"));
            }
            Event::LeftOver { what, remedy } => {
                self.line(&format!("  ! left over: {}", text::for_log(what)));
                self.line(&format!("    $ {}", text::for_log(remedy)));
            }
            Event::CandidateLog { .. } => self.last_words(stamped),
            Event::Note { text } => self.line(&format!("  · {}", text::for_log(text))),
            Event::Decided { what, value, why } if self.style.says == Says::More => {
                let [what, value, why] = [what, value, why].map(|one| text::for_log(one));
                self.line(&format!("  · {what}: {value} ({why})"));
            }
            Event::Decided { .. }
            | Event::Fleet { .. }
            | Event::Image { .. }
            | Event::BuilderLog { .. } => {}
        }
    }

    /// Tells it what live traffic is answered now; `None` when nobody asks.
    pub fn pulse(&mut self, pulse: Option<Pulse>) {
        self.pulse = pulse;
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
        self.steps.clear();
        self.end_group();
        if self.style.says != Says::TheEnd {
            self.put("\n");
        }
        let story = Story::of(run);
        for line in self.style.says.at_the_end(&story).lines() {
            self.line(line);
        }
        if let Some(verdict) = annotation::verdict(&story).filter(|_| self.style.github) {
            self.line(&verdict);
        }
    }

    fn began(&mut self, stamped: &Stamped) {
        let subject = subject::of(std::slice::from_ref(stamped));
        self.subject = subject.clone();
        let what = subject
            .app_and(&subject.release.0)
            .then(subject.place())
            .plain();
        let live = match &subject.previous {
            Some(previous) => format!(", {} is live", text::for_log(&previous.0)),
            None if subject.was_down => ", and nobody is served now".to_owned(),
            None => ", the first release".to_owned(),
        };
        let by = subject.by.as_deref().map(text::for_log);
        let by = by
            .map(|by| format!(", asked for by {by}"))
            .unwrap_or_default();
        self.line(&format!(
            "{}: {what}{live}{by}",
            text::for_log(&subject.command)
        ));
    }

    fn step_began(&mut self, stamped: &Stamped, step: &str, zone: Zone) {
        self.heading(Phase::Zone(zone));
        self.steps.push(OpenStep {
            name: text::for_log(step),
            began: stamped.at,
            events: vec![stamped.clone()],
            reason: String::new(),
            said: BTreeSet::new(),
        });
        self.pending();
    }

    fn waiting(&mut self, stamped: &Stamped, step: &str, reason: &str) {
        let reason = text::for_log(reason);
        let last = self.steps.len().checked_sub(1);
        let Some(which) = self.position(step).or(last) else {
            return;
        };
        let step = &mut self.steps[which];
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

    /// Which of the steps under way is of this name.
    fn position(&self, step: &str) -> Option<usize> {
        let step = text::for_log(step);
        self.steps.iter().position(|open| open.name == step)
    }

    fn step_ended(&mut self, stamped: &Stamped, step: &str) {
        if let Some(which) = self.position(step) {
            let step = self.steps.remove(which);
            self.close(step, stamped);
        }
    }

    fn close(&mut self, mut step: OpenStep, stamped: &Stamped) {
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

    /// Those that ended neither well nor badly.
    fn abandon_steps(&mut self, stamped: &Stamped) {
        for step in std::mem::take(&mut self.steps) {
            self.close(step, stamped);
        }
    }

    fn undone(&mut self, mark: &str, step: &str, summary: &str) {
        let line = format!(
            "  {mark} {}: {}",
            text::for_log(step),
            text::for_log(summary)
        );
        self.marked(mark, &line);
    }

    fn smoke_tested(&mut self, name: &str, request: &str, problems: &[String], took: Duration) {
        let mark = if problems.is_empty() { "✓" } else { "✗" };
        let (name, request) = (text::for_log(name), text::for_log(request));
        let took = super::words::latency(took);
        self.marked(mark, &format!("    {mark} {name}: {request} ({took})"));
        for problem in problems.iter().take(MOST_REASONS) {
            self.line(&format!("      {}", text::for_log(problem)));
        }
    }

    /// How an instance of the failed candidate was, and its last line; the others stand at the end.
    fn last_words(&mut self, stamped: &Stamped) {
        for said in details::last_words(std::slice::from_ref(stamped)) {
            let (instance, state) = (text::for_log(&said.instance), text::for_log(&said.state));
            self.line(&format!(
                "  · {instance} said last ({state}): {}",
                text::for_log(&said.last)
            ));
        }
    }

    fn heading(&mut self, phase: Phase) {
        if self.phase != Some(phase) {
            self.phase = Some(phase);
            let heading = phase.heading();
            self.end_group();
            if self.style.github {
                self.is_grouped = true;
                self.put_line(&annotation::group(heading));
            } else {
                self.put_line(&self.painted("1", heading));
            }
        }
    }

    fn end_group(&mut self) {
        if std::mem::take(&mut self.is_grouped) {
            self.put_line(annotation::END_GROUP);
        }
    }

    fn heartbeat(&mut self) {
        let Some(step) = self.steps.first() else {
            return;
        };
        let so_far = took(self.now.saturating_sub(step.began));
        let reason = match step.reason.as_str() {
            "" => String::new(),
            reason => format!(", {reason}"),
        };
        let mut line = format!("  … still at it: {} for {so_far}{reason}", step.name);
        if let Some(pulse) = &self.pulse {
            line.push_str(&format!("; {}", pulse::line(pulse, &self.subject)));
        }
        self.line(&line);
    }

    /// Rewrites the lines that change: what is waited for, and who answers live traffic meanwhile.
    fn pending(&mut self) {
        let Some(step) = self.steps.first().filter(|_| self.style.live) else {
            return;
        };
        let so_far = took(self.now.saturating_sub(step.began));
        let line = format!("  … {}  {so_far}  {}", step.name, step.reason);
        let line = text::fit(line.trim_end(), self.columns - 1);
        let mut lines = vec![self.painted("2", &line)];
        if let Some(pulse) = &self.pulse {
            let line = format!("    {}", pulse::line(pulse, &self.subject));
            lines.push(text::fit(&line, self.columns - 1));
        }
        self.erase();
        // Always there, so that the first of these lines is empty before it is written.
        self.put("\r\u{1b}[K");
        self.put(&lines.join("\n"));
        self.pending = lines.len();
        self.flush();
    }

    fn erase(&mut self) {
        let lines = std::mem::take(&mut self.pending);
        if lines > 0 {
            self.put("\r\u{1b}[K");
        }
        for _ in 1..lines {
            self.put("\u{1b}[1A\r\u{1b}[K");
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
mod tests;
