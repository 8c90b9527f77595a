//! The runs of the other commands, and those that end late: verify, rollback, finish, a cancel with traffic on the way.

use std::time::Duration;

use super::script::{Script, calls, release};
use super::seen::Seen;
use super::{Tale, deployed, live_url, run_url};
use crate::cause::{Cause, Reason};
use crate::names::{Colour, Weights};
use crate::outcome::{Leftover, Outcome};
use crate::probe::{Judged, Tally, Verdict};
use crate::run::event::{Event, Zone};

fn tale(name: &'static str, script: &mut Script, outcome: Outcome) -> Tale {
    Tale {
        name,
        events: script.end(),
        outcome,
        evidence: None,
        verdict: None,
        speed: 1.0,
        lb_counts: None,
        calls: Vec::new(),
        url: run_url(),
        live_url: live_url(),
    }
}

pub(super) fn failed_in_finish() -> Tale {
    let cause = "UpdateAutoScalingGroup hello-prod-blue: AccessDenied: not authorized to perform autoscaling:UpdateAutoScalingGroup (request 90c1)";
    let leftover = Leftover {
        what: format!("retain previous was not finished: {cause}"),
        remedy: "aws autoscaling update-auto-scaling-group --auto-scaling-group-name hello-prod-blue --min-size 0 --max-size 0 --desired-capacity 0   # once nobody needs the previous release".into(),
    };
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.1"));
    script.up_to_soak();
    script.wait("soak", &[("120 s with all traffic on green", 120.0)]);
    script.done("soak", "nothing failed");
    script.begin(Zone::Finish, "retain previous");
    script.wait("retain previous", &[("AWS to answer", 0.9)]);
    script.fail("retain previous", cause);
    script.say(Event::LeftOver {
        what: leftover.what.clone(),
        remedy: leftover.remedy.clone(),
    });
    let whole = deployed();
    let outcome = Outcome::Deployed {
        release: release("0.0.2"),
        previous: Some(release("0.0.1")),
        live: Colour::Green,
        warnings: Vec::new(),
        leftovers: vec![leftover],
    };
    Tale {
        evidence: whole.evidence,
        verdict: whole.verdict,
        calls: calls(Some(("UpdateAutoScalingGroup", 403))),
        ..tale("failed-in-finish", &mut script, outcome)
    }
}

pub(super) fn cancelled_in_commit() -> Tale {
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.1"));
    script.up_to_canary();
    script.wait("shift traffic", &[("10 % to be watched for 60 s", 18.4)]);
    script.fail("shift traffic", "cancelled");
    script.say(Event::UndoBegan {
        what: "restore the weights".into(),
    });
    script.weights(Weights::split(Colour::Blue, 100), 1.7);
    script.undone(
        0.3,
        "shift traffic",
        "restored the weights; 0.0.1 answers again",
    );
    script.undone(31.0, "scale up idle", "emptied hello-prod-green");
    script.fleet(Colour::Green, 0, 0, "");
    let seen = Seen {
        from: 205.0,
        to: 272.0,
        shares: vec![(215.0, 10), (236.1, 0)],
        failures: Vec::new(),
        versions: ("0.0.1", "0.0.2"),
    };
    let outcome = Outcome::Cancelled {
        step: "shift traffic".into(),
        traffic_moved: true,
        serving: Some(release("0.0.1")),
        undone: vec![
            "restored the weights; 0.0.1 answers again".into(),
            "emptied hello-prod-green".into(),
        ],
        leftovers: Vec::new(),
    };
    Tale {
        evidence: Some(seen.evidence()),
        verdict: Some(Verdict::Passed),
        calls: calls(None),
        ..tale("cancelled-in-commit", &mut script, outcome)
    }
}

/// What `verify` undoes, whatever it found.
fn undo(script: &mut Script) -> Vec<String> {
    script.say(Event::UndoBegan {
        what: "close the preview route".into(),
    });
    script.undone(0.4, "open preview route", "closed the preview route");
    script.undone(29.4, "scale up idle", "emptied hello-prod-green");
    script.fleet(Colour::Green, 0, 0, "");
    script.undone(
        0.6,
        "publish template version",
        "deleted template version 12",
    );
    let undone = [
        "closed the preview route",
        "emptied hello-prod-green",
        "deleted template version 12",
    ];
    undone.map(str::to_owned).to_vec()
}

