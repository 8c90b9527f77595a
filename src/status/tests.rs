//! What a status says, for people.

use super::*;
use crate::doctor::Severity;

fn colour(colour: Colour, role: &'static str, wanted: i32) -> OfColour {
    OfColour {
        colour,
        role,
        release: Some(Release("1.4.2".into())),
        weight: Some(if role == "live" { 100 } else { 0 }),
        healthy: 2,
        wanted,
        retained_until: None,
        retained_for: None,
    }
}

#[test]
fn a_status_says_who_serves_what_is_kept_and_what_a_rollback_would_do() {
    let mut idle = colour(Colour::Green, "idle", 2);
    idle.release = Some(Release("1.4.1".into()));
    idle.retained_for = Some("2026-11-21T14:05:00Z (in 43m)".into());
    let mut status = Status {
        condition: Condition::Fine,
        app: "hello".into(),
        environment: "prod".into(),
        command_line: CommandLine::in_environment("prod"),
        url: Some("http://hello.example".into()),
        colours: vec![colour(Colour::Blue, "live", 2), idle],
        held_by: None,
        hold: None,
        guard: None,
        findings: Vec::new(),
        rollback: Rollback::Possible {
            to: Release("1.4.1".into()),
            how: "nothing is launched; its instances are up".into(),
        },
    };
    assert_eq!(
        status.text(),
        "hello in prod: 1.4.2 serves all traffic, on blue\n  \
         at http://hello.example\n  \
         blue  live    1.4.2  2 of 2 instances healthy, 100 % of the traffic\n  \
         green idle    1.4.1  2 of 2 instances healthy, 0 % of the traffic, kept until 2026-11-21T14:05:00Z (in 43m)\n\n\
         a rollback would go back to 1.4.1: nothing is launched; its instances are up\n  \
         bg-deploy rollback --environment prod"
    );
    status.colours[1] = colour(Colour::Green, "idle", 0);
    status.rollback = Rollback::Refused {
        reason: "nothing\nto type".into(),
    };
    status.findings = vec![Finding {
        severity: Severity::LeftOver,
        what: "processes-frozen",
        seen: "green is frozen".into(),
        remedy: "bg-deploy doctor --environment prod --fix".into(),
        fix: None,
    }];
    assert_eq!(
        status.text(),
        "hello in prod: 1.4.2 serves all traffic, on blue\n  \
         at http://hello.example\n  \
         blue  live    1.4.2  2 of 2 instances healthy, 100 % of the traffic\n  \
         green idle    no instances  (the last was 1.4.2), 0 % of the traffic\n\n\
         no rollback now: nothing\n  to type\n\n\
         left over: green is frozen\n  > bg-deploy doctor --environment prod --fix"
    );
}

#[test]
fn what_is_due_is_said_to_be() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(600);
    assert_eq!(
        until(at, SystemTime::UNIX_EPOCH),
        "1970-01-01T00:10:00Z (in 10m)"
    );
    assert_eq!(
        until(at, at + Duration::from_secs(1)),
        "1970-01-01T00:10:00Z (due)"
    );
}

#[test]
fn whose_turn_it_is_the_guard_and_a_hold_are_told() {
    let status = Status {
        condition: Condition::UnderWay,
        app: "hello".into(),
        environment: "prod".into(),
        command_line: CommandLine::in_environment("prod"),
        url: None,
        colours: Vec::new(),
        held_by: Some("deploy of 1.4.2, since 2026-11-22T10:00:00Z".into()),
        hold: Some("\"upgrade\", by somebody".into()),
        guard: Some(Guard::Fired {
            at: "2026-11-22T10:20:00Z".into(),
        }),
        findings: Vec::new(),
        rollback: Rollback::Refused {
            reason: "nothing to go back to".into(),
        },
    };
    let text = status.text();
    for words in [
        "under way: deploy of 1.4.2, since",
        "whether it lives: bg-deploy doctor --environment prod",
        "guard: went off, and was done at 2026-11-22T10:20:00Z",
        "on hold: \"upgrade\", by somebody",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn the_first_line_and_the_exit_code_say_the_worst_of_it() {
    let finding = |what: &'static str| Finding {
        severity: Severity::Fails,
        what,
        seen: String::new(),
        remedy: String::new(),
        fix: None,
    };
    let told = |found: &[&'static str], healthy: u32, held: bool| {
        let mut live = colour(Colour::Blue, "live", 2);
        live.healthy = healthy;
        let status = Status {
            condition: Condition::Fine,
            app: "hello".into(),
            environment: "prod".into(),
            command_line: CommandLine::in_environment("prod"),
            url: None,
            colours: vec![live, colour(Colour::Green, "idle", 0)],
            held_by: held.then(|| "deploy of 2".to_owned()),
            hold: None,
            guard: None,
            findings: found.iter().map(|what| finding(what)).collect(),
            rollback: Rollback::Refused {
                reason: String::new(),
            },
        }
        .judged();
        let text = status.text();
        let first = text.lines().next().expect("a line").to_owned();
        (status.condition.exit_code(), first)
    };
    for (found, healthy, held, code, words) in [
        (&[][..], 2, false, 0, "1.4.2 serves all traffic, on blue"),
        (&[], 2, true, 0, "a run is under way; 1.4.2 serves"),
        (&["images-past-time"], 2, false, 0, "1.4.2 serves all"),
        (&["processes-frozen"], 2, false, 3, "in the way of the next"),
        (&["live-unhealthy"], 1, false, 3, "by 1 of 2 instances"),
        (&["scale-in-of-live"], 2, false, 6, "ABOUT TO BE SCALED IN"),
        (&["weights-divided"], 2, false, 6, "TRAFFIC IS DIVIDED"),
        (
            &["live-unhealthy"],
            0,
            true,
            6,
            "NOBODY IS SERVED: all traffic goes to blue",
        ),
        (
            &["live-empty", "weights-divided"],
            0,
            false,
            6,
            "NOBODY IS SERVED",
        ),
    ] {
        let (exit_code, first) = told(found, healthy, held);
        assert_eq!(exit_code, code, "{found:?}: {first}");
        assert!(first.contains(words), "{found:?}: {first}");
    }
}
