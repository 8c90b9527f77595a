//! Runs that were cancelled, are stuck, or proved nothing.

use super::script::{Script, calls, release};
use super::seen::Seen;
use super::{Tale, deployed, live_url, run_url};
use crate::aws::elbv2::{TargetGroups, TrafficRules, modify_rules_by_hand};
use crate::cause::{Cause, ErrorKind, FailedCall, Reason};
use crate::names::{Colour, Weights};
use crate::outcome::Outcome;
use crate::probe::Verdict;
use crate::run::event::Event;

pub(super) fn cancelled() -> Tale {
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.1"));
    script.up_to_bake(33.0);
    script.say(Event::UndoBegan {
        what: "stop the bake".into(),
    });
    script.undone(
        2.1,
        "bake image",
        "automation stopped, builder i-0b17 terminated",
    );
    Tale {
        name: "cancelled-in-prepare",
        events: script.end(),
        outcome: Outcome::Cancelled {
            step: "bake image".into(),
            traffic_moved: false,
            serving: Some(release("0.0.1")),
            undone: vec!["bake image: automation stopped, builder i-0b17 terminated".into()],
            leftovers: Vec::new(),
        },
        evidence: None,
        verdict: None,
        speed: 1.0,
        lb_counts: None,
        calls: Vec::new(),
        url: run_url(),
        live_url: live_url(),
    }
}

pub(super) fn stuck() -> Tale {
    let cause = "2 of 900 requests failed while green had 10 % of the traffic: 503";
    let undo_failure = "modifying listener rule hello-prod: AccessDenied: not authorized to perform elasticloadbalancing:ModifyRule (request 7f3a)";
    let denied = Reason::Call(Box::new(FailedCall {
        kind: ErrorKind::Denied,
        operation: "ModifyRule".into(),
        resource: "hello-prod".into(),
        code: "AccessDenied".into(),
        message: "not authorized to perform elasticloadbalancing:ModifyRule".into(),
        request_id: Some("7f3a".into()),
    }));
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.1"));
    script.up_to_canary();
    script.wait("shift traffic", &[("10 % to be watched for 60 s", 15.0)]);
    script.fail("shift traffic", cause);
    script.say(Event::UndoBegan {
        what: "restore the weights".into(),
    });
    script.at += 41.0;
    script.say(Event::UndoFailed {
        step: "shift traffic".into(),
        error: undo_failure.into(),
    });
    let seen = Seen {
        from: 205.0,
        to: 272.0,
        shares: vec![(215.0, 10)],
        failures: vec![(219.2, 1), (228.0, 1), (241.0, 2), (262.0, 1)],
        versions: ("0.0.1", "0.0.2"),
    };
    let groups = TargetGroups {
        blue: "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/blue".into(),
        green: "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/green".into(),
    };
    Tale {
        name: "stuck",
        events: script.end(),
        outcome: Outcome::Stuck {
            step: "shift traffic".into(),
            cause: Cause::from(cause).with(Reason::Requests(Some(503))),
            undo_failure: Cause::from(undo_failure).with(denied),
            weights: Some(Weights::split(Colour::Green, 10)),
            commands: vec![
                modify_rules_by_hand(
                    &TrafficRules::only("arn:aws:elasticloadbalancing:eu-west-1:1:rule/7"),
                    &groups,
                    Weights::split(Colour::Blue, 100),
                ),
                "bg-deploy finish --environment prod".into(),
            ],
            leftovers: Vec::new(),
        },
        evidence: Some(seen.evidence()),
        verdict: Some(Verdict::Failed {
            reasons: vec!["5 of 1,160 requests failed: 5 with status 502".into()],
        }),
        speed: 1.0,
        lb_counts: None,
        calls: calls(Some(("ModifyRule", 403))),
        url: run_url(),
        live_url: live_url(),
    }
}

pub(super) fn unproven() -> Tale {
    let mut tale = deployed();
    let reasons = vec![
        "64 of 64 requests that had to fail did not: a path that nobody has was answered as the version is, by the service (to what it does not have it should say 404) or by something in front of it".to_owned(),
    ];
    if let Some(evidence) = &mut tale.evidence {
        evidence.tally.control_caught = 0;
        evidence.ledger_error = Some("No space left on device".into());
    }
    Tale {
        name: "unproven",
        outcome: Outcome::Unproven {
            release: release("0.0.2"),
            previous: Some(release("0.0.1")),
            live: Colour::Green,
            reasons: reasons.clone(),
            leftovers: Vec::new(),
        },
        verdict: Some(Verdict::Unproven { reasons }),
        lb_counts: None,
        calls: Vec::new(),
        url: run_url(),
        live_url: live_url(),
        ..tale
    }
}