pub(super) fn verified() -> Tale {
    let mut script = Script::new(
        "verify",
        "a8f3c21d9b0e4f5a6b7c8d9e0f1a2b3c4d5e6f70",
        Some("0.0.1"),
    );
    script.up_to_smoke();
    let outcome = Outcome::Verified {
        release: release("a8f3c21d9b0e4f5a6b7c8d9e0f1a2b3c4d5e6f70"),
        serving: Some(release("0.0.1")),
        undone: undo(&mut script),
        leftovers: Vec::new(),
    };
    tale("verified", &mut script, outcome)
}

pub(super) fn not_verified() -> Tale {
    let cause = "1 of 2 smoke tests failed: greeting: status 500, wanted 200; /greeting is null, wanted \"hello\"";
    let mut script = Script::new("verify", "0.0.2", Some("0.0.1"));
    script.up_to_healthy();
    script.begin(Zone::Prepare, "smoke test");
    script.smoke("health", "GET /hc", 0.012, &[]);
    let problems = [
        "status 500, wanted 200",
        "/greeting is null, wanted \"hello\"",
    ];
    script.smoke("greeting", "POST /greet", 0.034, &problems);
    script.at += 0.1;
    script.fail("smoke test", cause);
    let outcome = Outcome::RolledBack {
        step: "smoke test".into(),
        cause: cause.into(),
        traffic_moved: false,
        serving: Some(release("0.0.1")),
        undone: undo(&mut script),
        leftovers: Vec::new(),
    };
    tale("not-verified", &mut script, outcome)
}

/// Somebody goes back because the release fails: requests failed until the traffic had moved, and none since.
pub(super) fn rollback() -> Tale {
    let mut script = Script::new("rollback", "0.0.1", Some("0.0.2"));
    script.decide(
        "candidate",
        "blue",
        "it has been retained with 0.0.1, 2 of 2 healthy",
    );
    script.decide("image", "none needed", "blue is up");
    script.at = 0.4;
    script.fleet(Colour::Green, 2, 2, "0.0.2");
    script.step(
        Zone::Prepare,
        "await healthy",
        &[("a streak of 3", 4.1)],
        "2 of 2 healthy, three looks in a row",
    );
    script.fleet(Colour::Blue, 2, 2, "0.0.1");
    script.step(
        Zone::Prepare,
        "probe version",
        &[],
        "20 of 20 answers are 0.0.1",
    );
    script.step(
        Zone::Prepare,
        "start probe",
        &[("a baseline", 3.0)],
        "120 requests, 12 failed",
    );
    script.begin(Zone::Commit, "shift traffic");
    script.weights(Weights::split(Colour::Blue, 100), 2.6);
    script.done(
        "shift traffic",
        "all traffic on blue, seen 2.6 s after the last write",
    );
    script.step(
        Zone::Commit,
        "soak",
        &[("10 s with all traffic on blue", 10.0)],
        "211 requests since the shift, 0 failed",
    );
    let seen = Seen {
        from: 4.6,
        to: 20.1,
        shares: vec![(8.1, 40), (9.4, 100)],
        failures: vec![(5.0, 2), (5.8, 4), (6.9, 3), (8.3, 3)],
        versions: ("0.0.2", "0.0.1"),
    };
    let outcome = Outcome::Deployed {
        release: release("0.0.1"),
        previous: Some(release("0.0.2")),
        live: Colour::Blue,
        warnings: vec!["12 of 114 requests failed before the traffic had moved: they are counted, and not judged".into()],
        leftovers: Vec::new(),
    };
    let mut evidence = seen.evidence();
    evidence.judged = Some(Judged {
        since: Duration::from_secs_f64(10.1),
        tally: Tally {
            sent: 200,
            ..Tally::default()
        },
        baseline: None,
    });
    Tale {
        evidence: Some(evidence),
        verdict: Some(Verdict::Passed),
        calls: calls(None),
        ..tale("rollback", &mut script, outcome)
    }
}

