//! How a run is written down for the tests.

use std::time::{Duration, SystemTime};

use crate::aws::calls::{Answer, Call};
use crate::names::{Colour, Release, Weights};
use crate::run::beginning::Beginning;
use crate::run::event::{Event, Stamped, Zone};

/// Writes events with their times.
pub(super) struct Script {
    pub(super) at: f64,
    release: String,
    events: Vec<Stamped>,
}

impl Script {
    pub(super) fn new(command: &str, release: &str, previous: Option<&str>) -> Self {
        let mut script = Self {
            at: 0.0,
            release: release.to_owned(),
            events: Vec::new(),
        };
        script.say(Event::Began(Beginning {
            command: command.into(),
            app: "hello".into(),
            environment: "prod".into(),
            release: Release(release.into()),
            previous: previous.map(|previous| Release(previous.into())),
            was_down: false,
            undid: None,
            by: Some("octocat, push to main".into()),
            url: Some("http://hello.example.com".to_owned()),
            at: Some("2026-11-23T04:57:43Z".to_owned()),
            command_line: Default::default(),
        }));
        script
    }

    pub(super) fn say(&mut self, event: Event) -> &mut Self {
        let at = Duration::from_secs_f64(self.at);
        self.events.push(Stamped { at, event });
        self
    }

    pub(super) fn decide(&mut self, what: &str, value: &str, why: &str) -> &mut Self {
        self.say(Event::Decided {
            what: what.into(),
            value: value.into(),
            why: why.into(),
        })
    }

    pub(super) fn begin(&mut self, zone: Zone, step: &str) -> &mut Self {
        self.say(Event::StepBegan {
            step: step.into(),
            zone,
        })
    }

    /// Waits for each of these, so many seconds.
    pub(super) fn wait(&mut self, step: &str, reasons: &[(&str, f64)]) -> &mut Self {
        for (reason, seconds) in reasons {
            self.say(Event::Waiting {
                step: step.into(),
                reason: (*reason).into(),
            });
            self.at += seconds;
        }
        self
    }

    pub(super) fn done(&mut self, step: &str, summary: &str) -> &mut Self {
        self.say(Event::StepDone {
            step: step.into(),
            summary: summary.into(),
            skipped: false,
        })
    }

    pub(super) fn fail(&mut self, step: &str, cause: &str) -> &mut Self {
        self.say(Event::StepFailed {
            step: step.into(),
            cause: cause.into(),
        })
    }

    pub(super) fn step(
        &mut self,
        zone: Zone,
        step: &str,
        waits: &[(&str, f64)],
        summary: &str,
    ) -> &mut Self {
        self.begin(zone, step).wait(step, waits).done(step, summary)
    }

    pub(super) fn fleet(
        &mut self,
        colour: Colour,
        healthy: u32,
        wanted: u32,
        release: &str,
    ) -> &mut Self {
        self.say(Event::Fleet {
            colour,
            healthy,
            wanted,
            release: (!release.is_empty()).then(|| release.into()),
        })
    }

    pub(super) fn weights(&mut self, weights: Weights, after: f64) -> &mut Self {
        self.say(Event::WeightsWritten { weights });
        self.at += after;
        self.say(Event::WeightsSeen { weights })
    }

    pub(super) fn undone(&mut self, seconds: f64, step: &str, summary: &str) -> &mut Self {
        self.at += seconds;
        self.say(Event::Undone {
            step: step.into(),
            summary: summary.into(),
        })
    }

    /// Everything up to the bake, which takes `seconds`.
    pub(super) fn up_to_bake(&mut self, seconds: f64) -> &mut Self {
        self.decide("candidate", "green", "blue is live");
        self.decide("capacity", "2 instances", "as many as live has now");
        self.decide(
            "shift",
            "10 %, then 100 %",
            "canary, as bg-deploy.toml says",
        );
        self.at += 0.3;
        self.fleet(Colour::Blue, 2, 2, "0.0.1");
        self.step(
            Zone::Prepare,
            "acquire lease",
            &[("nobody else to be done", 0.2)],
            "held by run 77",
        );
        self.begin(Zone::Prepare, "bake image");
        self.wait(
            "bake image",
            &[
                ("the builder to boot", seconds * 0.3),
                ("the image to be available", seconds * 0.7),
            ],
        )
    }

