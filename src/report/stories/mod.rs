//! Runs as literal events, for the tests of every report.

mod failed;
mod more;
mod script;
mod seen;

use std::collections::BTreeMap;

use script::{Script, calls, release};
use seen::Seen;
pub(super) use seen::blank;

use super::{LoadBalancerCounts, Run};
use crate::aws::calls::Call;
use crate::cause::{Cause, Reason};
use crate::names::{Colour, Weights};
use crate::outcome::{Leftover, Now, Outcome};
use crate::probe::{Evidence, Verdict};
use crate::run::event::{Event, LogSource, Stamped, Zone};

/// A run that owns what [`Run`] borrows.
pub(super) struct Tale {
    pub(super) name: &'static str,
    pub(super) events: Vec<Stamped>,
    pub(super) outcome: Outcome,
    pub(super) evidence: Option<Evidence>,
    pub(super) verdict: Option<Verdict>,
    pub(super) speed: f64,
    pub(super) lb_counts: Option<LoadBalancerCounts>,
    pub(super) calls: Vec<Call>,
    pub(super) url: Option<String>,
    pub(super) live_url: Option<String>,
}

impl Tale {
    pub(super) fn run(&self) -> Run<'_> {
        Run {
            events: &self.events,
            outcome: &self.outcome,
            evidence: self.evidence.as_ref(),
            verdict: self.verdict.as_ref(),
            before: std::time::Duration::ZERO,
            speed: self.speed,
            lb_counts: self.lb_counts.clone(),
            url: self.url.clone(),
            live_url: self.live_url.clone(),
            calls: &self.calls,
        }
    }
}

/// Where a run of these can be looked at.
fn run_url() -> Option<String> {
    Some("https://github.com/octo/hello/actions/runs/77".to_owned())
}

fn live_url() -> Option<String> {
    Some("http://bgd-hello-prod.elb.example".to_owned())
}

/// One run of each kind.
pub(super) fn all() -> Vec<Tale> {
    vec![
        deployed(),
        first_release(),
        nothing_to_do(),
        refused(),
        rolled_back_in_prepare(),
        rolled_back_in_commit(),
        more::failed_in_finish(),
        failed::cancelled(),
        more::cancelled_in_commit(),
        failed::stuck(),
        failed::unproven(),
        more::verified(),
        more::not_verified(),
        more::rollback(),
        more::finished(),
        more::proven_now(),
        more::undone_instead(),
        more::overtaken(),
        more::live_unproven(),
    ]
}

pub(super) fn deployed() -> Tale {
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.1"));
    let events = script.up_to_soak().finish().end();
    let shift = 214.0;
    let seen = Seen {
        from: 205.0,
        to: 430.0,
        shares: vec![(shift + 1.0, 10), (shift + 63.0, 60), (shift + 64.6, 100)],
        failures: Vec::new(),
        versions: ("0.0.1", "0.0.2"),
    };
    let counts = [(Colour::Blue, 1_402), (Colour::Green, 2_981)];
    let counts = counts.map(|(colour, n)| (colour, BTreeMap::from([("2xx".to_owned(), n)])));
    Tale {
        name: "deployed",
        events,
        outcome: Outcome::Deployed {
            release: release("0.0.2"),
            previous: Some(release("0.0.1")),
            live: Colour::Green,
            warnings: Vec::new(),
            leftovers: Vec::new(),
        },
        evidence: Some(seen.evidence()),
        verdict: Some(Verdict::Passed),
        speed: 1.0,
        lb_counts: Some(LoadBalancerCounts {
            by_colour: BTreeMap::from(counts),
        }),
        calls: calls(None),
        url: run_url(),
        live_url: live_url(),
    }
}

fn first_release() -> Tale {
    let mut script = Script::new("rehearse", "0.0.1", None);
    prepare_first(&mut script);
    script.fleet(Colour::Blue, 2, 2, "0.0.1");
    script.begin(Zone::Commit, "shift traffic");
    script.weights(Weights::split(Colour::Blue, 100), 0.2);
    script.done("shift traffic", "all to blue");
    script.step(
        Zone::Commit,
        "soak",
        &[("10 s with all traffic on blue", 10.0)],
        "nothing failed",
    );
    script.say(Event::LeftOver {
        what: "image ami-0aa0, whose release never went live".into(),
        remedy: "aws ec2 deregister-image --image-id ami-0aa0".into(),
    });
    let seen = Seen {
        from: 17.0,
        to: 27.0,
        shares: vec![(0.0, 100)],
        failures: Vec::new(),
        versions: ("-", "0.0.1"),
    };
    Tale {
        name: "first-release",
        events: script.end(),
        outcome: Outcome::Deployed {
            release: release("0.0.1"),
            previous: None,
            live: Colour::Blue,
            warnings: vec!["the load balancer answers on port 80 without TLS".into()],
            leftovers: Vec::new(),
        },
        evidence: Some(seen.evidence()),
        verdict: Some(Verdict::Passed),
        speed: 12.0,
        lb_counts: None,
        calls: Vec::new(),
        url: run_url(),
        live_url: live_url(),
    }
}

