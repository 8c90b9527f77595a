//! A run in which every text that others could have written is a given one.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::aws::calls::{Answer, Call};
use crate::cause::{Cause, Reason};
use crate::names::{Colour, Release};
use crate::outcome::{Leftover, Now, Outcome};
use crate::probe::Verdict;
use crate::report::LoadBalancerCounts;
use crate::report::stories::{self, Tale};
use crate::run::beginning::Beginning;
use crate::run::event::{Event, LogSource, Stamped, Zone};

/// A run in which whatever others could have written is `foreign`.
#[expect(clippy::too_many_lines, reason = "a table of every outcome")]
pub(super) fn tales(foreign: &str) -> Vec<Tale> {
    let text = || foreign.to_owned();
    let leftovers = vec![Leftover {
        what: text(),
        remedy: text(),
    }];
    let undone = vec![text()];
    let (step, words) = (text(), format!("502 closed; {foreign}"));
    // A known reason: what is made of it is the same for every text.
    let cause = Cause::from(words.clone()).with(Reason::Requests(Some(502)));
    let cause_again = cause.clone();
    let serving = Some(Release(text()));
    let outcomes = [
        Outcome::Deployed {
            release: Release(text()),
            previous: serving.clone(),
            live: Colour::Green,
            warnings: vec![text()],
            leftovers: leftovers.clone(),
        },
        Outcome::Unproven {
            release: Release(text()),
            previous: serving.clone(),
            live: Colour::Green,
            reasons: vec![words.clone()],
            leftovers: leftovers.clone(),
        },
        Outcome::Verified {
            release: Release(text()),
            serving: serving.clone(),
            undone: undone.clone(),
            leftovers: leftovers.clone(),
        },
        Outcome::NothingToDo {
            release: Release(text()),
        },
        Outcome::Refused {
            reason: words.clone(),
            now: Some(Now {
                is_well: false,
                words: words.clone(),
            }),
        },
        Outcome::RolledBack {
            step: step.clone(),
            cause: cause.clone(),
            traffic_moved: true,
            serving: serving.clone(),
            undone: undone.clone(),
            leftovers: leftovers.clone(),
        },
        Outcome::Stopped {
            step: step.clone(),
            cause: cause.clone(),
            serving: serving.clone(),
            weights: None,
            undone: undone.clone(),
            leftovers: leftovers.clone(),
        },
        Outcome::Cancelled {
            step: step.clone(),
            traffic_moved: false,
            serving,
            undone,
            leftovers: leftovers.clone(),
        },
        Outcome::Stuck {
            step,
            cause,
            undo_failure: cause_again,
            weights: None,
            commands: vec![text()],
            leftovers,
        },
    ];
    outcomes
        .into_iter()
        .map(|outcome| tale(foreign, outcome))
        .collect()
}

fn tale(foreign: &str, outcome: Outcome) -> Tale {
    let text = || foreign.to_owned();
    let mut tale = stories::rolled_back_in_commit();
    tale.outcome = outcome;
    tale.events = events(foreign);
    tale.verdict = Some(Verdict::Failed {
        reasons: vec![text()],
    });
    tale.lb_counts = Some(LoadBalancerCounts {
        by_colour: BTreeMap::from([(Colour::Blue, BTreeMap::from([(text(), 7)]))]),
    });
    let evidence = tale.evidence.as_mut().expect("it was probed");
    evidence.ledger = Some(foreign.into());
    evidence.ledger_error = Some(text());
    evidence.tally.by_version = BTreeMap::from([(text(), 9)]);
    evidence.first_seen = BTreeMap::from([(text(), Duration::from_secs(1))]);
    evidence.last_seen = evidence.first_seen.clone();
    for bucket in &mut evidence.series {
        bucket.by_version = BTreeMap::from([(text(), 9)]);
    }
    let failure = evidence.tally.first_failure.as_mut().expect("one failed");
    failure.detail = Some(text());
    for failure in &mut evidence.excerpt.failures {
        failure.detail = Some(text());
        failure.version = Some(text());
    }
    for ends in [&mut evidence.excerpt.first, &mut evidence.excerpt.last] {
        let some = ends.values().next().cloned().unwrap_or_default();
        *ends = BTreeMap::from([(text(), some)]);
    }
    tale.calls = vec![Call {
        at: SystemTime::UNIX_EPOCH,
        operation: text(),
        request_id: Some(text()),
        answer: Answer::Missing,
    }];
    // A good address is a link, and may be; these never are.
    tale.url = Some(format!("https://x\"{foreign}"));
    tale.live_url = Some(format!("javascript:{foreign}"));
    tale
}

fn events(foreign: &str) -> Vec<Stamped> {
    let stamp = |(at, event)| Stamped {
        at: Duration::from_secs(at),
        event,
    };
    let events = before_the_shift(foreign).into_iter().chain(shift(foreign));
    (0u64..).zip(events).map(stamp).collect()
}

fn before_the_shift(foreign: &str) -> Vec<Event> {
    let text = || foreign.to_owned();
    let step = text;
    vec![
        Event::Began(Beginning {
            command: text(),
            app: text(),
            environment: text(),
            release: Release(text()),
            previous: Some(Release(text())),
            was_down: false,
            undid: None,
            by: Some(text()),
            url: Some(text()),
            at: Some(text()),
            command_line: Default::default(),
        }),
        Event::Decided {
            what: "account".to_owned(),
            value: text(),
            why: text(),
        },
        Event::Decided {
            what: text(),
            value: text(),
            why: text(),
        },
        Event::Fleet {
            colour: Colour::Green,
            healthy: 1,
            wanted: 2,
            release: Some(text()),
        },
        Event::StepBegan {
            step: step(),
            zone: Zone::Prepare,
        },
        Event::Waiting {
            step: step(),
            reason: text(),
        },
        Event::StepDone {
            step: step(),
            summary: text(),
            skipped: false,
        },
        Event::SmokeTested {
            name: text(),
            request: text(),
            problems: vec![text()],
            took: Duration::ZERO,
        },
        Event::Image {
            image: text(),
            baked: false,
        },
        Event::BuilderLog {
            // Longer than any report shows, however many lines the text has.
            tail: format!("{}{foreign}", "line\n".repeat(300)),
        },
    ]
}

/// It fails, and is undone as far as that goes.
fn shift(foreign: &str) -> Vec<Event> {
    let text = || foreign.to_owned();
    let step = text;
    vec![
        Event::StepBegan {
            step: step(),
            zone: Zone::Commit,
        },
        Event::Waiting {
            step: step(),
            reason: text(),
        },
        Event::StepFailed {
            step: step(),
            cause: text().into(),
        },
        Event::UndoBegan { what: text() },
        Event::Undone {
            step: step(),
            summary: text(),
        },
        Event::CandidateLog {
            instance: text(),
            health: text(),
            service: text(),
            source: LogSource::Journal,
            // Longer than a report shows, as above.
            tail: format!("{}{foreign}", "line\n".repeat(201)),
        },
        Event::UndoFailed {
            step: step(),
            error: text(),
        },
        Event::LeftOver {
            what: text(),
            remedy: text(),
        },
        Event::Note { text: text() },
    ]
}
