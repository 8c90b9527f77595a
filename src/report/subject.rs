//! What the run is about: who released what, where, and how fast its clock ran.

use super::Run;
use super::words;
use super::words::Phrase;
use crate::command_line::{CommandLine, Next};
use crate::names::{Colour, NO_ENVIRONMENT};
use crate::outcome::Outcome;
use crate::run::beginning::Beginning;
use crate::run::event::{Event, Stamped};
use crate::text;

/// As the first event of a run says.
pub(super) fn of(events: &[Stamped]) -> Beginning {
    let began = events.iter().find_map(|stamped| match &stamped.event {
        Event::Began(began) => Some(began.clone()),
        _ => None,
    });
    began.unwrap_or_default()
}

/// What reports say of it.
impl Beginning {
    /// "hello 0.0.2", or the version alone when the app is not known.
    pub(super) fn app_and(&self, release: &str) -> Phrase {
        let app = if self.app.is_empty() {
            String::new()
        } else {
            format!("{} ", self.app)
        };
        Phrase::new(app).name(release)
    }

    /// "hello in prod", for a heading.
    pub(super) fn app_in_place(&self) -> Phrase {
        if text::one_line(&self.app).is_empty() {
            return Phrase::default();
        }
        Phrase::new(self.app.as_str()).then(self.place())
    }

    /// Somebody goes back on purpose.
    pub(super) fn is_rollback(&self) -> bool {
        self.command == "rollback"
    }

    /// " in prod"; nothing when there is only one environment.
    pub(super) fn place(&self) -> Phrase {
        if self.has_environment() {
            Phrase::new(" in ").name(&self.environment)
        } else {
            Phrase::default()
        }
    }

    /// How this command is typed, for the same environment and release.
    pub(super) fn next(&self, next: Next<'_>) -> String {
        let environment = self.has_environment().then(|| self.environment.clone());
        let release = match self.command_line.rehearses() {
            // The sample app has releases of its own, which nobody typed.
            true => self.command_line.release.clone(),
            false => Some(self.release.0.clone()).filter(|release| !release.is_empty()),
        };
        let line = CommandLine {
            environment,
            release,
            ..(*self.command_line).clone()
        };
        line.of(next)
    }

    /// What asks live traffic whether the release answers; where nobody knows whom to ask, how things stand.
    pub(super) fn probe(&self) -> String {
        self.next(match self.url.as_deref() {
            Some(url) => Next::Probe(url, &self.release.0),
            None => Next::Status,
        })
    }

    /// The command that was typed, again.
    pub(super) fn again(&self) -> String {
        let release = self.release.0.as_str();
        self.next(match self.command.as_str() {
            "verify" => Next::Verify,
            "rehearse" => Next::Rehearse,
            "rollback" if !release.is_empty() => Next::RollbackTo(release),
            "rollback" => Next::Rollback,
            // What was cancelled before `finish` was most likely that, too.
            _ => Next::Deploy,
        })
    }

    pub(super) fn is_rehearsal(&self) -> bool {
        self.command == "rehearse"
    }

    fn has_environment(&self) -> bool {
        let environment = text::one_line(&self.environment);
        !environment.is_empty() && environment != NO_ENVIRONMENT
    }
}

/// Which colour a version stood on, as far as the run says.
pub(super) fn colour_of(run: &Run<'_>, version: &str) -> Option<Colour> {
    let seen = run
        .events
        .iter()
        .rev()
        .find_map(|stamped| match &stamped.event {
            Event::Fleet {
                colour,
                release: Some(release),
                ..
            } if release == version => Some(*colour),
            _ => None,
        });
    seen.or_else(|| match run.outcome {
        Outcome::Deployed {
            release,
            previous,
            live,
            ..
        }
        | Outcome::Unproven {
            release,
            previous,
            live,
            ..
        } => {
            if release.0 == version {
                Some(*live)
            } else if previous.as_ref().is_some_and(|old| old.0 == version) {
                Some(live.other())
            } else {
                None
            }
        }
        _ => None,
    })
}

/// What durations mean on a local cloud; said once.
pub(super) fn speed_note(speed: f64) -> Option<String> {
    let is_faster = speed.is_finite() && (speed - 1.0).abs() > 1e-9 && speed > 0.0;
    is_faster.then(|| {
        let speed = format!("{speed:.1}");
        let speed = speed.trim_end_matches('0').trim_end_matches('.');
        format!("On a local cloud: AWS's own durations divided by {speed}.")
    })
}

/// `2026-11-23T04:57:43Z` as people read it: to the minute.
pub(super) fn date(at: &str) -> String {
    let at = text::one_line(at);
    let minute = at.strip_suffix('Z').and_then(|at| at.rsplit_once(':'));
    match minute {
        Some((minute, _)) => format!("{} UTC", minute.replacen('T', " ", 1)),
        None => at,
    }
}

/// How long the run took.
pub(super) fn duration(events: &[Stamped]) -> String {
    words::took(events.last().map(|last| last.at).unwrap_or_default())
}
