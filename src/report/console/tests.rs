//! A run told live, on a terminal and in a job's log.

use super::*;
use crate::report::stories;

fn told(style: Style, ticks: &[u64]) -> String {
    told_of(&stories::deployed(), style, ticks, None)
}

fn told_of(tale: &stories::Tale, style: Style, ticks: &[u64], pulse: Option<Pulse>) -> String {
    let mut written = Vec::new();
    let mut console = Console::new(&mut written, style, 60);
    console.pulse(pulse);
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
        ..Style::default()
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
fn a_line_that_changes_has_the_width_of_the_terminal_and_of_another_one_when_that_is_resized() {
    let waiting = |at: u64, reason: &str| Stamped {
        at: Duration::from_secs(at),
        event: Event::Waiting {
            step: "bake image".to_owned(),
            reason: reason.to_owned(),
        },
    };
    let last_line = |columns: usize, resized: Option<usize>, reason: &str| {
        let live = Style {
            live: true,
            ..Style::default()
        };
        let mut written = Vec::new();
        let mut console = Console::new(&mut written, live, columns);
        console.event(&Stamped {
            at: Duration::ZERO,
            event: Event::StepBegan {
                step: "bake image".to_owned(),
                zone: Zone::Prepare,
            },
        });
        if let Some(columns) = resized {
            console.resize(columns);
        }
        console.event(&waiting(1, reason));
        let written = String::from_utf8(written).expect("text");
        let last = written.rsplit("\r\u{1b}[K").next().unwrap_or_default();
        last.to_owned()
    };
    let (narrow, wide) = ("x".repeat(500), "日本".repeat(125));
    for reason in [&narrow, &wide] {
        for (columns, resized, expected) in [
            (80, None, 79),
            (200, None, 199),
            (200, Some(40), 39),
            (40, Some(120), 119),
        ] {
            let line = last_line(columns, resized, reason);
            let width = text::columns(&line);
            // A wide character may not fit into the last column.
            assert!(
                (expected - 1..=expected).contains(&width),
                "{width}: {line}"
            );
        }
    }
    assert!(last_line(200, None, &"y".repeat(150)).ends_with("yy"));
}

#[test]
fn of_steps_side_by_side_each_gets_its_line_when_it_ends_and_one_that_is_left_is_told_on() {
    let live = Style {
        live: true,
        ..Style::default()
    };
    let mut written = Vec::new();
    let mut console = Console::new(&mut written, live, 80);
    let began = |step: &str| Event::StepBegan {
        step: step.to_owned(),
        zone: Zone::Prepare,
    };
    let done = |step: &str| Event::StepDone {
        step: step.to_owned(),
        summary: "so it is".to_owned(),
        skipped: false,
    };
    for (at, event) in [
        (0, began("hold previous")),
        (0, began("arm guard")),
        (1, done("arm guard")),
    ] {
        let at = Duration::from_secs(at);
        console.event(&Stamped { at, event });
    }
    console.tick(Duration::from_secs(2));
    let written = String::from_utf8(written).expect("text");
    assert!(written.contains("✓ arm guard"), "{written}");
    assert!(!written.contains("✓ hold previous"), "{written}");
    let last = written.rsplit("\r\u{1b}[K").next().unwrap_or_default();
    assert!(last.contains("… hold previous"), "{last}");
}

#[test]
fn in_github_actions_each_phase_is_a_group_and_the_verdict_an_annotation_outside_of_them() {
    let style = Style {
        ci: true,
        github: true,
        ..Style::default()
    };
    let text = told_of(&stories::rolled_back_in_commit(), style, &[], None);
    let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("::")).collect();
    let kinds: Vec<&str> = commands.iter().map(|line| &line[..9]).collect();
    let (group, end) = ("::group::", "::endgrou");
    assert_eq!(kinds, [group, end, group, end, group, end, "::error t"]);
    assert!(commands[4].contains("Undo: the way back"));
    assert!(
        commands[6].starts_with("::error title=Rolled back%3A hello in prod::hello 0.0.1 serves")
    );
    let good = told_of(&stories::deployed(), style, &[], None);
    assert!(!good.contains("::error") && !good.contains("::warning"));
}

#[test]
fn while_traffic_moves_a_second_line_shows_who_answers_and_both_are_taken_away_again() {
    let live = Style {
        live: true,
        ..Style::default()
    };
    let pulse = Pulse {
        by_version: [("0.0.1".to_owned(), 40), ("0.0.2".to_owned(), 60)].into(),
        sent: 312,
        failed: 0,
    };
    let every_second: Vec<u64> = (0..430).collect();
    let text = told_of(&stories::deployed(), live, &every_second, Some(pulse));
    assert!(
        text.contains("0.0.1  40 % ####------  60 % 0.0.2  312 requests"),
        "{text}"
    );
    // What a terminal shows in the end: as if there had been no line that changes.
    let mut screen = vec![String::new()];
    for piece in text.split_inclusive(['\n', '\r', 'K', 'A']) {
        let last = screen.len() - 1;
        match piece {
            "\u{1b}[K" => screen[last].clear(),
            "\u{1b}[1A" => drop(screen.pop()),
            _ => {
                screen[last].push_str(piece.trim_end_matches(['\n', '\r']));
                if piece.ends_with('\n') {
                    screen.push(String::new());
                }
            }
        }
    }
    assert_eq!(
        screen.join("\n"),
        told_of(&stories::deployed(), Style::default(), &[], None)
            .lines()
            .filter(|line| !line.starts_with("  … "))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    );
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
    let mut console = Console::new(Closed, Style::default(), 80);
    tale.events
        .iter()
        .for_each(|stamped| console.event(stamped));
    console.finish(&tale.run());
}

#[test]
fn a_quiet_run_says_how_it_ended_and_a_verbose_one_why_and_what_it_called() {
    let told = |says| {
        let style = Style {
            says,
            ..Style::default()
        };
        told_of(&stories::deployed(), style, &[], None)
    };
    let (quiet, usual, verbose) = (told(Says::TheEnd), told(Says::AsUsual), told(Says::More));
    assert!(
        quiet
            .lines()
            .last()
            .is_some_and(|last| last.starts_with("Deployed. ")),
        "{quiet}"
    );
    assert!(
        !quiet.contains("bake image") && !quiet.contains("verdict:"),
        "{quiet}"
    );
    assert!(
        usual.contains("bake image") && !usual.contains("AWS calls that changed"),
        "{usual}"
    );
    assert!(verbose.contains("AWS calls that changed"), "{verbose}");
    assert!(verbose.lines().count() > usual.lines().count());
}
