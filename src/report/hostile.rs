//! Every foreign string of a run made hostile, in every form of report: nothing takes effect, nothing grows.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stories::{self, Tale};
use super::text::tests::NASTY;
use super::{Console, LoadBalancerCounts, Style};
use crate::names::{Colour, Release};
use crate::outcome::{Leftover, Outcome};
use crate::probe::Verdict;
use crate::run::event::{Event, Stamped, Zone};

/// A run in which whatever others could have written is `foreign`.
fn tales(foreign: &str) -> Vec<Tale> {
    let text = || foreign.to_owned();
    let leftovers = vec![Leftover {
        what: text(),
        remedy: text(),
    }];
    let undone = vec![text()];
    let (step, cause) = (text(), text());
    let serving = Some(Release(text()));
    let outcomes = [
        Outcome::Deployed {
            release: Release(text()),
            previous: serving.clone(),
            live: Colour::Green,
            warnings: vec![text()],
            leftovers: leftovers.clone(),
        },
        Outcome::Refused { reason: text() },
        Outcome::RolledBack {
            step: step.clone(),
            cause: cause.clone(),
            traffic_moved: true,
            serving: serving.clone(),
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
            undo_failure: text(),
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
    tale
}

fn events(foreign: &str) -> Vec<Stamped> {
    let text = || foreign.to_owned();
    let step = text;
    let events = [
        Event::Began {
            command: text(),
            app: text(),
            environment: text(),
            release: Release(text()),
            previous: Some(Release(text())),
            by: Some(text()),
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
        Event::BuilderLog { tail: text() },
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
            cause: text(),
        },
        Event::UndoBegan { what: text() },
        Event::Undone {
            step: step(),
            summary: text(),
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
    ];
    let stamp = |(at, event)| Stamped {
        at: Duration::from_secs(at),
        event,
    };
    (0u64..).zip(events).map(stamp).collect()
}

/// Markdown without what GitHub does not look into: fenced blocks and code spans.
fn outside_code(markdown: &str) -> String {
    let mut fence: Option<usize> = None;
    let mut out = String::new();
    for line in markdown.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(length) if ticks >= length && line.trim_matches('`').is_empty() => fence = None,
            Some(_) => {}
            None if ticks >= 3 => fence = Some(ticks),
            None => {
                out.push_str(&without_spans(line));
                out.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "a fence is left open in:\n{markdown}");
    out
}

fn without_spans(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        if rest[..at].ends_with('\\') {
            out.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        }
        out.push_str(&rest[..at]);
        let ticks = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let inside = &rest[at + ticks..];
        let fence = "`".repeat(ticks);
        let ends = inside.match_indices(&fence).map(|(end, _)| end);
        let end = ends
            .into_iter()
            .find(|end| !inside[..*end].ends_with('`') && !inside[end + ticks..].starts_with('`'));
        let end = end.unwrap_or_else(|| panic!("a code span is left open in {line:?}"));
        rest = &inside[end + ticks..];
    }
    out + rest
}

#[test]
fn nothing_foreign_takes_effect_in_markdown() {
    for nasty in NASTY {
        for tale in tales(nasty) {
            let markdown = super::markdown(&tale.run());
            let mut plain = outside_code(&markdown);
            for own in [
                "<details>",
                "</details>",
                "<summary>",
                "</summary>",
                "[Open the run](https://github.com/octo/hello/actions/runs/77)",
            ] {
                plain = plain.replace(own, "");
            }
            assert!(!plain.contains(['<', '>']), "{nasty:?} in {plain}");
            assert!(
                !plain.contains("://") && !plain.contains("www."),
                "{nasty:?} in {plain}"
            );
            assert!(
                !plain.replace("\\[", "").contains('['),
                "{nasty:?} in {plain}"
            );
            let mention = plain
                .split('@')
                .skip(1)
                .find(|after| after.starts_with(char::is_alphanumeric));
            assert_eq!(mention, None, "{nasty:?}");
            let is_heading = |line: &&str| line.starts_with('#') && !line.starts_with("###");
            assert_eq!(plain.lines().find(is_heading), None, "{nasty:?}");
        }
    }
}

#[test]
fn nothing_foreign_takes_effect_in_the_page() {
    const OWN: [&str; 48] = [
        "!DOCTYPE",
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "header",
        "section",
        "h1",
        "h2",
        "p",
        "ul",
        "li",
        "a",
        "b",
        "bdi",
        "br",
        "code",
        "details",
        "summary",
        "div",
        "dl",
        "dt",
        "dd",
        "em",
        "figure",
        "figcaption",
        "pre",
        "span",
        "strong",
        "svg",
        "desc",
        "rect",
        "line",
        "text",
        "g",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "caption",
        "path",
        "tspan",
        "hr",
    ];
    for nasty in NASTY {
        for tale in tales(nasty) {
            let page = super::html(&tale.run());
            for tag in page.split('<').skip(1) {
                let name = tag.trim_start_matches('/');
                let end = name
                    .find(|c: char| !c.is_alphanumeric() && c != '!')
                    .unwrap_or(name.len());
                assert!(OWN.contains(&&name[..end]), "{nasty:?} made <{name}");
                let inside = tag.split('>').next().unwrap_or_default();
                let is_active = inside.contains(" on")
                    || inside.contains("src=")
                    || inside.contains("javascript:");
                assert!(!is_active, "{nasty:?} made <{inside}>");
            }
            assert!(
                !page.contains(|c: char| c.is_control() && c != '\n'),
                "{nasty:?}"
            );
        }
    }
}

#[test]
fn nothing_foreign_takes_effect_on_the_console_or_in_a_jobs_log() {
    for nasty in NASTY {
        for tale in tales(nasty) {
            let run = tale.run();
            let mut texts = vec![
                super::sentence(&run),
                super::ending(&run),
                super::failure_text(&run),
            ];
            for (live, ansi, ci) in [(true, true, false), (false, false, true)] {
                let mut written = Vec::new();
                let mut console = Console::new(&mut written, Style { ansi, live, ci });
                tale.events
                    .iter()
                    .for_each(|stamped| console.event(stamped));
                console.tick(Duration::from_secs(500));
                console.finish(&run);
                let text = String::from_utf8(written).expect("text");
                let own = [
                    "\r\u{1b}[K",
                    "\u{1b}[0m",
                    "\u{1b}[1m",
                    "\u{1b}[2m",
                    "\u{1b}[31m",
                    "\u{1b}[32m",
                ];
                texts.push(own.iter().fold(text, |text, own| text.replace(own, "")));
            }
            for text in texts {
                assert!(
                    !text.contains(|c: char| c.is_control() && c != '\n'),
                    "{nasty:?} in {text:?}"
                );
                assert!(!text.contains("##["), "{nasty:?}");
                let is_command = |line: &&str| line.trim_start().starts_with("::");
                assert_eq!(text.lines().find(is_command), None, "{nasty:?}");
            }
        }
    }
}

#[test]
fn no_report_grows_with_what_others_write() {
    let long = "`|<x>@y ".repeat(5_000);
    for mut tale in tales(&long) {
        let many = tale.events.clone();
        for _ in 0..20 {
            tale.events.extend(many.iter().cloned());
        }
        let run = tale.run();
        assert!(super::markdown(&run).chars().count() <= 65_000);
        assert!(super::sentence(&run).chars().count() <= 1_000);
        assert!(super::failure_text(&run).len() <= 200_000);
        assert!(super::html(&run).len() <= 2_000_000);
    }
}