fn prepare_first(script: &mut Script) {
    script.decide("candidate", "blue", "nothing is live yet");
    script.step(
        Zone::Prepare,
        "acquire lease",
        &[("AWS to answer", 0.1)],
        "held by this rehearsal",
    );
    script.step(
        Zone::Prepare,
        "bake image",
        &[("the image to be available", 12.4)],
        "ami-0aa1 from recipe 77b0",
    );
    script.step(
        Zone::Prepare,
        "publish template version",
        &[],
        "version 1 of hello-prod-blue",
    );
    script.step(
        Zone::Prepare,
        "scale up idle",
        &[("2 instances to launch", 1.8)],
        "blue: 2 instances",
    );
    script.step(
        Zone::Prepare,
        "await healthy",
        &[("0 of 2 healthy", 2.6)],
        "2 of 2 healthy",
    );
}

fn nothing_to_do() -> Tale {
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.2"));
    script.at = 1.1;
    script.fleet(Colour::Green, 2, 2, "0.0.2");
    Tale {
        name: "nothing-to-do",
        events: script.end(),
        outcome: Outcome::NothingToDo {
            release: release("0.0.2"),
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

fn refused() -> Tale {
    let mut script = Script::new("deploy", "0.0.1", Some("0.0.2"));
    script.at = 0.9;
    script.begin(Zone::Prepare, "acquire lease");
    script.at = 1.2;
    let reason = "0.0.1 is of an older commit than 0.0.2, which is live: use `bg-deploy rollback` to go back on purpose";
    script.fail("acquire lease", reason);
    Tale {
        name: "refused",
        events: script.end(),
        outcome: Outcome::Refused {
            reason: reason.into(),
            now: Some(Now {
                is_well: true,
                words: "0.0.2 serves all traffic, on green".to_owned(),
            }),
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

fn rolled_back_in_prepare() -> Tale {
    let cause = "step “install” on the builder failed: the bake script exited with status 127";
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.1"));
    script.up_to_bake(61.0);
    script.say(Event::BuilderLog {
        tail: "sha256 matches\ninstalled /opt/hello\n+ ./setup-fonts.sh\n/bin/sh: ./setup-fonts.sh: not found\n".into(),
    });
    script.fail("bake image", cause);
    script.say(Event::UndoBegan {
        what: "stop the bake".into(),
    });
    script.undone(4.2, "bake image", "builder i-0b17 terminated");
    script.undone(0.2, "acquire lease", "released");
    Tale {
        name: "rolled-back-in-prepare",
        events: script.end(),
        outcome: Outcome::RolledBack {
            step: "bake image".into(),
            cause: Cause::from(cause).with(Reason::BuilderScript),
            traffic_moved: false,
            serving: Some(release("0.0.1")),
            undone: vec![
                "bake image: builder i-0b17 terminated".into(),
                "acquire lease: released".into(),
            ],
            leftovers: vec![Leftover {
                what: "security group sg-0c2 of the builder".into(),
                remedy: "aws ec2 delete-security-group --group-id sg-0c2".into(),
            }],
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

pub(super) fn rolled_back_in_commit() -> Tale {
    let cause = "3 of 1,243 requests failed while green had 10 % of the traffic: 502 on keep-alive connections";
    let mut script = Script::new("deploy", "0.0.2", Some("0.0.1"));
    script.up_to_canary();
    script.wait("shift traffic", &[("10 % to be watched for 60 s", 21.0)]);
    script.fail("shift traffic", cause);
    script.say(Event::UndoBegan {
        what: "restore the weights".into(),
    });
    script.weights(Weights::split(Colour::Blue, 100), 1.7);
    script.undone(0.3, "shift traffic", "all to blue, seen on the data plane");
    script.at += 3.1;
    script.say(Event::CandidateLog {
        instance: "i-0d4e".into(),
        health: "healthy".into(),
        service: "active (running), restarted once".into(),
        source: LogSource::Journal,
        tail: "2026-11-22T08:11:12+0000 hello[731]: 0.0.2 listens on port 8080\n\
               2026-11-22T08:14:40+0000 hello[731]: keep-alive timeout after 5 s: closing 12 connections\n\
               2026-11-22T08:14:41+0000 systemd[1]: hello.service: Scheduled restart job, restart counter is at 1.\n"
            .into(),
    });
    script.undone(31.0, "scale up idle", "green: 0 instances");
    script.fleet(Colour::Green, 0, 0, "");
    script.undone(0.7, "publish template version", "version 12 deleted");
    script.undone(2.2, "bake image", "ami-0c9f13d2a deregistered");
    let seen = Seen {
        from: 205.0,
        to: 275.0,
        shares: vec![(215.0, 10), (238.7, 0)],
        failures: vec![(221.3, 1), (233.1, 1), (236.3, 1)],
        versions: ("0.0.1", "0.0.2"),
    };
    Tale {
        name: "rolled-back-in-commit",
        events: script.end(),
        outcome: Outcome::RolledBack {
            step: "shift traffic".into(),
            cause: Cause::from(cause).with(Reason::Requests(Some(502))),
            traffic_moved: true,
            serving: Some(release("0.0.1")),
            undone: Vec::new(),
            leftovers: Vec::new(),
        },
        evidence: Some(seen.evidence()),
        verdict: Some(Verdict::Failed {
            reasons: vec!["3 of 1,400 requests failed: 3 with status 502".into()],
        }),
        speed: 1.0,
        lb_counts: None,
        calls: calls(None),
        url: run_url(),
        live_url: live_url(),
    }
}