/// The step after a cancelled one ends what it had begun.
pub(super) fn finished() -> Tale {
    let mut script = Script::new("finish", "0.0.2", Some("0.0.1"));
    script.at = 0.6;
    script.say(Event::Note {
        text: "the run of deployment 20261121-77 stopped at shift traffic, with the weights at blue 90, green 10".into(),
    });
    script.say(Event::UndoBegan {
        what: "restore the weights".into(),
    });
    script.weights(Weights::split(Colour::Blue, 100), 2.1);
    script.undone(
        30.0,
        "shift traffic",
        "restored the weights; 0.0.1 answers again",
    );
    script.undone(28.0, "scale up idle", "emptied hello-prod-green");
    script.fleet(Colour::Green, 0, 0, "");
    script.undone(
        0.7,
        "publish template version",
        "deleted template version 12",
    );
    let outcome = Outcome::Cancelled {
        step: "shift traffic".into(),
        traffic_moved: true,
        serving: Some(release("0.0.1")),
        undone: vec![
            "restored the weights; 0.0.1 answers again".into(),
            "emptied hello-prod-green".into(),
            "deleted template version 12".into(),
        ],
        leftovers: Vec::new(),
    };
    Tale {
        calls: calls(None),
        ..tale("finished", &mut script, outcome)
    }
}

/// The probe of a release that was live already.
fn live_already(script: &mut Script, failures: Vec<(f64, u64)>) -> Seen {
    script.say(Event::Note {
        text: "0.0.2 is live, and not proven yet: 0.0.1 was live after the latest run (deploy of 0.0.1, which ended deployed at \
               2026-11-21T14:10:00Z), and the traffic was led here since, by no run that is remembered; it is proved now, and \
               nothing is changed"
            .into(),
    });
    script.begin(Zone::Prepare, "prove live traffic");
    script.at = 3.1;
    script.say(Event::WeightsSeen {
        weights: Weights::split(Colour::Green, 100),
    });
    script.fleet(Colour::Green, 2, 2, "0.0.2");
    script.at = 13.2;
    Seen {
        from: 3.1,
        to: 13.1,
        shares: vec![(0.0, 100)],
        failures,
        versions: ("0.0.1", "0.0.2"),
    }
}

pub(super) fn proven_now() -> Tale {
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.2"));
    let seen = live_already(&mut script, Vec::new());
    script.done("prove live traffic", "200 requests, none failed");
    let outcome = Outcome::NothingToDo {
        release: release("0.0.2"),
    };
    Tale {
        evidence: Some(seen.evidence()),
        verdict: Some(Verdict::Passed),
        ..tale("proven-now", &mut script, outcome)
    }
}

/// A run from which a rollback took the lease, after its traffic had moved.
pub(super) fn overtaken() -> Tale {
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.1"));
    let why = "this run was overtaken: rollback by octocat, since 2026-11-23T05:01:12Z";
    script.at = 31.0;
    script.begin(Zone::Commit, "soak");
    script.fail("soak", why);
    let outcome = Outcome::Stopped {
        step: "soak".to_owned(),
        cause: Cause::from(why.to_owned()).with(Reason::Another),
        serving: Some(release("0.0.2")),
        weights: Some(Weights::split(Colour::Blue, 100)),
        undone: Vec::new(),
        leftovers: vec![Leftover {
            what: format!("\"shift traffic\", \"bake image\" are left as they are: {why}"),
            remedy: "bg-deploy status --environment prod".to_owned(),
        }],
    };
    tale("overtaken", &mut script, outcome)
}

/// A rollback that took over a run, and had nothing more to do than to undo it.
pub(super) fn undone_instead() -> Tale {
    let mut script = Script::new("rollback", "", None);
    let outcome = Outcome::NothingToDo {
        release: release("0.0.1"),
    };
    let mut tale = tale("undone-instead", &mut script, outcome);
    if let Some(Event::Began(beginning)) = tale.events.first_mut().map(|it| &mut it.event) {
        beginning.undid = Some(release("0.0.2"));
    }
    tale
}

pub(super) fn live_unproven() -> Tale {
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.2"));
    let seen = live_already(&mut script, vec![(7.0, 3)]);
    let first =
        "3 of 200 requests failed: 3 status; the first: keep-alive at 7.000 s: 502".to_owned();
    script.fail("prove live traffic", &first);
    let reasons = vec![
        first,
        "no run has proved it before: the latest run was deploy of 0.0.2, which ended unproven at 2026-11-21T14:10:00Z"
            .to_owned(),
    ];
    let outcome = Outcome::Unproven {
        release: release("0.0.2"),
        previous: Some(release("0.0.2")),
        live: Colour::Green,
        reasons: reasons.clone(),
        leftovers: Vec::new(),
    };
    Tale {
        evidence: Some(seen.evidence()),
        verdict: Some(Verdict::Failed { reasons }),
        ..tale("live-unproven", &mut script, outcome)
    }
}