    /// The candidate is up, and proven through the preview route.
    pub(super) fn up_to_smoke(&mut self) -> &mut Self {
        self.up_to_healthy();
        self.begin(Zone::Prepare, "smoke test");
        self.smoke("health", "GET /hc", 0.012, &[]);
        self.smoke("greeting", "POST /greet", 0.034, &[]);
        self.at += 0.1;
        self.done("smoke test", "2 of 2 passed");
        let answers = format!("every instance answers {}", self.release);
        self.step(
            Zone::Prepare,
            "version probe",
            &[("2 instances to answer", 0.4)],
            &answers,
        );
        let release = self.release.clone();
        self.fleet(Colour::Green, 2, 2, &release)
    }

    /// The candidate is up.
    pub(super) fn up_to_healthy(&mut self) -> &mut Self {
        self.up_to_bake(148.0);
        self.say(Event::BuilderLog {
            tail: builder_log(),
        });
        self.say(Event::Image {
            image: "ami-0c9f13d2a".into(),
            baked: true,
        });
        self.done("bake image", "ami-0c9f13d2a from recipe 3f2a91");
        self.step(
            Zone::Prepare,
            "publish template version",
            &[("AWS to answer", 0.8)],
            "version 12 of hello-prod-green",
        );
        self.step(
            Zone::Prepare,
            "scale up idle",
            &[("2 instances to launch", 21.4)],
            "green: 2 instances",
        );
        self.step(
            Zone::Prepare,
            "await healthy",
            &[
                ("0 of 2 healthy", 24.0),
                ("1 of 2 healthy", 6.2),
                ("a streak of 3", 10.1),
            ],
            "2 of 2 healthy, three looks in a row",
        );
        self.fleet(Colour::Green, 2, 2, "")
    }

    pub(super) fn smoke(
        &mut self,
        name: &str,
        request: &str,
        took: f64,
        problems: &[&str],
    ) -> &mut Self {
        self.say(Event::SmokeTested {
            name: name.into(),
            request: request.into(),
            problems: problems.iter().map(|problem| (*problem).into()).collect(),
            took: Duration::from_secs_f64(took),
        })
    }

    /// The guard is armed and a tenth of the traffic moved.
    pub(super) fn up_to_canary(&mut self) -> &mut Self {
        self.up_to_smoke();
        self.step(
            Zone::Commit,
            "arm guard",
            &[("AWS to answer", 1.1)],
            "restores blue if this run vanishes",
        );
        self.begin(Zone::Commit, "shift traffic");
        self.weights(Weights::split(Colour::Green, 10), 1.9)
    }

    pub(super) fn up_to_soak(&mut self) -> &mut Self {
        self.up_to_canary();
        self.wait("shift traffic", &[("10 % to be watched for 60 s", 60.0)]);
        self.weights(Weights::split(Colour::Green, 100), 2.3);
        self.done("shift traffic", "all to green, in 2 stages");
        self.begin(Zone::Commit, "soak")
    }

    pub(super) fn finish(&mut self) -> &mut Self {
        self.wait("soak", &[("120 s with all traffic on green", 120.0)]);
        self.done("soak", "nothing failed");
        self.step(Zone::Finish, "disarm guard", &[("AWS to answer", 0.6)], "");
        self.step(
            Zone::Finish,
            "drain",
            &[("requests in flight on blue", 31.0)],
            "no request in flight on blue",
        );
        self.step(
            Zone::Finish,
            "retain",
            &[],
            "blue keeps its 2 instances for 1h",
        );
        self.step(
            Zone::Finish,
            "retire",
            &[("AWS to answer", 1.4)],
            "1 image older than the last 5 removed",
        )
    }

    pub(super) fn end(&mut self) -> Vec<Stamped> {
        std::mem::take(&mut self.events)
    }
}

fn builder_log() -> String {
    "fetched s3://hello-bundles/3f2a91.tar.gz (4.1 MB)\nsha256 matches\ninstalled /opt/hello\nenabled hello.service\n".to_owned()
}

pub(super) fn release(name: &str) -> Release {
    Release(name.to_owned())
}

/// The calls of a run, with one that was refused.
pub(super) fn calls(refused: Option<(&str, u16)>) -> Vec<Call> {
    const AT: u64 = 1_795_261_812;
    let done = [
        "StartAutomationExecution",
        "CreateLaunchTemplateVersion",
        "ModifyRule",
    ];
    let done = done.into_iter().map(|operation| (operation, Answer::Done));
    let refused = refused.map(|(operation, status)| (operation, Answer::Refused(status)));
    let all = done.chain(refused).zip(1..);
    all.map(|((operation, answer), nth)| Call {
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(AT + 71 * nth),
        operation: operation.to_owned(),
        request_id: Some(format!("7f3a{nth:04x}-52d1-4c0e-9a77-0b6e5d1c2f{nth:02x}")),
        answer,
    })
    .collect()
}
